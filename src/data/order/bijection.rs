//! Random permutations of `0..n` without a table.
//!
//! A Feistel network permutes the smallest power of two that holds `n` (and at least 256), keyed by
//! a random word. A value that falls outside of `0..n` passes through it again until it is inside
//! (*cycle walking*, Black & Rogaway 2002). Both steps are bijections, so the whole is a bijection
//! on `0..n`.

use crate::base::stream::mix;
use crate::versions;

/// Alternating rounds, four for each half.
const ROUNDS: u64 = 8;
/// Halves below 4 bits mix badly.
const LEAST_BITS: u32 = 8;
/// Values that pass through the network together.
const BLOCK: usize = 64;

/// A permutation of `0..n`, chosen by a key. Memory does not grow with `n`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bijection {
    n: u64,
    key: u64,
    /// Bits of the lower half; the upper half has as many or one more.
    low_bits: u32,
    bits: u32,
}

impl Bijection {
    /// The permutation of `0..n` that belongs to `key`.
    ///
    /// # Panics
    /// If `n` is zero or above 2^62.
    pub fn new(n: u64, key: u64) -> Bijection {
        assert!((1..=1 << 62).contains(&n), "a permutation of {n} values");
        let bits = (64 - (n - 1).leading_zeros()).max(LEAST_BITS);
        Bijection { n, key, low_bits: bits / 2, bits }
    }

    /// The image of `index`.
    ///
    /// # Panics
    /// If `index` is not below `n`.
    pub fn apply(&self, index: u64) -> u64 {
        let mut value = [index];
        self.apply_each(&mut value);
        value[0]
    }

    /// Replaces each index by its image. One pass through the network is a long chain of dependent
    /// operations, and the processor cannot predict whether a value needs another pass. Together
    /// they take a fourth of the time that they take one after the other.
    ///
    /// # Panics
    /// If an index is not below `n`.
    pub fn apply_each(&self, indices: &mut [u64]) {
        for block in indices.chunks_mut(BLOCK) {
            assert!(block.iter().all(|&index| index < self.n), "{block:?} of {}", self.n);
            through(self, block);
            let (mut outside, mut places) = ([0; BLOCK], [0; BLOCK]);
            loop {
                let mut count = 0;
                for (place, &value) in block.iter().enumerate() {
                    (outside[count], places[count]) = (value, place);
                    count += usize::from(value >= self.n);
                }
                if count == 0 {
                    break;
                }
                through(self, &mut outside[..count]);
                for (&place, &value) in places.iter().zip(&outside[..count]) {
                    block[place] = value;
                }
            }
        }
    }

    /// One pass through the network: each round changes one half by a function of the other.
    #[inline(always)]
    fn network(&self, value: u64) -> u64 {
        let low_mask = (1 << self.low_bits) - 1;
        let high_mask = (1 << (self.bits - self.low_bits)) - 1;
        let (mut low, mut high) = (value & low_mask, value >> self.low_bits);
        for round in (0..ROUNDS).step_by(2) {
            high ^= self.round(round, low) & high_mask;
            low ^= self.round(round + 1, high) & low_mask;
        }
        high << self.low_bits | low
    }

