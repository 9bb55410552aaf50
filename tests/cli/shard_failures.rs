//! Shards that fail, in a results folder: counts that add up, a sentence, and nothing where there is
//! nothing.

use std::path::Path;

use assert_cmd::Command;

use crate::support::{
    Rows, assert_same, done, reproducible, scenario, small_run, straggler, summary,
};

fn failing(out: &Path, settings: &[&str]) -> Command {
    let mut command = straggler();
    command.arg("run").arg(scenario("quickstart.toml")).arg("--out").arg(out);
    command.args(["--no-plots", "data.rows_per_day=1000", "data.users=300", "data.items=200"]);
    command.args(["cluster.shards=4", "holdout.max_examples=200"]);
    let section = "cluster.shard_failures";
    for setting in ["every=60ms", "repair=10ms", "checkpoint.every=30ms", "meanwhile=fail"] {
        command.arg(format!("{section}.{setting}"));
    }
    command.args(settings);
    command
}

#[test]
fn counts_of_failures_add_up_and_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let said = done(&mut failing(&out, &[])).stdout;
    let whole = summary(&out);
    let summary = &whole["shard_failures"];
    let rows = Rows::read(&out.join("shard_failures.csv"));
    let sum = |name: &str| rows.numbers(name).iter().sum::<f64>();
    assert_eq!(summary["failures"].as_f64(), Some(rows.len() as f64));
    assert!(rows.len() > 3, "{} failures", rows.len());
    assert_eq!(summary["updates_lost"].as_f64(), Some(sum("all_updates_lost")));
    assert!((summary["examples_lost"].as_f64().unwrap() - sum("all_examples_lost")).abs() < 1e-6);
    assert_eq!(summary["steps_lost"].as_f64(), Some(sum("steps_lost")));
    let of_shards = summary["shards"].as_array().unwrap();
    let lost: f64 = of_shards.iter().map(|shard| shard["updates_lost"].as_f64().unwrap()).sum();
    assert_eq!(lost, sum("updates_lost"));
    let down: f64 = of_shards.iter().map(|shard| shard["down_s"].as_f64().unwrap()).sum();
    let share = down / 4.0 / whole["sim_s"].as_f64().unwrap();
    assert!((summary["down"].as_f64().unwrap() - share).abs() < 1e-9);
    let sentence = format!("Shards failed {} times", rows.len());
    assert!(said.contains(&sentence), "{said}");
    let page = done(straggler().arg("report").arg(&out));
    assert!(page.stdout.contains("report.html"), "{}", page.stdout);
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains(&sentence));
    assert!(whole["churn"]["stops"].as_u64() > Some(0), "workers stopped");
}

#[test]
fn r01_threads_change_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let files = |name: &str, threads: &str| {
        let out = folder.path().join(name);
        done(&mut failing(&out, &["--threads", threads]));
        reproducible(&out)
    };
    assert_same(&files("one", "1"), &files("three", "3"), "threads");
}

#[test]
fn shards_that_never_fail_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    done(&mut small_run(&out));
    assert!(summary(&out).get("shard_failures").is_none());
    assert!(!out.join("shard_failures.csv").exists());
    let resolved = std::fs::read_to_string(out.join("resolved.toml")).unwrap();
    assert!(!resolved.contains("shard_failures"), "{resolved}");
}
