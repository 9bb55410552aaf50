//! Virtual time in integer nanoseconds, so that events are totally ordered on every machine.
//!
//! A point ([`SimTime`]) and a length ([`SimSpan`]) are different types and cannot be confused.
//! Random durations are drawn as a dimensionless [`TimeFactor`] with 20 fractional bits and then
//! multiplied. Rounding hides last-bit differences of mathematical libraries. Doubling every
//! duration of a scenario doubles every time exactly (for durations that are multiples of 2^20 ns;
//! otherwise within one nanosecond per draw).

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};

/// A point on the virtual clock: nanoseconds since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SimTime(pub u64);

/// A length of virtual time, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SimSpan(pub u64);

impl SimTime {
    /// The start of every run.
    pub const ZERO: SimTime = SimTime(0);
    /// The last representable instant, after 584 years. A clock that reaches it has overflowed.
    pub const MAX: SimTime = SimTime(u64::MAX);

    /// Seconds since the start, for output only.
    pub fn seconds(self) -> f64 {
        self.0 as f64 * 1e-9
    }

    /// The span from `earlier` to this instant; zero when `earlier` is later.
    pub fn since(self, earlier: SimTime) -> SimSpan {
        SimSpan(self.0.saturating_sub(earlier.0))
    }
}

impl SimSpan {
    /// An empty span.
    pub const ZERO: SimSpan = SimSpan(0);

    /// Length in seconds, for output only.
    pub fn seconds(self) -> f64 {
        self.0 as f64 * 1e-9
    }

    /// The span of `seconds`, rounded to the nanosecond; saturates at the ends of the range.
    pub fn from_seconds(seconds: f64) -> SimSpan {
        SimSpan((seconds * 1e9).round() as u64)
    }

    /// Whether the span is zero.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The span `count` times over.
    pub fn times(self, count: u64) -> SimSpan {
        SimSpan(self.0.saturating_mul(count))
    }
}

impl Add<SimSpan> for SimTime {
    type Output = SimTime;
    fn add(self, span: SimSpan) -> SimTime {
        SimTime(self.0.saturating_add(span.0))
    }
}

impl Add for SimSpan {
    type Output = SimSpan;
    fn add(self, other: SimSpan) -> SimSpan {
        SimSpan(self.0.saturating_add(other.0))
    }
}

impl Sub for SimSpan {
    type Output = SimSpan;
    fn sub(self, other: SimSpan) -> SimSpan {
        SimSpan(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for SimSpan {
    fn add_assign(&mut self, other: SimSpan) {
        *self = *self + other;
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SimSpan(self.0).fmt(f)
    }
}

impl fmt::Display for SimSpan {
    /// For people: at most two units, as in `2 h 14 m` or `63.2 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.seconds();
        let whole = self.0 / 1_000_000_000;
        match s {
            _ if self.0 == 0 => write!(f, "0 s"),
            _ if s < 1e-6 => write!(f, "{} ns", self.0),
            _ if s < 1e-3 => write!(f, "{:.1} us", s * 1e6),
            _ if s < 1.0 => write!(f, "{:.1} ms", s * 1e3),
            _ if s < 120.0 => write!(f, "{s:.1} s"),
            _ if whole < 7200 => write!(f, "{} m {:02} s", whole / 60, whole % 60),
            _ if whole < 172_800 => write!(f, "{} h {:02} m", whole / 3600, whole / 60 % 60),
            _ => write!(f, "{} d {:02} h", whole / 86_400, whole / 3600 % 24),
        }
    }
}

/// A random multiplier of a duration: fixed point with 20 fractional bits, never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimeFactor(u64);

impl TimeFactor {
    /// Leaves a span unchanged.
    pub const ONE: TimeFactor = TimeFactor(1 << 20);

    /// The nearest representable factor; negative values and NaN become zero, infinity the largest.
    pub fn new(value: f64) -> TimeFactor {
        TimeFactor((value * (1u64 << 20) as f64).round() as u64)
    }

    /// The factor as a number.
    pub fn value(self) -> f64 {
        self.0 as f64 / (1u64 << 20) as f64
    }
}

impl Mul<TimeFactor> for SimSpan {
    type Output = SimSpan;
    fn mul(self, factor: TimeFactor) -> SimSpan {
        let product = (u128::from(self.0) * u128::from(factor.0) + (1 << 19)) >> 20;
        SimSpan(u64::try_from(product).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_are_printed_for_people() {
        let text = |s: f64| SimSpan::from_seconds(s).to_string();
        assert_eq!(text(0.0), "0 s");
        assert_eq!(text(3e-4), "300.0 us");
        assert_eq!(text(63.2), "63.2 s");
        assert_eq!(text(8040.0), "2 h 14 m");
    }

    #[test]
    fn overflow_saturates() {
        assert_eq!(SimTime::MAX + SimSpan(1), SimTime::MAX);
        assert_eq!(SimSpan(u64::MAX) * TimeFactor::new(3.0), SimSpan(u64::MAX));
    }

    proptest! {
        #[test]
        fn doubling_a_span_doubles_the_product(units in 0u64..1 << 20, factor in 0.0f64..1e4) {
            let (span, factor) = (SimSpan(units << 20), TimeFactor::new(factor));
            let double = SimSpan(span.0 * 2) * factor;
            prop_assert_eq!(double.0, (span * factor).0 * 2);
        }

        #[test]
        fn a_factor_is_close_to_its_number(value in 0.0f64..1e6) {
            prop_assert!((TimeFactor::new(value).value() - value).abs() <= 0.5 / (1 << 20) as f64);
        }
    }
}
