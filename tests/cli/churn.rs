//! Workers that come and go, in a results folder: counts that add up, and nothing where there is
//! nothing.

use std::path::Path;

use assert_cmd::Command;

use crate::support::{
    Rows, WORKER_TIMES, assert_same, done, reproducible, scenario, small_run, straggler, summary,
};

fn tides(out: &Path, settings: &[&str]) -> Command {
    let mut command = straggler();
    command.arg("run").arg(scenario("tide-hours.toml")).arg("--out").arg(out);
    command.args(["--quiet", "data.rows_per_day=4000", "data.users=300", "data.items=200"]);
    command.args(settings);
    command
}

#[test]
fn counts_of_coming_and_going_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let said = done(&mut tides(&out, &["cluster.failures.every=10s"]));
    assert_eq!(said.stderr, "");
    let summary = summary(&out);
    let (churn, audit) = (&summary["churn"], &summary["audit"]);
    let workers = Rows::read(&out.join("churn.csv"));
    for key in ["crashes", "leaves", "joins", "lost_steps", "lost_examples"] {
        let sum: f64 = workers.numbers(key).iter().sum();
        assert_eq!(churn[key].as_f64(), Some(sum), "{key}");
    }
    assert!(churn["crashes"].as_u64() > Some(3) && churn["leaves"].as_u64() > Some(3));
    let (end, count) = (summary["sim_s"].as_f64().unwrap(), workers.len() as f64);
    for (share, seconds) in [("down", "down_s"), ("away", "away_s"), ("asleep", "asleep_s")] {
        let sum: f64 = workers.numbers(seconds).iter().sum();
        let found = churn[share].as_f64().unwrap();
        assert!((found - sum / end / count).abs() < 1e-9, "{share}: {found} {sum}");
    }
    let all = Rows::read(&out.join("workers.csv"));
    let sum_of = |rows: &Rows, names: &[&str], w: usize| -> f64 {
        names.iter().map(|name| rows.numbers(name)[w]).sum()
    };
    for w in 0..workers.len() {
        let there = sum_of(&all, &WORKER_TIMES, w);
        let gone = sum_of(&workers, &["down_s", "away_s", "asleep_s"], w);
        assert!((there + gone - end).abs() < 1e-6, "worker {w}: {there} + {gone}, not {end}");
    }
    let uses = Rows::read(&out.join("audit.csv"));
    let (times, examples) = (uses.numbers("uses"), uses.numbers("examples"));
    let applied: f64 = times.iter().zip(&examples).map(|(a, b)| a * b).sum();
    assert_eq!(summary["examples"].as_f64(), Some(applied));
    assert_eq!(audit["uses"].as_f64(), Some(applied));
    assert_eq!(examples.iter().sum::<f64>(), 12_000.0);
    assert_eq!(audit["examples"].as_u64(), Some(12_000));
    let timeline = Rows::read(&out.join("timeline.csv"));
    for activity in ["down", "away"] {
        assert!(timeline.texts("activity").contains(&activity), "nobody is {activity}");
    }
    assert!(out.join("plots/timeline.svg").exists() && out.join("plots/utilisation.svg").exists());
    let trace = done(straggler().arg("trace").arg(&out));
    assert!(trace.stdout.contains("trace.json"), "{}", trace.stdout);
}

#[test]
fn r01_threads_change_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let files = |name: &str, threads: &str| {
        let out = folder.path().join(name);
        done(&mut tides(&out, &["cluster.failures.every=10s", "--threads", threads, "--no-plots"]));
        reproducible(&out)
    };
    assert_same(&files("one", "1"), &files("three", "3"), "threads");
}

#[test]
fn who_is_always_there_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    done(&mut small_run(&out));
    let summary = summary(&out);
    assert!(summary.get("churn").is_none() && summary.get("audit").is_none());
    assert!(!out.join("churn.csv").exists() && !out.join("audit.csv").exists());
    let resolved = std::fs::read_to_string(out.join("resolved.toml")).unwrap();
    assert!(!resolved.contains("failures") && !resolved.contains("audit"), "{resolved}");
}