    #[inline(always)]
    fn round(&self, round: u64, half: u64) -> u64 {
        // Odd multiples of the golden ratio keep the rounds apart.
        let key = self.key.wrapping_add((round + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mix(key ^ half.wrapping_mul(0xd1b5_4a32_d192_ed03)) >> 16
    }
}

versions! {
    /// Passes every value through the network once.
    fn through(bijection: &Bijection, values: &mut [u64]) {
        for value in values {
            *value = bijection.network(*value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::level::{at_level, levels};
    use crate::base::{Purpose, Streams};

    fn permutation(n: u64, key: u64) -> Vec<u64> {
        let bijection = Bijection::new(n, key);
        (0..n).map(|i| bijection.apply(i)).collect()
    }

    fn key(i: u64) -> u64 {
        Streams::new(5).key(Purpose::Order, i, 0)
    }

    #[test]
    fn every_value_comes_once() {
        let sizes = (1..=600).chain([1_023, 1_024, 1_025, 4_095, 4_097, 99_991, 131_072]);
        for n in sizes {
            let mut values = permutation(n, key(n));
            values.sort_unstable();
            assert!(values.into_iter().eq(0..n), "{n}");
        }
    }

    /// The definition, value by value.
    fn walked(bijection: &Bijection, index: u64) -> u64 {
        let mut value = bijection.network(index);
        while value >= bijection.n {
            value = bijection.network(value);
        }
        value
    }

    #[test]
    fn side_by_side_each_goes_where_it_goes_alone() {
        for n in [1, 2, 100, 257, 1_025, 131_073, (1 << 40) + 1] {
            let bijection = Bijection::new(n, key(n));
            for count in [0, 1, 63, 64, 65, 200] {
                let indices: Vec<u64> = (0..count).map(|i| i * 7_919 % n).collect();
                let expected: Vec<u64> = indices.iter().map(|&i| walked(&bijection, i)).collect();
                for level in levels() {
                    let mut values = indices.clone();
                    at_level(level, || bijection.apply_each(&mut values));
                    assert_eq!(values, expected, "{n} {count} {level:?}");
                }
            }
        }
    }

    #[test]
    fn large_ranges_work_at_their_ends() {
        for n in [1 << 40, (1 << 40) + 1, 1 << 62] {
            let bijection = Bijection::new(n, 9);
            let ends: Vec<u64> = [0, 1, n / 2, n - 2, n - 1].map(|i| bijection.apply(i)).into();
            assert!(ends.iter().all(|&value| value < n));
        }
    }

    /// A random permutation moves a value by n/3 on average, and neighbours land independently.
    #[test]
    fn displacement_and_serial_correlation_are_those_of_a_random_permutation() {
        for n in [1_000u64, 4_096, 50_000] {
            let values = permutation(n, key(1));
            let size = n as f64;
            let moved: u64 = values.iter().enumerate().map(|(i, v)| v.abs_diff(i as u64)).sum();
            let displacement = moved as f64 / size / size;
            // The standard deviation of the mean is sqrt(2/45n) n and a little.
            assert!((displacement - 1.0 / 3.0).abs() < 4.0 * (0.06 / size).sqrt(), "{n}");
            for lag in [1, 2, 3, 12, 256] {
                let centre = |v: u64| v as f64 / size - 0.5;
                let products = values.windows(lag + 1).map(|w| centre(w[0]) * centre(w[lag]));
                let correlation = 12.0 * products.sum::<f64>() / size;
                assert!(correlation.abs() < 4.5 / size.sqrt(), "{n}, {lag}: {correlation}");
            }
        }
    }

    /// Over many keys, the first place, the last place, and the step between two neighbours take
    /// every value equally often.
    #[test]
    fn every_value_is_equally_likely_at_every_place() {
        for n in [3u64, 10, 24, 100] {
            let keys = 400 * n;
            let mut counts = vec![[0u32; 3]; n as usize];
            for i in 0..keys {
                let bijection = Bijection::new(n, key(i));
                let (first, last) = (bijection.apply(0), bijection.apply(n - 1));
                counts[first as usize][0] += 1;
                counts[last as usize][1] += 1;
                counts[((bijection.apply(1) + n - first) % n) as usize][2] += 1;
            }
            for column in 0..3 {
                // The step to the neighbour is never zero.
                let outcomes = if column == 2 { n - 1 } else { n };
                let expected = keys as f64 / outcomes as f64;
                let chi_square: f64 = counts
                    .iter()
                    .skip((n - outcomes) as usize)
                    .map(|c| (f64::from(c[column]) - expected).powi(2) / expected)
                    .sum();
                let freedom = (outcomes - 1) as f64;
                let limit = freedom + 4.5 * (2.0 * freedom).sqrt() + 4.0;
                assert!(chi_square < limit, "{n}, {column}: {chi_square}");
            }
        }
    }

    #[test]
    fn keys_give_unrelated_permutations() {
        let (a, b) = (permutation(1_000, key(1)), permutation(1_000, key(2)));
        let same = a.iter().zip(&b).filter(|(a, b)| a == b).count();
        // Poisson with mean 1.
        assert!(same < 8, "{same}");
    }
}
