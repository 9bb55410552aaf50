//! The real half of a run: batches, views, gradients, updates. It knows no time and no protocol.

use std::fmt;
use std::sync::Arc;

use super::cargo::{Buffers, Cargo, CargoStage, Computed};
use super::feed::Feed;
use super::gradient_task::{Given, GradientTask};
use super::last_pushes::LastPushes;
use super::local::{LocalStep, WorkerState};
use super::moments::LocalMoments;
use super::progress::Progress;
use super::serving::ServingRoom;
use super::step_data::{StepData, fit};
use super::training_clock::TrainingClock;
use super::workspace::ThreadWorkspace;
use crate::base::{Pool, ShardId, SimTime, WorkerId};
use crate::cluster::Routine;
use crate::cluster::failures::Lost;
use crate::data::DataSource;
use crate::model::Model;
use crate::optimizer::schedule;
use crate::params::view::rows_len;
use crate::params::{Gradient, Lookups};
use crate::protocol::Merge;
use crate::remedy::{ArrivedPush, Chances, Remedies};
use crate::server::sharding::Load;
use crate::server::{BadUpdate, Carried, Merger, ParameterServer, PullBuffers, UpdateContext};

pub use super::gradient_task::GradientFilter;

/// Learning rates at one moment.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Rates {
    /// Of dense blocks.
    pub dense: f64,
    /// Of embedding rows.
    pub sparse: f64,
}

/// The learning rates of an update as a function of the progress before it and of its number of
/// examples: base rates and schedule together.
pub type RateAt = Box<dyn Fn(schedule::Moment, u64) -> Rates + Send>;

/// Model, server, data and host threads of a run.
pub struct Training {
    pub(super) model: Arc<dyn Model>,
    pub(super) server: ParameterServer,
    pub(super) feed: Feed,
    pub(super) pool: Pool<ThreadWorkspace>,
    rates: RateAt,
    /// The rates of the last update.
    last_rates: Rates,
    /// The clocks of rates and update rules.
    pub(super) clock: TrainingClock,
    filter: Option<GradientFilter>,
    pub(super) remedies: Remedies,
    merger: Merger,
    /// The pushes that the merger holds, and how it has merged them.
    pub(super) merged: (Vec<u64>, Merge),
    /// The data that workers keep after steps, by worker; absent while the worker computes.
    pub(super) worker_states: Vec<Option<Box<WorkerState>>>,
    /// The views from which workers take dense parameters that they do not pull again.
    pub(super) kept: Vec<Option<Arc<StepData>>>,
    /// The last pushes of workers to shards, if some pushes are to be omitted.
    pub(super) last: LastPushes,
    /// Moving statistics that workers keep.
    pub(super) moments: LocalMoments,
    /// Whether workers keep the view of their last step.
    pub(super) keeps_views: bool,
    /// The copy that scores the requests of a live stream.
    pub(super) serving: Option<Box<ServingRoom>>,
    buffers: Buffers,
}

impl fmt::Debug for Training {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Training").field("model", &self.model).finish_non_exhaustive()
    }
}

/// What observers need of a step, beyond its gradient.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Observed {
    /// Its view, until it has landed.
    pub view: bool,
    /// How often its rows had been updated when they were read.
    pub rows: bool,
}

/// One push of an update.
#[derive(Debug)]
pub struct Member<'a> {
    /// Its number.
    pub push: u64,
    /// Versions of the shard applied since its worker read it.
    pub staleness: u64,
    /// Its data.
    pub cargo: &'a mut Cargo,
}

impl Training {
    /// Builds the training job from its parts.
    pub fn new(
        model: Arc<dyn Model>,
        server: ParameterServer,
        mut feed: Feed,
        pool: Pool<ThreadWorkspace>,
        rates: RateAt,
        filter: Option<GradientFilter>,
    ) -> Training {
        let buffers = Buffers::default();
        feed.use_buffers(buffers.clone());
        feed.divide_among(server.sharding().clone());
        let merger = Merger::new(model.layout());
        let moments = LocalMoments::new(model.layout(), server.moving());
        Training {
            model,
            server,
            feed,
            pool,
            rates,
            last_rates: Rates::default(),
            clock: TrainingClock::default(),
            filter,
            remedies: Remedies::default(),
            merger,
            merged: (Vec::new(), Merge::default()),
            worker_states: Vec::new(),
            kept: Vec::new(),
            last: LastPushes::default(),
            moments,
            keeps_views: false,
            serving: None,
            buffers,
        }
    }

