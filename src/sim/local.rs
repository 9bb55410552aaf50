//! The computation of a worker on its pulled view, if it is more than one gradient: a pure function
//! of view, examples and the data that the worker keeps from step to step.

use std::collections::BTreeMap;

use super::step_data::StepData;
use super::workspace::ThreadWorkspace;
use crate::cluster::Routine;
use crate::cluster::routine::{LocalPlan, LocalSteps};
use crate::data::{Batch, Schema};
use crate::model::Model;
use crate::params::view::{row_range, rows_len};
use crate::params::{Gradient, Layout, Locator, Lookups, View};

/// The data that a worker keeps after a step.
#[derive(Debug, Default)]
pub(super) struct WorkerState {
    /// Sum of the dense gradients that were not pushed yet.
    accrued: Vec<f32>,
    /// The worker's replica; empty before its first step.
    replica: Replica,
}

/// A worker's own copy of the dense group and of the rows that it has met.
#[derive(Debug, Default)]
struct Replica {
    dense: Vec<f32>,
    velocity: Vec<f32>,
    /// By table and id.
    rows: BTreeMap<(usize, u32), Vec<f32>>,
}

/// A step of a routine that is not the plain one.
#[derive(Debug)]
pub(super) struct LocalStep {
    pub(super) routine: Routine,
    /// Examples of a full batch.
    pub(super) batch: usize,
    /// Whether this step pushes dense gradients, including those kept so far.
    pub(super) pushes_dense: bool,
}

/// The input of a computation.
#[derive(Debug)]
pub(super) struct LocalInput<'a> {
    pub(super) model: &'a dyn Model,
    pub(super) schema: &'a Schema,
    pub(super) step: &'a StepData,
    /// The step's examples, with the ids that they look up.
    pub(super) batch: &'a Batch,
}

impl LocalInput<'_> {
    /// Number of batches of `size` examples, of which the last may be short.
    fn batches(&self, size: usize) -> u32 {
        self.batch.len().div_ceil(size.max(1)) as u32
    }
}

/// Parameters that a worker trains, in the layout of its step's view.
struct LocalWeights {
    dense: Vec<f32>,
    velocity: Vec<f32>,
    rows: Vec<f32>,
}

impl LocalStep {
    /// The step of `examples` examples, if it is more than one gradient.
    pub(super) fn new(routine: &Routine, examples: usize, pushes_dense: bool) -> Option<LocalStep> {
        let batch = examples.div_ceil(routine.batches.max(1) as usize);
        (!routine.is_plain()).then(|| LocalStep { routine: routine.clone(), batch, pushes_dense })
    }

    /// Computes the gradient to push.
    pub(super) fn run(
        &self,
        job: &LocalInput<'_>,
        worker_state: Option<&mut WorkerState>,
        workspace: &mut ThreadWorkspace,
        into: &mut Gradient,
    ) {
        let step = job.step;
        match self.routine.local.plan() {
            LocalPlan::Gradient => mean_gradient(job, self.batch, workspace, into),
            LocalPlan::Steps(rule) => {
                let mut weights = LocalWeights::of(step);
                local_steps(job, self.batch, rule, &mut weights, workspace, into);
                minus_difference(&weights, step, 1.0, into);
            }
            LocalPlan::Replica { steps: rule, alpha } => {
                let replica = &mut worker_state.expect("a replica outlives the step").replica;
                let mut weights = replica.take_out(job.model.layout(), step);
                local_steps(job, self.batch, rule, &mut weights, workspace, into);
                minus_difference(&weights, step, alpha as f32, into);
                add(&mut weights.dense, &into.dense, 1.0);
                add(&mut weights.rows, &into.rows, 1.0);
                replica.put_back(job.model.layout(), step, weights);
                return;
            }
        }
        if let Some(worker_state) = worker_state {
            accrue(&mut worker_state.accrued, self.pushes_dense, &mut into.dense);
        }
    }
}

