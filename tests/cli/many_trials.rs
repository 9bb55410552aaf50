//! Property R46: sweeps of ten thousand trials are looked at in a moment.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::fuzz::cases;
use crate::support::{done, scenario, straggler};

/// A sweep folder of `trials` finished trials, made of one that was run: a hundred points.
fn made_up(folder: &Path, trials: usize) {
    let mut sweep = straggler();
    sweep.arg("sweep").arg(scenario("timing-only.toml")).arg("train.stop.updates=60");
    sweep.args(["cluster.workers=2", "--quiet", "--out"]).arg(folder);
    done(sweep.args(["record.timeline=0"]));
    let plan = fs::read_to_string(folder.join("plan.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(plan.lines().next().unwrap()).unwrap();
    let mut lines = String::new();
    let sample = folder.join("trials/0000");
    let files = ["summary.json", "resolved.toml", "evaluations.csv"];
    for number in 0..trials {
        let (point, seed) = (number % 100, number / 100 + 1);
        let mut line = first.clone();
        line["trial"] = format!("{number:04}").into();
        line["point"] = point.into();
        line["seed"] = seed.into();
        line["label"] = format!("workers={}", point + 1).into();
        line["settings"]["cluster.workers"] = (point + 1).into();
        lines.push_str(&format!("{line}\n"));
        let trial = folder.join(format!("trials/{number:04}"));
        fs::create_dir_all(&trial).unwrap();
        for name in files.iter().filter(|_| number > 0) {
            fs::copy(sample.join(name), trial.join(name)).unwrap();
        }
    }
    for point in 1..trials.min(100) {
        let to = folder.join(format!("points/{point:04}.toml"));
        fs::copy(folder.join("points/0000.toml"), to).unwrap();
    }
    fs::write(folder.join("plan.jsonl"), lines).unwrap();
}

#[test]
fn r46_status_and_report_of_many_trials_are_quick() {
    // In memory where that is possible: it is thirty thousand files.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let (sweep, page) = (folder.path().join("sweep"), folder.path().join("page.html"));
    let trials = if cases(1) > 1 { 10_000 } else { 2_000 };
    made_up(&sweep, trials);
    let took = |command: &mut Command| {
        #[expect(clippy::disallowed_methods, reason = "it is the waiting of a person that counts")]
        let started = Instant::now();
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (started.elapsed(), String::from_utf8(output.stdout).unwrap())
    };
    let program = || Command::new(env!("CARGO_BIN_EXE_straggler"));
    let (status, said) = took(program().arg("status").arg(&sweep));
    assert!(said.contains(&format!("{trials} of {trials} trials done")), "{said}");
    let (report, _) = took(program().arg("report").arg(&sweep).arg("-o").arg(&page));
    let size = fs::metadata(&page).unwrap().len();
    println!("{trials} trials: status {status:?}, report {report:?} and {size} bytes");
    assert!(status < Duration::from_secs(10), "{status:?}");
    assert!(report < Duration::from_secs(60), "{report:?}");
    assert!(size < 5_000_000, "{size} bytes");
}

/// A list does not plan all trials: it needs one of each point, and their number.
#[test]
fn a_list_of_very_many_seeds_is_quick_and_counts_as_the_run_does() {
    let list = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
        command.arg("run").arg(scenario("timing-only.toml")).arg("train.stop.updates=60");
        let output = command.args(words).arg("--list").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    #[expect(clippy::disallowed_methods, reason = "it is the waiting of a person that counts")]
    let started = Instant::now();
    let said = list(&["--seeds", "1..100000"]);
    // Two seconds, and what a busy machine takes; the whole plan takes half a minute.
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert!(said.contains("1 point, 100000 trials"), "{said}");
    // Of the trials 0 to 19, the second of three parts has 1, 4, 7, 10, 13, 16 and 19.
    let said = list(&["cluster.workers=1,2", "--seeds", "1..10", "--shard", "2/3"]);
    let trials = |point: &str| {
        let line = said.lines().find(|line| line.contains(point)).unwrap();
        line.split_whitespace().nth(2).unwrap().to_string()
    };
    assert_eq!([trials("workers=1"), trials("workers=2")], ["3", "4"], "{said}");
    assert!(said.contains("2 points, 7 trials"), "{said}");
}
