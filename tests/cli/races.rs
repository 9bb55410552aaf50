//! Property R25: two processes and one folder.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::fuzz::cases;
use crate::support::{Said, say, scenario, straggler};

/// A run that lasts until it is killed.
fn endless(out: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
    command.arg("run").arg(scenario("timing-only.toml")).arg("--out").arg(out);
    command.args(["train.stop.updates=9000000000", "cluster.workers=3", "--quiet", "--no-plots"]);
    command.args(["record.training={updates=50}", "--save-every", "200"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until one of two has ended; returns it with how it ended, and the other one.
fn first_to_end(mut one: Child, mut other: Child) -> (Said, Child) {
    #[expect(clippy::disallowed_methods, reason = "a test must end even if both run on")]
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(30) {
        let ended = if one.try_wait().unwrap().is_some() {
            Some((one, other))
        } else if other.try_wait().unwrap().is_some() {
            Some((other, one))
        } else {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        };
        let (ended, running) = ended.unwrap();
        let output = ended.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code().unwrap_or(-1);
        return (Said { code, stdout: String::new(), stderr }, running);
    }
    panic!("both write the same folder");
}

/// Every whole line of the series has as many cells as the header.
fn assert_whole(out: &Path) {
    let text = std::fs::read_to_string(out.join("training.csv")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let cells = |line: &str| line.matches(',').count();
    let header = whole.lines().next().map_or(0, cells);
    assert!(whole.lines().all(|line| cells(line) == header), "{whole}");
}

#[test]
fn r25_of_two_that_begin_together_one_is_refused_and_readers_are_not_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for case in 0..cases(20) {
        let (refused, mut running) = first_to_end(endless(&out), endless(&out));
        assert_eq!(refused.code, 6, "case {case}: {}", refused.stderr);
        let who = format!("another process ({})", running.id());
        assert!(refused.stderr.contains(&who), "case {case}: not {who}: {}", refused.stderr);
        if case % 5 == 0 {
            for command in ["status", "report"] {
                let said = say(straggler().arg(command).arg(&out));
                // In its first moments there is nothing to show yet.
                assert!([0, 6].contains(&said.code), "{command}: {}", said.stderr);
            }
        }
        assert_whole(&out);
        // Nothing needs cleaning up after it.
        running.kill().unwrap();
        running.wait().unwrap();
        assert!(running.stderr.take().is_some());
    }
}
