//! Drawing from a discrete distribution in constant time.

use super::draws::Draws;

/// An alias table (Walker 1977, built by Vose's method 1991): one word per draw, 8 bytes per
/// outcome.
#[derive(Clone, Debug)]
pub(super) struct Alias {
    /// For each column, the chance in 2^-32 of staying, and the outcome otherwise.
    columns: Vec<(u32, u32)>,
}

impl Alias {
    /// A table for outcomes with these weights.
    ///
    /// # Panics
    /// If there is no weight, there are more than 2^32, or one is not positive and finite.
    pub(super) fn new(weights: &[f64]) -> Alias {
        assert!(!weights.is_empty() && u32::try_from(weights.len()).is_ok());
        assert!(weights.iter().all(|w| w.is_finite() && *w > 0.0));
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let mut share: Vec<f64> = weights.iter().map(|w| w / mean).collect();
        let mut columns = vec![(u32::MAX, 0u32); weights.len()];
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            (0..weights.len() as u32).partition(|&i| share[i as usize] < 1.0);
        while let (Some(poor), Some(&rich)) = (small.pop(), large.last()) {
            let stay = share[poor as usize];
            columns[poor as usize] = ((stay * 4_294_967_296.0) as u32, rich);
            share[rich as usize] -= 1.0 - stay;
            if share[rich as usize] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        // Rounding leaves a few columns that are full up to an ulp: these always stay.
        for (i, column) in columns.iter_mut().enumerate() {
            if column.0 == u32::MAX {
                column.1 = i as u32;
            }
        }
        Alias { columns }
    }

    /// A table for a power law: outcome `i` has weight `(i + offset)^-exponent`.
    pub(super) fn power_law(outcomes: u32, offset: f64, exponent: f64) -> Alias {
        Alias::new(&power_weights(outcomes, offset, exponent))
    }

    /// The outcome of a word.
    pub(super) fn pick(&self, word: u64) -> u32 {
        let spread = u128::from(word) * self.columns.len() as u128;
        let (column, rest) = ((spread >> 64) as usize, (spread as u64 >> 32) as u32);
        let (stay, other) = self.columns[column];
        if rest < stay { column as u32 } else { other }
    }

    /// The outcome of the next draw.
    pub(super) fn draw(&self, draws: &mut Draws) -> u32 {
        self.pick(draws.word())
    }
}

/// The weights `(i + offset)^-exponent`.
pub(super) fn power_weights(outcomes: u32, offset: f64, exponent: f64) -> Vec<f64> {
    (0..outcomes).map(|i| libm::pow(f64::from(i) + offset, -exponent)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        /// The exact probability of each outcome, computed from the columns, is its weight's share.
        #[test]
        fn columns_add_up_to_the_weights(weights in prop::collection::vec(0.01f64..50.0, 1..80)) {
            let alias = Alias::new(&weights);
            let mut mass = vec![0.0; weights.len()];
            for (i, &(stay, other)) in alias.columns.iter().enumerate() {
                let stay = f64::from(stay) / 4_294_967_296.0;
                mass[i] += stay;
                mass[other as usize] += 1.0 - stay;
            }
            let total: f64 = weights.iter().sum();
            for (mass, weight) in mass.iter().zip(&weights) {
                let expected = weight / total * weights.len() as f64;
                prop_assert!((mass - expected).abs() < 1e-7, "{mass} {expected}");
            }
        }
    }

    #[test]
    fn draws_follow_the_power_law() {
        let alias = Alias::power_law(100, 1.0, 1.0);
        let mut draws = Draws::new(3);
        let mut counts = [0u32; 100];
        let n = 200_000;
        for _ in 0..n {
            counts[alias.draw(&mut draws) as usize] += 1;
        }
        let weights = power_weights(100, 1.0, 1.0);
        let total: f64 = weights.iter().sum();
        let chi_square: f64 = weights
            .iter()
            .zip(counts)
            .map(|(w, c)| {
                let expected = w / total * f64::from(n);
                (f64::from(c) - expected).powi(2) / expected
            })
            .sum();
        // 99 degrees of freedom: mean 99, standard deviation 14.
        assert!(chi_square < 99.0 + 4.0 * 14.0, "{chi_square}");
    }
}
