//! The real half of a run: batches, views, gradients, updates. Knows no time and no protocol.

use std::fmt;
use std::sync::Arc;

use super::bench::Bench;
use super::feed::{Feed, StepData};
use super::local::{Job, Keepsake, LocalStep};
use super::progress::Progress;
use crate::base::{Pending, Pool, ShardId, SimTime, WorkerId};
use crate::cluster::Routine;
use crate::model::Model;
use crate::params::Gradient;
use crate::params::view::rows_len;
use crate::protocol::Merge;
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
    worker: WorkerId,
    step: Step,
    gradient: Option<Gradient>,
    pending: Option<Pending<Computed, Bench>>,
}

/// The outcome of a computation: what is pushed, and what the worker keeps.
#[derive(Debug)]
struct Computed {
    gradient: Gradient,
    keepsake: Option<Box<Keepsake>>,
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
    /// The pushes that the merger holds, and how it has merged them.
    merged: (Vec<u64>, Merge),
    /// What outlives the workers' steps, by worker; away while the worker computes.
    keepsakes: Vec<Option<Box<Keepsake>>>,
    /// The views from which workers go on with the dense parameters they have.
    kept: Vec<Option<Arc<StepData>>>,
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
            merged: (Vec::new(), Merge::default()),
            keepsakes: Vec::new(),
            kept: Vec::new(),
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

    /// Number of examples in a step.
    pub fn examples(&self) -> u64 {
        self.feed.examples() as u64
    }

    /// Learning rates now.
    pub fn rates(&self, progress: &Progress) -> Rates {
        (self.rates)(progress)
    }