/// Adds the dense gradient to the kept ones, or the kept ones to the dense gradient to push.
fn accrue(kept: &mut Vec<f32>, pushed: bool, gradient: &mut [f32]) {
    kept.resize(gradient.len(), 0.0);
    if pushed {
        add(gradient, kept, 1.0);
        kept.fill(0.0);
    } else {
        add(kept, gradient, 1.0);
    }
}

/// The mean of the batches' gradients on the view.
fn mean_gradient(
    job: &LocalInput<'_>,
    size: usize,
    workspace: &mut ThreadWorkspace,
    into: &mut Gradient,
) {
    let step = job.step;
    start(job, into);
    let batches = job.batches(size);
    let share = 1.0 / batches as f32;
    for_each_batch(job, size, workspace, |portion, workspace, gradient| {
        portion.gradient(job, &step.dense, &step.rows, workspace, gradient);
        add(&mut into.dense, &gradient.dense, share);
        portion.scatter(job, &gradient.rows, share, &mut into.rows);
        note(into, gradient, batches);
    });
}

/// Trains `weights` on the batches, one step each; stores losses and statistics in `into`.
fn local_steps(
    job: &LocalInput<'_>,
    size: usize,
    rule: LocalSteps,
    weights: &mut LocalWeights,
    workspace: &mut ThreadWorkspace,
    into: &mut Gradient,
) {
    start(job, into);
    let batches = job.batches(size);
    let (rate, momentum) = (rule.learning_rate as f32, rule.momentum as f32);
    let mut ahead = Vec::new();
    for_each_batch(job, size, workspace, |portion, workspace, gradient| {
        // Nesterov: the gradient is computed at the point that the velocity reaches.
        ahead.clone_from(&weights.dense);
        add(&mut ahead, &weights.velocity, momentum);
        portion.gradient(job, &ahead, &weights.rows, workspace, gradient);
        for (v, g) in weights.velocity.iter_mut().zip(&gradient.dense) {
            *v = momentum * *v - rate * g;
        }
        add(&mut weights.dense, &weights.velocity, 1.0);
        portion.scatter(job, &gradient.rows, -rate, &mut weights.rows);
        note(into, gradient, batches);
    });
}

/// Empties `into`, which gets the layout of the step.
fn start(job: &LocalInput<'_>, into: &mut Gradient) {
    let layout = job.model.layout();
    let rows = rows_len(layout, &job.step.lookups);
    into.reset(layout.dense_len(), rows, layout.moving_len());
}

fn note(into: &mut Gradient, gradient: &Gradient, batches: u32) {
    into.examples += gradient.examples;
    into.loss += gradient.loss / f64::from(batches);
    add(&mut into.moving, &gradient.moving, 1.0 / batches as f32);
}

/// Sets the dense and row parts of `into` to `share (view - weights)`.
fn minus_difference(weights: &LocalWeights, step: &StepData, share: f32, into: &mut Gradient) {
    let differences = |into: &mut [f32], from: &[f32], to: &[f32]| {
        for (d, (a, b)) in into.iter_mut().zip(from.iter().zip(to)) {
            *d = share * (a - b);
        }
    };
    differences(&mut into.dense, &step.dense, &weights.dense);
    differences(&mut into.rows, &step.rows, &weights.rows);
}

fn add(into: &mut [f32], from: &[f32], share: f32) {
    for (a, b) in into.iter_mut().zip(from) {
        *a += share * b;
    }
}

impl LocalWeights {
    fn of(step: &StepData) -> LocalWeights {
        let velocity = vec![0.0; step.dense.len()];
        LocalWeights { dense: step.dense.clone(), velocity, rows: step.rows.clone() }
    }
}

impl Replica {
    /// The part of the replica that the step needs. New parameters start with the server's values.
    fn take_out(&mut self, layout: &Layout, step: &StepData) -> LocalWeights {
        let mut weights = LocalWeights::of(step);
        if !self.dense.is_empty() {
            weights.dense = std::mem::take(&mut self.dense);
            weights.velocity = std::mem::take(&mut self.velocity);
        }
        for (t, table) in layout.tables.iter().enumerate() {
            let rows = &mut weights.rows[row_range(layout, &step.lookups, t)];
            let ids = &step.lookups.ids[table.space];
            for (&id, row) in ids.iter().zip(rows.chunks_exact_mut(table.dim)) {
                if let Some(own) = self.rows.get(&(t, id)) {
                    row.copy_from_slice(own);
                }
            }
        }
        weights
    }

