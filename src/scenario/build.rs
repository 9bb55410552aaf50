//! From a scenario to its parts: the log is opened, the model laid out, the cluster assembled.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

pub use super::build_error::BuildError;
use super::build_error::LARGEST_HOLDOUT;
use super::collisions::{self, Collisions};
use super::job::Job;
use super::log_remarks;
use super::passes;
use super::seeds::SeededPart;
use super::spec::{Cluster, Holdout, Scenario, Traffic};
use super::tensor_names;
use crate::base::{Pool, SimTime, WorkerId};
use crate::cluster::machine::machines;
use crate::cluster::{Churn, LawError, Machine, Scripted, StepTimeChoice, StepTimeLaw};
use crate::data::order::Order;
use crate::data::window::Window;
use crate::data::{
    Calendar, Coded, DataError, DataSource, Day, Ids, OpenContext, Remark, SourceChoice, Widened,
    check_holdout,
};
use crate::model::{Composed, Model, ModelContext};
use crate::params::{Gradient, Layout};
use crate::protocol::Protocol;
use crate::protocol::hybrid::Hybrid;
use crate::remedy::{Remedies, RemedyChoice};
use crate::server::sharding::Load;
use crate::server::{ParameterServer, Sharding};
use crate::sim::evaluate::Evaluator;
use crate::sim::training::{GradientFilter, RateAt};
use crate::sim::{
    Evaluation, Fresh, Imposed, Limits, Links, NullWork, Parts, Rates, Simulation, Training,
    TrainingSession, Watch, Work,
};

/// The log and the model of a scenario: all that is needed to estimate it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The log.
    pub source: Arc<dyn DataSource>,
    /// The days trained on.
    pub train: Vec<Day>,
    /// When the last request of their live stream comes, if there is a stream and any request comes.
    pub last_request: Option<SimTime>,
    /// The examples evaluated on.
    pub holdout: Vec<u64>,
    /// The network.
    pub model: Arc<dyn Model>,
    /// What looks as if the log were not meant as it is used.
    pub remarks: Vec<Remark>,
    /// How many ids share their rows, by id space whose ids may.
    pub collisions: Vec<Collisions>,
}

impl Prepared {
    /// Facts about the log as it is used.
    pub fn facts(&self) -> Vec<(String, String)> {
        let mut facts = self.source.facts();
        facts.extend(self.dated_days());
        facts
    }

    /// How many ids share their rows. It depends on the settings of tables, so it is no fact about
    /// the log, by which results are told to be comparable.
    pub fn shared_rows(&self) -> Vec<(String, String)> {
        self.collisions.iter().map(Collisions::fact).collect()
    }

    /// The days trained on and those held out, as facts about the log, if they have dates.
    pub fn dated_days(&self) -> Vec<(String, String)> {
        let calendar = self.source.calendar();
        if calendar.first.is_none() {
            return Vec::new();
        }
        let held = self.source.days().iter().filter(|day| {
            let at = self.holdout.partition_point(|id| *id < day.first);
            self.holdout.get(at).is_some_and(|id| day.ids().contains(id))
        });
        let held: Vec<Day> = held.copied().collect();
        let named = [("days trained on", &self.train), ("days held out", &held)];
        let named = named.into_iter().filter(|(_, days)| !days.is_empty());
        named.map(|(name, days)| (name.to_string(), calendar.name(days))).collect()
    }
}

/// The days of a stage, and what they are called in its log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StageDays {
    /// The days trained on.
    pub train: Vec<Day>,
    /// Those held out.
    pub held_out: Vec<Day>,
    /// Their dates.
    pub calendar: Calendar,
}

