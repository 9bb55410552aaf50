//! Runs and sweeps that are killed, stopped, starved of disk or left with damaged snapshots: gone on
//! with, they end in the same bytes as those that were left alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::fuzz::cases;
use crate::support::{SMALL, assert_same, done, reproducible, scenario, straggler};

const LONG: &[&str] =
    &["train.stop.updates=1500", "train.stop.passes=1000", "checkpoint.average={last=3}"];

/// A run that saves itself every 40 updates.
fn saving(out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
    command.arg("run").arg(scenario("quickstart.toml")).args(SMALL).args(LONG);
    command.args([
        "record.divergence={times=9}",
        "record.layers={times=8}",
        "holdout.every={times=7}",
    ]);
    command.arg("--out").arg(out).args(["--quiet", "--no-plots", "--save-every", "40"]);
    command
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> (i32, String) {
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert!(!said.contains("panicked at"), "{said}");
    (status.code().unwrap_or(-1), said)
}

/// Runs to the end.
fn whole(out: &Path) {
    assert_eq!(end(start(&mut saving(out))).0, 0);
}

/// The snapshots of a run, the oldest first.
fn snapshots(out: &Path) -> Vec<PathBuf> {
    let list = fs::read_dir(out.join("snapshots")).into_iter().flatten().flatten();
    let mut list: Vec<PathBuf> = list.map(|entry| entry.path()).collect();
    list.retain(|path| path.extension().is_some_and(|end| end == "state"));
    list.sort();
    list
}

/// A checkpoint that was written before an interruption, and is damaged or gone, is not taken for
/// one of the run.
#[test]
fn r22_checkpoints_that_are_lost_meanwhile_are_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let with = |out: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
        command.arg("run").arg(scenario("quickstart.toml")).args(SMALL).arg("--out").arg(out);
        command.args([
            "train.stop={updates=160,passes=1000}",
            "checkpoint={every={updates=30},best=true,increments=2}",
        ]);
        command.args(["--quiet", "--no-plots", "--save-every", "40"]);
        command
    };
    let expected = folder.path().join("expected");
    assert_eq!(end(start(&mut with(&expected))).0, 0);
    for (number, lost) in [(0, true), (1, false)] {
        let out = folder.path().join(format!("out{number}"));
        let mut child = start(&mut with(&out));
        let name = "checkpoints/update-000000030.safetensors";
        while snapshots(&out).is_empty() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        end(child);
        match lost {
            true => fs::remove_file(out.join(name)).unwrap(),
            false => fs::write(out.join(name), "damaged").unwrap(),
        }
        let (code, said) = end(start(
            Command::new(env!("CARGO_BIN_EXE_straggler")).arg("resume").arg(&out).args([
                "--quiet",
                "--save-every",
                "40",
            ]),
        ));
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("missing or damaged"), "{said}");
        let part = |folder: &Path| {
            let mut files = reproducible(folder);
            files.retain(|name, _| !name.starts_with("plots/") && name != "report.html");
            files
        };
        assert_same(&part(&expected), &part(&out), name);
    }
}

/// A run with very many gradients under way ends soon after it was asked to.
#[test]
fn r24_imposed_staleness_of_a_million_hears_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
    command.arg("run").arg(scenario("imposed-staleness.toml")).args(SMALL);
    command.args(["imposed_staleness={kind='uniform',largest=1000000}", "--quiet", "--out"]);
    // It needs more memory than it may, if it went on.
    let mut child = start(command.arg(&out).arg("--force"));
    while !out.join("training.csv").exists() {
        assert_eq!(child.try_wait().unwrap(), None);
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(Duration::from_millis(1500));
    #[expect(clippy::disallowed_methods, reason = "it is the waiting of a person that counts")]
    let asked = std::time::Instant::now();
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let (code, said) = end(child);
    assert_eq!(code, 130, "{said}");
    // A second, and what a busy machine takes.
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
}

/// Kills a run that has left two snapshots.
fn killed_with_two(out: &Path) -> Vec<PathBuf> {
    for _ in 0..200 {
        drop(fs::remove_dir_all(out));
        let mut child = start(&mut saving(out));
        while snapshots(out).len() < 2 && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        drop(child.kill());
        let _ = end(child);
        let left = snapshots(out);
        if left.len() == 2 {
            return left;
        }
    }
    panic!("the run was over each time before it was killed");
}

#[test]
fn r20_a_run_that_is_killed_again_and_again_ends_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let expected = folder.path().join("whole");
    whole(&expected);
    let expected = reproducible(&expected);
    let mut resumed = 0;
    for case in 0..cases(2) {
        let out = folder.path().join(format!("killed-{case}"));
        for turn in 0..5 {
            let mut child = start(&mut saving(&out));
            // There is something to go on from, however slow the machine is.
            while turn == 0 && snapshots(&out).is_empty() && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            let pause = 20 + (case as u64 * 37 + turn * 53) % 120;
            std::thread::sleep(Duration::from_millis(pause));
            // It may be done by now: then there is nothing left to kill.
            drop(child.kill());
            resumed += u32::from(end(child).1.contains("going on from update"));
        }
        let (code, said) = end(start(&mut saving(&out)));
        assert_eq!(code, 0, "{said}");
        resumed += u32::from(said.contains("going on from update"));
        assert_same(&expected, &reproducible(&out), "after five kills");
    }
    assert!(resumed > 0, "no run was ever gone on with");
}

