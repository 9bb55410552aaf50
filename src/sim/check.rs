//! Invariants: they cost very little beside a gradient and are checked in release builds too.

use super::error::SimError;
use super::record::Activity;
use super::simulation::Simulation;
use super::worker::{TimeSpent, Worker};

impl Simulation {
    /// Checks the invariants that hold between any two events.
    ///
    /// # Panics
    /// If one does not hold: a bug of the simulator.
    pub fn check(&self) {
        let now = self.now();
        let tally = self.presence.tally();
        self.books.check(&self.flights, &self.coordinator, tally.lost_steps);
        for (index, worker) in self.workers.iter().enumerate() {
            let TimeSpent { computing, network, queued, served, held, waiting, starved } =
                self.time_spent(worker);
            let there = computing + network + queued + served + held + waiting + starved;
            let gone = [Activity::Sleep, Activity::Down, Activity::Away]
                .map(|activity| worker.spent(activity, now));
            let spent = gone.into_iter().fold(there, |sum, span| sum + span);
            assert_eq!(spent.0, now.0, "the time of worker {index} does not add up");
        }
        if let Some(live) = self.session.stream() {
            live.check();
        }
        let there = self.workers.iter().filter(|worker| worker.presence.is_joined()).count() as u64;
        let came = tally.at_start + tally.joins;
        assert_eq!(
            came,
            there + tally.crashes + tally.leaves + tally.stops,
            "a worker was lost or made up"
        );
    }

    /// The error that no event is left; it says what each worker waits for.
    pub(super) fn stalled(&self) -> SimError {
        let names = |list: Vec<String>| match list.len() {
            0 => "none".to_string(),
            1..=8 => list.join(", "),
            n => format!("{} and {} more", list[..8].join(", "), n - 8),
        };
        let asking = |(index, w): (usize, &Worker)| w.asking.then(|| index.to_string());
        let waiting = self.workers.iter().enumerate().filter_map(asking).collect();
        let held = self.flights.iter().map(|flight| flight.worker.0.to_string()).collect();
        let gone =
            |(index, w): (usize, &Worker)| (!w.presence.is_joined()).then(|| index.to_string());
        let gone: Vec<String> = self.workers.iter().enumerate().filter_map(gone).collect();
        let starved = self.line.workers().map(|worker| worker.0.to_string()).collect::<Vec<_>>();
        let gone = match gone.is_empty() {
            true => String::new(),
            false => format!("; workers that are gone: {}", names(gone)),
        };
        let down: Vec<String> = self.outages.down().map(|shard| shard.0.to_string()).collect();
        let gone = match down.is_empty() {
            true => gone,
            false => format!("{gone}; shards that are down: {}", names(down)),
        };
        let gone = match starved.is_empty() {
            true => gone,
            false => format!("{gone}; workers waiting for examples: {}", names(starved)),
        };
        let nobody = !self.workers.iter().any(|worker| worker.presence.is_joined());
        let goes_on = self.session.stream().is_some_and(|live| !live.is_exhausted());
        let gone = match nobody && goes_on {
            true => format!(
                "{gone}; no worker is left and none comes back, while the live stream goes on: let some join again \
                 (`join` of `cluster.membership` or of `cluster.event`), or end the run sooner \
                 (`train.stop.sim_time`)"
            ),
            false => gone,
        };
        SimError::Stalled {
            at: self.now(),
            waiting: format!(
                "workers waiting for permission to pull: {}; workers whose pushes are held: {}{gone}",
                names(waiting),
                names(held)
            ),
        }
    }
}
