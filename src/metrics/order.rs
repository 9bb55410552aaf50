//! Scores as integers that have the same order, and the radix sort over them.

/// The bits of a ranked example: 32 for its score, one for its label.
const KEY_BITS: u32 = 33;
/// Bits sorted by one pass: three passes cover [`KEY_BITS`], and the counters fit the L1 cache.
const DIGIT_BITS: u32 = 11;
const BUCKETS: usize = 1 << DIGIT_BITS;
/// Below this length clearing the counters costs more than a comparison sort.
const SMALL: usize = 4096;

/// Whether a label counts as positive.
pub(super) fn is_positive(label: f32) -> bool {
    label > 0.5
}

/// An integer with the order of `score`; `None` for NaN. Both zeros give the same integer.
pub(super) fn score_key(score: f32) -> Option<u32> {
    if score.is_nan() {
        return None;
    }
    let bits = (score + 0.0).to_bits();
    let flip = if bits >> 31 == 1 { u32::MAX } else { 1 << 31 };
    Some(bits ^ flip)
}

/// One example as a sortable integer: the key of the score, then the label in the lowest bit.
pub(super) fn ranked(score: f32, label: f32) -> Option<u64> {
    Some(u64::from(score_key(score)?) << 1 | u64::from(is_positive(label)))
}

/// Sorts ranked examples in linear time; `spare` is reusable working space.
pub(super) fn sort(ranked: &mut Vec<u64>, spare: &mut Vec<u64>) {
    if ranked.len() < SMALL {
        ranked.sort_unstable();
        return;
    }
    spare.clear();
    spare.resize(ranked.len(), 0);
    for shift in (0..KEY_BITS).step_by(DIGIT_BITS as usize) {
        scatter(ranked, spare, shift);
        std::mem::swap(ranked, spare);
    }
}

/// One stable counting pass over the digit at `shift`.
fn scatter(from: &[u64], to: &mut [u64], shift: u32) {
    let digit = |key: u64| (key >> shift) as usize & (BUCKETS - 1);
    let mut next = [0usize; BUCKETS];
    for &key in from {
        next[digit(key)] += 1;
    }
    let mut start = 0;
    for slot in &mut next {
        start += std::mem::replace(slot, start);
    }
    for &key in from {
        let slot = &mut next[digit(key)];
        to[*slot] = key;
        *slot += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_order_like_scores() {
        let scores = [f32::NEG_INFINITY, -3.0, -1e-40, -0.0, 1e-40, 0.5, f32::INFINITY];
        for pair in scores.windows(2) {
            assert!(score_key(pair[0]) < score_key(pair[1]), "{pair:?}");
        }
        assert_eq!(score_key(-0.0), score_key(0.0));
        assert_eq!(score_key(f32::NAN), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn the_radix_sort_sorts(keys in prop::collection::vec(0u64..1 << KEY_BITS, SMALL..2 * SMALL)) {
            let mut expected = keys.clone();
            expected.sort_unstable();
            let mut sorted = keys;
            sort(&mut sorted, &mut vec![7; 3]);
            prop_assert_eq!(sorted, expected);
        }
    }
}