    /// Takes the examples of the next step for `worker`, with room for the view it will pull.
    pub fn begin(&mut self, worker: WorkerId, now: SimTime) -> Box<Cargo> {
        let mut step = self.feed.next(worker, &mut self.pool, &mut self.spare_steps, now);
        let layout = self.model.layout();
        step.dense.resize(layout.dense_len(), 0.0);
        step.moving.resize(layout.moving_len(), 0.0);
        let rows = rows_len(layout, &step.lookups);
        step.rows.clear();
        step.rows.resize(rows, 0.0);
        let distinct = step.lookups.distinct();
        step.row_updates.clear();
        step.row_updates.resize(distinct, 0);
        let step = Step::Filling(Box::new(step));
        Box::new(Cargo { worker, step, gradient: None, pending: None })
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

    /// Fills one shard's part of the dense view with what the worker has from its last pull of it.
    ///
    /// # Panics
    /// If the view is complete already: a bug of the engine.
    pub fn keep(&self, cargo: &mut Cargo, shard: ShardId) {
        let Step::Filling(step) = &mut cargo.step else { panic!("a shard was read twice") };
        let kept = self.kept.get(cargo.worker.index()).and_then(Option::as_ref);
        let kept = kept.expect("a worker's first step pulls everything");
        let (layout, sharding) = (self.model.layout(), self.server.sharding());
        for (index, block) in layout.dense.iter().enumerate() {
            if sharding.of_block(index) == shard {
                step.dense[block.range()].copy_from_slice(&kept.dense[block.range()]);
            }
        }
        for (index, block) in layout.moving.iter().enumerate() {
            if sharding.of_moving(index) == shard {
                step.moving[block.range()].copy_from_slice(&kept.moving[block.range()]);
            }
        }
    }

    /// The view is complete: offers what the worker makes of it to the pool, to be needed at
    /// `due`. `pushes_dense` is whether gradients on shards of dense parameters alone are pushed in
    /// this step.
    ///
    /// # Panics
    /// If it was asked for already, or the worker's last step still computes: a bug of the engine.
    pub fn compute(
        &mut self,
        cargo: &mut Cargo,
        routine: &Routine,
        pushes_dense: bool,
        due: SimTime,
    ) {
        let Step::Filling(step) = &mut cargo.step else { panic!("a gradient was asked for twice") };
        let step = Arc::new(std::mem::take(step.as_mut()));
        cargo.step = Step::Complete(Arc::clone(&step));
        let worker = cargo.worker.index();
        if routine.pull_every > 1 {
            self.kept.resize(self.kept.len().max(worker + 1), None);
            self.kept[worker] = Some(Arc::clone(&step));
        }
        let model = Arc::clone(&self.model);
        let filter = self.filter.clone();
        let mut gradient = self.spare_gradients.pop().unwrap_or_default();
        let mut keepsake = routine.keeps().then(|| self.keepsake(worker));
        let local =
            (!routine.is_plain()).then(|| LocalStep { routine: routine.clone(), pushes_dense });
        let source = Arc::clone(self.feed.source());
        cargo.pending = Some(self.pool.submit(due, move |bench: &mut Bench| {
            match local {
                None => {
                    let view = step.view();
                    model.gradient(view, &step.batch, &mut bench.network, &mut gradient);
                }
                Some(local) => {
                    let job = Job { model: model.as_ref(), schema: source.schema(), step: &step };
                    local.run(&job, keepsake.as_deref_mut(), bench, &mut gradient);
                }
            }
            if let Some(filter) = filter {
                filter(&mut gradient);
            }
            Computed { gradient, keepsake }
        }));
    }

    fn keepsake(&mut self, worker: usize) -> Box<Keepsake> {
        if self.keepsakes.len() <= worker {
            self.keepsakes.resize_with(worker + 1, || Some(Box::default()));
        }
        self.keepsakes[worker].take().expect("a worker computes one step after the other")
    }

    /// Makes sure that the step's gradient is there, and with it what the worker keeps.
    pub fn finish(&mut self, cargo: &mut Cargo) {
        if let Some(pending) = cargo.pending.take() {
            let Computed { gradient, keepsake } = self.pool.wait(pending);
            cargo.gradient = Some(gradient);
            if keepsake.is_some() {
                self.keepsakes[cargo.worker.index()] = keepsake;
            }
        }
    }

    /// Makes one update of one shard out of these pushes, merged as `merge` says.
    ///
    /// # Errors
    /// If a parameter is no longer finite.
    pub fn apply(
        &mut self,
        shard: ShardId,
        members: &mut [Member<'_>],
        merge: Merge,
        version: u64,
        progress: &Progress,
    ) -> Result<(), BadUpdate> {
        for (_, cargo) in members.iter_mut() {
            self.finish(cargo);
        }
        let rates = (self.rates)(progress);
        let clocks =
            Clocks { dense_rate: rates.dense as f32, sparse_rate: rates.sparse as f32, version };
        if let ([(_, cargo)], None | Some(1)) = (&members, merge.over) {
            let gradient = cargo.gradient.as_ref().expect("just finished");
            return self.server.apply(shard, &cargo.step().lookups, gradient, clocks);
        }
        // The other shards of the same round make their updates from the same merged gradient.
        let (merged, how) = &mut self.merged;
        if *how != merge || !merged.iter().eq(members.iter().map(|(push, _)| push)) {
            merged.clear();
            merged.extend(members.iter().map(|(push, _)| *push));
            *how = merge;
            let parts: Vec<_> = members
                .iter()
                .map(|(_, cargo)| {
                    (&cargo.step().lookups, cargo.gradient.as_ref().expect("just finished"))
                })
                .collect();
            self.merger.merge(self.model.layout(), &parts, merge);
        }
        self.server.apply(shard, &self.merger.lookups, &self.merger.gradient, clocks)
    }

    /// Takes back the buffers of a step that has landed or was broken off. A gradient that nobody
    /// has started is never computed, unless what the worker keeps depends on it.
    pub fn recycle(&mut self, mut cargo: Cargo, keeps: bool) {
        if keeps {
            self.finish(&mut cargo);
        }
        let Cargo { step, gradient, pending, .. } = cargo;
        drop(pending);
        self.spare_gradients.extend(gradient);
        match step {
            Step::Filling(step) => self.spare_steps.push(*step),
            Step::Complete(step) => self.spare_steps.extend(Arc::try_unwrap(step).ok()),
        }
    }
}
