//! A run on a simulated cluster: its rooms, and the views that it offers.

use super::books::Books;
use super::coordinator::Coordinator;
use super::evaluate::{Evaluated, Views};
use super::flight::Flights;
use super::line::Line;
use super::network::NetworkState;
use super::outages::Outages;
use super::parts::Parts;
use super::plan::RunConstants;
use super::presence::Presence;
use super::queue::{Event, EventQueue};
use super::record::EvaluatedView;
use super::save_desk::SaveDesk;
use super::session::{TrainingSession, by_worker};
use super::shard::Shard;
use super::step_data::StepData;
use super::watchdog::Watchdog;
use super::worker::{TimeSpent, Worker};
use crate::base::{SimTime, WorkerId};
use crate::cluster::shard_failures::Recovery;

/// A run on a simulated cluster.
#[derive(Debug)]
pub struct Simulation {
    /// The part that the scenario fixes.
    pub(super) plan: RunConstants,
    /// The future events.
    pub(super) queue: EventQueue,
    /// Machines and their activities.
    pub(super) workers: Vec<Worker>,
    /// Links, and shards as stations.
    pub(super) network: NetworkState,
    /// Current steps.
    pub(super) flights: Flights,
    /// The protocol.
    pub(super) coordinator: Coordinator,
    /// How all steps ended.
    pub(super) books: Books,
    /// Detects a run that would never end.
    pub(super) watchdog: Watchdog,
    /// The run without its cluster.
    pub(super) session: TrainingSession,
    /// Which workers are present.
    pub(super) presence: Presence,
    /// Shards that fail.
    pub(super) outages: Outages,
    /// Workers that wait for examples of a live stream.
    pub(super) line: Line,
    /// Checkpoints that are due, being saved, and saved.
    pub(super) saves: SaveDesk,
    /// Events so far.
    pub(super) events: u64,
}

impl Simulation {
    /// A cluster at time zero, before its workers start.
    pub fn new(parts: Parts) -> Simulation {
        let mut queue = EventQueue::default();
        for (worker, at) in parts.starts.iter().enumerate() {
            let worker = WorkerId(worker as u32);
            queue.schedule(*at, worker, Event::Ready(worker, 0));
        }
        let (workers, shards) = (parts.machines.len(), parts.shards as usize);
        let (service, law) = (parts.service, parts.service_law);
        let shard = || Shard::new(service.clone(), law.clone(), parts.links.discipline);
        let stations = std::iter::repeat_with(shard).take(shards).collect();
        let worker = |machine| Worker::new(machine, parts.shards);
        let coordinator = Coordinator::new(parts.protocol, workers, shards);
        let stops = parts.shard_failures.how.recovery == Recovery::All;
        let outages = Outages::new(parts.shard_failures, shards, parts.streams);
        let fails = outages.is_possible();
        let first_protocol = if fails && stops { coordinator.state() } else { Vec::new() };
        let mut simulation = Simulation {
            queue,
            workers: parts.machines.into_iter().map(worker).collect(),
            network: NetworkState::new(parts.links, parts.streams, workers, stations),
            flights: Flights::default(),
            coordinator,
            books: Books::new(shards),
            watchdog: Watchdog::default(),
            presence: Presence::new(parts.churn, parts.starts, parts.watch.audit.clone(), fails),
            outages,
            line: Line::default(),
            saves: SaveDesk::new(parts.save),
            events: 0,
            plan: RunConstants {
                streams: parts.streams,
                compute: parts.compute,
                routine: parts.routine,
                dense_alone: parts.work.dense_alone(),
                empty: if fails { parts.work.empty() } else { Vec::new() },
                first_protocol,
            },
            session: TrainingSession::new(parts.work, parts.limits, parts.watch),
        };
        simulation.plan_lives();
        simulation.outages.plan_events(&mut simulation.queue);
        simulation
    }

    /// The run without its cluster: parameters, progress, limits.
    pub fn session(&self) -> &TrainingSession {
        &self.session
    }

    /// The same, for measurements.
    pub fn session_mut(&mut self) -> &mut TrainingSession {
        &mut self.session
    }

    /// The views that workers hold, as far as they are present: the latest one per worker, in the
    /// order of the workers.
    pub fn views(&self) -> Vec<(WorkerId, &StepData)> {
        by_worker(self.flights.views())
    }

    /// Evaluates the server and the chosen views now; only `told` gets the results.
    pub fn evaluate(&mut self, views: Views, mut told: impl FnMut(EvaluatedView, &Evaluated)) {
        let Simulation { session, flights, .. } = self;
        let told = |view, evaluated: &Evaluated, _: &[f32]| told(view, evaluated);
        session.evaluate_now(views, &by_worker(flights.views()), told);
    }

    /// The workers.
    pub fn workers(&self) -> &[Worker] {
        &self.workers
    }

    /// How a worker has spent its time so far.
    pub fn time_spent(&self, worker: &Worker) -> TimeSpent {
        worker.time_spent(self.now(), self.flights.awaited(worker))
    }

    /// The shards.
    pub fn shards(&self) -> &[Shard] {
        self.network.shards()
    }

    /// Updates applied, by shard.
    pub fn versions(&self) -> &[u64] {
        self.coordinator.versions()
    }

    /// The virtual clock.
    pub fn now(&self) -> SimTime {
        self.session.progress.now
    }

    /// When the next event happens, if there is one.
    pub fn next_time(&self) -> Option<SimTime> {
        self.queue.next_time()
    }

    /// Number of events so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Pushes of which at least one shard discarded its part.
    pub fn discarded(&self) -> u64 {
        self.books.steps.discarded
    }

    /// Steps that the protocol aborted.
    pub fn aborted(&self) -> u64 {
        self.books.steps.aborted
    }

    /// Which workers are present, and the losses through absence.
    pub fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Failures of shards, and what they have cost.
    pub fn outages(&self) -> &Outages {
        &self.outages
    }

    /// Finishes all computations, so that the whole state can be saved.
    pub fn finish_gradients(&mut self) {
        self.finish_gradients_while(&mut || true);
    }

    /// The same, as long as `goes_on` says so; returns whether all are finished.
    pub fn finish_gradients_while(&mut self, goes_on: &mut dyn FnMut() -> bool) -> bool {
        let Simulation { session, flights, .. } = self;
        let Some(training) = session.work.training_mut() else { return true };
        training.finish_serving();
        flights.iter_mut().filter_map(|flight| flight.cargo.as_mut()).all(|cargo| {
            training.finish(cargo);
            goes_on()
        })
    }
}

// Between two events, and after `finish_gradients`.
crate::persist!(Simulation {
    plan: fixed,
    queue: state,
    workers: each,
    network: state,
    flights: state,
    coordinator: state,
    books: state,
    watchdog: state,
    session: state,
    presence: state,
    outages: state,
    line: state,
    saves: via(|out| saves.save_all(out), |from| saves.load_all(session.work.training(), from)),
    events: state
});
