//! Disks that are full: the exit code, the message, and that a second try completes.
#![cfg(target_os = "linux")]

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{SMALL, assert_same, done, reproducible, scenario, small_run};

/// Runs with stdout on the device that is always full.
fn into_full(arguments: &[&str]) -> (Option<i32>, String) {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_straggler"));
    command.args(arguments).stdout(Stdio::from(full)).stderr(Stdio::piped());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn r21_a_full_stdout_is_a_write_error() {
    let folder = tempfile::tempdir().unwrap();
    let quickstart = scenario("quickstart.toml");
    let quickstart = quickstart.to_str().unwrap();
    let out = folder.path().join("out");
    let run = ["run", quickstart, "--no-plots", "-q", "--out", out.to_str().unwrap()];
    let commands: [&[&str]; 6] = [
        &["list"],
        &[],
        &["new", "demo"],
        &["data", "gen", quickstart, "--days", "1"],
        &["--help"],
        &[&run[..], SMALL].concat(),
    ];
    for arguments in commands {
        let (code, message) = into_full(arguments);
        assert_eq!(code, Some(7), "{arguments:?}: {message}");
        assert!(message.is_empty() || message.contains("cannot write"), "{arguments:?}: {message}");
        assert!(!message.contains("panicked"), "{message}");
    }
    // The results are there all the same.
    assert!(out.join("summary.json").exists());
}

#[test]
fn r21_a_full_stderr_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let quickstart = scenario("quickstart.toml");
    let out = folder.path().join("out");
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let mut run = Command::new(env!("CARGO_BIN_EXE_straggler"));
    run.arg("run").arg(&quickstart).args(SMALL).args(["--no-plots", "--out"]).arg(&out);
    assert_eq!(run.stdout(Stdio::null()).stderr(full()).status().unwrap().code(), Some(0));
    assert!(out.join("summary.json").exists());
    let mut check = Command::new(env!("CARGO_BIN_EXE_straggler"));
    check.arg("check").arg(&quickstart).arg("cluster.workers=0").stdout(Stdio::null());
    assert_eq!(check.stderr(full()).status().unwrap().code(), Some(2));
}

/// A shell that limits the size of files to `blocks` of 512 or 1024 bytes before it runs.
fn limited(blocks: u32, out: &Path) -> (Option<i32>, String) {
    let line = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &line, env!("CARGO_BIN_EXE_straggler"), "run"]);
    command.arg(scenario("quickstart.toml")).args(SMALL);
    command.args(["--no-plots", "-q", "record.divergence={updates=1}", "--out"]).arg(out);
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn r21_a_limit_on_file_sizes_is_a_write_error_and_can_be_made_good() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, out) = (folder.path().join("whole"), folder.path().join("out"));
    done(small_run(&whole).arg("record.divergence={updates=1}"));
    let mut failed = 0;
    for blocks in [0, 1, 2, 4, 8, 10_000] {
        let (code, message) = limited(blocks, &out);
        match code {
            Some(0) => assert!(out.join("summary.json").exists()),
            code => {
                assert_eq!(code, Some(7), "{blocks} blocks: {message}");
                assert!(message.contains("cannot write"), "{blocks} blocks: {message}");
                assert!(!out.join("summary.json").exists());
                failed += 1;
            }
        }
    }
    assert!(failed >= 3);
    assert_same(&reproducible(&whole), &reproducible(&out), "after the limit is gone");
}

/// A small file system in memory, where mounting is allowed.
struct Tiny<'a>(&'a Path);

impl<'a> Tiny<'a> {
    fn mount(place: &'a Path, size: &str) -> Option<Tiny<'a>> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(place);
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(Tiny(place))
    }
}

impl Drop for Tiny<'_> {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "cannot unmount");
    }
}

#[test]
fn r21_a_full_disk_is_a_write_error_and_can_be_made_good() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, place) = (folder.path().join("whole"), folder.path().join("disk"));
    done(&mut small_run(&whole));
    fs::create_dir(&place).unwrap();
    let Some(tiny) = Tiny::mount(&place, "1m") else {
        println!("not tested: file systems cannot be mounted here");
        return;
    };
    let out = place.join("out");
    let mut failed = 0;
    for spare in [0, 4, 8, 16, 24, 32, 40, 1000] {
        // All but `spare` KiB are taken by somebody else.
        let ballast = place.join("ballast");
        fs::write(&ballast, vec![0; (1000 - spare) * 1024]).unwrap_or_default();
        let output = small_run(&out).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        fs::remove_file(&ballast).unwrap();
        if output.status.code() == Some(0) {
            break;
        }
        assert_eq!(output.status.code(), Some(7), "{spare} KiB: {message}");
        assert!(message.contains("cannot write"), "{spare} KiB: {message}");
        assert!(!out.join("summary.json").exists(), "{spare} KiB");
        failed += 1;
    }
    assert!(failed >= 2);
    done(&mut small_run(&out));
    assert_same(&reproducible(&whole), &reproducible(&out), "after space was made");
    drop(tiny);
}
