//! One run: a scenario as text, run to its end; prints quality and staleness.
//!
//!     cargo run --example 01-one-run

use std::error::Error;
use std::path::Path;

use straggler::metrics::{Histogram, Quality};
use straggler::scenario::Scenario;
use straggler::sim::{EvaluatedView, Record};

const SCENARIO: &str = r#"
straggler = 1
scenario  = { name = "one-run", seed = 1 }

[data]
kind         = "synthetic"
days         = 5
rows_per_day = 12_000

[train]
days  = "1..4"
batch = 64

[holdout]
days  = "5"
every = { times = 4 }

[model]
kind          = "mlp"
embedding_dim = 8
hidden        = [32]

[optimizer]
kind          = "adam"
learning_rate = 2e-3

[cluster]
workers = 10
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let scenario = Scenario::from_text(SCENARIO)?;
    let mut job = scenario.job(Path::new("."), 2)?;

    let mut staleness = Histogram::default();
    let mut evaluations: Vec<(u64, Quality)> = Vec::new();
    job.run(&mut |record: &Record<'_>| match record {
        Record::Finished(push) => staleness.add(push.staleness_rounded),
        Record::Evaluated { progress, view: EvaluatedView::Server, quality, .. } => {
            evaluations.push((progress.updates, **quality));
        }
        _ => {}
    })?;

    println!("update  AUC     log-loss");
    for (update, quality) in &evaluations {
        let (auc, loss) = (quality.auc.unwrap_or(f64::NAN), quality.log_loss.unwrap_or(f64::NAN));
        println!("{update:>6}  {auc:.3}   {loss:.3}");
    }
    let progress = job.session().progress;
    println!("\n{} examples in {} of simulated time", progress.examples, progress.now);
    println!(
        "staleness: mean {:.2}, median {}, largest {}",
        staleness.mean().unwrap_or(f64::NAN),
        staleness.quantile(0.5).unwrap_or(0),
        staleness.max().unwrap_or(0),
    );
    Ok(())
}
