//! The event loop alone: workers without gradients and one shard that serves pushes in turn.

#[allow(dead_code, reason = "shared with the benchmark of pushes")]
mod workload;

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use straggler::base::SimSpan;
use straggler::cluster::ShardService;
use straggler::server::sharding::Load;
use straggler::sim::{NullWork, Work};

use workload::{advance, cluster};

fn events(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("events");
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    for workers in [30, 3_000] {
        let work = Work::Null(NullWork { batch: 1, loads: vec![Load::default()] });
        // The shard is busy 80 per cent of the time.
        let push_fixed = SimSpan((1 << 30) * 4 / 5 / u64::from(workers));
        let service = ShardService { push_fixed, ..ShardService::default() };
        let mut simulation = cluster(workers, 1, work, service);
        advance(&mut simulation, u64::from(workers));
        // Every push takes eight events.
        group.throughput(Throughput::Elements(8 * 1_000));
        let name = format!("1000 pushes, workers={workers}");
        group.bench_function(name, |b| b.iter(|| advance(&mut simulation, 1_000)));
    }
    group.finish();
}

criterion_group!(benches, events);
criterion_main!(benches);
