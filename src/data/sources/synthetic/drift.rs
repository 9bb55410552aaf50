//! Slow change as a pure function of time.
//!
//! A drifting quantity has an independent standard normal value at every *knot*. In between, the
//! two neighbouring values are blended with weights whose squares add up to one. So its variance is
//! one at every instant, it can be computed for any time directly, and with a random phase of the
//! knots it is stationary. Its autocorrelation falls to 1/2 at the half-life, to 0.03 at twice the
//! half-life and to 0 from 2.65 times on.

use super::draws::{Draws, Normal};

/// The lag, in knots, at which the autocorrelation (averaged over the phase) is one half. Solved
/// numerically; a test recomputes it.
const HALF: f64 = 0.753_733_708;

/// The speed of a drift.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drift {
    knots_per_day: f64,
}

/// A drifting number that is a value of the normal distribution at each knot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// Shift of its knots, in `[0, 1)`.
    pub(super) phase: f64,
    /// The words of its values at the knots.
    pub(super) knots: Draws,
}

/// The position of an instant between two knots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Blend {
    /// The knot before; the other one is the next.
    pub(super) knot: i64,
    /// Weight of the value at the knot before.
    pub(super) before: f64,
    /// Weight of the value at the knot after.
    pub(super) after: f64,
}

impl Drift {
    /// A drift whose autocorrelation is one half after `half_life` days.
    pub(super) fn new(half_life: f64) -> Drift {
        Drift { knots_per_day: HALF / half_life }
    }

    /// Position of instant `time` (days, may be negative) for an entity whose knots are shifted by
    /// `phase`, in `[0, 1)`.
    pub(super) fn blend(self, phase: f64, time: f64) -> Blend {
        let position = time * self.knots_per_day + phase;
        // `floor` is a function call in code for the x86-64 processors of 2003.
        let cut = position as i64;
        let knot = cut - i64::from(cut as f64 > position);
        let after = position - knot as f64;
        let before = 1.0 - after;
        let scale = 1.0 / (before * before + after * after).sqrt();
        Blend { knot, before: before * scale, after: after * scale }
    }

    /// The number at an instant.
    // If it were inlined twice into one sum, the compiler would pack the two calls into vectors
    // through the stack, which took a third of all time spent on effects.
    #[inline(never)]
    pub(super) fn value(self, course: &Course, time: f64, normal: &Normal) -> f32 {
        let blend = self.blend(course.phase, time);
        let mut draws = course.knots.skip(blend.knot as u64);
        let before = normal.one(draws.word());
        blend.of(before, normal.one(draws.word()))
    }
}

impl Blend {
    /// The blended value of a quantity, given its values at the two knots.
    pub(super) fn of(self, before: f32, after: f32) -> f32 {
        self.before as f32 * before + self.after as f32 * after
    }

    /// The knot that counts at this instant when a uniform draw decides: each has its squared
    /// weight as chance.
    pub(super) fn choose(self, unit: f64) -> i64 {
        if unit < self.before * self.before { self.knot } else { self.knot + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Autocorrelation at a lag of `lag` days, averaged over the phase: the overlap of the weights.
    fn autocorrelation(drift: Drift, lag: f64) -> f64 {
        let phases = 20_000;
        let overlap = |phase: f64| {
            let (a, b) = (drift.blend(phase, 3.0), drift.blend(phase, 3.0 + lag));
            match b.knot - a.knot {
                0 => a.before * b.before + a.after * b.after,
                1 => a.after * b.before,
                _ => 0.0,
            }
        };
        let sum: f64 = (0..phases).map(|i| overlap((f64::from(i) + 0.5) / f64::from(phases))).sum();
        sum / f64::from(phases)
    }

    #[test]
    fn autocorrelation_halves_at_the_half_life() {
        for half_life in [0.3, 3.0, 20.0] {
            let drift = Drift::new(half_life);
            let at = |lives: f64| autocorrelation(drift, lives * half_life);
            assert!((at(0.0) - 1.0).abs() < 1e-9);
            assert!((at(1.0) - 0.5).abs() < 1e-4, "{}", at(1.0));
            assert!((at(2.0) - 0.03).abs() < 0.005, "{}", at(2.0));
            assert!(at(2.7).abs() < 1e-9);
        }
    }

    #[test]
    fn variance_is_one_at_every_instant() {
        let drift = Drift::new(5.0);
        for i in -100..100 {
            let blend = drift.blend(0.3, f64::from(i) * 0.37);
            assert!((blend.before.powi(2) + blend.after.powi(2) - 1.0).abs() < 1e-12);
        }
    }
}
