//! Area under the ROC curve, exact: the share of (positive, negative) pairs in which the positive
//! example scores higher; ties count half (the Mann-Whitney statistic).

use super::order;

/// Buffers of [`AucScratch::auc`], kept between evaluations so that they are allocated once.
#[derive(Clone, Debug, Default)]
pub struct AucScratch {
    ranked: Vec<u64>,
    spare: Vec<u64>,
}

impl AucScratch {
    /// ROC AUC of `scores` (logits or probabilities alike) against 0/1 `labels`, in linear time.
    /// `None` without both labels, or when any score is NaN. Lengths must agree.
    pub fn auc(&mut self, scores: &[f32], labels: &[f32]) -> Option<f64> {
        assert_eq!(scores.len(), labels.len(), "one label per score");
        self.ranked.clear();
        for (&score, &label) in scores.iter().zip(labels) {
            self.ranked.push(order::ranked(score, label)?);
        }
        order::sort(&mut self.ranked, &mut self.spare);
        of_sorted(self.ranked.iter().copied())
    }
}

/// [`AucScratch::auc`] with its own buffers.
pub fn auc(scores: &[f32], labels: &[f32]) -> Option<f64> {
    AucScratch::default().auc(scores, labels)
}

/// The standard error of an AUC over so many positive and negative examples, all of them
/// independent (Hanley & McNeil 1982, eq. 1); `None` without both.
pub fn standard_error(auc: f64, positives: u64, negatives: u64) -> Option<f64> {
    let (p, n) = (positives as f64, negatives as f64);
    let (q1, q2) = (auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc));
    let square = auc * auc;
    let sum = auc * (1.0 - auc) + (p - 1.0) * (q1 - square) + (n - 1.0) * (q2 - square);
    (p > 0.0 && n > 0.0).then(|| (sum.max(0.0) / (p * n)).sqrt())
}

/// AUC of ranked examples in ascending order; `None` without both labels.
///
/// Pairs are counted in integers, in halves, so the result is rounded once.
pub(super) fn of_sorted(ranked: impl Iterator<Item = u64>) -> Option<f64> {
    let (mut positives, mut negatives) = (0u64, 0u64);
    let mut half_wins = 0u128;
    let mut tie = Tie::default();
    for example in ranked {
        if example >> 1 != tie.score {
            half_wins += tie.half_wins(negatives);
            negatives += tie.negatives;
            positives += tie.positives;
            tie = Tie { score: example >> 1, ..Tie::default() };
        }
        tie.positives += example & 1;
        tie.negatives += 1 - (example & 1);
    }
    half_wins += tie.half_wins(negatives);
    negatives += tie.negatives;
    positives += tie.positives;
    let pairs = u128::from(positives) * u128::from(negatives);
    (pairs > 0).then(|| half_wins as f64 / (2 * pairs) as f64)
}

/// The examples of one score.
#[derive(Default)]
struct Tie {
    score: u64,
    positives: u64,
    negatives: u64,
}

