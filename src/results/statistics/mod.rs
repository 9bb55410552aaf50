//! Uncertainty with few seeds: intervals of a mean and of a difference, correction for many
//! questions at once, and how many seeds a decision would take.
//!
//! Pure functions of numbers. Sums are in the order given; the bootstrap draws by name.

pub mod bootstrap;
pub mod correlation;
pub mod holm;
pub mod median;
pub mod positive;
pub mod seeds;
pub mod spectrum;
pub mod spread;
pub mod student;

use serde::Serialize;

use crate::metrics::scalar::FigureRange;

/// Fewest values (or pairs) for an interval.
pub const FEWEST: usize = 3;

/// The share of repetitions in which an interval is to cover the truth.
pub const CONFIDENCE: f64 = 0.95;

/// An interval, both ends included.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Half of its width.
    pub fn half(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    /// Whether a value lies in it.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// An estimated mean or difference of means.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Estimate {
    /// The estimate itself.
    pub value: f64,
    /// It covers the truth in [`CONFIDENCE`] of all repetitions.
    pub interval: Interval,
    /// Two-sided p-value of the truth being zero.
    pub p: f64,
}

impl Estimate {
    /// An estimate without any spread.
    fn exact(value: f64) -> Estimate {
        let p = if value == 0.0 { 1.0 } else { 0.0 };
        Estimate { value, interval: Interval { low: value, high: value }, p }
    }
}

/// The interval of the mean of a figure over seeds, made for the range of the figure; `None` for fewer
/// than [`FEWEST`] values.
pub fn interval_of_mean(values: &[f64], range: FigureRange) -> Option<Interval> {
    match range {
        FigureRange::Positive => positive::of_mean(values),
        FigureRange::Bounded => student::of_mean(values).map(|estimate| estimate.interval),
    }
}

/// Mean, exact for equal values; `None` without any.
pub fn mean(values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    let beyond: f64 = values.iter().map(|value| value - first).sum();
    Some(first + beyond / values.len() as f64)
}

/// Standard deviation of a sample (divisor n - 1), exactly zero for equal values; `None` for less
/// than two.
pub fn deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}
