//! Invariants: they cost nothing next to a gradient and are checked in release builds too.

use super::engine::Simulation;
use super::error::SimError;
use super::record::Activity;
use super::worker::Worker;
use crate::base::{ShardId, SimTime};

impl Simulation {
    /// The invariants that hold between any two events.
    ///
    /// # Panics
    /// If one does not: a bug of the simulator.
    pub fn check(&self) {
        let now = self.now();
        for (s, ledger) in self.ledgers.iter().enumerate() {
            let shard = ShardId(s as u32);
            // Flights that have landed on this shard already hold nothing of it any more.
            let ages: u128 = self
                .flights
                .iter()
                .filter(|flight| flight.holds(shard))
                .filter_map(|flight| flight.version(shard))
                .map(|read| u128::from(self.versions[s] - read))
                .sum();
            assert!(ledger.balances(ages), "staleness is not conserved at {shard}");
        }
        let flying = self.flights.len() as u64;
        let tally = self.presence.tally();
        let over = self.landed + self.aborted + self.kept + tally.lost_steps;
        assert_eq!(self.granted, over + flying, "a step was lost or made up");
        for (index, worker) in self.workers.iter().enumerate() {
            let spent: u64 =
                Activity::ALL.iter().map(|&activity| worker.spent(activity, now).0).sum();
            assert_eq!(spent, now.0, "the time of worker {index} does not add up");
        }
        let there = self.workers.iter().filter(|worker| worker.standing.is_joined()).count() as u64;
        let came = tally.at_start + tally.joins;
        assert_eq!(came, there + tally.crashes + tally.leaves, "a worker was lost or made up");
    }

    /// Refuses to go on for ever at one instant when only the clock ends the run.
    pub(super) fn stands_still(&mut self, now: SimTime) -> Result<(), SimError> {
        self.instant = if now > self.now() { 0 } else { self.instant + 1 };
        let limits = &self.session.limits;
        // Far more than all workers and shards can need for a step.
        let most = 1_000 * (self.workers.len() * self.shards.len() + 1_000) as u64;
        if self.instant > most && limits.updates.is_none() && limits.examples.is_none() {
            return Err(SimError::TimeStandsStill { at: now });
        }
        Ok(())
    }

    /// Refuses to go on for ever with a protocol that discards everything, unless the clock ends the
    /// run.
    pub(super) fn is_fruitless(&self) -> Result<(), SimError> {
        let most = 1_000 * (self.workers.len() as u64 + 10);
        if self.in_vain > most && self.session.limits.time.is_none() {
            return Err(SimError::Fruitless { at: self.now(), steps: self.in_vain });
        }
        Ok(())
    }

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
            |(index, w): (usize, &Worker)| (!w.standing.is_joined()).then(|| index.to_string());
        let gone: Vec<String> = self.workers.iter().enumerate().filter_map(gone).collect();
        let gone = match gone.is_empty() {
            true => String::new(),
            false => format!("; workers that are gone: {}", names(gone)),
        };
        SimError::Stalled {
            at: self.now(),
            who: format!(
                "workers waiting for permission to pull: {}; workers whose pushes are held: {}{gone}",
                names(waiting),
                names(held)
            ),
        }
    }
}
