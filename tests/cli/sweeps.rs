//! Sweeps: many trials, none of which knows of the others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Rows, SMALL, assert_same, done, reproducible, say, scenario, straggler};

/// A sweep file over the quickstart, next to nothing else.
fn sweep_file(folder: &Path, body: &str) -> PathBuf {
    let path = folder.join("sweep.toml");
    let scenario = scenario("quickstart.toml");
    let head = format!("straggler = 1\n[sweep]\nname = \"s\"\nscenario = {scenario:?}\n");
    fs::write(&path, format!("{head}{body}")).unwrap();
    path
}

const GRID: &str = "seeds = 2\n[sweep.grid]\n\"cluster.workers\" = [1, 5]\n\
                    \"optimizer.learning_rate\" = [1e-3, 1e-2]\n";

fn sweep(file: &Path, out: &Path) -> assert_cmd::Command {
    let mut command = straggler();
    // Workers are swept, and an argument would replace the axis.
    let small = SMALL.iter().filter(|setting| !setting.contains("workers"));
    command.arg("sweep").arg(file).args(small).arg("--out").arg(out).arg("--quiet");
    command
}

#[test]
fn r05_a_trial_does_not_depend_on_the_sweep_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = sweep_file(folder.path(), GRID);
    let whole = folder.path().join("whole/out");
    let said = done(&mut sweep(&file, &whole));
    assert!(said.stdout.contains("workers=5 learning_rate=0.01"), "{}", said.stdout);
    let trials = Rows::read(&whole.join("trials.csv"));
    assert_eq!(trials.len(), 8);
    assert!(trials.texts("state").iter().all(|state| *state == "done"));
    assert!(whole.join("curves.png").exists() && whole.join("report.html").exists());
    // Each one alone.
    for (trial, (point, seed)) in
        trials.texts("trial").iter().zip(trials.texts("point").iter().zip(trials.texts("seed")))
    {
        let point: usize = point.parse().unwrap();
        let alone = folder.path().join(format!("alone-{trial}"));
        let mut run = straggler();
        run.arg("run").arg(whole.join(format!("points/{point:04}.toml")));
        run.arg(format!("scenario.seed={seed}")).arg("--out").arg(&alone);
        done(run.args(["--quiet", "--no-plots"]));
        let in_sweep = reproducible(&whole.join("trials").join(trial));
        assert_same(&in_sweep, &reproducible(&alone), trial);
    }
    // One at a time, on one thread.
    let slow = folder.path().join("slow/out");
    done(sweep(&file, &slow).args(["--jobs", "1", "--threads", "1"]));
    assert_same(&reproducible(&whole), &reproducible(&slow), "one at a time");
    // In parts that are copied together, in the wrong order.
    let (one, two) = (folder.path().join("one/out"), folder.path().join("two/out"));
    done(sweep(&file, &two).args(["--shard", "2/2"]));
    done(sweep(&file, &one).args(["--shard", "1/2"]));
    assert_eq!(fs::read_dir(one.join("trials")).unwrap().count(), 4);
    for trial in fs::read_dir(two.join("trials")).unwrap() {
        let trial = trial.unwrap();
        copy(&trial.path(), &one.join("trials").join(trial.file_name()));
    }
    done(straggler().arg("resume").arg(&one).arg("--quiet"));
    assert_same(&reproducible(&whole), &reproducible(&one), "in two parts");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn r05_parts_may_be_run_at_the_same_time_into_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = sweep_file(folder.path(), GRID);
    let (whole, shared) = (folder.path().join("whole/out"), folder.path().join("shared/out"));
    done(&mut sweep(&file, &whole));
    let part = |number: usize| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
        let small = SMALL.iter().filter(|setting| !setting.contains("workers"));
        command.arg("sweep").arg(&file).args(small).arg("--out").arg(&shared).arg("--quiet");
        command.args(["--threads", "1", "--shard", &format!("{number}/8")]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let parts: Vec<_> = (1..=8).map(part).collect();
    for part in parts {
        let output = part.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_same(&reproducible(&whole), &reproducible(&shared), "in eight parts at a time");
}

#[test]
fn r05_more_seeds_and_parts_add_to_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = sweep_file(folder.path(), GRID);
    let (whole, grown) = (folder.path().join("whole/out"), folder.path().join("grown/out"));
    done(sweep(&file, &whole).args(["--seeds", "3"]));
    done(sweep(&file, &grown).args(["--seeds", "1", "--only", "workers=5"]));
    let summary = grown.join("trials/0002/summary.json");
    let before = fs::metadata(&summary).unwrap().modified().unwrap();
    assert!(!grown.join("trials/0000").exists());
    done(sweep(&file, &grown).args(["--seeds", "3"]));
    assert_eq!(fs::metadata(&summary).unwrap().modified().unwrap(), before, "it was run again");
    assert_same(&reproducible(&whole), &reproducible(&grown), "grown");
    // Fewer seeds ask for nothing new, and take nothing away.
    done(&mut sweep(&file, &grown));
    assert_same(&reproducible(&whole), &reproducible(&grown), "with fewer seeds");
    // Another plan does not fit.
    let said = say(sweep(&file, &grown).arg("train.batch=64"));
    assert_eq!(said.code, 6, "{}", said.stderr);
    assert_same(&reproducible(&whole), &reproducible(&grown), "after another plan");
}

