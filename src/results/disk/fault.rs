//! Faults on demand: what `STRAGGLER_IO_FAULT` asks for.

use std::io::{self, ErrorKind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::journal::{Loss, journal};

/// How much of a write is done.
pub(super) enum Length {
    Whole,
    Half,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Abort,
    Power(Loss),
    Denied,
    Broken,
    Full,
    Short,
    Interrupted,
}

/// An operation that only fails or works.
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
            // Nobody else changes anything while the journal is held, and it is never given back.
            journal(|journal| {
                journal.undo(loss);
                std::process::abort()
            });
            std::process::abort()
        }
    }
}

/// Whether a power cut is to come, so that it has to be noted what is on the disk.
pub(super) fn will_cut_power() -> bool {
    matches!(plan(), Some((Kind::Power(_), _)))
}

/// What is to happen at the next operation.
fn next() -> Option<Kind> {
    static DONE: AtomicU64 = AtomicU64::new(0);
    let (kind, at) = plan()?;
    let number = 1 + DONE.fetch_add(1, Ordering::Relaxed);
    (number == at || (kind == Kind::Full && number > at)).then_some(kind)
}

fn plan() -> Option<(Kind, u64)> {
    static PLAN: OnceLock<Option<(Kind, u64)>> = OnceLock::new();
    if cfg!(debug_assertions) { *PLAN.get_or_init(read_plan) } else { None }
}

fn read_plan() -> Option<(Kind, u64)> {
    let text = std::env::var("STRAGGLER_IO_FAULT").ok()?;
    let (kind, at) = text.split_once(':')?;
    let at = at.parse().ok()?;
    let kind = match kind {
        "abort" => Kind::Abort,
        "power" => Kind::Power(Loss::All),
        "power-some" => Kind::Power(Loss::Some { seed: at }),
        "denied" => Kind::Denied,
        "broken" => Kind::Broken,
        "full" => Kind::Full,
        "short" => Kind::Short,
        "interrupted" => Kind::Interrupted,
        _ => return None,
    };
    Some((kind, at))
}
