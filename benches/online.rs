//! What a live stream and its serving copy add to the time of a push: ratios to the same job on the
//! log by date, in one run, block by block in turns.
//!
//! `cargo bench --bench online -- [blocks]`; processor time of one thread.

use std::path::Path;
use std::{env, fs};

use straggler::scenario::{Job, Scenario};
use straggler::sim::{NoObserver, Simulation};

/// A DIN on two days of a generated log, 174 requests a minute.
const JOB: &str = r#"
data = { kind = "synthetic", days = 3, rows_per_day = 250_000 }
train = { batch = 64, days = "1..2", order = { kind = "by_date" } }
holdout = { days = "3", every = { times = 1 }, max_examples = 2_000 }
model = { kind = "din" }
optimizer = { kind = "adam", learning_rate = 1e-3 }
cluster = { workers = 30, shards = 2 }
"#;

/// Rows each minute and dense parameters once a day, as in Monolith.
const SYNCS: &str = r#"rows = { every = "1min" }, dense = { every = "1d" }"#;

/// Pushes of a block: so many that the scheduler's ticks, in which it counts, do not matter.
const PUSHES: u64 = 500;

/// Processor time of this thread so far, in nanoseconds.
fn processor_time() -> f64 {
    let times = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    times.split(' ').next().and_then(|time| time.parse().ok()).expect("a number")
}

fn simulation(more: &str) -> Simulation {
    let text = format!("{JOB}{more}");
    let scenario = Scenario::from_text(&text).unwrap_or_else(|problems| panic!("{problems}"));
    match scenario.job(Path::new("."), 1) {
        Ok(Job::Cluster(simulation)) => *simulation,
        other => panic!("a cluster, and not {:?}", other.map(|_| "another job")),
    }
}

fn advance(simulation: &mut Simulation, count: u64) {
    let end = simulation.session().progress.pushes + count;
    while simulation.session().progress.pushes < end {
        simulation.step(&mut NoObserver).expect("the run goes on");
    }
}

fn main() {
    let blocks: usize = env::args().find_map(|word| word.parse().ok()).unwrap_or(14);
    let stream = "[online]\narrivals = { kind = \"replay\" }\n";
    let serving = |share: f64, beside: &str| {
        format!(
            "online = {{ arrivals = {{ kind = \"replay\" }} }}\n\
             serving = {{ share = {share:?}, every = \"4h\", beside = [{beside}], {SYNCS} }}\n"
        )
    };
    let jobs = [
        ("by date", String::new()),
        ("live stream", stream.to_string()),
        ("and a tenth scored", serving(0.1, "")),
        ("and by the batch model too", serving(0.1, "\"batch\"")),
        ("and by the oracle too", serving(0.1, "\"batch\", \"oracle\"")),
        ("all requests scored", serving(1.0, "")),
    ];
    let mut simulations: Vec<Simulation> = jobs.iter().map(|(_, more)| simulation(more)).collect();
    simulations.iter_mut().for_each(|simulation| advance(simulation, PUSHES));
    let mut costs = vec![Vec::new(); jobs.len()];
    for _ in 0..blocks {
        for (simulation, costs) in simulations.iter_mut().zip(&mut costs) {
            let start = processor_time();
            advance(simulation, PUSHES);
            costs.push((processor_time() - start) / 1e3 / PUSHES as f64);
        }
    }
    let quartiles = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        [1, 2, 3].map(|quarter| values[quarter * (values.len() - 1) / 4])
    };
    println!("{:<28} {:>12} {:>8} {:>18}", "job", "us a push", "ratio", "middle half");
    for ((name, _), own) in jobs.iter().zip(&costs) {
        let ratios = own.iter().zip(&costs[0]).map(|(own, first)| own / first).collect();
        let [low, ratio, high] = quartiles(ratios);
        let [_, median, _] = quartiles(own.clone());
        println!("{name:<28} {median:>12.1} {ratio:>8.3} {low:>9.3} to {high:.3}");
    }
}
