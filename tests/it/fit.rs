//! `fit` on logs of a real parameter server: the first half is fitted, the second one predicted.

use std::path::{Path, PathBuf};

use straggler::experiment::fit::log::{Columns, Log};
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

#[test]
fn half_a_log_predicts_the_other_half() {
    let chosen = std::env::var("STRAGGLER_FIT_LOGS").ok();
    for path in logs() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !chosen.as_deref().unwrap_or("w").split(',').any(|part| name.contains(part)) {
            continue;
        }
        let log = Log::read(&path, &Columns::default()).unwrap();
        let (half, all) = (log.steps.len() / 2, log.steps.len());
        let whole = std::env::var_os("STRAGGLER_FIT_WHOLE").is_some();
        let (end, begin) = if whole { (all, 0) } else { (half, half) };
        let begun = std::time::Instant::now();
        let fitted = fit(&log.part(0, end), None).unwrap();
        let predicted = judge(&fitted, (begin, all), 30_000, Path::new(".")).unwrap();
        let logged = log.part(begin, all).figures();
        let worst = (0..log.workers.len())
            .map(|w| predicted.mean_of(w).unwrap() / logged.mean_of(w).unwrap() - 1.0)
            .fold(0.0f64, |worst, off| if off.abs() > worst.abs() { off } else { worst });
        println!(
            "{name:30} thr {:+.2} % mean {:+.2} % worst worker {:+.1} % tv {:.3} halves {:.3} classes {} {:?} push {} pull {} w {:.2} cv {:?} between {} {:.1}s",
            100.0 * (predicted.throughput() / logged.throughput() - 1.0),
            100.0 * (predicted.mean().unwrap() / logged.mean().unwrap() - 1.0),
            100.0 * worst,
            predicted.distance(&logged).unwrap(),
            log.part(0, half).figures().distance(&log.part(half, all).figures()).unwrap(),
            fitted.groups.len(),
            fitted.laws[0],
            fitted.cluster.server.push_fixed,
            fitted.cluster.server.pull_fixed,
            fitted.cluster.server.push_weight,
            fitted.cluster.server.law,
            fitted.cluster.compute.between,
            begun.elapsed().as_secs_f64(),
        );
    }
}
