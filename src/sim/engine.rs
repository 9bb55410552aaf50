//! The simulation: pops the next event and does what it says. Only the engine knows more than one
//! part. It is told in four chapters: here the loop, in `journey` a worker's
//! step from grant to push, in `decide` what becomes of the pushes, in `presence` who is there.

use super::error::SimError;
use super::evaluate::{Evaluated, Views};
use super::feed::StepData;
use super::flight::Flights;
use super::ledger::Ledger;
use super::parts::{Links, Parts};
use super::presence::Presence;
use super::queue::{Event, EventQueue};
use super::record::{EvaluatedView, Observer};
use super::saving::SaveDesk;
use super::session::{Session, by_worker};
use super::shard::Shard;
use super::worker::Worker;
use crate::base::{SimSpan, SimTime, Streams, WorkerId};
use crate::cluster::Routine;
use crate::protocol::{Decisions, Protocol};

/// A run on a simulated cluster.
#[derive(Debug)]
pub struct Simulation {
    pub(super) streams: Streams,
    pub(super) queue: EventQueue,
    pub(super) workers: Vec<Worker>,
    pub(super) shards: Vec<Shard>,
    /// By shard, whether it holds dense parameters alone.
    pub(super) dense_alone: Vec<bool>,
    pub(super) flights: Flights,
    pub(super) protocol: Box<dyn Protocol>,
    pub(super) decisions: Decisions,
    pub(super) compute: SimSpan,
    pub(super) routine: Routine,
    pub(super) links: Links,
    pub(super) session: Session,
    /// Who is there.
    pub(super) presence: Presence,
    /// Checkpoints that are due, being saved, and saved.
    pub(super) saves: SaveDesk,
    /// Updates applied, by shard.
    pub(super) versions: Vec<u64>,
    /// Steps finished, by worker.
    pub(super) steps: Vec<u64>,
    pub(super) fastest: u64,
    pub(super) ledgers: Vec<Ledger>,
    /// Steps begun, and what became of them.
    pub(super) granted: u64,
    pub(super) landed: u64,
    pub(super) discarded: u64,
    pub(super) aborted: u64,
    /// Steps that pushed nothing: the worker keeps their gradients.
    pub(super) kept: u64,
    pub(super) events: u64,
    /// Events at the present instant.
    pub(super) instant: u64,
    /// Steps since the last one that every shard has applied.
    pub(super) in_vain: u64,
}

/// Whether a run goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// There is more to come.
    Running,
    /// A limit is reached.
    Ended,
}

impl Simulation {
    /// A cluster at time zero, its workers about to begin.
    pub fn new(parts: Parts) -> Simulation {
        let mut queue = EventQueue::default();
        for (worker, at) in parts.starts.iter().enumerate() {
            let worker = WorkerId(worker as u32);
            queue.schedule(*at, worker, Event::Ready(worker, 0));
        }
        let links = parts.links.discipline;
        let shard = |_| Shard::new(parts.service.clone(), parts.service_law.clone(), links);
        let worker = |machine| Worker::new(machine, parts.shards, links);
        let mut simulation = Simulation {
            saves: SaveDesk::new(parts.save),
            presence: Presence::new(parts.churn, parts.starts, parts.watch.audit.clone()),
            streams: parts.streams,
            queue,
            steps: vec![0; parts.machines.len()],
            workers: parts.machines.into_iter().map(worker).collect(),
            shards: (0..parts.shards).map(shard).collect(),
            dense_alone: parts.work.dense_alone(),
            flights: Flights::default(),
            protocol: parts.protocol,
            decisions: Decisions::default(),
            compute: parts.compute,
            routine: parts.routine,
            links: parts.links,
            session: Session::new(parts.work, parts.limits, parts.watch),
            versions: vec![0; parts.shards as usize],
            fastest: 0,
            ledgers: vec![Ledger::default(); parts.shards as usize],
            granted: 0,
            landed: 0,
            discarded: 0,
            aborted: 0,
            kept: 0,
            events: 0,
            instant: 0,
            in_vain: 0,
        };
        simulation.open();
        simulation
    }

    /// The run apart from its cluster: parameters, progress, limits.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The same, to measure it.
    pub fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The views that workers hold, as far as they are at hand: one per worker, the latest, in the
    /// order of the workers.
    pub fn views(&self) -> Vec<(WorkerId, &StepData)> {
        by_worker(held(&self.flights))
    }

    /// Evaluates the server and the chosen views now, and tells nobody else.
    pub fn evaluate(&mut self, views: Views, told: impl FnMut(EvaluatedView, &Evaluated)) {
        let Simulation { session, flights, .. } = self;
        session.evaluate_now(views, &by_worker(held(flights)), told);
    }

    /// The workers.
    pub fn workers(&self) -> &[Worker] {
        &self.workers
    }

    /// The shards.
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Updates applied, by shard.
    pub fn versions(&self) -> &[u64] {
        &self.versions
    }

    /// The virtual clock.
    pub fn now(&self) -> SimTime {
        self.session.progress.now
    }

    /// When the next event happens, if any does.
    pub fn next_time(&self) -> Option<SimTime> {
        self.queue.next_time()
    }

