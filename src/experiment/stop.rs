//! Asking a run to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Set from outside, for example by a signal handler. Runs check it between events.
#[derive(Clone, Debug, Default)]
pub struct StopSignal(Arc<AtomicUsize>);

impl StopSignal {
    /// Asks all holders of this signal to stop; `number` is that of the system's signal.
    pub fn ask(&self, number: usize) {
        self.0.store(number, Ordering::Relaxed);
    }

    /// The number of the signal, if a stop was asked for.
    pub fn asked(&self) -> Option<usize> {
        Some(self.0.load(Ordering::Relaxed)).filter(|number| *number != 0)
    }

    /// The place where a signal handler stores its number.
    pub fn slot(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_holders_hear_it() {
        let (one, asked) = (StopSignal::default(), StopSignal::asked);
        let other = one.clone();
        assert_eq!(asked(&other), None);
        one.ask(15);
        assert_eq!(asked(&other), Some(15));
    }
}
