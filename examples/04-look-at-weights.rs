//! An analysis of our own: weights of the server as matrices of `ndarray`, while the run goes on.
//! Prints how far the first layer has moved since the last line, and the mean and the largest norm
//! of an embedding row.
//!
//!     cargo run --example 04-look-at-weights

use std::error::Error;
use std::path::Path;

use straggler::ndarray::{Array2, ArrayView2, Axis};
use straggler::scenario::{Job, Scenario};
use straggler::sim::{NoObserver, State};

const SCENARIO: &str = r#"
data    = { kind = "synthetic", days = 4, rows_per_day = 12_000 }
train   = { days = "1..3", batch = 32 }
holdout = { days = "4" }
model   = { kind = "mlp", embedding_dim = 8, hidden = [32] }
cluster = { workers = 12, shards = 2 }
"#;

fn norm<'a>(values: impl IntoIterator<Item = &'a f32>) -> f64 {
    values.into_iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt()
}

/// The change of a layer over its norm.
fn moved(before: &Array2<f32>, now: ArrayView2<'_, f32>) -> String {
    format!("{:.1} %", 100.0 * norm(&(&now - before)) / norm(now))
}

fn main() -> Result<(), Box<dyn Error>> {
    let Job::Cluster(mut simulation) = Scenario::from_text(SCENARIO)?.job(Path::new("."), 1)?
    else {
        return Err("the scenario imposes its staleness".into());
    };
    println!("updates  first layer  moved    item rows  largest");
    let (mut before, mut next): (Option<Array2<f32>>, u64) = (None, 0);
    while simulation.step(&mut NoObserver)? == State::Running {
        let updates = simulation.session().progress.updates;
        let Some(training) = simulation.session().work.training().filter(|_| updates >= next)
        else {
            continue;
        };
        next = updates + 250;
        let weights = |name| training.server().weights(name).ok_or("the model has no such weights");
        let (layer, items) = (weights("mlp.0.weight")?, weights("item")?);
        let rows: Vec<f64> = items.axis_iter(Axis(0)).map(norm).collect();
        println!(
            "{updates:>7}  {:>11.3}  {:>7}  {:>9.4}  {:>7.4}",
            norm(layer),
            before.as_ref().map_or("-".to_string(), |before| moved(before, layer)),
            rows.iter().sum::<f64>() / rows.len() as f64,
            rows.iter().copied().fold(0.0, f64::max),
        );
        before = Some(layer.to_owned());
    }
    Ok(())
}