    /// Number of events so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Pushes of which at least one shard discarded its part.
    pub fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Steps that the protocol broke off.
    pub fn aborted(&self) -> u64 {
        self.aborted
    }

    /// Who is there, and what it cost.
    pub fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Runs to the end: first and last evaluation included.
    ///
    /// # Errors
    /// If a parameter blows up, nothing is left to happen, or the clock overflows. What observers
    /// were told until then stays true.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        self.look_first(observer);
        while self.step(observer)? == State::Running {}
        self.look_last(observer);
        Ok(())
    }

    /// The first evaluation, before anything happens; for those who call [`step`](Self::step)
    /// themselves.
    pub fn look_first(&mut self, observer: &mut dyn Observer) {
        let Simulation { session, flights, .. } = self;
        session.look_at_ends(held(flights), observer);
    }

    /// The last evaluation, when [`step`](Self::step) says that the run has ended.
    pub fn look_last(&mut self, observer: &mut dyn Observer) {
        self.tell_of_absent(observer);
        let Simulation { session, flights, .. } = self;
        session.look_at_ends(held(flights), observer);
        self.check();
    }

    /// Does one event.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn step(&mut self, observer: &mut dyn Observer) -> Result<State, SimError> {
        if self.session.is_over() {
            return Ok(State::Ended);
        }
        let end = self.session.limits.time.unwrap_or(SimTime::MAX);
        let next = self.queue.next_time().ok_or_else(|| self.stalled())?;
        if next == SimTime::MAX && end == SimTime::MAX {
            return Err(SimError::ClockOverflow { update: self.session.progress.updates });
        }
        if let Some(look) = self.session.next_time(next.min(end)) {
            self.session.progress.now = look;
            let Simulation { session, flights, .. } = self;
            session.look(|| held(flights), observer);
            return Ok(State::Running);
        }
        if next > end {
            self.session.progress.now = end;
            return Ok(State::Ended);
        }
        self.advance(observer)?;
        Ok(State::Running)
    }

    /// Does one event, whatever the limits of the run.
    #[inline]
    pub(super) fn advance(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        let (now, event) = self.queue.pop().ok_or_else(|| self.stalled())?;
        if now == SimTime::MAX {
            return Err(SimError::ClockOverflow { update: self.session.progress.updates });
        }
        self.stands_still(now)?;
        self.is_fruitless()?;
        self.session.progress.now = now;
        self.events += 1;
        self.happen(event, observer)?;
        if self.saves.is_waiting() {
            self.go_on_saving();
        }
        Ok(())
    }

    fn happen(&mut self, event: Event, observer: &mut dyn Observer) -> Result<(), SimError> {
        match event {
            Event::Life(life) => return self.live(life, observer),
            Event::Saves(step) => return self.saves(step, observer),
            Event::Ready(worker, life) => return self.ready(worker, life, observer),
            Event::Asks(worker, life) => return self.asks(worker, life, observer),
            Event::Departs(place, turn) => self.departs(place, turn, observer),
            Event::PullArrives(push, shard) => self.pull_arrives(push, shard, observer),
            Event::PullEnters(push, shard) => self.pull_enters(push, shard, observer),
            Event::PullServed(push, shard) => return self.pull_served(push, shard, observer),
            Event::PullReturns(push, shard) => self.pull_returns(push, shard, observer),
            Event::PullPasses(push, _) => self.pull_passes(push, self.queue.now(), observer),
            Event::ComputeStarts(push) => return self.compute_starts(push, observer),
            Event::ComputeEnds(push) => self.compute_ends(push, observer),
            Event::PushArrives(push, shard) => self.push_arrives(push, shard, observer),
            Event::PushEnters(push, shard) => self.push_enters(push, shard, observer),
            Event::PushServed(push, shard) => return self.push_served(push, shard, observer),
        }
        Ok(())
    }
}

/// What the workers hold: views that are complete, of their present steps.
pub(super) fn held(flights: &Flights) -> impl Iterator<Item = (WorkerId, &StepData)> {
    flights
        .iter()
        .filter(|flight| flight.is_complete() && !flight.ahead)
        .filter_map(|flight| Some((flight.worker, flight.cargo.as_ref()?.view()?)))
}

impl Simulation {
    /// Makes sure that nothing is being computed, so that everything can be saved.
    pub fn finish_gradients(&mut self) {
        let Simulation { session, flights, .. } = self;
        let Some(training) = session.work.training_mut() else { return };
        flights.iter_mut().filter_map(|f| f.cargo.as_mut()).for_each(|c| training.finish(c));
    }
}

// Between two events, and after `finish_gradients`.
crate::persist!(Simulation {
    streams: fixed,
    queue: state,
    workers: each,
    shards: each,
    dense_alone: fixed,
    flights: state,
    protocol: state,
    decisions: scratch,
    compute: fixed,
    routine: fixed,
    links: fixed,
    session: state,
    presence: state,
    saves: via(|out| saves.save_all(out), |from| saves.load_all(session.work.training(), from)),
    versions: state,
    steps: state,
    fastest: state,
    ledgers: each,
    granted: state,
    landed: state,
    discarded: state,
    aborted: state,
    kept: state,
    events: state,
    instant: state,
    in_vain: state
});
