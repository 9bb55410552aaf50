//! The real half of a run: batches, views, gradients, updates. Knows no time and no protocol.

use std::fmt;
use std::sync::Arc;

use super::bench::Bench;
use super::cargo::{Buffers, Cargo, Computed, Stage};
use super::feed::{Feed, StepData};
use super::local::{Job, Keepsake, LocalStep};
use super::progress::Progress;
use crate::base::{Pool, ShardId, SimTime, WorkerId};
use crate::cluster::Routine;
use crate::data::DataSource;
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
    buffers: Buffers,
}

impl fmt::Debug for Training {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Training").field("model", &self.model).finish_non_exhaustive()
    }
}

/// What observers want of a step, beyond its gradient.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Looks {
    /// Its view, until it has landed.
    pub view: bool,
    /// How often its rows had been updated when it read them.
    pub rows: bool,
}

/// One push of an update: its number and its cargo.
pub type Member<'a> = (u64, &'a mut Cargo);

impl Training {
    /// Puts the parts together.
    pub fn new(
        model: Arc<dyn Model>,
        server: ParameterServer,
        mut feed: Feed,
        pool: Pool<Bench>,
        rates: RateAt,
        filter: Option<GradientFilter>,
    ) -> Training {
        let buffers = Buffers::default();
        feed.use_buffers(buffers.clone());
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
            buffers,
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
    pub fn begin(&mut self, worker: WorkerId, now: SimTime, looks: Looks) -> Box<Cargo> {
        let mut step = Box::new(self.feed.next(worker, &mut self.pool, now));
        let layout = self.model.layout();
        step.dense.resize(layout.dense_len(), 0.0);
        step.moving.resize(layout.moving_len(), 0.0);
        step.rows.resize(rows_len(layout, &step.lookups), 0.0);
        let counted = if looks.rows { step.lookups.distinct() } else { 0 };
        step.row_updates.resize(counted, 0);
        let stage = Stage::Filling { step, watched: looks.view || looks.rows };
        Box::new(Cargo { worker, stage, gradient: None, pending: None })
    }

    /// What each shard contributes to the pull of this step.
    pub fn loads(&self, cargo: &Cargo, loads: &mut Vec<Load>) {
        self.server.sharding().loads(self.model.layout(), cargo.lookups(), loads);
    }

    /// Reads one shard into the step's view.
    ///
    /// # Panics
    /// If the view is complete already: a bug of the engine.
    pub fn pull(&self, cargo: &mut Cargo, shard: ShardId) {
        let Stage::Filling { step, .. } = &mut cargo.stage else {
            panic!("a shard was read twice")
        };
        let StepData { lookups, dense, moving, rows, row_updates, .. } = step.as_mut();
        self.server.pull(Part { shard, lookups, dense, moving, rows, row_updates });
    }

    /// Fills one shard's part of the dense view with what the worker has from its last pull of it.
    ///
    /// # Panics
    /// If the view is complete already: a bug of the engine.
    pub fn keep(&self, cargo: &mut Cargo, shard: ShardId) {
        let Stage::Filling { step, .. } = &mut cargo.stage else {
            panic!("a shard was read twice")
        };
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
        let worker = cargo.worker.index();
        let Stage::Filling { step, watched } = std::mem::replace(&mut cargo.stage, Stage::Away)
        else {
            panic!("a gradient was asked for twice")
        };
        let step = if watched || routine.pull_every > 1 {
            let step = Arc::new(*step);
            cargo.stage = Stage::Watched(Arc::clone(&step));
            Given::Shared(step)
        } else {
            Given::Whole(step)
        };
        if let (Given::Shared(step), 2..) = (&step, routine.pull_every) {
            self.kept.resize(self.kept.len().max(worker + 1), None);
            self.kept[worker] = Some(Arc::clone(step));
        }
        let task = Task {
            model: Arc::clone(&self.model),
            source: Arc::clone(self.feed.source()),
            filter: self.filter.clone(),
            local: (!routine.is_plain())
                .then(|| LocalStep { routine: routine.clone(), pushes_dense }),
            keepsake: routine.keeps().then(|| self.keepsake(worker)),
            buffers: self.buffers.clone(),
            step,
        };
        cargo.pending = Some(self.pool.submit(due, move |bench: &mut Bench| task.run(bench)));
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
            let Computed { gradient, keepsake, lookups } = self.pool.wait(pending);
            cargo.gradient = Some(gradient);
            if let Some(lookups) = lookups {
                cargo.stage = Stage::Spent(lookups);
            }
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
            return self.server.apply(shard, cargo.lookups(), gradient, clocks);
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
                    (cargo.lookups(), cargo.gradient.as_ref().expect("just finished"))
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
        // A view that went with a job which has not started is lost with it.
        drop(cargo.pending.take());
        self.buffers.take(cargo);
    }
}

/// A step as it is given to a job.
#[derive(Debug)]
enum Given {
    /// To look at.
    Shared(Arc<StepData>),
    /// To use up.
    Whole(Box<StepData>),
}

/// Everything that the computation of one gradient needs.
struct Task {
    model: Arc<dyn Model>,
    source: Arc<dyn DataSource>,
    filter: Option<GradientFilter>,
    local: Option<LocalStep>,
    keepsake: Option<Box<Keepsake>>,
    buffers: Buffers,
    step: Given,
}

impl Task {
    fn run(mut self, bench: &mut Bench) -> Computed {
        let mut gradient = self.buffers.gradient();
        let step: &StepData = match &self.step {
            Given::Shared(step) => step,
            Given::Whole(step) => step,
        };
        let model = self.model.as_ref();
        match &self.local {
            None => model.gradient(step.view(), &step.batch, &mut bench.network, &mut gradient),
            Some(local) => {
                let job = Job { model, schema: self.source.schema(), step };
                local.run(&job, self.keepsake.as_deref_mut(), bench, &mut gradient);
            }
        }
        if let Some(filter) = &self.filter {
            filter(&mut gradient);
        }
        let lookups = match self.step {
            Given::Shared(_) => None,
            Given::Whole(step) => Some(self.buffers.spend(*step)),
        };
        Computed { gradient, keepsake: self.keepsake, lookups }
    }
}
