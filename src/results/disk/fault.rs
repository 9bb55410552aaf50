//! Faults for tests, as `STRAGGLER_IO_FAULT` asks for them.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};

use super::fault_plan::{FaultKind, plan};
use super::journal::journal;

/// How much of a write is done.
pub(super) enum WriteLength {
    Whole,
    Half,
}

/// An operation that either fails or works, with nothing between.
pub(super) fn point() -> io::Result<()> {
    match next() {
        Some(FaultKind::Short | FaultKind::Interrupted) | None => Ok(()),
        Some(kind) => Err(strike(kind)),
    }
}

/// A write.
pub(super) fn write() -> io::Result<WriteLength> {
    match next() {
        Some(FaultKind::Short) => Ok(WriteLength::Half),
        Some(kind) => Err(strike(kind)),
        None => Ok(WriteLength::Whole),
    }
}

/// The error of a fault, or the end of the process.
fn strike(kind: FaultKind) -> io::Error {
    match kind {
        FaultKind::Denied => ErrorKind::PermissionDenied.into(),
        FaultKind::Broken => io::Error::other("the disk is broken, for a test"),
        FaultKind::Full => ErrorKind::StorageFull.into(),
        FaultKind::Short | FaultKind::Interrupted => ErrorKind::Interrupted.into(),
        FaultKind::Abort => std::process::abort(),
        FaultKind::Power(loss) => {
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
fn next() -> Option<FaultKind> {
    static DONE: AtomicU64 = AtomicU64::new(0);
    let (kind, at) = plan()?;
    let number = 1 + DONE.fetch_add(1, Ordering::Relaxed);
    (number == at || (kind == FaultKind::Full && number > at)).then_some(kind)
}
