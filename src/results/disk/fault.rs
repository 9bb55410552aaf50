//! Faults for tests, as `STRAGGLER_IO_FAULT` asks for them.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};

use super::fault_plan::{Kind, plan};
use super::journal::journal;

/// How much of a write is done.
pub(super) enum Length {
    Whole,
    Half,
}

/// An operation that either fails or works, with nothing between.
pub(super) fn point() -> io::Result<()> {
    match next() {
        Some(Kind::Short | Kind::Interrupted) | None => Ok(()),
        Some(kind) => Err(strike(kind)),
    }
}

/// A write.
pub(super) fn write() -> io::Result<Length> {
    match next() {
        Some(Kind::Short) => Ok(Length::Half),
        Some(kind) => Err(strike(kind)),
        None => Ok(Length::Whole),
    }
}

/// The error of a fault, or the end of the process.
fn strike(kind: Kind) -> io::Error {
    match kind {
        Kind::Denied => ErrorKind::PermissionDenied.into(),
        Kind::Broken => io::Error::other("the disk is broken, for a test"),
        Kind::Full => ErrorKind::StorageFull.into(),
        Kind::Short | Kind::Interrupted => ErrorKind::Interrupted.into(),
        Kind::Abort => std::process::abort(),
        Kind::Power(loss) => {
            // While this thread holds the journal, no other changes anything. It is never given
            // back.
            journal(|journal| {
                journal.undo(loss);
                std::process::abort()
            });
            std::process::abort()
        }
    }
}

/// The fault for the next operation, if it is due.
fn next() -> Option<Kind> {
    static DONE: AtomicU64 = AtomicU64::new(0);
    let (kind, at) = plan()?;
    let number = 1 + DONE.fetch_add(1, Ordering::Relaxed);
    (number == at || (kind == Kind::Full && number > at)).then_some(kind)
}
