//! `compare` on true runs, and the expectations of scenarios.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Rows, SMALL, done, say, scenario, small_run, straggler};

/// A small run into `out` with settings of its own.
fn run_with(out: &Path, overrides: &[&str]) {
    let key = |setting: &str| setting.split('=').next().unwrap().to_string();
    let free = |setting: &&&str| overrides.iter().all(|own| key(own) != key(setting));
    let mut command = straggler();
    command.arg("run").arg(scenario("quickstart.toml")).args(SMALL.iter().filter(free));
    done(command.args(overrides).arg("--out").arg(out).args(["--quiet", "--no-plots"]));
}

/// A sweep folder: points of these overrides, each with so many seeds.
fn sweep(root: &Path, points: &[&[&str]], seeds: u64) -> PathBuf {
    let folder = root.join("sweep");
    let mut plan = String::new();
    let mut number = 0;
    for (point, overrides) in points.iter().enumerate() {
        for seed in 1..=seeds {
            let trial = format!("{number:04}");
            number += 1;
            let out = folder.join("trials").join(&trial);
            run_with(&out, &[*overrides, &[&format!("scenario.seed={seed}")]].concat());
            let label = overrides.join(" ");
            plan += &format!(
                "{}\n",
                json!({"trial": trial, "point": point, "label": label, "seed": seed})
            );
        }
    }
    fs::write(folder.join("plan.jsonl"), plan).unwrap();
    folder
}

const WORKERS: &[&[&str]] =
    &[&["cluster.workers=2"], &["cluster.workers=6"], &["cluster.workers=12"]];

fn point(folder: &Path, point: &str) -> String {
    format!("{}@{point}", folder.display())
}

#[test]
fn points_of_a_sweep_are_compared_pair_by_pair() {
    let root = tempfile::tempdir().unwrap();
    let folder = sweep(root.path(), WORKERS, 3);
    let (a, b) = (point(&folder, "0"), point(&folder, "cluster.workers=6"));
    let metrics = ["--metric", "staleness.mean", "best.auc"];
    let said = done(straggler().arg("compare").args([&a, &b]).args(metrics));
    let text = &said.stdout;
    assert!(text.contains("3 pairs by seed"), "{text}");
    assert!(text.contains("higher (worse)"), "{text}");
    assert!(text.contains("what differs: cluster.workers: 2 -> 6   (1 of "), "{text}");
    assert!(text.contains("corrected for 2 questions"), "{text}");
    // As JSON, and the other way round.
    let row = |a: &str, b: &str| -> Value {
        let mut command = straggler();
        command.arg("compare").args([a, b, "--metric", "best.auc", "--json"]);
        let value: Value = serde_json::from_str(&done(&mut command).stdout).unwrap();
        value["rows"][0].clone()
    };
    let (there, back) = (row(&a, &b), row(&b, &a));
    let delta = |row: &Value| row["delta"].as_f64().unwrap();
    assert!((delta(&there) + delta(&back)).abs() < 1e-12);
    assert_eq!(there["seeds"], json!([1, 2, 3]));
    // The mean of what the runs themselves say.
    let mean = |trials: std::ops::Range<u32>| -> f64 {
        let auc = |trial| {
            let out = folder.join(format!("trials/{trial:04}"));
            crate::support::summary(&out)["best"]["quality"]["auc"].as_f64().unwrap()
        };
        trials.map(auc).sum::<f64>() / 3.0
    };
    assert!((delta(&there) - (mean(3..6) - mean(0..3))).abs() < 1e-12);
}

#[test]
fn a_sweep_alone_is_compared_with_its_baseline() {
    let root = tempfile::tempdir().unwrap();
    let folder = sweep(root.path(), WORKERS, 3);
    let metric = ["--metric", "staleness.mean"];
    let said = done(straggler().arg("compare").arg(&folder).args(metric));
    assert!(said.stdout.starts_with("A = cluster.workers=2, B = each of 2"), "{}", said.stdout);
    assert!(said.stdout.contains("cluster.workers: 2, 6, 12"), "{}", said.stdout);
    assert_eq!(said.stdout.matches("higher (worse)").count(), 2, "{}", said.stdout);
    let mut command = straggler();
    command.arg("compare").arg(&folder).args(metric).args(["--baseline", "cluster.workers=12"]);
    let said = done(&mut command);
    assert_eq!(said.stdout.matches("lower (better)").count(), 2, "{}", said.stdout);
    let csv = root.path().join("front.csv");
    let mut command = straggler();
    command.arg("compare").arg(&folder).arg("--pareto").arg("--csv").arg(&csv);
    let said = done(&mut command);
    assert!(said.stdout.starts_with("Time and cost until best.auc>=0."), "{}", said.stdout);
    let rows = Rows::read(&csv);
    assert_eq!((rows.len(), rows.numbers("reached")), (3, vec![3.0; 3]));
    assert!(rows.numbers("on_front").contains(&1.0));
    for (cost, time) in rows.numbers("cost_worker_s").iter().zip(rows.numbers("time_s")) {
        assert!(*cost >= 2.0 * time);
    }
}