#[cfg(unix)]
#[test]
fn r24_a_run_that_is_asked_to_stop_saves_itself_and_says_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let expected = folder.path().join("whole");
    whole(&expected);
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let out = folder.path().join(format!("out{signal}"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
        command.arg("run").arg(scenario("quickstart.toml")).args(SMALL).args(LONG);
        command.args([
            "record.divergence={times=9}",
            "record.layers={times=8}",
            "holdout.every={times=7}",
        ]);
        command.arg("--out").arg(&out).args(["--quiet", "--no-plots", "--save-every", "never"]);
        let mut child = start(&mut command);
        while !out.join("training.csv").exists() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let (ended, said) = end(child);
        assert_eq!(ended, code, "{said}");
        assert!(
            said.starts_with("Stopped as asked, and saved. To continue: straggler resume"),
            "{said}"
        );
        let resumed = done(straggler().arg("resume").arg(&out).arg("--quiet"));
        assert!(resumed.stderr.contains("going on from update"), "{}", resumed.stderr);
        drop(fs::remove_dir_all(out.join("plots")));
        drop(fs::remove_file(out.join("report.html")));
        assert_same(&reproducible(&expected), &reproducible(&out), signal);
    }
}

#[test]
fn r22_damaged_snapshots_are_told_and_the_one_before_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let (expected, out) = (folder.path().join("whole"), folder.path().join("out"));
    whole(&expected);
    let cut = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(path, bytes).unwrap();
    };
    // What is damaged: the last snapshot, both, a series.
    for (damage, used) in [("last", true), ("both", false), ("series", false)] {
        let snapshots = killed_with_two(&out);
        let mut list = Command::new(env!("CARGO_BIN_EXE_straggler"));
        let said = list.arg("resume").arg(&out).arg("--list").output().unwrap().stdout;
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("begun: update"), "{said}");
        match damage {
            "last" => flip(&snapshots[1]),
            "both" => snapshots.iter().for_each(|path| cut(path)),
            _ => fs::write(out.join("training.csv"), "update\n").unwrap(),
        }
        let (code, said) = end(start(&mut saving(&out)));
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("is not used"), "{damage}: {said}");
        assert_eq!(said.contains("going on from update"), used, "{damage}: {said}");
        assert_same(&reproducible(&expected), &reproducible(&out), damage);
    }
}

/// A sweep of two trials so small that every operation on its folder can be made to fail.
fn tiny(out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
    command.arg("sweep").arg(scenario("timing-only.toml")).arg("cluster.workers=2,3");
    command.args(["train.stop.updates=60", "record.timeline=10", "record.training={times=4}"]);
    command.arg("--out").arg(out).args(["--quiet", "--jobs", "1", "--save-every", "25"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Lets operation 1, 2, 3, ... fail until a sweep passes untouched; returns how many there were.
fn each_operation(kind: &str, stride: u64, is_right: impl Fn(i32, &str)) -> u64 {
    // In memory where that is possible: some thousand files are handed to the disk.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    // The page of a sweep names its folder.
    let expected = folder.path().join("whole/out");
    assert_eq!(end(tiny(&expected).spawn().unwrap()).0, 0);
    let expected = reproducible(&expected);
    for operation in (1..).step_by(stride as usize) {
        let out = folder.path().join(format!("{operation}/out"));
        let fault = format!("{kind}:{operation}");
        let (code, said) = end(tiny(&out).env("STRAGGLER_IO_FAULT", fault).spawn().unwrap());
        if code == 0 {
            assert_same(&expected, &reproducible(&out), kind);
            return operation;
        }
        is_right(code, &said);
        let (code, said) = end(tiny(&out).spawn().unwrap());
        assert_eq!(code, 0, "{kind} at {operation}: {said}");
        assert_same(&expected, &reproducible(&out), &format!("{kind} at {operation}"));
        fs::remove_dir_all(&out).unwrap();
    }
    unreachable!("operations are counted up without end")
}

#[test]
fn r18_dying_in_front_of_any_operation_loses_nothing() {
    let operations =
        each_operation("abort", 1, |code, _| assert_eq!(code, -1, "killed by a signal"));
    assert!(operations > 60, "only {operations} operations");
}

#[test]
fn r23_a_power_cut_in_front_of_any_operation_loses_nothing() {
    // Every operation where more is asked for than usual.
    let stride = if cases(1) > 1 { 1 } else { 5 };
    for kind in ["power", "power-some"] {
        let operations = each_operation(kind, stride, |code, _| assert_eq!(code, -1));
        assert!(operations > 60, "only {operations} operations");
    }
}

#[test]
fn r19_any_operation_may_fail_and_the_message_says_so() {
    let told = |code: i32, said: &str| {
        assert_eq!(code, 7, "{said}");
        assert!(said.contains("cannot write"), "{said}");
    };
    for (kind, stride) in [("full", 4), ("denied", 9), ("broken", 9)] {
        assert!(each_operation(kind, stride, told) > 60);
    }
    // A write that is done by halves or interrupted is gone on with.
    for (operation, kind) in (1..60).step_by(2).flat_map(|n| [(n, "short"), (n, "interrupted")]) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = tiny(&folder.path().join("out"));
        let fault = format!("{kind}:{operation}");
        let (code, said) = end(command.env("STRAGGLER_IO_FAULT", fault).spawn().unwrap());
        assert_eq!(code, 0, "{kind} at {operation}: {said}");
    }
}
