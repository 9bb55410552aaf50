//! The output of the program: results go to stdout, everything else to stderr.
//!
//! Nothing else of the program writes to them (clippy refuses it), so here is the place where text
//! from files, names and arguments is made fit for a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::exit::{Exit, Failure};
use crate::base::text::{printable_json, printable_lines};

/// Writes text for people to stdout. A closed pipe is not an error.
pub(super) fn out(text: &str) -> Result<(), Failure> {
    written(stdout(&printable_lines(text)))
}

/// Writes JSON to stdout; its content stays as it is.
pub(super) fn out_json(json: &str) -> Result<(), Failure> {
    written(stdout(&printable_json(json)))
}

/// Stdout for lines of data, and whether they have to be made fit for a terminal. Files and other
/// programs get data as they are.
pub(super) fn stdout_for_data() -> (impl Write, bool) {
    #[expect(clippy::disallowed_methods, reason = "this file writes")]
    let stdout = io::stdout();
    let terminal = stdout.is_terminal();
    (stdout.lock(), terminal)
}

/// Writes text for people to stderr. If stderr is closed, the program goes on.
pub(super) fn tell(text: &str) {
    match tells_events() {
        true => tell_event(text),
        false => stderr(&printable_lines(text)),
    }
}

/// Writes text with colours of the program's own to stderr. Its other content is fit for a terminal.
pub(super) fn tell_coloured(text: &str) {
    match tells_events() {
        true => tell_event(text),
        false => stderr(text),
    }
}

/// Whether stderr carries events. There is one stderr per process.
static EVENTS: AtomicBool = AtomicBool::new(false);

/// From now on only events go to stderr, one JSON object per line.
pub(super) fn tell_events() {
    EVENTS.store(true, Ordering::Relaxed);
}

/// Whether stderr carries events.
pub(super) fn tells_events() -> bool {
    EVENTS.load(Ordering::Relaxed)
}

/// Writes a text for people as an event.
fn tell_event(text: &str) {
    let text = text.trim();
    if !text.is_empty() {
        tell_json(&format!("{}\n", json!({ "event": "message", "text": text })));
    }
}

/// Writes JSON to stderr; its content stays as it is.
pub(super) fn tell_json(json: &str) {
    stderr(&printable_json(json));
}

/// Whether messages are read on a terminal.
pub(super) fn is_told_on_terminal() -> bool {
    #[expect(clippy::disallowed_methods, reason = "this file writes")]
    io::stderr().is_terminal()
}

/// From now on, a bug of the program is reported through [`tell`].
pub(super) fn tell_bugs() {
    std::panic::set_hook(Box::new(|panic| {
        let trace = std::backtrace::Backtrace::capture();
        let trace = match trace.status() {
            std::backtrace::BacktraceStatus::Captured => format!("\n{trace}"),
            _ => String::new(),
        };
        tell(&format!("{panic}{trace}\n"));
    }));
}

fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Write, format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

fn stdout(text: &str) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "this file writes")]
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
}

fn stderr(text: &str) {
    #[expect(clippy::disallowed_methods, reason = "this file writes")]
    let mut stderr = io::stderr().lock();
    drop(stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()));
}
