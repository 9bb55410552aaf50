//! How late examples are: from the time of their requests to something that happens to them.

use crate::base::{SimSpan, SimTime};

/// When the requests of some examples came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EventTimes {
    /// Number of examples.
    pub examples: u64,
    /// Sum of the times of their requests, in nanoseconds.
    sum: u128,
    /// The earliest of them.
    oldest: SimTime,
}

impl EventTimes {
    /// Adds an example whose request came at `at`.
    pub fn add(&mut self, at: SimTime) {
        self.merge(EventTimes { examples: 1, sum: u128::from(at.0), oldest: at });
    }

    /// Adds other examples.
    pub fn merge(&mut self, other: EventTimes) {
        if other.examples > 0 {
            let is_first = self.examples == 0;
            self.oldest = if is_first { other.oldest } else { self.oldest.min(other.oldest) };
            self.examples += other.examples;
            self.sum += other.sum;
        }
    }
}

/// Lags of examples.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lags {
    /// Number of examples.
    pub examples: u64,
    /// Sum of their lags, in nanoseconds.
    sum: u128,
    /// The longest lag.
    pub longest: SimSpan,
}

impl Lags {
    /// Adds examples to which something happens at `now`.
    ///
    /// # Panics
    /// If a request came after `now`: a bug of the caller.
    pub fn add(&mut self, events: EventTimes, now: SimTime) {
        if events.examples > 0 {
            self.examples += events.examples;
            self.sum += u128::from(events.examples) * u128::from(now.0) - events.sum;
            self.longest = self.longest.max(now.since(events.oldest));
        }
    }

    /// Their mean in seconds; `None` without an example.
    pub fn mean(&self) -> Option<f64> {
        (self.examples > 0).then(|| self.sum as f64 * 1e-9 / self.examples as f64)
    }

    /// The longest in seconds; `None` without an example.
    pub fn longest_seconds(&self) -> Option<f64> {
        (self.examples > 0).then(|| self.longest.seconds())
    }
}

crate::persist!(EventTimes { examples: state, sum: state, oldest: state });
crate::persist!(Lags { examples: state, sum: state, longest: state });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_of_merged_examples_are_those_of_each() {
        let of = |times: &[u64]| {
            let mut events = EventTimes::default();
            times.iter().for_each(|at| events.add(SimTime(*at)));
            events
        };
        let (mut merged, now) = (of(&[7, 3]), SimTime(10));
        merged.merge(EventTimes::default());
        merged.merge(of(&[5]));
        let mut lags = Lags::default();
        assert_eq!((lags.mean(), lags.longest_seconds()), (None, None));
        lags.add(EventTimes::default(), now);
        lags.add(merged, now);
        assert_eq!((lags.examples, lags.sum, lags.longest), (3, 3 + 7 + 5, SimSpan(7)));
        assert!((lags.mean().unwrap() - 5e-9).abs() < 1e-18);
    }
}