#[test]
fn r26_a_trial_that_diverges_stops_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let body = "[sweep.grid]\n\"optimizer.learning_rate\" = [1e-3, 1e30, 1e-2]\n\
                \"cluster.workers\" = [3]\n";
    let (file, out) = (sweep_file(folder.path(), body), folder.path().join("out"));
    let sgd = "optimizer.kind=sgd";
    let said = say(sweep(&file, &out).arg(sgd));
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert!(said.stderr.contains("0001") && said.stderr.contains("--retry"), "{}", said.stderr);
    let trials = Rows::read(&out.join("trials.csv"));
    assert_eq!(trials.texts("state"), ["done", "failed", "done"]);
    let points = Rows::read(&out.join("points.csv"));
    assert_eq!(points.texts("failed"), ["0", "1", "0"]);
    assert_eq!(points.texts("best.auc")[1], "", "no number stands for it");
    let before = reproducible(&out);
    // It would diverge again, so it is left alone unless asked for.
    assert_eq!(say(sweep(&file, &out).arg(sgd)).code, 3);
    let said = say(straggler().arg("resume").arg(&out).args(["--retry", "--quiet"]));
    assert_eq!(said.code, 3, "{}", said.stderr);
    assert_same(&before, &reproducible(&out), "after trying again");
    let status = done(straggler().arg("status").arg(&out)).stdout;
    assert!(status.contains("2 of 3 trials done, 1 failed"), "{status}");
    assert!(status.contains("blow-up"), "{status}");
}

#[test]
fn arguments_sweep_as_files_do() {
    let folder = tempfile::tempdir().unwrap();
    let (by_file, by_hand) = (folder.path().join("f"), folder.path().join("h"));
    done(&mut sweep(&sweep_file(folder.path(), GRID), &by_file));
    let mut command = sweep(&scenario("quickstart.toml"), &by_hand);
    command.args(["cluster.workers=1,5", "optimizer.learning_rate=log:1e-3..1e-2 x2"]);
    done(command.args(["--seeds", "1..2"]));
    let figures = |out: &Path| fs::read_to_string(out.join("points.csv")).unwrap();
    assert_eq!(figures(&by_file), figures(&by_hand));
    // `run --seeds` is a sweep with one point.
    let out = folder.path().join("run");
    let mut run = straggler();
    run.arg("run").arg(scenario("quickstart.toml")).args(SMALL).args(["--seeds", "3,7"]);
    let said = done(run.arg("--out").arg(&out).arg("--quiet"));
    assert!(said.stdout.contains("(the scenario as it is)   2/2"), "{}", said.stdout);
    assert_eq!(Rows::read(&out.join("trials.csv")).texts("seed"), ["3", "7"]);
}

#[test]
fn trials_without_pairs_have_seeds_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let body = format!("pair = false\n{GRID}");
    let (file, out) = (sweep_file(folder.path(), &body), folder.path().join("out"));
    done(&mut sweep(&file, &out));
    let trials = Rows::read(&out.join("trials.csv"));
    let mut seeds = trials.texts("seed");
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), trials.len());
}

#[test]
fn a_list_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (sweep_file(folder.path(), GRID), folder.path().join("out"));
    let said = done(sweep(&file, &out).arg("--list"));
    assert!(said.stdout.contains("4 points, 8 trials"), "{}", said.stdout);
    assert!(!out.exists());
}