/// Opens the log that a scenario has chosen.
pub type Opener<'a> =
    dyn Fn(&SourceChoice, &OpenContext<'_>) -> Result<Arc<dyn DataSource>, DataError> + 'a;

/// Opens the chosen log anew: the [`Opener`] for callers that have no log open yet.
///
/// # Errors If the log cannot be loaded.
pub fn open_anew(
    choice: &SourceChoice,
    context: &OpenContext<'_>,
) -> Result<Arc<dyn DataSource>, DataError> {
    choice.open_log(context)
}

impl Scenario {
    /// Opens the log and lays out the model; `None` for a run of timing alone. Files are looked for
    /// relative to `folder`.
    ///
    /// # Errors If a file, a window or the model makes the run impossible.
    pub fn prepare(&self, folder: &Path) -> Result<Option<Prepared>, BuildError> {
        self.prepare_with(folder, &open_anew)
    }

    /// As [`prepare`](Self::prepare), with the log from `open`, which may already have it open.
    ///
    /// # Errors As [`prepare`](Self::prepare).
    pub fn prepare_with(
        &self,
        folder: &Path,
        open: &Opener<'_>,
    ) -> Result<Option<Prepared>, BuildError> {
        self.check_laws(folder)?;
        if self.timing_only.is_some() {
            return Ok(None);
        }
        let streams = self.scenario.streams(SeededPart::Data);
        let choice = self.data.as_ref().ok_or(BuildError::NoData)?;
        let context = OpenContext::new(folder, streams).with_instants(self.follows_log());
        let log = open(choice, &context)?;
        let source = self.with_hashing(Arc::clone(&log))?;
        let (train, holdout) = self.split(source.as_ref())?;
        // Mistakes in the order are found here, before a results folder is touched.
        Order::new(self.train.order.clone(), train.clone(), streams)?;
        let last_request = self.check_stream(source.as_ref(), &train)?;
        let model = self.lay_out(source.as_ref(), &train)?;
        self.row_spaces(source.schema(), model.layout())?;
        tensor_names::check(source.schema(), model.layout())?;
        let remarks = log_remarks::of(self, source.as_ref(), (&train, last_request), &holdout);
        let collisions = source.coding().map(|coding| collisions::of(log.as_ref(), coding, &train));
        let collisions = collisions.unwrap_or_default();
        Ok(Some(Prepared { source, train, last_request, holdout, model, remarks, collisions }))
    }

    /// The model for a log.
    fn lay_out(
        &self,
        source: &dyn DataSource,
        train: &[Day],
    ) -> Result<Arc<dyn Model>, BuildError> {
        let joined = source.coding().filter(|coding| coding.has_joined_rows());
        // Occurrences of joined rows are not those of ids.
        let wanted = self.model.wants_counts() && joined.is_none();
        let counts = wanted.then(|| Arc::new(passes::counts(source, train)));
        let scale = self.model.input_scale();
        let columns = || Arc::new(passes::column_moments(source, train, scale));
        let columns = scale.standardises().then(columns);
        let context = ModelContext { counts, columns };
        let Some(coding) = joined else {
            return Ok(self.model.build(source.schema(), context)?);
        };
        let network = self.model.build(&coding.plain, context)?;
        Ok(Arc::new(Composed::new(network, coding, source.schema())?))
    }

    /// The log with rows in place of ids that share rows.
    fn with_hashing(&self, source: Arc<dyn DataSource>) -> Result<Arc<dyn DataSource>, BuildError> {
        let spaces = || source.schema().spaces.iter().map(|space| space.name.as_str());
        for (number, of) in self.tables.of.iter().enumerate() {
            if let Some(name) = of.spaces.iter().find(|name| !spaces().any(|space| space == **name))
            {
                let known = spaces().map(str::to_string).collect();
                return Err(BuildError::NoSpace { number, name: name.clone(), known });
            }
        }
        Ok(Coded::over(source, |space| self.tables.hashing_of(space).clone()))
    }

    /// The same log and model, with rows for the ids of `known`, by id space, that the log does not
    /// have.
    ///
    /// # Errors
    /// If the model cannot be built.
    pub fn widen(&self, prepared: Prepared, known: &[Option<Ids>]) -> Result<Prepared, BuildError> {
        let source = Widened::over(Arc::clone(&prepared.source), known);
        if Arc::ptr_eq(&source, &prepared.source) {
            return Ok(prepared);
        }
        let model = self.lay_out(source.as_ref(), &prepared.train)?;
        Ok(Prepared { source, model, ..prepared })
    }

    /// Opens every step-time law once: traces are files that can be missing or malformed.
    fn check_laws(&self, folder: &Path) -> Result<(), BuildError> {
        if self.imposed_staleness.is_some() {
            return Ok(());
        }
        let Cluster { network, server, class, compute, failures, shard_failures, .. } =
            &self.cluster;
        let mut laws = vec![("compute.law".to_string(), &compute.law)];
        let named = [("network.jitter", &network.jitter), ("server.law", &server.law)];
        laws.extend(named.into_iter().filter_map(|(key, law)| Some((key.into(), law.as_ref()?))));
        let of_classes = class.iter().enumerate();
        laws.extend(
            of_classes
                .filter_map(|(n, class)| Some((format!("class.{n}.law"), class.law.as_ref()?))),
        );
        if failures.is_random() {
            laws.push(("failures.law".into(), &failures.law));
            laws.push(("failures.repair_law".into(), &failures.repair_law));
        }
        if shard_failures.is_random() {
            laws.push(("shard_failures.law".into(), &shard_failures.law));
            laws.push(("shard_failures.repair_law".into(), &shard_failures.repair_law));
        }
        let mut laws: Vec<_> =
            laws.into_iter().map(|(key, law)| (format!("cluster.{key}"), law)).collect();
        laws.extend(self.stream_laws());
        for (key, law) in laws {
            law.build(folder).map_err(|error| BuildError::Law { key, error })?;
        }
        Ok(())
    }

    /// Whether the holdout can tell which step is the best: whether the half that chooses it has
    /// what the figure needs, such as both labels for AUC.
    pub fn can_tell_best(&self, prepared: &Prepared) -> bool {
        self.evaluator(prepared).is_some_and(|evaluator| {
            evaluator.judge(&vec![0.0; evaluator.len()]).selection_auc.is_some()
        })
    }

    /// What evaluates the model, if there is a holdout.
    fn evaluator(&self, prepared: &Prepared) -> Option<Evaluator> {
        let choice = self.holdout.as_ref()?;
        let evaluator = Evaluator::new(
            Arc::clone(&prepared.model),
            prepared.source.as_ref(),
            &prepared.holdout,
            choice.selection_share,
            self.scenario.streams(SeededPart::Data),
        );
        Some(evaluator.choosing_by(choice.best_by))
    }

    /// The days trained on, and those held out, of a log that is opened only for this.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn open_days(&self, folder: &Path, open: &Opener<'_>) -> Result<StageDays, BuildError> {
        let streams = self.scenario.streams(SeededPart::Data);
        let choice = self.data.as_ref().ok_or(BuildError::NoData)?;
        let source = open(choice, &OpenContext::new(folder, streams))?;
        let (train, held_out) = self.days(source.as_ref())?;
        Ok(StageDays { train, held_out, calendar: source.calendar() })
    }

    /// The days trained on, and those held out.
    ///
    /// # Errors
    /// Windows that the log does not have, or a holdout that overlaps the training window.
    pub fn days(&self, source: &dyn DataSource) -> Result<(Vec<Day>, Vec<Day>), BuildError> {
        let days = source.days();
        let select = |key, window: &Window| {
            window
                .select(days, source.calendar())
                .map_err(|problem| BuildError::Window { key, problem })
        };
        let held = match self.holdout.as_ref().and_then(|holdout| holdout.days.as_ref()) {
            Some(window) => select("holdout.days", window)?,
            None => Vec::new(),
        };
        let train = match &self.train.days {
            Some(window) => select("train.days", window)?,
            // All days before the holdout.
            None => {
                let end = held.first().map_or(u32::MAX, |day| day.number);
                days.iter().copied().filter(|day| day.number < end).collect()
            }
        };
        if let Some(holdout) = &self.holdout {
            check_holdout(&train, &held, holdout.allow_past, source.calendar())?;
        }
        Ok((train, held))
    }

    /// The days trained on and the examples evaluated on.
    fn split(&self, source: &dyn DataSource) -> Result<(Vec<Day>, Vec<u64>), BuildError> {
        let (train, held) = self.days(source)?;
        let Some(holdout) = &self.holdout else { return Ok((train, Vec::new())) };
        let ranges: Vec<Range<u64>> = match holdout.days {
            Some(_) => held.iter().map(Day::ids).collect(),
            None => vec![source.held_out()],
        };
        Ok((train, thin(&ranges, holdout)?))
    }

    /// The job, ready to run on `threads` host threads; results do not depend on their number.
    ///
    /// # Errors As [`prepare`](Self::prepare), and mistakes in the cluster's step-time traces.
    pub fn build(
        &self,
        prepared: Option<Prepared>,
        folder: &Path,
        threads: usize,
    ) -> Result<Job, BuildError> {
        let Some(law) = &self.imposed_staleness else {
            let parts = self.parts(prepared, folder, threads)?;
            return Ok(Job::Cluster(Box::new(Simulation::new(parts))));
        };
        let (work, limits, watch) = self.work(prepared, (1, 1), folder, threads)?;
        let session = TrainingSession::new(work, limits, watch);
        let streams = self.scenario.streams(SeededPart::Cluster);
        Ok(Job::Imposed(Box::new(Imposed::new(session, law.clone(), streams))))
    }

    /// [`prepare`](Self::prepare) and [`build`](Self::build) in one.
    ///
    /// # Errors As for both.
    pub fn job(&self, folder: &Path, threads: usize) -> Result<Job, BuildError> {
        self.build(self.prepare(folder)?, folder, threads)
    }

    /// The parts of the simulated cluster, for callers that want to replace some before they make a
    /// [`Simulation`] of them. An imposed staleness is ignored.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn parts(
        &self,
        prepared: Option<Prepared>,
        folder: &Path,
        threads: usize,
    ) -> Result<Parts, BuildError> {
        let streams = self.scenario.streams(SeededPart::Cluster);
        let cluster = &self.cluster;
        let workers = cluster.workers;
        let size = (workers, cluster.shards);
        let (work, limits, watch) = self.work(prepared, size, folder, threads)?;
        let law = |choice: &Option<StepTimeChoice>| -> Result<Option<Arc<dyn StepTimeLaw>>, _> {
            choice.as_ref().map(|choice| choice.build(folder)).transpose()
        };
        let machines = self.machines(folder)?;
        Ok(Parts {
            streams,
            churn: self.churn(folder, &machines)?,
            shard_failures: cluster.shard_failures.plan(cluster.shards, folder)?,
            machines,
            starts: (0..workers).map(|w| cluster.start.at(WorkerId(w), workers, streams)).collect(),
            compute: cluster.compute.base(u64::from(self.train.batch)),
            routine: self.worker.clone(),
            shards: cluster.shards,
            links: Links {
                latency: cluster.network.latency,
                jitter: law(&cluster.network.jitter)?,
                worker: cluster.network.worker_bandwidth,
                shard: cluster.network.shard_bandwidth,
                discipline: cluster.network.discipline,
            },
            service: cluster.server.clone(),
            service_law: law(&cluster.server.law)?,
            protocol: self.coordination(),
            work,
            limits,
            watch,
            save: self.checkpoint.as_ref().map(|saving| saving.save.clone()).unwrap_or_default(),
        })
    }

    /// The parts of the job that the engine needs for a restart and cannot make itself.
    pub fn fresh(&self, layout: &Layout) -> Fresh {
        let remedies = self.remedies(self.cluster.workers, layout);
        Fresh { protocol: self.coordination(), remedies }
    }

    fn remedies(&self, workers: u32, layout: &Layout) -> Remedies {
        let build = |choice: &RemedyChoice| choice.build(workers, layout);
        Remedies::new(self.remedy.iter().map(build).collect(), workers)
    }

    fn machines(&self, folder: &Path) -> Result<Vec<Machine>, LawError> {
        let (cluster, streams) = (&self.cluster, self.scenario.streams(SeededPart::Cluster));
        let Cluster { workers, class, compute, pace, .. } = cluster;
        let mut machines = machines(*workers, class, compute, streams, folder)?;
        for (worker, machine) in (0..).zip(&mut machines) {
            let base = compute.base(u64::from(self.train.batch));
            let own = cluster.event.iter().filter(|event| event.worker == worker);
            let spells = own.filter_map(|event| event.spell(machine, base)).collect();
            machine.pace = pace.of_with(worker, spells, streams).map(Box::new);
        }
        Ok(machines)
    }

    /// Workers that join, leave and crash.
    fn churn(&self, folder: &Path, machines: &[Machine]) -> Result<Churn, LawError> {
        let Cluster { workers, class, compute, failures, membership, event, start, .. } =
            &self.cluster;
        let base = compute.base(u64::from(self.train.batch));
        let sleeps = |event: &Scripted| event.sleeps(machines.get(event.worker as usize)?, base);
        let churn = Churn::default().with_failures(failures, *workers, class, folder)?;
        Ok(churn
            .with_memberships(membership)
            .with_script(event, sleeps)
            .with_starts(start, *workers))
    }

    /// The protocol, or one each for dense parameters and rows.
    fn coordination(&self) -> Box<dyn Protocol> {
        let (workers, shards) = (self.cluster.workers, self.cluster.shards);
        match (&self.sparse_protocol, self.cluster.dense_shards) {
            (Some(sparse), Some(dense)) => {
                let rows = shards.saturating_sub(dense);
                let (first, second) =
                    (self.protocol.build(workers, dense), sparse.build(workers, rows));
                Box::new(Hybrid::new(first, second, dense, shards))
            }
            _ => self.protocol.build(workers, shards),
        }
    }

    /// The work of a run with so many workers and shards, its limits, and what is recorded.
    fn work(
        &self,
        prepared: Option<Prepared>,
        size: (u32, u32),
        folder: &Path,
        threads: usize,
    ) -> Result<(Work, Limits, Watch), BuildError> {
        let window = prepared.as_ref().map(|p| p.train.iter().map(|day| day.examples).sum());
        let limits = Limits {
            stream: prepared.as_ref().and_then(|p| self.stream_end(p)),
            ..self.stop_limits(window.unwrap_or(u64::MAX))
        };
        let days = prepared.as_ref().filter(|_| self.record.audit).map(|p| &p.train);
        let audit = days.map(|days| days.iter().map(Day::ids).collect());
        let rows = |p: &Prepared| self.row_spaces(p.source.schema(), p.model.layout());
        let by_row = prepared.as_ref().map(rows).transpose()?.unwrap_or_default();
        let (work, evaluation) = match prepared {
            Some(prepared) => self.training(prepared, size, folder, threads)?,
            None => (Work::Null(self.null_work()), None),
        };
        let watch = Watch {
            evaluation,
            divergence: self.record.divergence,
            layers: self.record.layers,
            stream: self.live().map(|_| self.record.training),
            window: window.filter(|_| self.live().is_none()),
            gap_every: self.record.gap_every,
            rows_every: self.record.rows_every,
            by_row,
            audit,
        };
        Ok((work, limits, watch))
    }

    /// Examples of a worker's step.
    pub fn examples_per_step(&self) -> u64 {
        u64::from(self.train.batch) * u64::from(self.worker.batches)
    }

    /// The limits of the run; one pass if the scenario gives none. A live stream has no passes, and
    /// ends by itself.
    pub fn stop_limits(&self, window: u64) -> Limits {
        let mut stop = self.train.stop.clone();
        if self.live().is_some() {
            stop.passes = None;
        } else if stop.is_open() {
            stop.passes = Some(1.0);
        }
        Limits::new(&stop, window)
    }

    fn training(
        &self,
        prepared: Prepared,
        (workers, shards): (u32, u32),
        folder: &Path,
        threads: usize,
    ) -> Result<(Work, Option<Evaluation>), BuildError> {
        let evaluator = self.evaluator(&prepared);
        let Prepared { source, train, model, .. } = prepared;
        let streams = |part| self.scenario.streams(part);
        let layout = Arc::new(model.layout().clone());
        let spaces = 0..source.schema().spaces.len();
        let hashed: Vec<bool> = spaces.map(|space| source.is_hashed(space)).collect();
        let sharding = self.sharding(&layout, shards, || {
            let batch = self.examples_per_step();
            passes::touches(source.as_ref(), &train, layout.reads.as_ref(), batch)
        });
        let feed = self.feed(&source, &model, train, workers, folder)?;
        let evaluation = self.holdout.as_ref().zip(evaluator).map(|(choice, evaluator)| {
            Evaluation { evaluator, every: choice.every, views: choice.views }
        });
        let sparse = self.sparse_optimizer.as_ref().unwrap_or(&self.optimizer);
        let rules = (self.optimizer.build(), sparse.build());
        let drawn = streams(SeededPart::Weights);
        let server = ParameterServer::new(layout, sharding, rules.0, rules.1, drawn)
            .with_admission(self.admission)
            .with_unknown(self.tables.unknown, &hashed)
            .with_eviction(self.eviction.clone())
            .with_row_indexes(&self.indexed_spaces(source.as_ref()));
        let pool = Pool::new(threads);
        let remedies = self.remedies(workers, model.layout());
        let serving = self.serving_room(&server, folder)?;
        let training = Training::new(model, server, feed, pool, self.rates(), self.filter())
            .with_remedies(remedies)
            .keeping_views(self.cluster.shard_failures.keeps_views())
            .with_serving(serving);
        Ok((Work::Training(Box::new(training)), evaluation))
    }

    /// Where the parameters lie on `shards` shards; `touches` as in [`Sharding::with_rows`].
    fn sharding(
        &self,
        layout: &Layout,
        shards: u32,
        touches: impl FnOnce() -> Vec<Vec<f64>>,
    ) -> Sharding {
        let Cluster { placement, row_placement, dense_shards, .. } = &self.cluster;
        let blocks = match *dense_shards {
            Some(dense) => {
                Sharding::by_group(layout, dense, shards.saturating_sub(dense), *placement)
            }
            None => Sharding::placed(layout, shards, *placement),
        };
        blocks.with_rows(layout, *row_placement, touches)
    }

    fn rates(&self) -> RateAt {
        let schedule = self.schedule.clone();
        let dense = self.optimizer.learning_rate();
        let sparse = self.sparse_optimizer.as_ref().unwrap_or(&self.optimizer).learning_rate();
        Box::new(move |before, examples| Rates {
            dense: schedule.rate(dense, before, examples),
            sparse: schedule.rate(sparse, before, examples),
        })
    }

    fn filter(&self) -> Option<GradientFilter> {
        let clip = self.train.clip?;
        Some(Arc::new(move |gradient: &mut Gradient| _ = clip.apply(gradient)))
    }

    fn null_work(&self) -> NullWork {
        let Traffic { rows, row_dim, dense } = self.timing_only.unwrap_or_default();
        let shards = u64::from(self.cluster.shards);
        let apart = self.cluster.dense_shards.map(u64::from);
        let (dense_over, rows_from) = (apart.unwrap_or(shards), apart.unwrap_or(0));
        // Share of the `k`-th of `parts` shards; 0 for a shard without these parameters.
        let share = |total: u64, k: Option<u64>, parts: u64| {
            k.filter(|&k| k < parts).map_or(0, |k| total / parts + u64::from(k < total % parts))
        };
        let load = |s: u64| {
            let rows = share(rows, s.checked_sub(rows_from), shards - rows_from);
            Load {
                rows,
                row_bytes: row_dim.saturating_mul(4).saturating_mul(rows),
                dense_bytes: share(dense, Some(s), dense_over).saturating_mul(4),
            }
        };
        NullWork { batch: self.examples_per_step(), loads: (0..shards).map(load).collect() }
    }
}

/// At most `holdout.max_examples` of the ids, evenly spread.
fn thin(ranges: &[Range<u64>], holdout: &Holdout) -> Result<Vec<u64>, BuildError> {
    let all: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    let most = holdout.max_examples.unwrap_or(u64::MAX).min(all);
    if most == 0 {
        return Err(BuildError::EmptyHoldout);
    }
    if most > LARGEST_HOLDOUT {
        return Err(BuildError::LargeHoldout { examples: most });
    }
    let mut ids = Vec::with_capacity(most as usize);
    let mut before = 0;
    for range in ranges {
        let after = before + (range.end - range.start);
        // The k-th example kept is number k * all / most. This loop takes those in the current
        // range.
        while (ids.len() as u64) < most {
            let number = (ids.len() as u128 * u128::from(all) / u128::from(most)) as u64;
            if number >= after {
                break;
            }
            ids.push(range.start + (number - before));
        }
        before = after;
    }
    Ok(ids)
}
