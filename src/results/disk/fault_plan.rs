//! Which fault happens, and when, as `STRAGGLER_IO_FAULT` says.

use std::sync::OnceLock;

/// How much is lost of the changes that are not on the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// All of it.
    All,
    /// Each name, and the new content of each file, by chance; of some contents, half.
    Some { seed: u64 },
}

/// The kind of fault.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    Abort,
    Power(Loss),
    Denied,
    Broken,
    Full,
    Short,
    Interrupted,
}

/// Whether a power cut is planned, so that a journal of the disk must be kept.
pub(super) fn will_cut_power() -> bool {
    matches!(plan(), Some((FaultKind::Power(_), _)))
}

/// The fault, and the number of the operation that it happens to.
pub(super) fn plan() -> Option<(FaultKind, u64)> {
    static PLAN: OnceLock<Option<(FaultKind, u64)>> = OnceLock::new();
    if cfg!(debug_assertions) { *PLAN.get_or_init(read_plan) } else { None }
}

fn read_plan() -> Option<(FaultKind, u64)> {
    let text = std::env::var("STRAGGLER_IO_FAULT").ok()?;
    let (kind, at) = text.split_once(':')?;
    let at = at.parse().ok()?;
    let kind = match kind {
        "abort" => FaultKind::Abort,
        "power" => FaultKind::Power(Loss::All),
        "power-some" => FaultKind::Power(Loss::Some { seed: at }),
        "denied" => FaultKind::Denied,
        "broken" => FaultKind::Broken,
        "full" => FaultKind::Full,
        "short" => FaultKind::Short,
        "interrupted" => FaultKind::Interrupted,
        _ => return None,
    };
    Some((kind, at))
}
