//! Time per push of an asynchronous run, beside the bare gradient and bare sequential training.

mod workload;

use std::hint::black_box;
use std::time::Duration;

use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};

use workload::sequential::Step;
use workload::{Setting, Workload, advance, training};

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
        let mut simulation = training(work, Setting { threads, ..Setting::of(workers) });
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
