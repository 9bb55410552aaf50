//! The program as a child process, with a watchdog that ends it and says how it ended.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest time between a request to stop and the end.
const HEARS_WITHIN: Duration = Duration::from_secs(20);
/// Memory that a child may take, in KiB: a mistake of an estimate must not end other programs.
const MOST_MEMORY: u32 = 8 << 20;

/// What is done to a child that still runs when its time is over.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Then {
    /// It is asked to stop.
    Stop,
    /// It is killed.
    Kill,
}

/// How a child ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit code; `None` if it ended by a signal.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) wall: Duration,
    /// Whether its time was over.
    pub(super) overdue: bool,
    /// Whether it was asked to stop, and did not.
    pub(super) deaf: bool,
    /// The command, as a person types it.
    pub(super) command: String,
}

/// Runs `straggler` with `words` in `folder`, for no longer than `patience`.
#[expect(clippy::disallowed_methods, reason = "a watchdog looks at the clock")]
pub(super) fn run(
    folder: &std::path::Path,
    words: &[&str],
    patience: Duration,
    then: Then,
) -> Ended {
    let (mut out, mut err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    let limit = format!("ulimit -v {MOST_MEMORY}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limit, env!("CARGO_BIN_EXE_straggler")]).args(words);
    command.current_dir(folder).env_remove("NO_COLOR").stdin(Stdio::null());
    command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
    let started = Instant::now();
    let mut child = command.spawn().expect("the program starts");
    let mut ended = Ended {
        code: None,
        stdout: String::new(),
        stderr: String::new(),
        wall: Duration::ZERO,
        overdue: false,
        deaf: false,
        command: format!("straggler {}", words.join(" ")),
    };
    if !wait(&mut child, started, patience) {
        ended.overdue = true;
        if then == Then::Stop {
            let id = child.id().to_string();
            drop(Command::new("kill").args(["-TERM", &id]).stderr(Stdio::null()).status());
            ended.deaf = !wait(&mut child, Instant::now(), HEARS_WITHIN);
        }
        // It may have ended by now.
        drop(child.kill());
    }
    ended.code = child.wait().expect("it was started").code();
    ended.wall = started.elapsed();
    ended.stdout = text(&mut out);
    ended.stderr = text(&mut err);
    ended
}

/// Whether it ends within `patience`.
fn wait(child: &mut Child, since: Instant, patience: Duration) -> bool {
    while since.elapsed() < patience {
        if child.try_wait().expect("it was started").is_some() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
