//! Watching a run: an observer of our own over `Simulation::step`; prints the staleness of the
//! gradients of each machine class, and what share of the updates the class made.
//!
//!     cargo run --example 02-watch-a-run

use std::error::Error;
use std::path::Path;

use straggler::metrics::Moments;
use straggler::scenario::{Job, Scenario};
use straggler::sim::{Observer, Record, State};

/// Three kinds of machines and no gradients: this is about timing alone.
const SCENARIO: &str = r#"
[timing_only]

[train]
stop = { updates = 20_000 }

[cluster]
workers = 20
compute = { law = { kind = "lognormal", sigma = 0.3 } }
class   = [
    { name = "new",  share = 0.5 },
    { name = "old",  share = 0.3, slowdown = 2.0 },
    { name = "busy", share = 0.2, slowdown = 4.0 },
]
"#;

/// Staleness by machine class.
#[derive(Default)]
struct ByClass {
    classes: [Moments; 3],
}

impl Observer for ByClass {
    fn observe(&mut self, record: &Record<'_>) {
        if let Record::Finished(push) = record {
            self.classes[push.class].add(push.staleness);
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let scenario = Scenario::from_text(SCENARIO)?;
    let Job::Cluster(mut simulation) = scenario.job(Path::new("."), 1)? else {
        return Err("the scenario imposes its staleness".into());
    };
    let mut seen = ByClass::default();
    while simulation.step(&mut seen)? == State::Running {
        if simulation.events().is_multiple_of(40_000) {
            let updates = simulation.session().progress.updates;
            println!("after {:>6} events: {updates:>5} updates", simulation.events());
        }
    }
    simulation.check();

    println!("\nclass  workers  updates  mean staleness");
    let all = simulation.session().progress.updates as f64;
    for (index, class) in scenario.cluster.class.iter().enumerate() {
        let workers = simulation.workers().iter().filter(|w| w.machine.class == index).count();
        let moments = &seen.classes[index];
        let share = 100.0 * moments.count() as f64 / all;
        let mean = moments.mean().unwrap_or(f64::NAN);
        println!("{:<5}  {workers:>7}  {share:>5.1} %  {mean:>14.1}", class.name);
    }
    Ok(())
}
