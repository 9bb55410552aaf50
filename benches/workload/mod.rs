//! The two workloads of the benchmarks: networks, logs of random ids in memory, and a run of
//! asynchronous workers on them.

pub(crate) mod sequential;

use std::path::Path;
use std::sync::Arc;

use straggler::base::{Pool, Purpose, SimSpan, SimTime, Streams, stream::unit};
use straggler::cluster::step_time::lognormal;
use straggler::cluster::{
    Churn, Compute, MachineClass, Routine, ShardFailurePlan, ShardService, StepTimeChoice,
    machine::machines,
};
use straggler::data::order::Position;
use straggler::data::{
    Batch, DataSource, Day, ExampleInfo, Field, History, HistoryColumn, IdSpace, Schema,
};
use straggler::model::{Model, ModelChoice, ModelContext, din, mlp};
use straggler::optimizer::{OptimizerChoice, adam};
use straggler::protocol::ProtocolChoice;
use straggler::remedy::Remedies;
use straggler::server::{ParameterServer, Sharding};
use straggler::sim::feed::{ExampleOrder, ExampleSharing, Feed};
use straggler::sim::{
    Limits, Links, NoObserver, Parts, Rates, Save, Simulation, Training, Watch, Work,
};

/// The weights stay where they are: the same few batches over and over would be learned by heart,
/// and vanishing gradients cost many times their price where their squares are denormal numbers.
pub(crate) const RATE: f64 = 0.0;

/// Batches generated beforehand; they are fed again and again.
const BATCHES: u64 = 64;

/// A network with a log to train it on.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) batch: usize,
    pub(crate) log: Arc<RandomLog>,
    pub(crate) model: Arc<dyn Model>,
}

/// Six fields and a history of 20 items, 41,454 dense parameters, 152,110 rows of 16; batch 256.
pub(crate) fn din() -> Workload {
    din_of(256, 1)
}

/// The same network with other batches, and so many times the rows.
pub(crate) fn din_of(batch: usize, times: u32) -> Workload {
    let rows = [100_000, 1_000, 50_000, 1_000, 100, 10].map(|rows| rows * times);
    let log = RandomLog::new(&rows, 20, batch);
    let config = din::Config { attention_softmax: false, product: false, ..din::Config::default() };
    workload("din", log, batch, &ModelChoice::Din(config))
}

/// Eight fields, 6,369 dense parameters, 162,210 rows of 8; batch 128.
pub(crate) fn small() -> Workload {
    small_of(128, 1)
}

/// The same network with other batches, and so many times the rows.
pub(crate) fn small_of(batch: usize, times: u32) -> Workload {
    let rows = [100_000, 50_000, 10_000, 1_000, 1_000, 100, 100, 10].map(|rows| rows * times);
    let log = RandomLog::new(&rows, 0, batch);
    let config = mlp::Config { embedding_dim: 8, hidden: vec![64, 32], ..mlp::Config::default() };
    workload("small", log, batch, &ModelChoice::Mlp(config))
}

fn workload(name: &'static str, log: RandomLog, batch: usize, model: &ModelChoice) -> Workload {
    let model = model.build(log.schema(), ModelContext::default()).expect("the columns fit");
    Workload { name, batch, log: Arc::new(log), model }
}

/// Examples with ids from a power law and labels by chance.
#[derive(Debug)]
pub(crate) struct RandomLog {
    schema: Schema,
    examples: Batch,
}

impl RandomLog {
    fn new(rows: &[u32], history: usize, batch: usize) -> RandomLog {
        let streams = Streams::new(1);
        let laws: Vec<Vec<f64>> = rows.iter().map(|&rows| cumulative(rows)).collect();
        let mut examples = Batch::default();
        examples.clear();
        for id in 0..BATCHES * batch as u64 {
            let draw = |at: usize| unit(streams.key(Purpose::Custom, id, at as u64));
            let pick = |law: &[f64], at: usize| law.partition_point(|&c| c < draw(at)) as u32;
            examples.fields.extend(laws.iter().enumerate().map(|(field, law)| pick(law, field)));
            let events = (0..history).map(|event| pick(&laws[0], 100 + event));
            examples.history.extend(events);
            examples.history_offsets.push(examples.history.len() as u32);
            examples.labels.push(f32::from(u8::from(draw(99) < 0.3)));
            examples.info.push(ExampleInfo { id, ..ExampleInfo::default() });
        }
        let name = |space: usize| format!("field{space}");
        let all = || 0..rows.len();
        let columns = vec![HistoryColumn { space: 0, target: 0 }];
        let schema = Schema {
            spaces: all().map(|s| IdSpace { name: name(s), rows: rows[s] }).collect(),
            fields: all().map(|space| Field { name: name(space), space }).collect(),
            history: (history > 0).then_some(History { max_len: history, columns }),
            ..Schema::default()
        };
        RandomLog { schema, examples }
    }
}

