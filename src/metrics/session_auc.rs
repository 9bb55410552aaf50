//! AUC within groups: ranking quality inside a search session (or for one user), independent of
//! offsets between groups.
//!
//! If the weight of a group is its number of impressions, this is the GAUC of Zhou et al. 2018
//! (Deep Interest Network, arXiv 1706.06978, eq. 9); the session AUC reported by default counts
//! every session once.

use super::{auc, order};

/// The weight of a group in the mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupWeight {
    /// Every group counts once.
    #[default]
    Equal,
    /// A group counts by the number of its examples (GAUC).
    Examples,
}

/// AUC averaged over groups.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupedAuc {
    /// The weighted mean; `None` when no group has both labels, or when any score is NaN.
    pub value: Option<f64>,
    /// Its standard error: how much it would vary with the groups; `None` with fewer than two.
    pub error: Option<f64>,
    /// Groups with both labels, which are in the mean.
    pub groups: u64,
    /// Groups with one label only, for which no AUC exists.
    pub skipped: u64,
}

/// Mean of the AUC of each group. `groups[i]` is the group of example `i`. The examples of a group
/// need not be adjacent, but ascending groups are fastest. Lengths must agree.
pub fn session_auc(
    scores: &[f32],
    labels: &[f32],
    groups: &[u64],
    weight: GroupWeight,
) -> GroupedAuc {
    assert_eq!(scores.len(), labels.len(), "one label per score");
    assert_eq!(scores.len(), groups.len(), "one group per score");
    let mut undefined = false;
    let mut examples: Vec<(u64, u64)> = Vec::with_capacity(scores.len());
    for i in 0..scores.len() {
        let ranked = order::ranked(scores[i], labels[i]);
        undefined |= ranked.is_none();
        // With the label alone, the counts of groups are right although a score is NaN.
        let ranked = ranked.unwrap_or(u64::from(order::is_positive(labels[i])));
        examples.push((groups[i], ranked));
    }
    if !groups.is_sorted() {
        examples.sort_unstable();
    }
    let mut result = mean_over_groups(&mut examples, weight);
    if undefined {
        (result.value, result.error) = (None, None);
    }
    result
}

/// The mean over groups, whose examples are adjacent, in ascending order of group.
fn mean_over_groups(examples: &mut [(u64, u64)], weight: GroupWeight) -> GroupedAuc {
    let mut result = GroupedAuc::default();
    let (mut total, mut weights) = (0.0, 0.0);
    // Sums of squared weights, with the values and their squares.
    let (mut bare, mut once, mut twice) = (0.0, 0.0, 0.0);
    for group in examples.chunk_by_mut(|a, b| a.0 == b.0) {
        group.sort_unstable();
        let Some(value) = auc::of_sorted(group.iter().map(|e| e.1)) else {
            result.skipped += 1;
            continue;
        };
        let share = match weight {
            GroupWeight::Equal => 1.0,
            GroupWeight::Examples => group.len() as f64,
        };
        result.groups += 1;
        total += share * value;
        weights += share;
        bare += share * share;
        once += share * share * value;
        twice += share * share * value * value;
    }
    result.value = (result.groups > 0).then(|| total / weights);
    if let Some(mean) = result.value.filter(|_| result.groups > 1) {
        // That of a ratio of two sums over groups.
        let square = (twice - 2.0 * mean * once + mean * mean * bare).max(0.0);
        let count = result.groups as f64;
        result.error = Some((square * count / (count - 1.0)).sqrt() / weights);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::auc::tests::{by_pairs, tied_examples};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn one_label_groups_are_skipped_and_counted() {
        let scores = [0.1, 0.9, 0.5, 0.5, 0.3];
        let labels = [0.0, 1.0, 1.0, 0.0, 1.0];
        let result = session_auc(&scores, &labels, &[4, 4, 7, 7, 9], GroupWeight::Equal);
        // Two values that are 0.25 from their mean: their deviation over the root of two is 0.25.
        let expected = GroupedAuc { value: Some(0.75), error: Some(0.25), groups: 2, skipped: 1 };
        assert_eq!(result, expected);
    }

    #[test]
    fn weights_count_examples() {
        let scores = [0.1, 0.9, 0.2, 0.5, 0.5, 0.5];
        let labels = [0.0, 1.0, 0.0, 1.0, 0.0, 1.0];
        let groups = [1, 1, 2, 2, 2, 2];
        let value = |weight| session_auc(&scores, &labels, &groups, weight).value.unwrap();
        let second = by_pairs(&scores[2..], &labels[2..]).unwrap();
        assert!((value(GroupWeight::Equal) - (1.0 + second) / 2.0).abs() < 1e-12);
        assert!((value(GroupWeight::Examples) - (2.0 + 4.0 * second) / 6.0).abs() < 1e-12);
    }

    #[test]
    fn nan_and_nothing_have_no_value() {
        let nan = session_auc(&[f32::NAN, 0.1], &[1.0, 0.0], &[1, 1], GroupWeight::Equal);
        assert_eq!((nan.value, nan.groups), (None, 1));
        let none = session_auc(&[], &[], &[], GroupWeight::Equal);
        assert_eq!(none, GroupedAuc::default());
    }

    proptest! {
        #[test]
        fn it_is_the_mean_of_the_groups(
            examples in tied_examples(80),
            names in prop::collection::vec(0u64..6, 80),
            by_examples: bool,
        ) {
            let (scores, labels): (Vec<f32>, Vec<f32>) = examples.into_iter().unzip();
            let names = &names[..scores.len()];
            let mut members: BTreeMap<u64, (Vec<f32>, Vec<f32>)> = BTreeMap::new();
            for (i, &name) in names.iter().enumerate() {
                let group = members.entry(name).or_default();
                group.0.push(scores[i]);
                group.1.push(labels[i]);
            }
            let (mut total, mut weights, mut used) = (0.0, 0.0, 0);
            for (s, y) in members.values() {
                if let Some(value) = by_pairs(s, y) {
                    let w = if by_examples { s.len() as f64 } else { 1.0 };
                    total += w * value;
                    weights += w;
                    used += 1;
                }
            }
            let weight = if by_examples { GroupWeight::Examples } else { GroupWeight::Equal };
            let result = session_auc(&scores, &labels, names, weight);
            prop_assert_eq!(result.groups, used);
            prop_assert_eq!(result.skipped, members.len() as u64 - used);
            prop_assert_eq!(result.value.is_some(), used > 0);
            if let Some(value) = result.value {
                prop_assert!((value - total / weights).abs() < 1e-12);
            }
        }

        #[test]
        fn the_order_of_examples_does_not_matter(
            examples in tied_examples(50),
            names in prop::collection::vec(0u64..5, 50),
        ) {
            let (scores, labels): (Vec<f32>, Vec<f32>) = examples.into_iter().unzip();
            let names = &names[..scores.len()];
            let backwards = |v: &[f32]| v.iter().rev().copied().collect::<Vec<_>>();
            let reversed: Vec<u64> = names.iter().rev().copied().collect();
            prop_assert_eq!(
                session_auc(&scores, &labels, names, GroupWeight::Equal),
                session_auc(&backwards(&scores), &backwards(&labels), &reversed, GroupWeight::Equal)
            );
        }
    }
}
