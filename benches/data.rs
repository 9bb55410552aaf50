//! Reading logs: the generator by example, the order policies by id, loading of files by byte.

mod logs;

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use straggler::base::Streams;
use straggler::data::order::{Order, OrderChoice};
use straggler::data::synthetic::{Config, Synthetic};
use straggler::data::{Batch, DataSource, Day, OpenContext, SourceChoice};

/// Examples that a worker reads at a time.
const BATCH: u64 = 128;

/// Reads a whole log in the order of an epoch.
fn epoch(log: &Synthetic, order: Order) {
    let (mut cursor, mut ids, mut batch) = (order.cursor(), Vec::new(), Batch::default());
    for _ in 0..log.config().rows() / BATCH {
        ids.clear();
        cursor.next(BATCH as usize, &mut ids);
        log.read(&ids, &mut batch);
        black_box(&batch);
    }
}

/// A log whose sessions are kept, read for the first time and again, and one that is too long.
fn generator(c: &mut Criterion) {
    let new = |config: &Config| Synthetic::new(config, Streams::new(1)).unwrap();
    let config = Config::default();
    let log = new(&config);
    let order = Order::new(OrderChoice::default(), log.days().to_vec(), Streams::new(1)).unwrap();
    let mut group = c.benchmark_group("generator");
    group.sample_size(10);
    group.bench_function("construction", |b| b.iter(|| black_box(new(&config))));
    group.throughput(Throughput::Elements(config.rows() / BATCH * BATCH));
    group.bench_function("first pass", |b| {
        b.iter_batched(|| new(&config), |log| epoch(&log, order.clone()), BatchSize::LargeInput);
    });
    group.bench_function("later pass", |b| b.iter(|| epoch(&log, order.clone())));
    let long = new(&Config { rows_per_day: 10_000_000, ..config });
    group.throughput(Throughput::Elements(BATCH));
    let (mut at, mut batch) = (0, Batch::default());
    group.bench_function("not kept", |b| {
        b.iter(|| {
            let ids: Vec<u64> = (at..at + BATCH).map(|i| i * 7_919 % 140_000_000).collect();
            at += BATCH;
            long.read(&ids, &mut batch);
            black_box(&batch);
        });
    });
    group.finish();
}

fn orders(c: &mut Criterion) {
    let day = |number: u32| Day { number, first: u64::from(number - 1) * 40_800, examples: 40_800 };
    let mut group = c.benchmark_group("order");
    group.throughput(Throughput::Elements(256));
    for part in OrderChoice::PARTS {
        let text = match part.name {
            "shuffle_buffer" => "kind = \"shuffle_buffer\"\nsize = 10_000".to_string(),
            name => format!("kind = \"{name}\""),
        };
        let choice: OrderChoice = toml::from_str(&text).unwrap();
        let days = (1..=12).map(day).collect();
        let mut cursor = Order::new(choice, days, Streams::new(1)).unwrap().cursor();
        let mut ids = Vec::new();
        group.bench_function(part.name, |b| {
            b.iter(|| {
                ids.clear();
                cursor.next(256, &mut ids);
                black_box(&ids);
            });
        });
    }
    group.finish();
}

/// Every loader on a file of its own form, by byte of uncompressed text.
fn loading(c: &mut Criterion) {
    let mut group = c.benchmark_group("load");
    group.sample_size(10);
    for file in logs::files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("log"), &file.text).unwrap();
        let choice: SourceChoice = toml::from_str(file.settings).unwrap();
        let base_dir = folder.path();
        let open = || choice.open(&OpenContext::new(base_dir, Streams::new(1))).expect("sound");
        group.throughput(Throughput::Bytes(file.text.len() as u64));
        group.bench_function(file.name, |b| b.iter(|| black_box(open())));
    }
    group.finish();
}

criterion_group!(benches, generator, orders, loading);
criterion_main!(benches);
