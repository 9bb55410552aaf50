//! From a scenario to its parts: the log is opened, the model laid out, the cluster assembled.

use std::path::Path;
use std::sync::Arc;

use super::spec::{Holdout, Scenario, Traffic};
use crate::base::{Pool, Streams, WorkerId};
use crate::cluster::machine::machines;
use crate::cluster::{LawError, StepTimeChoice, StepTimeLaw};
use crate::data::order::{Order, OrderError};
use crate::data::window::{Window, WindowError};
use crate::data::{Batch, DataError, DataSource, Day, LeakError, OpenContext, check_holdout};
use crate::model::{Model, ModelContext, ModelError};
use crate::optimizer::schedule;
use crate::params::Gradient;
use crate::server::ParameterServer;
use crate::server::sharding::Load;
use crate::sim::evaluate::Evaluator;
use crate::sim::feed::Feed;
use crate::sim::training::{GradientFilter, RateAt};
use crate::sim::{
    Evaluation, Imposed, Limits, Links, NullWork, Observer, Parts, Progress, Rates, Session,
    SimError, Simulation, Training, Watch, Work,
};

/// Why a scenario that reads well cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The log.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Days that the log does not have.
    #[error("`{key}`: {problem}")]
    Window {
        /// The key of the scenario.
        key: &'static str,
        /// What is wrong.
        problem: WindowError,
    },
    /// A holdout that would not measure what it should.
    #[error("`holdout.days`: {0}")]
    Leak(#[from] LeakError),
    /// A holdout without examples.
    #[error(
        "the holdout is empty: the log sets no examples aside; name later days with `holdout.days`, \
         or choose a `data.split` that sets some aside"
    )]
    EmptyHoldout,
    /// The order of the examples.
    #[error("`train`: {0}")]
    Order(#[from] OrderError),
    /// The network.
    #[error("`model`: {0}")]
    Model(#[from] ModelError),
    /// A step-time law.
    #[error("`cluster`: {0}")]
    Law(#[from] LawError),
    /// A scenario with neither data nor `timing_only`.
    #[error("there is nothing to train on: give `[data]`, or `[timing_only]` for timing alone")]
    NoData,
}

/// The log and the model of a scenario: all that is needed to estimate it.
#[derive(Debug)]
pub struct Prepared {
    /// The log.
    pub source: Arc<dyn DataSource>,
    /// The days trained on.
    pub train: Vec<Day>,
    /// The examples evaluated on.
    pub holdout: Vec<u64>,
    /// The network.
    pub model: Arc<dyn Model>,
}

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
    pub fn session(&self) -> &Session {
        match self {
            Job::Cluster(simulation) => simulation.session(),
            Job::Imposed(imposed) => imposed.session(),
        }
    }

    /// The cluster, if one is simulated.
    pub fn simulation(&self) -> Option<&Simulation> {
        match self {
            Job::Cluster(simulation) => Some(simulation),
            Job::Imposed(_) => None,
        }
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// If the run cannot go on; see [`SimError`].
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        match self {
            Job::Cluster(simulation) => simulation.run(observer),
            Job::Imposed(imposed) => imposed.run(observer),
        }
    }
}

impl Scenario {
    /// Opens the log and lays out the model; `None` for a run of timing alone. Files are looked
    /// for relative to `folder`.
    ///
    /// # Errors
    /// Everything that the files, the windows and the model can have against it.
    pub fn prepare(&self, folder: &Path) -> Result<Option<Prepared>, BuildError> {
        if self.timing_only.is_some() {
            return Ok(None);
        }
        let streams = Streams::new(self.scenario.seed);
        let choice = self.data.as_ref().ok_or(BuildError::NoData)?;
        let source = choice.open(&OpenContext { base_dir: folder, streams })?;
        let (train, holdout) = self.split(source.as_ref())?;
        let counts = self.model.wants_counts().then(|| Arc::new(counts(source.as_ref(), &train)));
        let model = self.model.build(source.schema(), ModelContext { counts })?;
        Ok(Some(Prepared { source, train, holdout, model }))
    }

    /// The days trained on and the examples evaluated on.
    fn split(&self, source: &dyn DataSource) -> Result<(Vec<Day>, Vec<u64>), BuildError> {
        let days = source.days();
        let select = |key, window: &Window| {
            window.select(days).map_err(|problem| BuildError::Window { key, problem })
        };
        let held = match self.holdout.as_ref().and_then(|holdout| holdout.days.as_ref()) {
            Some(window) => select("holdout.days", window)?,
            None => Vec::new(),
        };
        let train = match &self.train.days {
            Some(window) => select("train.days", window)?,
            // Everything before the holdout.
            None => {
                let end = held.first().map_or(u32::MAX, |day| day.number);
                days.iter().copied().filter(|day| day.number < end).collect()
            }
        };
        let Some(holdout) = &self.holdout else { return Ok((train, Vec::new())) };
        check_holdout(&train, &held, holdout.allow_past)?;
        let ids: Vec<u64> = match holdout.days {
            Some(_) => held.iter().flat_map(Day::ids).collect(),
            None => source.held_out().collect(),
        };
        if ids.is_empty() {
            return Err(BuildError::EmptyHoldout);
        }
        Ok((train, thin(ids, holdout)))
    }

    /// The job, ready to run on `threads` host threads; results do not depend on their number.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare), and what the cluster's step-time traces can have.
    pub fn build(
        &self,
        prepared: Option<Prepared>,
        folder: &Path,
        threads: usize,
    ) -> Result<Job, BuildError> {
        let streams = Streams::new(self.scenario.seed);
        let window = prepared.as_ref().map(|p| p.train.iter().map(|day| day.examples).sum());
        let limits = self.stop_limits(window.unwrap_or(u64::MAX));
        let (work, evaluation) = match prepared {
            Some(prepared) => self.training(prepared, streams, threads)?,
            None => (Work::Null(self.null_work()), None),
        };
        let watch = Watch {
            evaluation,
            divergence: self.record.divergence,
            window,
            gap_every: self.record.gap_every,
            rows_every: self.record.rows_every,
        };
        if let Some(law) = &self.imposed_staleness {
            let session = Session::new(work, limits, watch);
            return Ok(Job::Imposed(Box::new(Imposed::new(session, law.clone(), streams))));
        }
        let cluster = &self.cluster;
        let workers = cluster.workers;
        let law = |choice: &Option<StepTimeChoice>| -> Result<Option<Arc<dyn StepTimeLaw>>, _> {
            choice.as_ref().map(|choice| choice.build(folder)).transpose()
        };
        let parts = Parts {
            streams,
            machines: machines(workers, &cluster.class, &cluster.compute, streams, folder)?,
            starts: (0..workers).map(|w| cluster.start.at(WorkerId(w), workers, streams)).collect(),
            compute: cluster.compute.base(u64::from(self.train.batch)),
            shards: cluster.shards,
            links: Links {
                latency: cluster.network.latency,
                jitter: law(&cluster.network.jitter)?,
                worker: cluster.network.worker_bandwidth,
                shard: cluster.network.shard_bandwidth,
            },
            service: cluster.server.clone(),
            service_law: law(&cluster.server.law)?,
            protocol: self.protocol.build(workers, cluster.shards),
            work,
            limits,
            watch,
        };
        Ok(Job::Cluster(Box::new(Simulation::new(parts))))
    }

    /// The limits of the run; one pass if the scenario gives none.
    pub fn stop_limits(&self, window: u64) -> Limits {
        let mut stop = self.train.stop.clone();
        if stop.is_open() {
            stop.passes = Some(1.0);
        }
        Limits::new(&stop, window)
    }

    fn training(
        &self,
        prepared: Prepared,
        streams: Streams,
        threads: usize,
    ) -> Result<(Work, Option<Evaluation>), BuildError> {
        let Prepared { source, train, holdout, model } = prepared;
        let order = Order::new(self.train.order.clone(), train, streams)?.cursor();
        let workers = if self.imposed_staleness.is_some() { 1 } else { self.cluster.workers };
        let feed = Feed::new(
            Arc::clone(&source),
            Arc::clone(&model),
            Box::new(order),
            self.train.batch as usize,
            self.train.sharing,
            workers,
        );
        let evaluation = self.holdout.as_ref().map(|choice| Evaluation {
            evaluator: Evaluator::new(
                Arc::clone(&model),
                source.as_ref(),
                &holdout,
                choice.selection_share,
                streams,
            ),
            every: choice.every,
            views: choice.views,
        });
        let sparse = self.sparse_optimizer.as_ref().unwrap_or(&self.optimizer);
        let server = ParameterServer::new(
            Arc::new(model.layout().clone()),
            if self.imposed_staleness.is_some() { 1 } else { self.cluster.shards },
            self.optimizer.build(),
            sparse.build(),
            streams,
        );
        let pool = Pool::new(threads);
        let training = Training::new(model, server, feed, pool, self.rates(), self.filter());
        Ok((Work::Training(Box::new(training)), evaluation))
    }

    fn rates(&self) -> RateAt {
        let schedule = self.schedule.clone();
        let dense = self.optimizer.learning_rate();
        let sparse = self.sparse_optimizer.as_ref().unwrap_or(&self.optimizer).learning_rate();
        Box::new(move |progress: &Progress| {
            let clocks = schedule::Progress {
                updates: progress.updates + 1,
                examples: progress.examples,
                seconds: progress.now.seconds(),
            };
            Rates { dense: schedule.rate(dense, clocks), sparse: schedule.rate(sparse, clocks) }
        })
    }

    fn filter(&self) -> Option<GradientFilter> {
        let clip = self.train.clip?;
        Some(Arc::new(move |gradient: &mut Gradient| _ = clip.apply(gradient)))
    }

    fn null_work(&self) -> NullWork {
        let Traffic { rows, row_dim, dense } = self.timing_only.unwrap_or_default();
        let shards = u64::from(self.cluster.shards);
        let share = |total: u64, s: u64| total / shards + u64::from(s < total % shards);
        let load = |s| Load {
            rows: share(rows, s),
            row_bytes: 4 * row_dim * share(rows, s),
            dense_bytes: 4 * share(dense, s),
        };
        NullWork { batch: u64::from(self.train.batch), loads: (0..shards).map(load).collect() }
    }
}

/// At most `holdout.max_examples` of the ids, evenly spread.
fn thin(ids: Vec<u64>, holdout: &Holdout) -> Vec<u64> {
    match holdout.max_examples {
        Some(most) if (ids.len() as u64) > most => {
            let at = |k: u64| (u128::from(k) * ids.len() as u128 / u128::from(most)) as usize;
            (0..most).map(|k| ids[at(k)]).collect()
        }
        _ => ids,
    }
}

/// How often each id occurs in the training window, by id space.
fn counts(source: &dyn DataSource, train: &[Day]) -> Vec<Vec<u32>> {
    let schema = source.schema();
    let mut counts: Vec<Vec<u32>> =
        schema.spaces.iter().map(|space| vec![0; space.rows as usize]).collect();
    let columns = schema.history.as_ref().map_or(&[][..], |history| &history.columns);
    let mut batch = Batch::default();
    for day in train {
        let ids: Vec<u64> = day.ids().collect();
        for ids in ids.chunks(4096) {
            source.read(ids, &mut batch);
            let fields = schema.fields.iter().map(|field| field.space).cycle();
            for (&id, space) in batch.fields.iter().zip(fields) {
                counts[space][id as usize] += 1;
            }
            let events = columns.iter().map(|column| column.space).cycle();
            for (&id, space) in batch.history.iter().zip(events) {
                counts[space][id as usize] += 1;
            }
        }
    }
    counts
}