    /// The same with these remedies.
    pub fn with_remedies(self, remedies: Remedies) -> Training {
        Training { remedies, ..self }
    }

    /// The network.
    pub fn model(&self) -> &Arc<dyn Model> {
        &self.model
    }

    /// The log.
    pub fn source(&self) -> &Arc<dyn DataSource> {
        self.feed.source()
    }

    /// The parameters.
    pub fn server(&self) -> &ParameterServer {
        &self.server
    }

    /// The non-trainable parameters as they are evaluated and saved: the server's, and the exported
    /// ones of those that workers keep.
    pub fn exported_moving(&self) -> Vec<f32> {
        let mut moving = self.server.moving().to_vec();
        self.moments.export(&mut moving);
        moving
    }

    /// The parameters and the host threads, for evaluation.
    pub fn server_and_pool(&mut self) -> (&ParameterServer, &mut Pool<ThreadWorkspace>) {
        (&self.server, &mut self.pool)
    }

    /// Takes back the examples of a lost step.
    pub fn give_back(&mut self, worker: WorkerId, examples: &[u64], lost: Lost) {
        match lost {
            Lost::Drop => {}
            Lost::Requeue => self.feed.requeue(examples),
            Lost::Repeat => self.feed.repeat(worker, examples),
        }
    }

    /// Examples that were returned and have not been supplied again.
    pub fn outstanding(&self) -> u64 {
        self.feed.outstanding()
    }

    /// Gives the worker the examples of its next step, if they come from a live stream; returns
    /// whether it has them. Always, if they come from a log.
    pub(super) fn reserve(&mut self, worker: WorkerId, now: SimTime) -> bool {
        self.feed.reserve(worker, &mut self.pool, now)
    }

    /// Forgets everything that a worker keeps; none of its steps may be computed later.
    pub fn forget(&mut self, worker: WorkerId, now: SimTime) {
        if !self.moments.is_empty() {
            self.serve_until(now);
        }
        if let Some(worker_state) = self.worker_states.get_mut(worker.index()) {
            *worker_state = Some(Box::default());
        }
        if let Some(view) = self.kept.get_mut(worker.index()) {
            *view = None;
        }
        self.moments.forget(worker);
    }

    /// The learning rates of an update of `examples` examples that is made now, before remedies.
    fn rates(&self, progress: &Progress, examples: u64) -> Rates {
        let Rates { dense, sparse } = (self.rates)(self.clock.now(progress), examples);
        let factor = self.clock.factor(progress, examples);
        Rates { dense: dense * factor, sparse: sparse * factor }
    }

    /// The learning rates that the last update of a shard had, before remedies.
    pub fn last_rates(&self) -> Rates {
        self.last_rates
    }

    /// Takes the examples of the next step for `worker`, with buffers for its view.
    pub fn begin(&mut self, worker: WorkerId, now: SimTime, observed: Observed) -> Box<Cargo> {
        let mut step = Box::new(self.feed.next(worker, &mut self.pool, now));
        let layout = self.model.layout();
        step.dense.resize(layout.dense_len(), 0.0);
        step.moving.resize(layout.moving_len(), 0.0);
        // The shards overwrite all rows before they are read.
        fit(&mut step.rows, rows_len(layout, &step.lookups));
        let needs = self.remedies.needs();
        let counted =
            if observed.rows || needs.row_staleness { step.lookups.distinct() } else { 0 };
        step.row_updates.resize(counted, 0);
        let kept = needs.view || needs.row_staleness || self.server.carries_slots();
        let watched = observed.view || observed.rows || kept;
        let stage = CargoStage::Filling { step, watched };
        Box::new(Cargo { worker, stage, ..Cargo::default() })
    }

    /// The load of each shard in the pull of this step.
    pub fn loads(&self, cargo: &Cargo, loads: &mut Vec<Load>) {
        self.server.sharding().loads(self.model.layout(), cargo.lookups(), loads);
    }

