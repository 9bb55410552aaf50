//! The mean over seeds and its confidence interval.

use crate::metrics::scalar::FigureRange;
use crate::results::statistics::{Interval, interval_of_mean, mean};

/// A mean over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeedMean {
    /// The mean.
    pub mean: f64,
    /// Its 95 % interval, if there are enough seeds for one.
    pub interval: Option<Interval>,
}

impl SeedMean {
    /// Its interval; the mean alone if there is none.
    pub fn ends(&self) -> Interval {
        self.interval.unwrap_or(Interval { low: self.mean, high: self.mean })
    }
}

/// The mean of the finite numbers among `values`; `None` if there are none.
pub fn of_mean(values: &[f64], range: FigureRange) -> Option<SeedMean> {
    let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let mean = mean(&values)?;
    let interval = interval_of_mean(&values, range);
    Some(SeedMean { mean, interval })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_mean_and_no_interval() {
        let known = of_mean(&[1.0, 2.0, 3.0, 4.0, 5.0, f64::NAN], FigureRange::Bounded).unwrap();
        let half = known.interval.unwrap().half();
        assert_eq!(known.mean, 3.0);
        assert!((half - 2.7764 * 1.5811 / 5f64.sqrt()).abs() < 1e-3);
        let unknown = of_mean(&[1.0, 2.0], FigureRange::Positive).unwrap();
        assert_eq!(unknown, SeedMean { mean: 1.5, interval: None });
        assert_eq!(unknown.ends(), Interval { low: 1.5, high: 1.5 });
        assert!(of_mean(&[], FigureRange::Positive).is_none());
    }
}
