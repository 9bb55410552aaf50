//! Time per push of an asynchronous run, beside the bare gradient and bare sequential training.

mod workload;

use std::hint::black_box;
use std::time::Duration;

use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use straggler::base::ShardId;
use straggler::data::{Batch, DataSource};
use straggler::model::Workspace;
use straggler::params::view::rows_len;
use straggler::params::{Gradient, Locator, Lookups, View};
use straggler::server::{Clocks, ParameterServer, Part};

use workload::{Workload, advance, training};

/// What sequential training keeps from step to step.
struct Step {
    server: ParameterServer,
    locator: Locator,
    batch: Batch,
    lookups: Lookups,
    dense: Vec<f32>,
    rows: Vec<f32>,
    row_updates: Vec<u32>,
    workspace: Workspace,
    gradient: Gradient,
    done: u64,
}

impl Step {
    fn new(work: &Workload) -> Step {
        Step {
            server: workload::server(work),
            locator: Locator::for_layout(work.log.schema(), work.model.layout()),
            batch: Batch::default(),
            lookups: Lookups::default(),
            dense: vec![0.0; work.model.layout().dense_len()],
            rows: Vec::new(),
            row_updates: Vec::new(),
            workspace: Workspace::default(),
            gradient: Gradient::default(),
            done: 0,
        }
    }

    fn pull(&mut self, work: &Workload) {
        let first = self.done * work.batch as u64;
        let ids: Vec<u64> = (first..first + work.batch as u64).collect();
        work.log.read(&ids, &mut self.batch);
        self.locator.locate(&self.batch, &mut self.lookups);
        self.rows.resize(rows_len(work.model.layout(), &self.lookups), 0.0);
        self.row_updates.resize(self.lookups.distinct(), 0);
        self.server.pull(Part {
            shard: ShardId(0),
            lookups: &self.lookups,
            dense: &mut self.dense,
            moving: &mut [],
            rows: &mut self.rows,
            row_updates: &mut self.row_updates,
        });
    }

    fn differentiate(&mut self, work: &Workload) {
        let view =
            View { dense: &self.dense, moving: &[], rows: &self.rows, lookups: &self.lookups };
        work.model.gradient(view, &self.batch, &mut self.workspace, &mut self.gradient);
    }

    fn apply(&mut self) {
        self.done += 1;
        let rate = workload::RATE as f32;
        let clocks = Clocks { dense_rate: rate, sparse_rate: rate, version: self.done };
        let shard = ShardId(0);
        self.server.apply(shard, &self.lookups, &self.gradient, clocks).expect("a finite update");
    }
}

fn time(group: &mut BenchmarkGroup<'_, WallTime>, work: &Workload) {
    group.sample_size(20).warm_up_time(Duration::from_secs(1));
    group.measurement_time(Duration::from_secs(4));
    let mut step = Step::new(work);
    step.pull(work);
    group.bench_function("gradient", |b| {
        b.iter(|| {
            step.differentiate(work);
            black_box(&step.gradient);
        });
    });
    let mut step = Step::new(work);
    group.bench_function("sequential", |b| {
        b.iter(|| {
            step.pull(work);
            step.differentiate(work);
            step.apply();
        });
    });
    for (workers, threads) in [(30, 1), (300, 1), (30, 2)] {
        let mut simulation = training(work, workers, threads);
        advance(&mut simulation, u64::from(workers));
        let name = format!("workers={workers} threads={threads}");
        group.bench_function(name, |b| b.iter(|| advance(&mut simulation, 1)));
    }
}

fn pushes(criterion: &mut Criterion) {
    for work in [workload::din(), workload::small()] {
        let mut group = criterion.benchmark_group(format!("push/{}", work.name));
        time(&mut group, &work);
        group.finish();
    }
}

criterion_group!(benches, pushes);
criterion_main!(benches);