    /// Reads one shard into the step's view.
    ///
    /// # Panics
    /// If the view is complete already: a bug of the engine.
    pub fn pull(&mut self, cargo: &mut Cargo, shard: ShardId, progress: &Progress) {
        if self.server.counts_lookups() {
            self.serve_until(progress.now);
        }
        let CargoStage::Filling { step, .. } = &mut cargo.stage else {
            panic!("a shard was read twice")
        };
        let StepData { examples, lookups, dense, moving, rows, row_updates, carried, .. } =
            step.as_mut();
        if self.server.carries_slots() {
            self.server.carry(shard, lookups, carried);
        }
        if self.server.counts_lookups() {
            self.server.count_lookups(shard, lookups);
            if let Some(room) = &mut self.serving {
                room.pulled(shard, lookups, progress.now, &mut self.server);
            }
        }
        self.server.pull(PullBuffers { shard, lookups, dense, moving, rows, row_updates });
        if self.remedies.needs().look_ahead {
            let rate = self.rates(progress, examples.len() as u64).dense as f32;
            self.remedies.look_ahead(&self.server, shard, rate, dense);
        }
    }

    /// Fills one shard's part of the dense view from the worker's last pull of that shard.
    ///
    /// # Panics
    /// If the view is complete already: a bug of the engine.
    pub fn keep(&self, cargo: &mut Cargo, shard: ShardId) {
        let CargoStage::Filling { step, .. } = &mut cargo.stage else {
            panic!("a shard was read twice")
        };
        let kept = self.kept.get(cargo.worker.index()).and_then(Option::as_ref);
        let kept = kept.expect("a worker's first step pulls everything");
        let (layout, sharding) = (self.model.layout(), self.server.sharding());
        let (from, to) =
            ((&kept.dense[..], &kept.moving[..]), (&mut step.dense[..], &mut step.moving[..]));
        sharding.copy_blocks(layout, shard, from, to);
        for (_, block) in sharding.dense_blocks(layout, shard) {
            if let Some(then) = kept.carried.dense.get(block.range()) {
                step.carried.dense.resize(kept.carried.dense.len(), 0.0);
                step.carried.dense[block.range()].copy_from_slice(then);
            }
        }
    }

    /// The view is complete: offers the computation to the pool, to be needed at `due`.
    /// `pushes_dense` says whether gradients on shards of only dense parameters are pushed in this
    /// step.
    ///
    /// # Panics
    /// If it was called before, or the worker's last step still computes: a bug of the engine.
    pub fn compute(
        &mut self,
        cargo: &mut Cargo,
        routine: &Routine,
        pushes_dense: bool,
        due: SimTime,
    ) {
        let worker = cargo.worker.index();
        let CargoStage::Filling { mut step, watched } =
            std::mem::replace(&mut cargo.stage, CargoStage::Away)
        else {
            panic!("a gradient was asked for twice")
        };
        self.moments.overlay(cargo.worker, &mut step.moving);
        let needed = routine.pull_every > 1 || self.remedies.needs().spares;
        let keeps_views = self.keeps_views || needed;
        let step = if watched || keeps_views {
            let step = Arc::new(*step);
            cargo.stage = CargoStage::Watched(Arc::clone(&step));
            Given::Shared(step)
        } else {
            Given::Whole(step)
        };
        if let (Given::Shared(step), true) = (&step, keeps_views) {
            self.kept.resize(self.kept.len().max(worker + 1), None);
            self.kept[worker] = Some(Arc::clone(step));
        }
        let task = GradientTask {
            model: Arc::clone(&self.model),
            source: Arc::clone(self.feed.source()),
            filter: self.filter.clone(),
            local: LocalStep::new(routine, self.feed.examples(), pushes_dense),
            worker_state: routine.keeps().then(|| self.worker_state(worker)),
            buffers: self.buffers.clone(),
            step,
        };
        cargo.pending =
            Some(self.pool.submit(due, move |workspace: &mut ThreadWorkspace| task.run(workspace)));
    }

    fn worker_state(&mut self, worker: usize) -> Box<WorkerState> {
        if self.worker_states.len() <= worker {
            self.worker_states.resize_with(worker + 1, || Some(Box::default()));
        }
        self.worker_states[worker].take().expect("a worker computes one step after the other")
    }

    /// Makes sure that the step's gradient is present, and the data that the worker keeps.
    pub fn finish(&mut self, cargo: &mut Cargo) {
        if let Some(pending) = cargo.pending.take() {
            let Computed { gradient, worker_state, lookups } = self.pool.wait(pending);
            cargo.gradient = Some(gradient);
            if let Some(lookups) = lookups {
                cargo.stage = CargoStage::Spent(lookups);
            }
            if worker_state.is_some() {
                self.worker_states[cargo.worker.index()] = worker_state;
            }
        }
    }