    fn put_back(&mut self, layout: &Layout, step: &StepData, weights: LocalWeights) {
        self.dense = weights.dense;
        self.velocity = weights.velocity;
        for (t, table) in layout.tables.iter().enumerate() {
            let rows = &weights.rows[row_range(layout, &step.lookups, t)];
            let ids = &step.lookups.ids[table.space];
            for (&id, row) in ids.iter().zip(rows.chunks_exact(table.dim)) {
                self.rows.entry((t, id)).or_default().clear();
                self.rows.entry((t, id)).or_default().extend_from_slice(row);
            }
        }
    }
}

/// One batch of a step: its examples, its distinct rows, and their positions among the step's.
#[derive(Default)]
struct Portion {
    batch: Batch,
    lookups: Lookups,
    /// By id space: the position of each distinct id in the step's lookups.
    at: Vec<Vec<u32>>,
    rows: Vec<f32>,
}

/// Calls `each` for every batch of `size` examples of the step, in order, with a gradient to fill.
fn for_each_batch(
    job: &LocalInput<'_>,
    size: usize,
    workspace: &mut ThreadWorkspace,
    mut each: impl FnMut(&mut Portion, &mut ThreadWorkspace, &mut Gradient),
) {
    let known: Vec<BTreeMap<u32, u32>> = job
        .step
        .lookups
        .ids
        .iter()
        .map(|ids| ids.iter().enumerate().map(|(at, &id)| (id, at as u32)).collect())
        .collect();
    let (mut portion, mut gradient) = (Portion::default(), Gradient::default());
    for index in 0..job.batches(size) as usize {
        let examples = index * size..((index + 1) * size).min(job.batch.len());
        portion.batch.copy_part(job.batch, examples);
        let locator = workspace
            .locator
            .get_or_insert_with(|| Locator::for_layout(job.schema, job.model.layout()));
        locator.locate(&portion.batch, &mut portion.lookups);
        portion.at.clear();
        for (ids, known) in portion.lookups.ids.iter().zip(&known) {
            portion.at.push(ids.iter().map(|id| known[id]).collect());
        }
        each(&mut portion, workspace, &mut gradient);
    }
}

impl Portion {
    /// The gradient of the batch at the given parameters, which have the layout of the step's view.
    fn gradient(
        &mut self,
        job: &LocalInput<'_>,
        dense: &[f32],
        rows: &[f32],
        workspace: &mut ThreadWorkspace,
        into: &mut Gradient,
    ) {
        let (layout, all) = (job.model.layout(), &job.step.lookups);
        self.rows.clear();
        for (t, table) in layout.tables.iter().enumerate() {
            let rows = &rows[row_range(layout, all, t)];
            for &at in &self.at[table.space] {
                let at = at as usize * table.dim;
                self.rows.extend_from_slice(&rows[at..at + table.dim]);
            }
        }
        let (moving, lookups) = (&job.step.moving, &self.lookups);
        let view = View { dense, moving, rows: &self.rows, lookups };
        job.model.gradient(view, &self.batch, &mut workspace.network, into);
    }

    /// Adds `share` times the batch's rows to the step's.
    fn scatter(&self, job: &LocalInput<'_>, from: &[f32], share: f32, into: &mut [f32]) {
        let (layout, all) = (job.model.layout(), &job.step.lookups);
        for (t, table) in layout.tables.iter().enumerate() {
            let from = &from[row_range(layout, &self.lookups, t)];
            let into = &mut into[row_range(layout, all, t)];
            for (&at, row) in self.at[table.space].iter().zip(from.chunks_exact(table.dim)) {
                let at = at as usize * table.dim;
                add(&mut into[at..at + table.dim], row, share);
            }
        }
    }
}

crate::persist!(Replica { dense: state, velocity: state, rows: state });
crate::persist!(WorkerState { accrued: state, replica: state });
