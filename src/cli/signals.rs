//! Signals that would end the program without a word.

/// A file that reaches a size limit (`ulimit -f`, a quota) kills a process by default. With the
/// signal received, the write fails instead, and is reported like a full disk.
#[cfg(unix)]
pub(super) fn survive_file_size_limits() {
    let seen = std::sync::Arc::default();
    // Without the handler the default stays, which is no reason not to run.
    drop(signal_hook::flag::register(signal_hook::consts::SIGXFSZ, seen));
}

/// Other systems have no such signal.
#[cfg(not(unix))]
pub(super) fn survive_file_size_limits() {}