    /// Makes one update of one shard from these pushes, merged according to `merge`.
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
        self.serve_until(progress.now);
        let outcome = self.update(shard, members, merge, version, progress);
        self.note_update(shard, members, progress.now);
        outcome
    }

    fn update(
        &mut self,
        shard: ShardId,
        members: &mut [Member<'_>],
        merge: Merge,
        version: u64,
        progress: &Progress,
    ) -> Result<(), BadUpdate> {
        for member in members.iter_mut() {
            self.finish(member.cargo);
            self.repeat(shard, member, version);
        }
        let gradients = members.iter().filter_map(|member| member.cargo.gradient.as_ref());
        let examples: u64 = gradients.map(|gradient| u64::from(gradient.examples)).sum();
        let rates = self.rates(progress, examples);
        self.last_rates = rates;
        let (dense_rate, sparse_rate) = (rates.dense as f32, rates.sparse as f32);
        let staleness = members.iter().map(|member| member.staleness as f64).sum::<f64>()
            / members.len().max(1) as f64;
        let mut context = UpdateContext {
            dense_rate,
            sparse_rate,
            version: self.clock.update(shard, version),
            staleness,
            progress: self.clock.now(progress).with_update(examples),
            ..UpdateContext::default()
        };
        let merged = members.len() > 1 || merge.over.is_some_and(|over| over != 1);
        let mut row_rates = Vec::new();
        if !self.remedies.is_empty() {
            for member in members.iter_mut() {
                let rates = (dense_rate, sparse_rate);
                let steps = self.amend((shard, version - 1), member, rates, merged);
                context.dense_rate = dense_rate * steps.0;
                context.sparse_rate = sparse_rate * steps.0;
                row_rates = steps.1;
            }
        }
        if !row_rates.is_empty() {
            row_rates.iter_mut().for_each(|rate| *rate *= sparse_rate);
            context.row_rates = Some(&row_rates);
        }
        if let ([member], false) = (&members, merged) {
            let gradient = member.cargo.gradient.as_ref().expect("just finished");
            let lookups = member.cargo.lookups();
            context.carried = carried(&self.server, member.cargo);
            return apply(
                &mut self.server,
                &mut self.remedies,
                shard,
                (lookups, gradient),
                context,
            );
        }
        self.merge(members, merge);
        let mut oldest = Carried::default();
        if self.server.carries_slots() {
            let mut by_age: Vec<_> = members.iter().collect();
            by_age.sort_by_key(|member| std::cmp::Reverse(member.staleness));
            let parts = by_age.iter().filter_map(|Member { cargo, .. }| {
                carried(&self.server, cargo).map(|carried| (cargo.lookups(), carried))
            });
            self.merger.oldest(self.model.layout(), &parts.collect::<Vec<_>>(), &mut oldest);
            context.carried = Some(&oldest);
        }
        let whole = (&self.merger.lookups, &self.merger.gradient);
        apply(&mut self.server, &mut self.remedies, shard, whole, context)
    }

    /// Replaces an omitted push by the worker's last one, or keeps this push for that purpose.
    /// `version` is the shard's version after the update.
    fn repeat(&mut self, shard: ShardId, member: &mut Member<'_>, version: u64) {
        if !self.remedies.needs().spares {
            return;
        }
        let (worker, place) = (member.cargo.worker, (self.model.layout(), self.server.sharding()));
        let gradient = member.cargo.gradient.as_mut().expect("just finished");
        if member.cargo.spared.contains(&shard) {
            if let Some(read) = self.last.recall(place, (worker, shard), gradient) {
                member.staleness = (version - 1).saturating_sub(read);
            }
        } else {
            let read = (version - 1).saturating_sub(member.staleness);
            self.last.keep(place, (worker, shard, read), gradient);
        }
    }

    /// The chances that a worker transmits the dense parameters of a shard.
    pub(super) fn chances(&self, shard: ShardId) -> Chances {
        self.remedies.chances(shard)
    }

    /// Whether the worker has dense parameters to continue with.
    pub(super) fn may_spare_pull(&self, worker: WorkerId) -> bool {
        self.remedies.needs().spares && self.kept.get(worker.index()).is_some_and(Option::is_some)
    }

    /// Whether the shard has a push of the worker to apply again.
    pub(super) fn may_spare_push(&self, worker: WorkerId, shard: ShardId) -> bool {
        self.last.has(worker, shard)
    }

    /// Passes a push through the remedies; returns the factors of its step.
    fn amend(
        &mut self,
        (shard, version): (ShardId, u64),
        member: &mut Member<'_>,
        rates: (f32, f32),
        merged: bool,
    ) -> (f32, Vec<f32>) {
        let Cargo { worker, stage, gradient, .. } = &mut *member.cargo;
        let gradient = gradient.as_mut().expect("just finished");
        let (lookups, seen) = match stage {
            CargoStage::Filling { step, .. } => (&step.lookups, None),
            CargoStage::Watched(step) => (&step.lookups, Some(step.as_seen())),
            CargoStage::Spent(lookups) => (&*lookups, None),
            CargoStage::Away => panic!("a push was amended before its gradient"),
        };
        let (worker, staleness) = (*worker, member.staleness);
        let push = ArrivedPush { worker, version, staleness, lookups, seen, gradient };
        let steps = self.remedies.amend(&self.server, shard, rates, push, merged);
        (steps.all, steps.rows.map(<[f32]>::to_vec).unwrap_or_default())
    }

    /// Merges pushes. In a round, several shards make their updates from the same pushes. These are
    /// merged once, unless remedies amend each shard's part separately.
    fn merge(&mut self, members: &[Member<'_>], merge: Merge) {
        let (merged, how) = &mut self.merged;
        let same = *how == merge && merged.iter().eq(members.iter().map(|member| &member.push));
        if same && self.remedies.is_empty() {
            return;
        }
        merged.clear();
        merged.extend(members.iter().map(|member| member.push));
        *how = merge;
        let parts: Vec<_> = members
            .iter()
            .map(|Member { cargo, .. }| {
                (cargo.lookups(), cargo.gradient.as_ref().expect("just finished"))
            })
            .collect();
        self.merger.merge(self.model.layout(), &parts, merge);
        self.server.sharding().divide(&mut self.merger.lookups);
    }

    /// The worker has computed its gradient, whether or not it is applied: adds the statistics of
    /// its batch.
    pub fn add_batch_statistics(&mut self, cargo: &mut Cargo, now: SimTime) {
        if !self.moments.is_empty() {
            self.serve_until(now);
            self.finish(cargo);
            let gradient = cargo.gradient.as_ref().expect("just finished");
            self.moments.learn(cargo.worker, &gradient.moving);
        }
    }

    /// Takes back the buffers of a step that is over or was aborted. A gradient whose computation
    /// has not started is never computed, unless the data that the worker keeps depend on it.
    pub fn recycle(&mut self, mut cargo: Cargo, keeps: bool) {
        if keeps {
            self.finish(&mut cargo);
        }
        // A view that was moved to an unstarted job is lost with it.
        drop(cargo.pending.take());
        self.buffers.recycle(cargo);
    }
}

/// The slots that a worker pulled with its parameters, if an update rule needs them.
fn carried<'a>(server: &ParameterServer, cargo: &'a Cargo) -> Option<&'a Carried> {
    cargo.view().filter(|_| server.carries_slots()).map(|step| &step.carried)
}

/// Makes an update and tells the remedies of the steps, if they need that.
fn apply(
    server: &mut ParameterServer,
    remedies: &mut Remedies,
    shard: ShardId,
    (lookups, gradient): (&Lookups, &Gradient),
    context: UpdateContext<'_>,
) -> Result<(), BadUpdate> {
    remedies.before_step(server, shard, lookups);
    let outcome = server.apply(shard, lookups, gradient, context);
    remedies.after_step(server, shard, lookups);
    outcome
}

crate::persist!(Rates { dense: state, sparse: state });

// The merged content is made again from the gradients in flight.
crate::persist!(Training {
    model: fixed,
    server: state,
    feed: state,
    pool: fixed,
    rates: fixed,
    last_rates: state,
    clock: state,
    filter: fixed,
    remedies: state,
    merger: scratch,
    merged: emptied,
    worker_states: state,
    kept: state,
    last: state,
    moments: state,
    keeps_views: fixed,
    serving: each,
    buffers: scratch
});
