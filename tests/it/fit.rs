//! `fit` on logs of a real parameter server: the first half is fitted, the second one predicted.

use std::path::{Path, PathBuf};

use straggler::experiment::fit::figures::Figures;
use straggler::experiment::fit::log::{Columns, StepLog};
use straggler::experiment::fit::{fit, judge};

fn logs() -> Vec<PathBuf> {
    let folder = std::env::var_os("STRAGGLER_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let Ok(entries) = std::fs::read_dir(folder.join("real-ps-traces")) else {
        println!("no logs of a real parameter server here: nothing tested");
        return Vec::new();
    };
    let mut logs: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .collect();
    logs.sort();
    logs
}

/// How far a prediction is from what was logged.
struct Off {
    throughput: f64,
    mean: f64,
    worst_worker: f64,
    distance: f64,
}

impl Off {
    fn between(predicted: &Figures, logged: &Figures) -> Off {
        let off = |a: Option<f64>, b: Option<f64>| (a.unwrap() / b.unwrap() - 1.0).abs();
        let workers = 0..logged.steps.len();
        Off {
            throughput: off(Some(predicted.throughput()), Some(logged.throughput())),
            mean: off(predicted.mean(), logged.mean()),
            worst_worker: workers
                .map(|w| off(predicted.mean_of(w), logged.mean_of(w)))
                .fold(0.0, f64::max),
            distance: predicted.distance(logged).unwrap(),
        }
    }

    fn print(&self, name: &str) {
        println!(
            "{name:26} throughput {:.2} % mean {:.2} % worst worker {:.1} % distance {:.3}",
            100.0 * self.throughput,
            100.0 * self.mean,
            100.0 * self.worst_worker,
            self.distance
        );
    }
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap().to_string_lossy();
    name.trim_start_matches("tf2ps_").trim_end_matches(".csv.gz").to_string()
}

fn largest_distance(name: &str) -> f64 {
    if name.starts_with("const") || name.starts_with("straggler") { 0.2 } else { 0.08 }
}

#[test]
fn the_fit_behaves_like_the_log() {
    for path in logs() {
        let name = name(&path);
        let log = StepLog::read(&path, &Columns::default()).unwrap();
        let fitted = fit(&log, false, None).unwrap();
        let predicted = judge(&fitted, (0, log.steps.len()), 30_000, Path::new(".")).unwrap();
        let off = Off::between(&predicted, &log.figures());
        off.print(&name);
        assert!(off.throughput < 0.03 && off.mean < 0.03 && off.worst_worker < 0.1, "{name}");
        assert!(off.distance < largest_distance(&name), "{name}");
    }
}

/// The other half has other draws of the step times. A thousand exponential ones have a mean within
/// 3 % of the truth two times out of three, so this test asks for a little less.
#[test]
fn half_a_log_predicts_the_other_half() {
    for path in logs() {
        let name = name(&path);
        let log = StepLog::read(&path, &Columns::default()).unwrap();
        let (half, all) = (log.steps.len() / 2, log.steps.len());
        let fitted = fit(&log.part(0, half), true, None).unwrap();
        let predicted = judge(&fitted, (half, all), 30_000, Path::new(".")).unwrap();
        let off = Off::between(&predicted, &log.part(half, all).figures());
        off.print(&name);
        assert!(off.throughput < 0.06 && off.mean < 0.04, "{name}");
        assert!(off.distance < largest_distance(&name), "{name}");
    }
}
