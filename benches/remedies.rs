//! What every remedy adds to the time per push: a run with it and one without any go on by turns on
//! one thread, in blocks of a few milliseconds, and the fastest tenth of the blocks of each is
//! compared: those that nothing else on the machine disturbed. (Clocks of processor time would be
//! better, but some machines advance them by several milliseconds at once.)
//!
//! `cargo bench --bench remedies -- [blocks] [names]`: only lines whose name contains one of the
//! names, such as `small/sgd` or `fasgd`, or all. Prints a Markdown table.

#[allow(dead_code, reason = "shared with the other benchmarks")]
mod workload;

use std::env;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use straggler::base::Streams;
use straggler::optimizer::OptimizerChoice;
use straggler::remedy::{Remedies, RemedyChoice};
use straggler::server::placement::Placement;
use straggler::server::{ParameterServer, Sharding};
use straggler::sim::Simulation;

use workload::{Setting, Workload, advance, training_on};

/// Workers of every run.
const WORKERS: u32 = 30;

/// Small, so that the few batches are not learned by heart, and above zero, so that parameters move
/// while a step is in flight.
const RATE: f64 = 1e-5;

#[allow(clippy::disallowed_methods, reason = "a benchmark measures the host's time")]
fn now() -> Instant {
    Instant::now()
}

/// Every registered remedy with its defaults, and the forms that cost something else.
fn remedies() -> Vec<(String, RemedyChoice)> {
    let form = |name: &str, keys: serde_json::Value| {
        (name.to_owned(), serde_json::from_value(keys).expect("a remedy"))
    };
    let plain = RemedyChoice::PARTS.iter().map(|part| form(part.name, json!({"kind": part.name})));
    let mut all: Vec<_> = plain.collect();
    all.extend([
        form("power, rows = own", json!({"kind": "power", "rows": "own"})),
        form("power, position = gradient", json!({"kind": "power", "position": "gradient"})),
        form(
            "delay_compensation, adaptive",
            json!({"kind": "delay_compensation", "adaptive": true}),
        ),
        form("dana, zero", json!({"kind": "dana", "form": "zero"})),
        form("yellowfin, open loop", json!({"kind": "yellowfin", "closed_loop": false})),
    ]);
    all
}

/// A run with these remedies; `apart` is whether dense parameters lie on a shard of their own.
fn run(
    work: &Workload,
    rule: &OptimizerChoice,
    remedies: &[RemedyChoice],
    apart: bool,
) -> Simulation {
    let layout = Arc::new(work.model.layout().clone());
    let sharding = if apart {
        Sharding::by_group(&layout, 1, 1, Placement::RoundRobin)
    } else {
        Sharding::new(&layout, 1)
    };
    let list = remedies.iter().map(|remedy| remedy.build(WORKERS, &layout)).collect();
    let rule = rule.build();
    let server = ParameterServer::new(layout, sharding, Arc::clone(&rule), rule, Streams::new(2));
    let shards = server.sharding().shards();
    let setting = Setting { shards, rate: RATE, ..Setting::of(WORKERS) };
    training_on(server, work, setting, Remedies::new(list, WORKERS))
}

/// The value below which a tenth of them lies.
fn tenth(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 10]
}

/// Prints time per push without and with one remedy, and by how much it rises.
fn compare(
    (name, work, rule): (&str, &Workload, &OptimizerChoice),
    remedy: &RemedyChoice,
    (blocks, count): (usize, u64),
) {
    let apart = matches!(remedy, RemedyChoice::BFasgd(_));
    let mut plain = run(work, rule, &[], apart);
    let mut with = run(work, rule, std::slice::from_ref(remedy), apart);
    let time = |simulation: &mut Simulation| {
        let start = now();
        advance(simulation, count);
        start.elapsed().as_nanos() as f64 / 1e3 / count as f64
    };
    // Every row that the batches touch is there after this.
    for simulation in [&mut plain, &mut with] {
        advance(simulation, 40 * count);
    }
    let pair = |block: usize| {
        if block.is_multiple_of(2) {
            let without = time(&mut plain);
            (without, time(&mut with))
        } else {
            let with = time(&mut with);
            (time(&mut plain), with)
        }
    };
    let pairs: Vec<(f64, f64)> = (0..blocks).map(pair).collect();
    let (without, with): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let without = tenth(without);
    let added = tenth(with) - without;
    println!("| {name} | {without:.1} | {added:+.1} | {:+.1} % |", 100.0 * added / without);
}

fn main() {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let blocks = words.iter().find_map(|word| word.parse().ok()).unwrap_or(101);
    let names: Vec<_> = words.iter().filter(|word| word.parse::<usize>().is_err()).collect();
    println!("| remedy | us without | us added | share |\n|---|---:|---:|---:|");
    for (work, count) in [(workload::small(), 64), (workload::din(), 8)] {
        for rule in ["sgd", "adam"] {
            let choice = serde_json::from_value(json!({"kind": rule})).expect("an optimizer");
            for (remedy, config) in remedies() {
                let name = format!("{}/{rule}/{remedy}", work.name);
                if names.is_empty() || names.iter().any(|asked| name.contains(*asked)) {
                    compare((&name, &work, &choice), &config, (blocks, count));
                }
            }
        }
    }
}