#[test]
fn two_runs_are_too_few_for_an_interval() {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (root.path().join("a"), root.path().join("b"));
    done(&mut small_run(&a));
    done(small_run(&b).arg("optimizer.kind=sgd"));
    let said = done(straggler().arg("compare").args([&a, &b]));
    assert!(said.stdout.contains("too few seeds for an interval"), "{}", said.stdout);
    assert!(said.stdout.contains("optimizer.kind: adam -> sgd"), "{}", said.stdout);
    assert!(said.stdout.contains("1 pair by seed"), "{}", said.stdout);
}

#[test]
fn conditions_decide_the_exit_code() {
    let root = tempfile::tempdir().unwrap();
    let folder = sweep(root.path(), &WORKERS[..2], 3);
    for (condition, code) in [
        ("staleness.mean.delta > 1", 1),
        ("staleness.mean.delta > 100", 0),
        ("staleness.mean.verdict == worse", 1),
        ("time_to(auc>=0.999).delta > 0", 1),
        ("staleness.mean.detla > 1", 2),
        ("stalenes.mean.delta > 1", 2),
    ] {
        let said = say(straggler().arg("compare").arg(&folder).args(["--fail-if", condition]));
        assert_eq!(said.code, code, "{condition}: {}{}", said.stdout, said.stderr);
        assert_eq!(said.stderr.contains("fail: "), code == 1, "{condition}: {}", said.stderr);
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (root.path().join("a"), root.path().join("b"));
    done(&mut small_run(&a));
    run_with(&b, &["data.rows_per_day=301"]);
    let said = say(straggler().arg("compare").args([&a, &b]));
    assert_eq!(said.code, 5, "{}", said.stderr);
    assert!(said.stderr.contains("data.rows_per_day: 300 -> 301"), "{}", said.stderr);
    let forced = done(straggler().arg("compare").args([&a, &b]).arg("--force"));
    assert!(forced.stdout.contains("compared by force"), "{}", forced.stdout);
    done(straggler().arg("compare").args([&a, &b]).args(["--metric", "staleness.mean"]));
}

#[test]
fn mistakes_are_told_before_anything_else() {
    let root = tempfile::tempdir().unwrap();
    let a = root.path().join("a");
    done(&mut small_run(&a));
    let a = a.display().to_string();
    let nowhere = root.path().join("nowhere").display().to_string();
    for (arguments, code, part) in [
        (vec![&*a], 2, "is one point"),
        (vec![&*a, &*nowhere], 6, "holds neither a run"),
        (vec![&*a, &*a, "--metric", "best.acu"], 2, "did you mean best.auc?"),
        (vec![&*a, &*a, "--metric", "auc"], 2, "did you mean best.auc?"),
        (vec![&*a, &*a, "--practical=-1"], 2, "none is negative"),
        (vec![&*a, &*a, "--practical", "best.auc=x"], 2, "write a size"),
        (vec![&*a, &*a, "--baseline", "1"], 2, "goes with one sweep"),
        (vec![&*a, "--pareto", "--goal", "auc>0.5"], 2, "a goal is a figure"),
        (vec![], 2, "RESULTS"),
    ] {
        let said = say(straggler().arg("compare").args(&arguments));
        assert_eq!(said.code, code, "{arguments:?}: {}", said.stderr);
        assert!(said.stderr.contains(part), "{arguments:?}: {}", said.stderr);
    }
}

#[test]
fn r38_a_trial_that_blew_up_is_named_and_what_files_say_cannot_steer_a_terminal() {
    let root = tempfile::tempdir().unwrap();
    let folder = sweep(root.path(), &WORKERS[..2], 4);
    let trial = folder.join("trials/0005");
    fs::remove_file(trial.join("summary.json")).unwrap();
    let ended = json!({"ended": "blow-up at update 9\u{1b}[2J: no longer finite\nsecond line"});
    fs::write(trial.join("diagnosis.json"), ended.to_string()).unwrap();
    let plan = fs::read_to_string(folder.join("plan.jsonl")).unwrap();
    let plan = plan.replace("cluster.workers=6", "cluster.workers=6\\u001b[2J");
    fs::write(folder.join("plan.jsonl"), plan).unwrap();
    let said = done(straggler().arg("compare").arg(&folder));
    assert!(said.stdout.contains("3 pairs by seed"), "{}", said.stdout);
    assert!(said.stdout.contains("blew up, in no figure above: "), "{}", said.stdout);
    assert!(said.stdout.contains(", seed 2: blow-up at update 9"), "{}", said.stdout);
    assert!(!said.stdout.contains("second line"), "{}", said.stdout);
    let lost = say(straggler().arg("compare").args([point(&folder, "7"), point(&folder, "0")]));
    assert_eq!(lost.code, 2, "{}", lost.stderr);
    assert!(lost.stderr.contains("0  cluster.workers=2"), "{}", lost.stderr);
    for text in [&said.stdout, &said.stderr, &lost.stderr] {
        assert!(!text.contains('\x1b'), "{text}");
    }
    let mut command = straggler();
    command.arg("compare").arg(&folder).arg("--pareto");
    assert!(done(&mut command).stdout.contains("(1 of 4 trials blew up or failed)"));
}

#[test]
fn without_a_common_seed_there_are_no_pairs() {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (root.path().join("a"), root.path().join("b"));
    done(&mut small_run(&a));
    run_with(&b, &["scenario.seed=2"]);
    let said = say(straggler().arg("compare").args([&a, &b]));
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("no seed in common; --pair none"), "{}", said.stderr);
    let said = done(straggler().arg("compare").args([&a, &b]).args(["--pair", "none"]));
    assert!(said.stdout.contains("Not paired."), "{}", said.stdout);
}

