//! A histogram of whole numbers: exact for common values of staleness, logarithmic beyond.

use std::ops::RangeInclusive;

/// Values below this have one bucket each.
const EXACT: u64 = 1 << EXACT_BITS;
const EXACT_BITS: u32 = 6;
/// Buckets per doubling above, as a power of two: 2^3 = 8, each 1/8 to 1/15 of its values wide.
const OCTAVE_BITS: u32 = 3;

/// Counts of whole numbers: one bucket for each number below 64, then eight per octave. Count, sum
/// and maximum are exact, and so is the mean; quantiles are within a bucket, at most 12.5 % high.
///
/// Memory grows with the logarithm of the largest value, to 4 KiB at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: u128,
    max: u64,
}

/// One non-empty bucket: its smallest and largest possible value, both included, and its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The smallest value it holds.
    pub low: u64,
    /// The largest value it holds.
    pub high: u64,
    /// Values counted in it.
    pub count: u64,
}

impl Histogram {
    /// Counts `value` once.
    pub fn add(&mut self, value: u64) {
        self.add_many(value, 1);
    }

    /// Counts `value` `count` times.
    pub fn add_many(&mut self, value: u64, count: u64) {
        if count == 0 {
            return;
        }
        let bucket = bucket_of(value);
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += count;
        self.count += count;
        self.sum += u128::from(value) * u128::from(count);
        self.max = self.max.max(value);
    }

    /// Adds all counts of `other`.
    pub fn merge(&mut self, other: &Histogram) {
        if other.buckets.len() > self.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (own, its) in self.buckets.iter_mut().zip(&other.buckets) {
            *own += its;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// Values counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their exact sum.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// Their mean, from the exact sum; `None` when empty.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The largest value counted; `None` when empty.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The value that a share `q` (clamped to 0..=1) of all values does not exceed: the upper end of
    /// its bucket, exact below 64, never above the maximum. `None` when empty or for a NaN share.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        if self.count == 0 || q.is_nan() {
            return None;
        }
        let rank = (q.clamp(0.0, 1.0) * self.count as f64).ceil() as u64;
        let rank = rank.clamp(1, self.count);
        let mut seen = 0;
        let reached = self.iter().find(|bucket| {
            seen += bucket.count;
            seen >= rank
        });
        reached.map(|bucket| bucket.high.min(self.max))
    }

    /// The non-empty buckets, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Bucket> + '_ {
        let filled = self.buckets.iter().enumerate().filter(|(_, c)| **c > 0);
        filled.map(|(index, &count)| {
            let range = values_of(index);
            Bucket { low: *range.start(), high: *range.end(), count }
        })
    }
}

/// The bucket of `value`.
fn bucket_of(value: u64) -> usize {
    if value < EXACT {
        return value as usize;
    }
    let octave = value.ilog2();
    let within = (value >> (octave - OCTAVE_BITS)) & ((1 << OCTAVE_BITS) - 1);
    (EXACT + (u64::from(octave - EXACT_BITS) << OCTAVE_BITS) + within) as usize
}

/// The values of a bucket: the inverse of [`bucket_of`].
fn values_of(bucket: usize) -> RangeInclusive<u64> {
    let bucket = bucket as u64;
    if bucket < EXACT {
        return bucket..=bucket;
    }
    let above = bucket - EXACT;
    let shift = (above >> OCTAVE_BITS) as u32 + EXACT_BITS - OCTAVE_BITS;
    let eighths = (1 << OCTAVE_BITS) | (above & ((1 << OCTAVE_BITS) - 1));
    let low = eighths << shift;
    low..=low + ((1 << shift) - 1)
}

crate::persist!(Histogram { buckets: state, count: state, sum: state, max: state });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|&v| histogram.add(v));
        histogram
    }

    #[test]
    fn small_values_are_exact_and_large_ones_within_an_eighth() {
        let buckets: Vec<Bucket> = of(&[3, 3, 63, 64, 71, 72, 1000]).iter().collect();
        let expected = [(3, 3, 2), (63, 63, 1), (64, 71, 2), (72, 79, 1), (960, 1023, 1)];
        let expected = expected.map(|(low, high, count)| Bucket { low, high, count });
        assert_eq!(buckets, expected);
    }

    #[test]
    fn the_buckets_tile_the_numbers() {
        let mut next = 0;
        for bucket in 0..bucket_of(u64::MAX) {
            let range = values_of(bucket);
            assert_eq!(*range.start(), next, "bucket {bucket}");
            next = range.end() + 1;
        }
        assert_eq!(*values_of(bucket_of(u64::MAX)).end(), u64::MAX);
    }

    #[test]
    fn an_empty_one_has_no_figures() {
        let empty = Histogram::default();
        assert_eq!((empty.mean(), empty.max(), empty.quantile(0.5)), (None, None, None));
        assert_eq!(empty.iter().count(), 0);
        assert_eq!(of(&[1]).quantile(f64::NAN), None);
    }

    #[test]
    fn the_sum_does_not_overflow() {
        let mut histogram = Histogram::default();
        histogram.add_many(u64::MAX, 1 << 40);
        assert_eq!(histogram.sum(), u128::from(u64::MAX) << 40);
        assert_eq!(histogram.mean(), Some(u64::MAX as f64));
    }

    fn values() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec((0u64..1 << 20, 0u32..20).prop_map(|(v, s)| v >> s), 1..200)
    }

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket(value: u64) {
            prop_assert!(values_of(bucket_of(value)).contains(&value));
        }

        #[test]
        fn count_sum_mean_and_max_are_exact(values in values()) {
            let histogram = of(&values);
            let sum: u64 = values.iter().sum();
            prop_assert_eq!(histogram.sum(), u128::from(sum));
            prop_assert_eq!(histogram.mean(), Some(sum as f64 / values.len() as f64));
            prop_assert_eq!(histogram.max(), values.iter().max().copied());
            prop_assert_eq!(histogram.iter().map(|b| b.count).sum::<u64>(), values.len() as u64);
        }

        #[test]
        fn quantiles_are_at_most_an_eighth_high(values in values(), q in 0.0f64..=1.0) {
            let mut sorted = values.clone();
            sorted.sort_unstable();
            let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let (exact, found) = (sorted[rank - 1], of(&values).quantile(q).unwrap());
            prop_assert!(exact <= found && found <= exact + exact / 8, "{} {}", exact, found);
        }

        #[test]
        fn merging_is_counting_together(a in values(), b in values()) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(merged, of(&[a, b].concat()));
        }
    }
}
