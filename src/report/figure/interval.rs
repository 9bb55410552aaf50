//! The mean over seeds and its confidence interval.

use crate::results::statistics::{mean, student};

/// A mean, with the 95 % interval of Student's t if there are enough seeds for one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Lower end; the mean itself if there is no interval.
    pub low: f64,
    /// Upper end; the mean itself if there is no interval.
    pub high: f64,
    /// Whether there is an interval.
    pub known: bool,
}

impl Interval {
    /// Half of its width.
    pub fn half(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// The mean of the finite numbers among `values`; `None` if there are none.
pub fn of_mean(values: &[f64]) -> Option<Interval> {
    let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let mean = mean(&values)?;
    let interval = student::of_mean(&values).map(|estimate| estimate.interval);
    Some(Interval {
        mean,
        low: interval.map_or(mean, |interval| interval.low),
        high: interval.map_or(mean, |interval| interval.high),
        known: interval.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_mean_and_no_interval() {
        let interval = of_mean(&[1.0, 2.0, 3.0, 4.0, 5.0, f64::NAN]).unwrap();
        assert_eq!((interval.mean, interval.known), (3.0, true));
        assert!((interval.half() - 2.7764 * 1.5811 / 5f64.sqrt()).abs() < 1e-3);
        let interval = of_mean(&[1.0, 2.0]).unwrap();
        assert_eq!((interval.mean, interval.known, interval.half()), (1.5, false, 0.0));
        assert!(of_mean(&[]).is_none());
    }
}
