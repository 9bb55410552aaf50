//! `fit`: what it writes runs, what it predicts is printed, and what it cannot do is refused.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{done, say, straggler, summary};

/// Three workers with steps of about 0.1 s, the last one five times as slow. A stay at the servers
/// takes 12 ms.
fn log(folder: &Path) -> PathBuf {
    let mut text = String::from("worker,step,t_pull0,t_pull1,t_push0,t_push1\n");
    for (worker, time) in [("a", 0.1), ("b", 0.1005), ("slow", 0.5)] {
        let (mut now, mut step) = (0.0, 0);
        while now < 8.0 {
            let noise = 1.0 + 0.02 * f64::from(step * 7 % 5 - 2);
            let (pulled, pushes) = (now + 0.008, now + 0.008 + time * noise);
            let pushed = pushes + 0.004;
            text.push_str(&format!("{worker},{step},{now},{pulled},{pushes},{pushed}\n"));
            (now, step) = (pushed, step + 1);
        }
    }
    let path = folder.join("steps.csv");
    fs::write(&path, text).unwrap();
    path
}

fn fit(log: &Path) -> assert_cmd::Command {
    let mut command = straggler();
    command.arg("fit").arg(log);
    command
}

/// The number of a line, in the column of this number.
fn figure(text: &str, line: &str, column: usize) -> f64 {
    let found = text.lines().find(|l| l.trim_start().starts_with(line));
    let found = found.unwrap_or_else(|| panic!("no line {line} in\n{text}"));
    let rest = found.trim_start().strip_prefix(line).unwrap();
    rest.split_whitespace().nth(column).unwrap().parse().unwrap()
}

#[test]
fn what_it_writes_runs_and_keeps_its_promise() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path());
    let out = folder.path().join("cluster.toml");
    let said = done(fit(&log).arg("--out").arg(&out).args(["--predict", "workers=6"]));
    let promised = figure(&said.stdout, "steps per second", 1);
    let stale = figure(&said.stdout, "mean staleness", 1);
    done(straggler().arg("check").arg(&out));
    let rows = (fs::read_to_string(&log).unwrap().lines().count() - 1) as f64;
    // The promise is a mean over seeds, and a run of 160 steps has one.
    let (mut rate, mut mean) = (0.0, 0.0);
    for seed in 1..=8 {
        let results = folder.path().join(format!("run-{seed}"));
        let mut run = straggler();
        run.arg("run").arg(&out).arg(format!("scenario.seed={seed}"));
        done(run.arg("--quiet").arg("--out").arg(&results));
        let found = summary(&results);
        let updates = found["updates"].as_f64().unwrap();
        assert_eq!(updates, rows);
        rate += updates / found["sim_s"].as_f64().unwrap() / 8.0;
        mean += found["staleness"]["mean"].as_f64().unwrap() / 8.0;
    }
    assert!((rate / promised - 1.0).abs() < 0.02, "{rate} {promised}");
    assert!((mean / stale - 1.0).abs() < 0.04, "{mean} {stale}");
    // Six workers: one is slow, and five are not.
    assert!(said.stdout.contains("class 1 (2 now, 5 then)"), "{}", said.stdout);
    assert!(said.stdout.contains("class 2 (1 now, 1 then)"), "{}", said.stdout);
    let rate = said.stdout.rsplit("workers=6").next().unwrap();
    let rate = figure(rate, "steps per second", 1);
    // Five of them make a step in 0.115 s, and one in 0.512 s.
    assert!((rate / (5.0 / 0.1135 + 1.0 / 0.512) - 1.0).abs() < 0.05, "{rate}");
}

#[test]
fn what_cannot_be_asked_is_refused_before_the_fit() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path());
    for (changes, wanted) in [
        ("workers", "write workers=16"),
        ("workers=none", "a number from 1"),
        ("without=c", "no worker \"c\""),
        ("speed=2", "\"speed\" cannot be changed"),
        ("workers=2,workers=3", "twice"),
        ("protocol=nothing", "nothing"),
    ] {
        let said = say(fit(&log).args(["--predict", changes]));
        assert_eq!(said.code, 2, "{changes}: {}", said.stderr);
        assert!(said.stderr.contains(wanted), "{changes}: {}", said.stderr);
    }
    for (arguments, wanted) in [
        (&["--cores", "0.5"][..], "use 1 to 64"),
        (&["--halves", "--predict", "workers=2"], "cannot be used with"),
    ] {
        let said = say(fit(&log).args(arguments));
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.stderr);
        assert!(said.stderr.contains(wanted), "{arguments:?}: {}", said.stderr);
    }
}

#[test]
fn a_log_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(folder.path());
    let before = fs::read(&log).unwrap();
    let said = say(fit(&log).arg("--force").arg("--out").arg(&log));
    assert!(said.code != 0 && said.stderr.contains("is the log"), "{}", said.stderr);
    assert_eq!(fs::read(&log).unwrap(), before);
}
