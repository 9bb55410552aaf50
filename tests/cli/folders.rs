//! Results folders that cannot be used: another plan's, another process's, other people's.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{SMALL, done, reproducible, say, scenario, small_run, straggler};

#[test]
fn a_folder_of_another_plan_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    done(&mut small_run(&out));
    let before = reproducible(&out);
    for force in [&[][..], &["--force"]] {
        let said = say(small_run(&out).arg("scenario.seed=2").args(force));
        assert_eq!((said.code, said.stdout.as_str()), (6, ""));
        assert!(said.stderr.contains("another scenario or seed"), "{}", said.stderr);
        assert!(said.stderr.contains("--out"), "{}", said.stderr);
    }
    assert!(before == reproducible(&out));
}

#[test]
fn r25_a_folder_that_another_process_writes_is_refused_until_it_dies() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let long = |command: &mut Command| {
        command.arg("run").arg(scenario("timing-only.toml")).arg("--out").arg(&out);
        command.args(["train.stop.updates=9000000000", "--quiet"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut first = long(&mut Command::new(env!("CARGO_BIN_EXE_straggler")));
    let ready = out.join("training.csv");
    for _ in 0..1000 {
        if ready.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(ready.exists(), "the first process has not begun");
    let second = || {
        let mut command = straggler();
        command.arg("run").arg(scenario("timing-only.toml")).arg("--out").arg(&out);
        say(command.args(["train.stop.updates=9000000000", "--quiet"]))
    };
    let said = second();
    assert_eq!(said.code, 6, "{}", said.stderr);
    let process = format!("another process ({})", first.id());
    assert!(said.stderr.contains(&process), "{}", said.stderr);
    // Looking is allowed meanwhile, and shows what there is.
    done(straggler().arg("report").arg(&out));
    first.kill().unwrap();
    first.wait().unwrap();
    // Nothing needs cleaning up: the folder belongs to its plan again.
    let mut other = straggler();
    other.arg("run").arg(scenario("timing-only.toml")).arg("--out").arg(&out);
    let said = say(other.args(["train.stop.updates=10", "--quiet"]));
    assert_eq!(said.code, 6);
    assert!(said.stderr.contains("another scenario"), "{}", said.stderr);
}

#[test]
fn an_interrupted_run_is_done_again_from_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    done(&mut small_run(&whole));
    fs::create_dir(&broken).unwrap();
    // As a killed process leaves it: a lock that nobody holds, a plan, half a series.
    fs::write(broken.join(".lock"), "").unwrap();
    fs::copy(whole.join("resolved.toml"), broken.join("resolved.toml")).unwrap();
    fs::write(broken.join("training.csv"), "update,exam").unwrap();
    done(&mut small_run(&broken));
    assert!(reproducible(&whole) == reproducible(&broken));
}

#[test]
fn things_that_are_no_results_folder_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let thesis = folder.path().join("thesis");
    fs::create_dir(&thesis).unwrap();
    fs::write(thesis.join("thesis.tex"), "all of it").unwrap();
    let said = say(&mut small_run(&thesis));
    assert_eq!(said.code, 6, "{}", said.stderr);
    assert!(said.stderr.contains("not a results folder"), "{}", said.stderr);
    assert_eq!(fs::read_dir(&thesis).unwrap().count(), 1);
    // A file where the folder should be, and one on the way to it.
    let file = thesis.join("thesis.tex");
    let said = say(&mut small_run(&file));
    assert_eq!(said.code, 6, "{}", said.stderr);
    let said = say(&mut small_run(&file.join("deeper")));
    assert_eq!(said.code, 7, "{}", said.stderr);
    assert!(said.stderr.contains("cannot write"), "{}", said.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), "all of it");
    // An empty folder is welcome.
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    done(&mut small_run(&empty));
}

#[test]
fn a_place_that_cannot_be_written_is_refused() {
    for place in ["/proc/straggler", "/dev/null/straggler"] {
        let said = say(&mut small_run(std::path::Path::new(place)));
        assert_eq!(said.code, 7, "{place}: {}", said.stderr);
        assert!(said.stderr.contains("cannot write"), "{}", said.stderr);
    }
    // `results` is taken by a file.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("results"), "mine").unwrap();
    let mut command = straggler();
    command.current_dir(&folder).arg("run").arg(scenario("quickstart.toml")).args(SMALL);
    assert_eq!(say(command.arg("-q")).code, 7);
}

#[test]
fn folders_without_results_cannot_be_drawn_or_traced() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["report", "trace"] {
        for place in [folder.path().to_path_buf(), folder.path().join("none")] {
            let said = say(straggler().arg(command).arg(&place));
            assert_eq!(said.code, 6, "{command}: {}", said.stderr);
        }
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    let out = folder.path().join("out");
    done(&mut small_run(&out));
    for (name, content) in [
        ("summary.json", "{"),
        ("workers.csv", "worker,class\nzero,\"new"),
        ("timeline.csv", "\u{fffd},,,\n1,2,3,4"),
        ("evaluations.csv", ""),
    ] {
        let keep = fs::read(out.join(name)).unwrap();
        fs::write(out.join(name), content).unwrap();
        let said = say(straggler().arg("report").arg(&out));
        assert!([0, 6, 7].contains(&said.code), "{name}: {} {}", said.code, said.stderr);
        let said = say(straggler().arg("trace").arg(&out));
        assert!([0, 6].contains(&said.code), "{name}: {} {}", said.code, said.stderr);
        fs::write(out.join(name), keep).unwrap();
    }
}

/// The folder of a run is no place for a sweep, and the message says what it is.
#[test]
fn a_folder_of_another_kind_is_called_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (run, sweep) = (folder.path().join("run"), folder.path().join("sweep"));
    let to = |out: &std::path::Path, workers: &str| {
        let mut command = straggler();
        command.arg("run").arg(scenario("timing-only.toml")).arg(workers);
        command.args(["train.stop.updates=50", "--quiet", "--out"]).arg(out);
        say(&mut command)
    };
    assert_eq!(to(&run, "cluster.workers=2").code, 0);
    assert_eq!(to(&sweep, "cluster.workers=2,3").code, 0);
    let said = to(&run, "cluster.workers=2,3");
    assert!(said.code != 0 && said.stderr.contains("is the folder of a run"), "{}", said.stderr);
    let said = to(&sweep, "cluster.workers=2");
    assert!(said.code != 0 && said.stderr.contains("is the folder of a sweep"), "{}", said.stderr);
}
