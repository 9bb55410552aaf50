//! One measurement as one line of JSON, for `compare.py`: an asynchronous run of a model on the
//! batches of the peer programs, or the event loop alone.
//!
//! `cargo bench --bench side_by_side -- --model din --n 30 --threads 1 --pushes 2000`

mod arguments;
mod batches;

#[allow(dead_code, reason = "shared with the other benchmarks")]
#[path = "../workload/mod.rs"]
mod workload;

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use straggler::base::{Pool, SimSpan, Streams};
use straggler::cluster::ShardService;
use straggler::data::DataSource;
use straggler::data::order::Position;
use straggler::model::{Model, ModelChoice, ModelContext, din, mlp};
use straggler::optimizer::{OptimizerChoice, adam};
use straggler::server::sharding::Load;
use straggler::server::{ParameterServer, Sharding};
use straggler::sim::feed::{ExampleOrder, ExampleSharing, Feed};
use straggler::sim::{NullWork, Observer, Rates, Record, Simulation, Training, Work};

use arguments::Arguments;
use batches::StoredBatches;

/// As in the peers' `common.py`.
const RATE: f64 = 1e-3;
const WARM_UP: u64 = 100;
const BLOCKS: u64 = 3;
/// Losses that are averaged for comparison with the peers.
const LAST: usize = 50;

fn main() {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("{problem}");
            std::process::exit(2);
        }
    };
    let (simulation, facts) = match arguments.model.as_str() {
        "events" => (events(arguments.workers), json!({})),
        name => training(name, &arguments),
    };
    println!("{}", measure(simulation, &arguments, facts));
}

/// Workers without gradients and one shard that serves pushes in turn, busy 70 per cent of the time
/// that the workers would need without queueing.
fn events(workers: u32) -> Simulation {
    let work = Work::Null(NullWork { batch: 1, loads: vec![Load::default()] });
    let push_fixed = SimSpan((1 << 30) * 7 / 10 / u64::from(workers));
    workload::cluster(workers, 1, work, ShardService { push_fixed, ..ShardService::default() })
}

/// The model `name` (`din` or `small`) on the given batches, and what it consists of.
fn training(name: &str, arguments: &Arguments) -> (Simulation, Value) {
    let generated = if name == "din" { workload::din() } else { workload::small() };
    let (batch, schema) = (generated.batch, generated.log.schema().clone());
    let model = network(name).build(&schema, ModelContext::default()).expect("the columns fit");
    let log: Arc<dyn DataSource> = match &arguments.batches {
        Some(path) => Arc::new(StoredBatches::read(path, schema)),
        None => generated.log,
    };
    let layout = Arc::new(model.layout().clone());
    let facts = json!({
        "batch": batch,
        "dense_parameters": layout.dense_len(),
        "rows": log.schema().spaces.iter().map(|space| u64::from(space.rows)).sum::<u64>(),
        "lookups": log.schema().fields.len() + log.schema().history.as_ref().map_or(0, |h| h.max_len),
        "batches_of_the_peers": arguments.batches.is_some(),
    });
    let rule = |epsilon_hat| {
        OptimizerChoice::Adam(adam::Config { epsilon_hat, ..adam::Config::default() }).build()
    };
    // Epsilon of the rows stands where PyTorch's SparseAdam has it.
    let sharding = Sharding::new(&layout, 1);
    let server = ParameterServer::new(layout, sharding, rule(false), rule(true), Streams::new(2));
    let shared: Arc<dyn Model> = model;
    let feed = Feed::new(
        log,
        Arc::clone(&shared),
        Box::new(Counting::default()),
        batch,
        ExampleSharing::Queue,
        arguments.workers,
    );
    let rates = Box::new(|_, _| Rates { dense: RATE, sparse: RATE });
    let pool = Pool::new(arguments.threads);
    let training = Training::new(shared, server, feed, pool, rates, None);
    let work = Work::Training(Box::new(training));
    (workload::cluster(arguments.workers, 1, work, ShardService::default()), facts)
}

/// Shapes as in the peers' `common.py`.
fn network(name: &str) -> ModelChoice {
    let embedding_deviation = 0.05;
    match name {
        "din" => ModelChoice::Din(din::Config {
            embedding_deviation,
            attention_softmax: false,
            product: false,
            ..din::Config::default()
        }),
        _ => ModelChoice::Mlp(mlp::Config {
            embedding_deviation,
            embedding_dim: 8,
            hidden: vec![64, 32],
            ..mlp::Config::default()
        }),
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

/// Keeps the losses and the staleness of finished pushes.
#[derive(Debug, Default)]
struct Watch {
    losses: Vec<f64>,
    staleness: f64,
}

impl Observer for Watch {
    fn observe(&mut self, record: &Record<'_>) {
        if let Record::Finished(finished) = record {
            self.losses.push(finished.loss);
            self.staleness += finished.staleness;
        }
    }
}

/// Runs until `count` more pushes have been applied; their processor and wall time in microseconds.
#[allow(clippy::disallowed_methods, reason = "a benchmark measures the host's time")]
fn advance(simulation: &mut Simulation, count: u64, watch: &mut Watch) -> (f64, f64) {
    let (start, wall) = (processor_time(), Instant::now());
    let end = simulation.session().progress.pushes + count;
    while simulation.session().progress.pushes < end {
        simulation.step(watch).expect("the run goes on");
    }
    ((processor_time() - start) / 1e3, wall.elapsed().as_secs_f64() * 1e6)
}

/// Fills the cluster, warms up, and measures three blocks, as the peers do.
fn measure(mut simulation: Simulation, arguments: &Arguments, mut facts: Value) -> Value {
    advance(&mut simulation, u64::from(arguments.workers) + WARM_UP, &mut Watch::default());
    let count = arguments.pushes / BLOCKS;
    let mut watch = Watch::default();
    let events = simulation.events();
    let blocks: Vec<(f64, f64)> = (0..BLOCKS)
        .map(|_| {
            let (cpu, wall) = advance(&mut simulation, count, &mut watch);
            (cpu / count as f64, wall / count as f64)
        })
        .collect();
    let middle = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let cpu = middle(blocks.iter().map(|block| block.0).collect());
    let events_per_push = (simulation.events() - events) as f64 / (BLOCKS * count) as f64;
    let last = &watch.losses[watch.losses.len().saturating_sub(LAST)..];
    let found = json!({
        "prog": "straggler",
        "model": arguments.model,
        "n": arguments.workers,
        "threads": arguments.threads,
        "pushes": arguments.pushes,
        "cpu_us_per_push": cpu,
        "us_per_push": middle(blocks.iter().map(|block| block.1).collect()),
        "cpu_us_blocks": blocks.iter().map(|block| block.0).collect::<Vec<f64>>(),
        "events_per_push": events_per_push,
        "events_per_cpu_s": events_per_push / cpu * 1e6,
        "mean_staleness": watch.staleness / watch.losses.len() as f64,
        "loss_last50": last.iter().sum::<f64>() / last.len() as f64,
        "peak_rss_mb": peak_memory(),
    });
    for (key, value) in found.as_object().expect("an object") {
        facts[key] = value.clone();
    }
    facts
}

/// Processor time of all threads of this process so far, in nanoseconds.
fn processor_time() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|times| times.split(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// Largest resident set so far, in MiB.
fn peak_memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux");
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kib / 1024.0
}
