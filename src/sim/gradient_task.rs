//! The computation of one gradient, as a job of the host threads.

use std::sync::Arc;

use super::cargo::{Buffers, Computed};
use super::local::{LocalInput, LocalStep, WorkerState};
use super::prepare::copy_verdicts;
use super::step_data::StepData;
use super::workspace::ThreadWorkspace;
use crate::data::{Batch, DataSource};
use crate::model::Model;
use crate::params::Gradient;

/// A change of a gradient before it is pushed, such as clipping; a pure function.
pub type GradientFilter = Arc<dyn Fn(&mut Gradient) + Send + Sync>;

/// The data of a step as a job gets them.
#[derive(Debug)]
pub(super) enum Given {
    /// To read only.
    Shared(Arc<StepData>),
    /// To consume.
    Whole(Box<StepData>),
}

/// Everything that the computation of one gradient needs.
pub(super) struct GradientTask {
    pub model: Arc<dyn Model>,
    pub source: Arc<dyn DataSource>,
    pub filter: Option<GradientFilter>,
    pub local: Option<LocalStep>,
    pub worker_state: Option<Box<WorkerState>>,
    pub buffers: Buffers,
    pub step: Given,
}

impl GradientTask {
    /// Computes the gradient.
    pub(super) fn run(mut self, workspace: &mut ThreadWorkspace) -> Computed {
        let mut gradient = self.buffers.gradient();
        let step: &StepData = match &self.step {
            Given::Shared(step) => step,
            Given::Whole(step) => step,
        };
        let model = self.model.as_ref();
        match &self.local {
            None => model.gradient(step.view(), &step.batch, &mut workspace.network, &mut gradient),
            Some(local) => {
                let mut batch = Batch::default();
                self.source.read(&step.examples, &mut batch);
                copy_verdicts(&step.batch, &mut batch);
                let job = LocalInput { model, schema: self.source.schema(), step, batch: &batch };
                local.run(&job, self.worker_state.as_deref_mut(), workspace, &mut gradient);
            }
        }
        if let Some(filter) = &self.filter {
            filter(&mut gradient);
        }
        let lookups = match self.step {
            Given::Shared(_) => None,
            Given::Whole(step) => Some(self.buffers.spend(*step)),
        };
        Computed { gradient, worker_state: self.worker_state, lookups }
    }
}