/// Cumulative shares of `P(k) ~ (k + 1)^-1.05`.
fn cumulative(rows: u32) -> Vec<f64> {
    let mut sum = 0.0;
    let add = |k: u32| {
        sum += f64::from(k + 1).powf(-1.05);
        sum
    };
    let sums: Vec<f64> = (0..rows).map(add).collect();
    sums.iter().map(|s| s / sums[sums.len() - 1]).collect()
}

impl DataSource for RandomLog {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn days(&self) -> &[Day] {
        &[]
    }

    fn read(&self, ids: &[u64], batch: &mut Batch) {
        batch.clear();
        let (all, fields) = (&self.examples, self.schema.fields.len());
        for &id in ids {
            let at = (id % all.len() as u64) as usize;
            batch.labels.push(all.labels[at]);
            batch.fields.extend_from_slice(&all.fields[at * fields..(at + 1) * fields]);
            let (from, to) = (all.history_offsets[at], all.history_offsets[at + 1]);
            batch.history.extend_from_slice(&all.history[from as usize..to as usize]);
            batch.history_offsets.push(batch.history.len() as u32);
            batch.info.push(all.info[at]);
        }
    }

    fn facts(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

#[derive(Debug, Default)]
struct Counting(u64);

straggler::persist!(Counting(drawn: state));

impl ExampleOrder for Counting {
    fn take(&mut self, count: usize, ids: &mut Vec<u64>) {
        ids.extend(self.0..self.0 + count as u64);
        self.0 += count as u64;
    }

    fn position(&self) -> Position {
        Position { pass: 0, offset: self.0 }
    }

    fn seek(&mut self, to: Position) {
        self.0 = to.offset;
    }

    fn window(&self) -> u64 {
        u64::MAX
    }
}

/// A server of so many shards with lazy Adam, its epsilon placed as in PyTorch's `Adam`.
pub(crate) fn server(workload: &Workload, shards: u32) -> ParameterServer {
    let layout = Arc::new(workload.model.layout().clone());
    let rule = OptimizerChoice::Adam(adam::Config::default()).build();
    let sharding = Sharding::new(&layout, shards);
    ParameterServer::new(layout, sharding, Arc::clone(&rule), rule, Streams::new(2))
}

/// What a run is, besides its workload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) workers: u32,
    pub(crate) shards: u32,
    /// Host threads.
    pub(crate) threads: usize,
    /// Learning rate.
    pub(crate) rate: f64,
}

impl Setting {
    /// `workers` workers on one shard and one host thread.
    pub(crate) const fn of(workers: u32) -> Setting {
        Setting { workers, shards: 1, threads: 1, rate: RATE }
    }
}

/// Asynchronous training without evaluation, with lazy Adam.
pub(crate) fn training(workload: &Workload, setting: Setting) -> Simulation {
    let server = server(workload, setting.shards);
    training_on(server, workload, setting, Remedies::default())
}

/// The same on this server, with these remedies.
pub(crate) fn training_on(
    server: ParameterServer,
    workload: &Workload,
    setting: Setting,
    remedies: Remedies,
) -> Simulation {
    let Setting { workers, shards, threads, rate } = setting;
    let order = Box::new(Counting::default());
    let log = Arc::clone(&workload.log) as Arc<dyn DataSource>;
    let rates = Box::new(move |_, _| Rates { dense: rate, sparse: rate });
    let model = Arc::clone(&workload.model);
    let feed =
        Feed::new(log, Arc::clone(&model), order, workload.batch, ExampleSharing::Queue, workers);
    let training = Training::new(model, server, feed, Pool::new(threads), rates, None);
    let training = training.with_remedies(remedies);
    cluster(workers, shards, Work::Training(Box::new(training)), ShardService::default())
}

/// `workers` asynchronous workers of unequal speed with lognormal step times.
pub(crate) fn cluster(workers: u32, shards: u32, work: Work, service: ShardService) -> Simulation {
    let streams = Streams::new(3);
    let law = StepTimeChoice::Lognormal(lognormal::Config { sigma: 0.3 });
    let compute =
        Compute { fixed: SimSpan(1 << 30), per_example: SimSpan::ZERO, law, ..Compute::default() };
    let class = MachineClass {
        name: "any".into(),
        share: Some(1.0),
        slowdown: 1.0,
        spread: 0.5,
        law: None,
        workers: Vec::new(),
        own: Vec::new(),
    };
    let here = Path::new(".");
    Simulation::new(Parts {
        streams,
        machines: machines(workers, &[class], &compute, streams, here).expect("no trace is read"),
        churn: Churn::default(),
        shard_failures: ShardFailurePlan::default(),
        starts: vec![SimTime::ZERO; workers as usize],
        compute: compute.base(1),
        routine: Routine::default(),
        shards,
        links: Links::default(),
        service,
        service_law: None,
        protocol: ProtocolChoice::default().build(workers, shards),
        work,
        limits: Limits::default(),
        watch: Watch::default(),
        save: Save::default(),
    })
}

/// Goes on until `count` more pushes have been applied.
pub(crate) fn advance(simulation: &mut Simulation, count: u64) {
    let end = simulation.session().progress.pushes + count;
    while simulation.session().progress.pushes < end {
        simulation.step(&mut NoObserver).expect("the run goes on");
    }
}
