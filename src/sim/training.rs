//! The real half of a run: batches, views, gradients, updates. Knows no time and no protocol.

use std::fmt;
use std::sync::Arc;

use super::bench::Bench;
use super::feed::{Feed, StepData};
use super::progress::Progress;
use crate::base::{Pending, Pool, ShardId, SimTime, WorkerId};
use crate::model::Model;
use crate::params::view::rows_len;
use crate::params::{Gradient, View};
use crate::server::sharding::Load;
use crate::server::{BadUpdate, Clocks, Merger, ParameterServer, Part};

/// Learning rates at one moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rates {
    /// Of dense blocks.
    pub dense: f64,
    /// Of embedding rows.
    pub sparse: f64,
}

/// The learning rates as a function of progress: base rates and schedule together.
pub type RateAt = Box<dyn Fn(&Progress) -> Rates + Send>;

/// What is done to a gradient before it is pushed, such as clipping; a pure function.
pub type GradientFilter = Arc<dyn Fn(&mut Gradient) + Send + Sync>;

/// What a step carries.
#[derive(Debug)]
pub struct Cargo {
    step: Step,
    gradient: Option<Gradient>,
    pending: Option<Pending<Gradient, Bench>>,
}

#[derive(Debug)]
enum Step {
    /// Shards are still being read.
    Filling(Box<StepData>),
    /// The view is complete and shared with whoever computes the gradient.
    Complete(Arc<StepData>),
}

impl Cargo {
    /// The batch and the view.
    pub fn step(&self) -> &StepData {
        match &self.step {
            Step::Filling(step) => step,
            Step::Complete(step) => step,
        }
    }

    /// The gradient, once it has been asked for.
    pub fn gradient(&self) -> Option<&Gradient> {
        self.gradient.as_ref()
    }
}

/// Model, server, data and host threads of a run.
pub struct Training {
    model: Arc<dyn Model>,
    server: ParameterServer,
    feed: Feed,
    pool: Pool<Bench>,
    rates: RateAt,
    filter: Option<GradientFilter>,
    merger: Merger,
    /// The pushes whose mean the merger holds.
    merged: Vec<u64>,
    spare_steps: Vec<StepData>,
    spare_gradients: Vec<Gradient>,
}

impl fmt::Debug for Training {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Training").field("model", &self.model).finish_non_exhaustive()
    }
}

/// One push of an update: its number and its cargo.
pub type Member<'a> = (u64, &'a mut Cargo);

impl Training {
    /// Puts the parts together.
    pub fn new(
        model: Arc<dyn Model>,
        server: ParameterServer,
        feed: Feed,
        pool: Pool<Bench>,
        rates: RateAt,
        filter: Option<GradientFilter>,
    ) -> Training {
        let merger = Merger::new(model.layout());
        Training {
            model,
            server,
            feed,
            pool,
            rates,
            filter,
            merger,
            merged: Vec::new(),
            spare_steps: Vec::new(),
            spare_gradients: Vec::new(),
        }
    }

    /// The network.
    pub fn model(&self) -> &Arc<dyn Model> {
        &self.model
    }

    /// The parameters.
    pub fn server(&self) -> &ParameterServer {
        &self.server
    }

    /// The parameters and the host threads, for evaluation.
    pub fn server_and_pool(&mut self) -> (&ParameterServer, &mut Pool<Bench>) {
        (&self.server, &mut self.pool)
    }

    /// Number of examples in a batch.
    pub fn batch(&self) -> usize {
        self.feed.batch()
    }

    /// Learning rates now.
    pub fn rates(&self, progress: &Progress) -> Rates {
        (self.rates)(progress)
    }

    /// Takes the next batch for `worker`, with room for the view it will pull.
    pub fn begin(&mut self, worker: WorkerId, now: SimTime) -> Box<Cargo> {
        let mut step = self.feed.next(worker, &mut self.pool, &mut self.spare_steps, now);
        let layout = self.model.layout();
        step.dense.resize(layout.dense_len(), 0.0);
        step.moving.resize(layout.moving_len(), 0.0);
        let rows = rows_len(layout, &step.lookups);
        // The shards overwrite all of it before it is read.
        fit(&mut step.rows, rows);
        let distinct = step.lookups.distinct();
        fit(&mut step.row_updates, distinct);
        Box::new(Cargo { step: Step::Filling(Box::new(step)), gradient: None, pending: None })
    }