impl Tie {
    /// Twice the pairs that its positives win: all `lower` negatives, and half of its own.
    fn half_wins(&self, lower: u64) -> u128 {
        u128::from(self.positives) * (2 * u128::from(lower) + u128::from(self.negatives))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition: every pair, one by one.
    pub(in crate::metrics) fn by_pairs(scores: &[f32], labels: &[f32]) -> Option<f64> {
        let (mut wins, mut pairs) = (0.0, 0.0);
        for (i, &positive) in labels.iter().enumerate() {
            for (j, &negative) in labels.iter().enumerate() {
                if positive > 0.5 && negative <= 0.5 {
                    pairs += 1.0;
                    wins += match scores[i].partial_cmp(&scores[j])? {
                        std::cmp::Ordering::Greater => 1.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Less => 0.0,
                    };
                }
            }
        }
        (pairs > 0.0).then_some(wins / pairs)
    }

    /// Scores from a few values only, so that most are tied.
    pub(in crate::metrics) fn tied_examples(
        length: usize,
    ) -> impl Strategy<Value = Vec<(f32, f32)>> {
        let score = (-4i8..4).prop_map(|s| f32::from(s) * 0.25);
        let label = any::<bool>().prop_map(|y| f32::from(u8::from(y)));
        prop::collection::vec((score, label), 0..length)
    }

    #[test]
    fn known_values() {
        assert_eq!(auc(&[0.1, 0.4, 0.35, 0.8], &[0.0, 0.0, 1.0, 1.0]), Some(0.75));
        assert_eq!(auc(&[1.0, 2.0], &[0.0, 1.0]), Some(1.0));
        assert_eq!(auc(&[5.0; 3], &[0.0, 1.0, 1.0]), Some(0.5));
        assert_eq!(auc(&[0.0, -0.0], &[0.0, 1.0]), Some(0.5));
    }

    #[test]
    fn undefined_inputs_give_none() {
        assert_eq!(auc(&[], &[]), None);
        assert_eq!(auc(&[1.0, 2.0], &[1.0, 1.0]), None);
        assert_eq!(auc(&[1.0, 2.0], &[0.0, 0.0]), None);
        assert_eq!(auc(&[f32::NAN; 4], &[0.0, 1.0, 0.0, 1.0]), None);
        assert_eq!(auc(&[0.5, f32::NAN, 0.1], &[1.0, 1.0, 0.0]), None);
    }

    #[test]
    fn infinite_scores_are_scores() {
        let scores = [f32::NEG_INFINITY, f32::INFINITY, 0.0];
        assert_eq!(auc(&scores, &[0.0, 1.0, 1.0]), Some(1.0));
    }

    #[test]
    fn long_inputs_agree_with_the_comparison_sort() {
        let scores: Vec<f32> =
            (0..20_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 20) as f32 - 2048.0).collect();
        let labels: Vec<f32> = (0..20_000u32).map(|i| f32::from(i % 7 == 0)).collect();
        let mut ranked: Vec<u64> =
            (0..scores.len()).filter_map(|i| order::ranked(scores[i], labels[i])).collect();
        ranked.sort_unstable();
        assert_eq!(auc(&scores, &labels), of_sorted(ranked.into_iter()));
    }

    #[test]
    fn long_inputs_of_few_scores_are_exact() {
        // Scores 0, 1, 2 with (positives, negatives) of each: ties by the ten thousand.
        let counts = [(10_000, 90_000), (20_000, 30_000), (30_000, 5_000)];
        let (mut scores, mut labels) = (Vec::new(), Vec::new());
        for (score, (positives, negatives)) in (0u8..).zip(counts) {
            for (label, count) in [(1.0, positives), (0.0, negatives)] {
                scores.resize(scores.len() + count, f32::from(score));
                labels.resize(labels.len() + count, label);
            }
        }
        let half_wins: u64 =
            10_000 * 90_000 + 20_000 * (2 * 90_000 + 30_000) + 30_000 * (2 * 120_000 + 5_000);
        let expected = half_wins as f64 / (2 * 60_000 * 125_000u64) as f64;
        assert_eq!(auc(&scores, &labels), Some(expected));
        scores.fill(-3.5);
        assert_eq!(auc(&scores, &labels), Some(0.5));
        *scores.last_mut().unwrap() = f32::NAN;
        assert_eq!(auc(&scores, &labels), None);
    }

    proptest! {
        #[test]
        fn it_is_the_share_of_pairs_won(examples in tied_examples(60)) {
            let (scores, labels): (Vec<f32>, Vec<f32>) = examples.into_iter().unzip();
            match (auc(&scores, &labels), by_pairs(&scores, &labels)) {
                (Some(fast), Some(slow)) => prop_assert!((fast - slow).abs() < 1e-12),
                (fast, slow) => prop_assert_eq!(fast, slow),
            }
        }

        #[test]
        fn only_the_order_matters(examples in tied_examples(60)) {
            let (scores, labels): (Vec<f32>, Vec<f32>) = examples.into_iter().unzip();
            let mapped: Vec<f32> = scores.iter().map(|s| s * s * s * 8.0 + 3.0).collect();
            prop_assert_eq!(auc(&mapped, &labels), auc(&scores, &labels));
        }

        #[test]
        fn flipped_labels_give_the_complement(examples in tied_examples(60)) {
            let (scores, labels): (Vec<f32>, Vec<f32>) = examples.into_iter().unzip();
            let flipped: Vec<f32> = labels.iter().map(|y| 1.0 - y).collect();
            if let Some(value) = auc(&scores, &labels) {
                let other = auc(&scores, &flipped).unwrap();
                prop_assert!((value + other - 1.0).abs() < 1e-12);
            }
        }

        #[test]
        fn buffers_carry_nothing_over(a in tied_examples(40), b in tied_examples(40)) {
            let mut scratch = AucScratch::default();
            for examples in [a, b] {
                let (scores, labels): (Vec<f32>, Vec<f32>) = examples.into_iter().unzip();
                prop_assert_eq!(scratch.auc(&scores, &labels), auc(&scores, &labels));
            }
        }
    }
}
