//! A job that was built from a scenario: on a simulated cluster, or with imposed staleness.

use crate::base::Streams;
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::server::RowsFound;
use crate::sim::checkpoint::MissingState;
use crate::sim::{
    Checkpoint, Imposed, Observer, Restart, SaveReason, Saved, SimError, Simulation, StartError,
    StartReport, State, TrainingSession,
};

/// A job that is ready to run.
#[derive(Debug)]
pub enum Job {
    /// On a simulated cluster.
    Cluster(Box<Simulation>),
    /// With imposed staleness.
    Imposed(Box<Imposed>),
}

impl Job {
    /// The run apart from its cluster.
    pub fn session(&self) -> &TrainingSession {
        match self {
            Job::Cluster(simulation) => simulation.session(),
            Job::Imposed(imposed) => imposed.session(),
        }
    }

    /// The run apart from its cluster, to measure it.
    pub fn session_mut(&mut self) -> &mut TrainingSession {
        match self {
            Job::Cluster(simulation) => simulation.session_mut(),
            Job::Imposed(imposed) => imposed.session_mut(),
        }
    }

    /// The cluster, if one is simulated.
    pub fn simulation(&self) -> Option<&Simulation> {
        match self {
            Job::Cluster(simulation) => Some(simulation),
            Job::Imposed(_) => None,
        }
    }

    /// The first evaluation, before anything happens.
    pub fn evaluate_first(&mut self, observer: &mut dyn Observer) {
        match self {
            Job::Cluster(simulation) => simulation.evaluate_first(observer),
            Job::Imposed(imposed) => imposed.evaluate_at_ends(observer),
        }
    }

    /// Does one event, or one update where staleness is imposed.
    ///
    /// # Errors
    /// If the run cannot go on; see [`SimError`].
    pub fn step(&mut self, observer: &mut dyn Observer) -> Result<State, SimError> {
        match self {
            Job::Cluster(simulation) => simulation.step(observer),
            Job::Imposed(imposed) => imposed.step(observer),
        }
    }

    /// The last evaluation, after [`step`](Self::step) has said that the run has ended.
    pub fn evaluate_last(&mut self, observer: &mut dyn Observer) {
        match self {
            Job::Cluster(simulation) => simulation.evaluate_last(observer),
            Job::Imposed(imposed) => imposed.evaluate_at_ends(observer),
        }
    }

    /// A checkpoint of this moment; `None` for timing alone.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        match self {
            Job::Cluster(simulation) => simulation.session().checkpoint(simulation.versions()),
            Job::Imposed(imposed) => {
                let session = imposed.session();
                let shards = session.work.training()?.server().sharding().shards() as usize;
                session.checkpoint(&vec![session.progress.updates; shards])
            }
        }
    }

    /// Has a checkpoint saved in simulated time; see [`Simulation::save_checkpoint`]. With imposed
    /// staleness there is no simulated time, and nothing is saved.
    pub fn save_checkpoint(&mut self, what: SaveReason) {
        if let Job::Cluster(simulation) = self {
            simulation.save_checkpoint(what);
        }
    }

    /// Takes out a checkpoint that has been saved in simulated time.
    pub fn take_saved(&mut self) -> Option<Saved> {
        match self {
            Job::Cluster(simulation) => simulation.take_saved(),
            Job::Imposed(_) => None,
        }
    }

    /// Ends the job: no worker begins a step any more, and due checkpoints are saved.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn close(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        match self {
            Job::Cluster(simulation) => simulation.close(observer),
            Job::Imposed(_) => Ok(()),
        }
    }

    /// Starts a job that has not begun from a checkpoint; see [`TrainingSession::start_from`].
    ///
    /// # Errors
    /// [`StartError`]; the job is of no use then.
    pub fn start_from(
        &mut self,
        checkpoint: &Checkpoint,
        restart: (&Restart, MissingState, RowsFound),
        same_window: bool,
        seed: u64,
    ) -> Result<StartReport, StartError> {
        let streams = Streams::new(seed);
        self.session_mut().start_from(checkpoint, restart, same_window, streams)
    }

    /// Waits until no gradient is being computed, so that the whole state can be saved.
    pub fn finish_gradients(&mut self) {
        self.finish_gradients_while(&mut || true);
    }

    /// The same, as long as `goes_on` says so; returns whether all are finished.
    pub fn finish_gradients_while(&mut self, goes_on: &mut dyn FnMut() -> bool) -> bool {
        match self {
            Job::Cluster(simulation) => simulation.finish_gradients_while(goes_on),
            Job::Imposed(imposed) => imposed.finish_gradients_while(goes_on),
        }
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// If the run cannot go on; see [`SimError`].
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        self.evaluate_first(observer);
        while self.step(observer)? == State::Running {}
        self.evaluate_last(observer);
        Ok(())
    }
}

/// Saved only between two steps, and after [`finish_gradients`](Job::finish_gradients).
impl Persist for Job {
    fn save(&self, out: &mut Saver<'_>) {
        match self {
            Job::Cluster(simulation) => simulation.save(out),
            Job::Imposed(imposed) => imposed.save(out),
        }
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        match self {
            Job::Cluster(simulation) => simulation.load(from),
            Job::Imposed(imposed) => imposed.load(from),
        }
    }
}
