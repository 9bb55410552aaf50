//! Makes the batch of a step: reads its examples, finds their distinct rows, divides these among the
//! shards. It happens on the host threads, ahead of need.

use std::sync::Arc;

use super::cargo::Buffers;
use super::step_data::StepData;
use super::workspace::ThreadWorkspace;
use crate::base::{Pending, Pool, SimTime};
use crate::data::{Batch, DataSource};
use crate::model::Model;
use crate::online::{Emitted, EventTimes, KeptNegatives};
use crate::params::Locator;
use crate::server::Sharding;

/// A batch that is being prepared.
pub(super) type PendingStep = Pending<StepData, ThreadWorkspace>;

/// What is needed to prepare batches.
#[derive(Debug)]
pub(super) struct Preparing {
    pub source: Arc<dyn DataSource>,
    pub model: Arc<dyn Model>,
    pub buffers: Buffers,
    /// The shards among which rows are divided.
    pub sharding: Option<Arc<Sharding>>,
}

/// What a live stream says of the examples of a batch: it knows their labels, which may differ from
/// those in the log.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    labels: Vec<f32>,
    /// Empty if all are 1.
    weights: Vec<f32>,
    /// Empty if nothing is added to any logit.
    offsets: Vec<f32>,
    events: EventTimes,
}

impl Verdicts {
    /// The verdicts on these examples.
    pub(super) fn of(examples: &[Emitted], negatives: &KeptNegatives) -> Verdicts {
        let mut verdicts = Verdicts::default();
        examples.iter().for_each(|example| verdicts.events.add(example.at));
        let label = |example: &Emitted| if example.is_positive { 1.0 } else { 0.0 };
        verdicts.labels = examples.iter().map(label).collect();
        if examples.iter().any(|example| example.weight != 1.0) {
            verdicts.weights = examples.iter().map(|example| example.weight).collect();
        }
        let offset = |example: &Emitted| negatives.in_training(example.request) as f32;
        if examples.iter().any(|example| offset(example) != 0.0) {
            verdicts.offsets = examples.iter().map(offset).collect();
        }
        verdicts
    }

    /// Writes them into the step.
    fn write(self, step: &mut StepData) {
        let Verdicts { labels, weights, offsets, events } = self;
        let batch = &mut step.batch;
        (batch.labels, batch.weights, batch.offsets) = (labels, weights, offsets);
        step.events = events;
    }
}

impl Preparing {
    /// Begins to prepare the batch of these examples. `verdicts` is `None` for examples of a log.
    pub(super) fn begin(
        &self,
        ids: Vec<u64>,
        verdicts: Option<Verdicts>,
        pool: &mut Pool<ThreadWorkspace>,
        now: SimTime,
    ) -> PendingStep {
        let (source, model) = (Arc::clone(&self.source), Arc::clone(&self.model));
        let (buffers, sharding) = (self.buffers.clone(), self.sharding.clone());
        pool.submit(now, move |workspace: &mut ThreadWorkspace| {
            let mut step = buffers.step();
            source.read(&ids, &mut workspace.batch);
            let locator = workspace
                .locator
                .get_or_insert_with(|| Locator::for_layout(source.schema(), model.layout()));
            locator.locate(&workspace.batch, &mut step.lookups);
            if let Some(sharding) = sharding {
                sharding.divide(&mut step.lookups);
            }
            let (from, to) = (&workspace.batch, &mut step.batch);
            to.labels.clone_from(&from.labels);
            to.numeric.clone_from(&from.numeric);
            to.history_offsets.clone_from(&from.history_offsets);
            if let Some(verdicts) = verdicts {
                verdicts.write(&mut step);
            }
            step.examples = ids;
            step
        })
    }
}

/// Gives a batch that was read again what its step was told of the examples: for one of a log,
/// nothing changes.
pub(super) fn copy_verdicts(from: &Batch, to: &mut Batch) {
    to.labels.clone_from(&from.labels);
    to.weights.clone_from(&from.weights);
    to.offsets.clone_from(&from.offsets);
}