    /// What each shard contributes to the pull of this step.
    pub fn loads(&self, cargo: &Cargo, loads: &mut Vec<Load>) {
        self.server.sharding().loads(self.model.layout(), &cargo.step().lookups, loads);
    }

    /// Reads one shard into the step's view.
    ///
    /// # Panics
    /// If the view is complete already: a bug of the engine.
    pub fn pull(&self, cargo: &mut Cargo, shard: ShardId) {
        let Step::Filling(step) = &mut cargo.step else { panic!("a shard was read twice") };
        let StepData { lookups, dense, moving, rows, row_updates, .. } = step.as_mut();
        self.server.pull(Part { shard, lookups, dense, moving, rows, row_updates });
    }

    /// The view is complete: offers its gradient to the pool, to be needed at `due`.
    pub fn compute(&mut self, cargo: &mut Cargo, due: SimTime) {
        let Step::Filling(step) = &mut cargo.step else { panic!("a gradient was asked for twice") };
        let step = Arc::new(std::mem::take(step.as_mut()));
        cargo.step = Step::Complete(Arc::clone(&step));
        let model = Arc::clone(&self.model);
        let filter = self.filter.clone();
        let mut gradient = self.spare_gradients.pop().unwrap_or_default();
        cargo.pending = Some(self.pool.submit(due, move |bench: &mut Bench| {
            let view = View {
                dense: &step.dense,
                moving: &step.moving,
                rows: &step.rows,
                lookups: &step.lookups,
            };
            model.gradient(view, &step.batch, &mut bench.network, &mut gradient);
            if let Some(filter) = filter {
                filter(&mut gradient);
            }
            gradient
        }));
    }

    /// Makes sure that the step's gradient is there.
    pub fn finish(&mut self, cargo: &mut Cargo) {
        if let Some(pending) = cargo.pending.take() {
            cargo.gradient = Some(self.pool.wait(pending));
        }
    }

    /// Makes one update of one shard out of these pushes: their mean over examples.
    ///
    /// # Errors
    /// If a parameter is no longer finite.
    pub fn apply(
        &mut self,
        shard: ShardId,
        members: &mut [Member<'_>],
        version: u64,
        progress: &Progress,
    ) -> Result<(), BadUpdate> {
        for (_, cargo) in members.iter_mut() {
            self.finish(cargo);
        }
        let rates = (self.rates)(progress);
        let clocks =
            Clocks { dense_rate: rates.dense as f32, sparse_rate: rates.sparse as f32, version };
        if let [(_, cargo)] = members {
            let gradient = cargo.gradient.as_ref().expect("just finished");
            return self.server.apply(shard, &cargo.step().lookups, gradient, clocks);
        }
        // The other shards of the same round make their updates from the same mean.
        if !self.merged.iter().eq(members.iter().map(|(push, _)| push)) {
            self.merged.clear();
            self.merged.extend(members.iter().map(|(push, _)| *push));
            let parts: Vec<_> = members
                .iter()
                .map(|(_, cargo)| {
                    (&cargo.step().lookups, cargo.gradient.as_ref().expect("just finished"))
                })
                .collect();
            self.merger.merge(self.model.layout(), &parts);
        }
        self.server.apply(shard, &self.merger.lookups, &self.merger.gradient, clocks)
    }

    /// Takes back the buffers of a step that has landed. A gradient that nobody has started is
    /// never computed.
    pub fn recycle(&mut self, cargo: Cargo) {
        let Cargo { step, gradient, pending } = cargo;
        drop(pending);
        self.spare_gradients.extend(gradient);
        match step {
            Step::Filling(step) => self.spare_steps.push(*step),
            Step::Complete(step) => self.spare_steps.extend(Arc::try_unwrap(step).ok()),
        }
    }
}

/// Makes `buffer` that long, with unspecified content. Where it must grow it gets a little more room
/// than that: the next batch has about as many rows, and memory that was never used is dear.
fn fit<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) {
    if len > buffer.capacity() {
        buffer.clear();
        buffer.reserve_exact(len + len / 16);
    }
    buffer.resize(len, T::default());
}