const SCENARIO: &str = "\
timing_only = {}
cluster.workers = 4
train.stop.updates = 500

[[expect]]
metric = \"staleness.mean\"
between = [2.9, 3.1]
reason = \"nobody waits, so it is the number of workers minus one\"

[[expect]]
metric = \"updates\"
";

#[test]
fn expectations_decide_the_exit_code_of_a_run() {
    let root = tempfile::tempdir().unwrap();
    let run = |name: &str, bound: &str| {
        let file = root.path().join(format!("{name}.toml"));
        fs::write(&file, format!("{SCENARIO}{bound}\n")).unwrap();
        let mut command = straggler();
        command.arg("run").arg(file).arg("--out").arg(root.path().join(name));
        say(command.args(["--quiet", "--no-plots"]))
    };
    let said = run("good", "above = 499");
    assert_eq!(said.code, 0, "{}", said.stdout);
    assert_eq!(said.stdout.matches("holds").count(), 2, "{}", said.stdout);
    // Failing again when the run is done already.
    for _ in 0..2 {
        let said = run("bad", "below = 500");
        assert_eq!(said.code, 1, "{}", said.stdout);
        assert!(said.stdout.contains("FAILS  updates         below 500"), "{}", said.stdout);
    }
    let text = fs::read_to_string(root.path().join("bad/expect.json")).unwrap();
    let checked: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&checked[0]["holds"], &checked[1]["holds"]), (&json!(true), &json!(false)));
    assert_eq!(checked[1]["value"], json!(500.0));
    // A sweep says which trials, and ends the same way.
    let file = root.path().join("bad.toml");
    let mut command = straggler();
    command.arg("sweep").arg(file).args(["cluster.workers=3,4", "--seeds", "2", "--quiet"]);
    let said = say(command.arg("--out").arg(root.path().join("sweep")));
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(
        said.stderr.contains("4 trials did not end as the scenario expects"),
        "{}",
        said.stderr
    );
    let both = "expected between 2.9 and 3.1; updates is 500, expected below 500";
    assert!(said.stderr.contains(both), "{}", said.stderr);
    let said = run("wrong", "above = 1\n[[expect]]\nmetric = \"stalenes.mean\"\nabove = 1");
    assert_eq!(said.code, 2, "{}", said.stdout);
    assert!(said.stderr.contains("did you mean `staleness.mean`?"), "{}", said.stderr);
    assert!(!root.path().join("wrong").exists());
}
