//! Signals that would end the program without a message.

use crate::experiment::StopSignal;

/// From now on SIGINT and SIGTERM ask runs to stop; a second one ends the program at once.
#[cfg(unix)]
pub(super) fn stop_on_request() -> StopSignal {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;

    let stop = StopSignal::default();
    for signal in [SIGINT, SIGTERM] {
        let second = std::sync::Arc::default();
        // The order matters: at the first signal the condition is not set yet. Without the handlers
        // the defaults stay, and the run can go on.
        drop(flag::register_conditional_shutdown(
            signal,
            128 + signal,
            std::sync::Arc::clone(&second),
        ));
        drop(flag::register(signal, second));
        drop(flag::register_usize(signal, stop.slot(), signal as usize));
    }
    stop
}

/// On other systems the signals end the program.
#[cfg(not(unix))]
pub(super) fn stop_on_request() -> StopSignal {
    StopSignal::default()
}

/// By default, a file that reaches a size limit (`ulimit -f`, a quota) kills the process. With a
/// handler for the signal, the write fails instead, and is reported like a full disk.
#[cfg(unix)]
pub(super) fn survive_file_size_limits() {
    let seen = std::sync::Arc::default();
    // Without the handler the default stays, and the run can go on.
    drop(signal_hook::flag::register(signal_hook::consts::SIGXFSZ, seen));
}

/// Other systems have no such signal.
#[cfg(not(unix))]
pub(super) fn survive_file_size_limits() {}