#[test]
fn what_is_wrong_is_said_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let file = |body: &str| sweep_file(folder.path(), body);
    let cases: &[(&str, &[&str])] = &[
        ("[sweep.grid]\n\"cluster.workerz\" = [1]\n", &["workerz", "did you mean", "sweep.toml:6"]),
        ("[sweep.grid]\n\"cluster.workers\" = [5, 0]\n", &["point 1", "workers=0", "sweep.toml:6"]),
        ("[sweep.grid]\n\"cluster.workers\" = 5\n", &["a single value", "[1, 10, 30]"]),
        ("seeds = 0\n", &["seeds"]),
        (
            "[sweep.grid]\n\"train.batch\" = [8]\n[[sweep.skip]]\n\"train.batch\" = 8\n",
            &["every point of the sweep is skipped"],
        ),
    ];
    for (body, parts) in cases {
        let said = say(&mut sweep(&file(body), &out));
        assert_eq!(said.code, 2, "{body}: {}", said.stderr);
        for part in *parts {
            assert!(said.stderr.contains(part), "{part} is missing in {}", said.stderr);
        }
        assert!(!out.exists(), "{body}");
    }
    let file = file(GRID);
    let refused = |args: &[&str], code: i32, part: &str| {
        let said = say(sweep(&file, &out).args(args));
        assert_eq!(said.code, code, "{args:?}: {}", said.stderr);
        assert!(said.stderr.contains(part), "{args:?}: {}", said.stderr);
        assert!(!out.exists(), "{args:?}");
    };
    refused(&["--only", "workers=7"], 2, "--list");
    refused(&["--shard", "3/2"], 2, "2/8");
    refused(&["limits.memory=1MiB"], 5, "in point 0");
    refused(&["data.kind=csv_of_mine"], 2, "kind");
    let said = say(straggler().args(["demo", "train.batch=8,16"]));
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("straggler run"), "{}", said.stderr);
    for arguments in [&["resume"][..], &["resume", "--list"]] {
        let said = say(straggler().args(arguments).arg(folder.path()));
        assert_eq!(said.code, 6, "{}", said.stderr);
    }
}

/// A sweep that runs for a while, as a process of its own.
fn long_sweep(file: &Path, out: &Path) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
    let small = SMALL.iter().filter(|setting| !setting.contains("workers"));
    command
        .arg("sweep")
        .arg(file)
        .args(small)
        .arg("train.stop={updates=600}")
        .arg("--out")
        .arg(out);
    command.args(["--quiet", "--jobs", "2"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn r20_killed_sweeps_end_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let file = sweep_file(folder.path(), GRID);
    let (whole, killed) = (folder.path().join("whole/out"), folder.path().join("killed/out"));
    assert!(long_sweep(&file, &whole).wait().unwrap().success());
    for pause in [5, 40, 90, 160, 250] {
        let mut process = long_sweep(&file, &killed);
        std::thread::sleep(Duration::from_millis(pause));
        // It may be done by now: then there is nothing left to kill.
        drop(process.kill());
        process.wait().unwrap();
    }
    assert!(long_sweep(&file, &killed).wait().unwrap().success());
    assert_same(&reproducible(&whole), &reproducible(&killed), "after five kills");
}

#[test]
fn a_trial_that_goes_on_says_from_where() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let begin = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
        command.arg("sweep").arg(scenario("timing-only.toml")).arg("train.stop.updates=40000");
        command.args(["cluster.workers=3,4", "--jobs", "1", "--quiet", "--save-every", "500"]);
        command.arg("--out").arg(&out).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let is_saved = || {
        let list = fs::read_dir(out.join("trials/0000/snapshots")).into_iter().flatten().flatten();
        list.into_iter().any(|entry| entry.path().extension().is_some_and(|end| end == "state"))
    };
    let mut process = begin();
    while !is_saved() && process.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(
        !out.join("trials/0000/summary.json").exists(),
        "the trial was over before it was killed"
    );
    let output = begin().wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("0000  going on from update "), "{said}");
    assert!(!said.contains("0001  going on"), "{said}");
}

#[cfg(unix)]
#[test]
fn r24_a_sweep_that_is_asked_to_stop_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = sweep_file(folder.path(), GRID);
    let out = folder.path().join("out");
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
        command
            .arg("sweep")
            .arg(&file)
            .arg("train.stop={updates=100000000}")
            .arg("--out")
            .arg(&out);
        let process = command.arg("--quiet").stderr(Stdio::piped()).stdout(Stdio::null()).spawn();
        let process = process.unwrap();
        while !out.join("trials/0000/training.csv").exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        let (signal, id) = (format!("-{signal}"), process.id().to_string());
        assert!(Command::new("kill").args([signal, id]).status().unwrap().success());
        let output = process.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("straggler resume"), "{said}");
        fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn a_sweep_ends_with_a_sentence_from_pairs() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let mut sweep = straggler();
    let small = SMALL.iter().filter(|setting| !setting.contains("workers"));
    sweep.arg("sweep").arg(scenario("quickstart.toml")).args(small).arg("cluster.workers=1,5");
    let said = done(sweep.args(["--seeds", "3", "--quiet", "--out"]).arg(&out)).stdout;
    let first = said.lines().next().unwrap();
    assert!(
        first.starts_with("workers=5: ") && first.contains("times as fast as workers=1"),
        "{said}"
    );
    assert!(first.contains(", AUC ") && first.contains('['), "{said}");
    assert!(said.contains("trials with the same seed"), "{said}");
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains(first), "{first}");
    let said = say(straggler().arg("trace").arg(&out));
    assert!(said.code == 2 && said.stderr.contains("trials/0000"), "{}", said.stderr);
}
