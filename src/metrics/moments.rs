//! Mean and variance of a stream of numbers.

/// Running mean and variance by Welford's update (Knuth, TAOCP vol. 2, 4.2.2), which does not lose
/// digits when the mean is much larger than the spread. An added NaN makes every figure NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    count: u64,
    mean: f64,
    /// Sum of squared distances from the mean.
    spread: f64,
}

impl Moments {
    /// Adds a number.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.spread += before * (value - self.mean);
    }

    /// Adds all numbers of `other` (Chan, Golub and LeVeque 1979).
    pub fn merge(&mut self, other: &Moments) {
        if other.count == 0 {
            return;
        }
        let (own, its) = (self.count as f64, other.count as f64);
        let apart = other.mean - self.mean;
        self.count += other.count;
        self.mean += apart * its / (own + its);
        self.spread += other.spread + apart * apart * own * its / (own + its);
    }

    /// Count of the numbers.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; `None` without numbers.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Their sample variance, dividing by count - 1; `None` for fewer than two numbers.
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.spread / (self.count - 1) as f64)
    }
}

crate::persist!(Moments { count: state, mean: state, spread: state });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        values.iter().for_each(|&v| moments.add(v));
        moments
    }

    #[test]
    fn nothing_has_no_mean_and_one_no_variance() {
        assert_eq!(of(&[]).mean(), None);
        assert_eq!((of(&[3.0]).mean(), of(&[3.0]).variance()), (Some(3.0), None));
    }

    #[test]
    fn a_large_offset_does_not_hide_the_spread() {
        assert_eq!(of(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0]).variance(), Some(21.0));
    }

    proptest! {
        #[test]
        fn it_agrees_with_two_passes_and_with_itself_merged(
            values in prop::collection::vec(-1e3f64..1e3, 2..40), cut in 0usize..40
        ) {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
            let (head, tail) = values.split_at(cut.min(values.len()));
            let mut merged = of(head);
            merged.merge(&of(tail));
            for moments in [of(&values), merged] {
                prop_assert_eq!(moments.count(), values.len() as u64);
                prop_assert!((moments.mean().unwrap() - mean).abs() < 1e-9);
                prop_assert!((moments.variance().unwrap() - variance).abs() < 1e-6);
            }
        }
    }
}
