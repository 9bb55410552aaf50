//! The data of a step: its examples and its view, later its gradient. And the buffers behind them,
//! which are reused.
//!
//! A view that no observer needs is moved to the job that computes its gradient and is not kept, so
//! that a step in flight holds either a view or a gradient. The ids that its examples look up are
//! not kept once their positions among the distinct rows are known.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::local::WorkerState;
use super::step_data::StepData;
use super::workspace::ThreadWorkspace;
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::base::{Pending, ShardId, WorkerId};
use crate::params::{Gradient, Lookups};

/// The data of a step.
#[derive(Debug)]
pub struct Cargo {
    pub(super) worker: WorkerId,
    pub(super) stage: CargoStage,
    pub(super) gradient: Option<Gradient>,
    pub(super) pending: Option<Pending<Computed, ThreadWorkspace>>,
    /// Shards that are not sent their part: they apply the worker's last push again.
    pub(super) spared: Vec<ShardId>,
}

/// The stage of a step's computation.
#[derive(Debug)]
pub(super) enum CargoStage {
    /// Shards are still being read. `watched` says whether the view is kept when it is complete.
    Filling {
        /// Examples and view.
        step: Box<StepData>,
        /// Whether an observer needs the view.
        watched: bool,
    },
    /// The view is complete and shared with the thread that computes.
    Watched(Arc<StepData>),
    /// The view has been moved to the job.
    Away,
    /// The gradient is present and the view is absent; the touched rows are kept.
    Spent(Lookups),
}

/// The outcome of a computation.
#[derive(Debug)]
pub(super) struct Computed {
    /// The gradient to push.
    pub(super) gradient: Gradient,
    /// The data that the worker keeps for its next step.
    pub(super) worker_state: Option<Box<WorkerState>>,
    /// The rows of the gradient, if the view was moved to the job.
    pub(super) lookups: Option<Lookups>,
}

impl Cargo {
    /// The view as far as it has been read, if it is present.
    pub fn view(&self) -> Option<&StepData> {
        match &self.stage {
            CargoStage::Filling { step, .. } => Some(step),
            CargoStage::Watched(step) => Some(step),
            CargoStage::Away | CargoStage::Spent(_) => None,
        }
    }

    /// The rows that it touches.
    ///
    /// # Panics
    /// While its view is with the job: a bug of the engine.
    pub fn lookups(&self) -> &Lookups {
        match &self.stage {
            CargoStage::Filling { step, .. } => &step.lookups,
            CargoStage::Watched(step) => &step.lookups,
            CargoStage::Spent(lookups) => lookups,
            CargoStage::Away => panic!("the rows of a step were asked for before its gradient"),
        }
    }

    /// The gradient, once it has been computed.
    pub fn gradient(&self) -> Option<&Gradient> {
        self.gradient.as_ref()
    }
}

/// Free buffers, shared by all host threads. Their content never matters.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers(Arc<Mutex<Spare>>);

#[derive(Debug, Default)]
struct Spare {
    steps: Vec<StepData>,
    /// Distinct ids and their division, taken from steps.
    lookups: Vec<Lookups>,
    dense: Vec<Vec<f32>>,
    rows: Vec<Vec<f32>>,
}

impl Buffers {
    fn spare(&self) -> MutexGuard<'_, Spare> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Buffers for a step's examples and view.
    pub(super) fn step(&self) -> StepData {
        let mut spare = self.spare();
        let mut step = spare.steps.pop().unwrap_or_default();
        let Lookups { ids, parts, .. } = spare.lookups.pop().unwrap_or_default();
        (step.lookups.ids, step.lookups.parts) = (ids, parts);
        step.dense = spare.dense.pop().unwrap_or_default();
        step.rows = spare.rows.pop().unwrap_or_default();
        step
    }

    /// Buffers for a gradient.
    pub(super) fn gradient(&self) -> Gradient {
        let mut spare = self.spare();
        let dense = spare.dense.pop().unwrap_or_default();
        let rows = spare.rows.pop().unwrap_or_default();
        Gradient { dense, rows, ..Gradient::default() }
    }

    /// Takes back the buffers of a step, and returns the rows that it touches.
    pub(super) fn spend(&self, mut step: StepData) -> Lookups {
        let rows = rows_of(&mut step);
        self.recycle_step(step);
        rows
    }

    fn recycle_step(&self, mut step: StepData) {
        let mut spare = self.spare();
        spare.dense.push(std::mem::take(&mut step.dense));
        spare.rows.push(std::mem::take(&mut step.rows));
        let rows = rows_of(&mut step);
        if rows.ids.capacity() > 0 {
            spare.lookups.push(rows);
        }
        spare.steps.push(step);
    }

    /// Takes back all buffers of a cargo.
    pub(super) fn recycle(&self, cargo: Cargo) {
        let Cargo { stage, gradient, .. } = cargo;
        match stage {
            CargoStage::Filling { step, .. } => self.recycle_step(*step),
            CargoStage::Watched(step) => {
                if let Ok(step) = Arc::try_unwrap(step) {
                    self.recycle_step(step);
                }
            }
            CargoStage::Away => {}
            CargoStage::Spent(lookups) => self.spare().lookups.push(lookups),
        }
        if let Some(gradient) = gradient {
            let mut spare = self.spare();
            spare.dense.push(gradient.dense);
            spare.rows.push(gradient.rows);
        }
    }
}

/// Takes the touched rows out of a step.
fn rows_of(step: &mut StepData) -> Lookups {
    let ids = std::mem::take(&mut step.lookups.ids);
    Lookups { ids, parts: std::mem::take(&mut step.lookups.parts), ..Lookups::default() }
}

impl Default for Cargo {
    fn default() -> Cargo {
        Cargo {
            worker: WorkerId(0),
            stage: CargoStage::Spent(Lookups::default()),
            gradient: None,
            pending: None,
            spared: Vec::new(),
        }
    }
}

// When a state is saved, no gradient is being computed.
crate::persist!(Cargo {
    worker: state,
    stage: state,
    gradient: state,
    pending: emptied,
    spared: state
});

impl Persist for CargoStage {
    fn save(&self, out: &mut Saver<'_>) {
        match self {
            CargoStage::Filling { step, watched } => {
                (0u8, *watched).save(out);
                step.save(out);
            }
            CargoStage::Watched(step) => {
                (1u8, false).save(out);
                step.save(out);
            }
            CargoStage::Spent(lookups) => {
                (2u8, false).save(out);
                lookups.save(out);
            }
            CargoStage::Away => panic!("a step was saved before its gradient was finished"),
        }
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        let mut kind = (0u8, false);
        kind.load(from)?;
        match kind {
            (0, watched) => {
                let mut step = Box::<StepData>::default();
                step.load(from)?;
                *self = CargoStage::Filling { step, watched };
            }
            (1, _) => {
                let mut step = Arc::<StepData>::default();
                step.load(from)?;
                *self = CargoStage::Watched(step);
            }
            (2, _) => {
                let mut lookups = Lookups::default();
                lookups.load(from)?;
                *self = CargoStage::Spent(lookups);
            }
            _ => return Err(from.wrong("no stage of a step")),
        }
        Ok(())
    }
}
