//! The output of the program: results go to stdout, everything else to stderr.

use std::io::Write;

use super::events;
use super::exit::{Exit, Failure};

/// Writes to stdout. A closed pipe is not an error.
pub(super) fn out(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Write, format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes to stderr. If stderr is closed, the program goes on.
pub(super) fn tell(text: &str) {
    if events::is_on() {
        return events::message(text);
    }
    let mut stderr = std::io::stderr().lock();
    drop(stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()));
}
