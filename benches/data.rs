//! Reading logs: the generator by example, the order policies by id, loading of files by byte.

mod logs;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use straggler::base::Streams;
use straggler::data::order::{Order, OrderChoice};
use straggler::data::synthetic::{Config, Synthetic};
use straggler::data::{Batch, DataSource, Day, OpenContext, SourceChoice};

fn generator(c: &mut Criterion) {
    let config = Config::default();
    let log = Synthetic::new(&config, Streams::new(1)).unwrap();
    let rows: u64 = log.days().iter().map(|day| day.examples).sum();
    let mut group = c.benchmark_group("generator");
    group.throughput(Throughput::Elements(256));
    for (name, step) in [("in order", 1), ("shuffled", 7_919)] {
        let (mut at, mut batch) = (0, Batch::default());
        group.bench_function(name, |b| {
            b.iter(|| {
                let ids: Vec<u64> = (0..256).map(|i| (at + i) * step % rows).collect();
                at += 256;
                log.read(&ids, &mut batch);
                black_box(&batch);
            });
        });
    }
    group.finish();
    c.bench_function("generator/construction", |b| {
        b.iter(|| black_box(Synthetic::new(&config, Streams::new(1)).unwrap()));
    });
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
        let open =
            || choice.open(&OpenContext { base_dir, streams: Streams::new(1) }).expect("sound");
        group.throughput(Throughput::Bytes(file.text.len() as u64));
        group.bench_function(file.name, |b| b.iter(|| black_box(open())));
    }
    group.finish();
}

criterion_group!(benches, generator, orders, loading);
criterion_main!(benches);
