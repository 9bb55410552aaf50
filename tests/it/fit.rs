//! `fit` on logs of a real parameter server: the first half is fitted, the second one predicted.

use std::path::{Path, PathBuf};

use straggler::experiment::fit::columns::Columns;
use straggler::experiment::fit::figures::Figures;
use straggler::experiment::fit::log::StepLog;
use straggler::experiment::fit::predict::{StepWindow, predict};
use straggler::experiment::fit::{FitSettings, fit, judge, scenario};
use straggler::scenario::Scenario;

/// A folder of logs of one system, if it is here.
pub(crate) fn traces(system: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("STRAGGLER_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let traces = folder.join(system);
    if !traces.is_dir() {
        println!("no {system} here: nothing tested");
        return None;
    }
    Some(traces)
}

/// The logs of so many workers (`_4w`).
fn logs(size: &str) -> Vec<PathBuf> {
    let Some(Ok(entries)) = traces("real-ps-traces").map(std::fs::read_dir) else {
        return Vec::new();
    };
    let mut logs: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(&format!("{size}.csv.gz")))
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

pub(crate) fn largest_distance(name: &str) -> f64 {
    if name.starts_with("const") || name.starts_with("straggler") { 0.2 } else { 0.08 }
}

#[test]
fn the_fit_behaves_like_the_log() {
    fits_behave_like(logs("_4w"));
}

#[test]
#[ignore = "takes minutes: run it in release mode"]
fn fits_of_the_larger_logs_behave_like_them() {
    fits_behave_like(logs("_8w"));
}

fn fits_behave_like(logs: Vec<PathBuf>) {
    for path in logs {
        let name = name(&path);
        let log = StepLog::read(&path, &Columns::default()).unwrap();
        let steps = log.steps.len();
        let fitted = fit(std::slice::from_ref(&log), &FitSettings::default()).unwrap();
        let cluster = &fitted.clusters[0];
        let predicted = judge(cluster, (0, steps), 30_000, Path::new(".")).unwrap();
        let off = Off::between(&predicted, &log.figures());
        off.print(&name);
        assert!(off.throughput < 0.03 && off.mean < 0.03 && off.worst_worker < 0.1, "{name}");
        assert!(off.distance < largest_distance(&name), "{name}");
        // The scenario that is written keeps the promise.
        let text = scenario::whole(cluster, "fitted", steps as u64).unwrap();
        let read = Scenario::from_text(&text).unwrap();
        assert_eq!(read.train.stop.updates, Some(steps as u64));
        assert!(read.timing_only.is_some());
        let window = StepWindow::of(0, steps, 30_000);
        assert_eq!(predict(&read.cluster, window, Path::new(".")).unwrap(), predicted);
    }
}

/// The other half has other draws of the step times. A thousand exponential ones have a mean within
/// 3 % of the truth two times out of three. So the prediction may miss by as much as the halves
/// differ, and 3 % more.
#[test]
fn half_a_log_predicts_the_other_half() {
    halves_predict(logs("_8w"));
}

#[test]
#[ignore = "takes minutes: run it in release mode"]
fn half_a_small_log_predicts_the_other_half() {
    halves_predict(logs("_4w"));
}

fn halves_predict(logs: Vec<PathBuf>) {
    for path in logs {
        let name = name(&path);
        let log = StepLog::read(&path, &Columns::default()).unwrap();
        let (half, all) = (log.steps.len() / 2, log.steps.len());
        let settings = FitSettings { pooled: true, ..FitSettings::default() };
        let halves = [log.part(0, half).unwrap(), log.part(half, all).unwrap()];
        let [first, second] = halves.each_ref().map(StepLog::figures);
        let fitted = fit(&halves[..1], &settings).unwrap();
        let predicted = judge(&fitted.clusters[0], (half, all), 30_000, Path::new(".")).unwrap();
        let off = Off::between(&predicted, &second);
        off.print(&name);
        let differ = (first.throughput() / second.throughput() - 1.0).abs();
        assert!(off.throughput < 0.03 + differ && off.mean < 0.04, "{name}");
        assert!(off.distance < largest_distance(&name), "{name}");
    }
}
