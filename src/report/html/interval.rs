//! The mean over seeds and how sure it is.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A mean with the 95 % interval of Student's t.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    /// The mean.
    pub mean: f64,
    /// Lower end; the mean itself for a single value.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Number of values.
    pub n: usize,
}

impl Interval {
    /// Half of its width.
    pub(super) fn half(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// The mean of `values`, those that are not finite left out; `None` without any.
pub(super) fn of_mean(values: &[f64]) -> Option<Interval> {
    let values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let n = values.len();
    if n == 0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let half = match n {
        1 => 0.0,
        _ => {
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            quantile(n - 1) * (squares / (n - 1) as f64 / n as f64).sqrt()
        }
    };
    Some(Interval { mean, low: mean - half, high: mean + half, n })
}

/// The 97.5 % quantile of Student's t.
fn quantile(degrees: usize) -> f64 {
    let law = StudentsT::new(0.0, 1.0, degrees as f64).expect("degrees of freedom are positive");
    law.inverse_cdf(0.975)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_tables() {
        // t(0.975, 4) = 2.776; the values have mean 3 and deviation 1.5811.
        let interval = of_mean(&[1.0, 2.0, 3.0, 4.0, 5.0, f64::NAN]).unwrap();
        assert_eq!((interval.mean, interval.n), (3.0, 5));
        assert!((interval.half() - 2.7764 * 1.5811 / 5f64.sqrt()).abs() < 1e-3);
        assert_eq!(of_mean(&[2.0]).unwrap().half(), 0.0);
        assert!(of_mean(&[]).is_none());
    }
}
