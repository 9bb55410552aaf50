//! Why figures of an evaluation are not defined: its examples have one label only, or its scores
//! are no numbers.

use super::{Quality, order};

/// A figure that is not defined, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Undefined {
    /// The figure, by its name in `evaluations.csv`.
    pub figure: &'static str,
    /// Why, without a full stop.
    pub reason: String,
}

/// The labels of a set of examples.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LabelCounts {
    /// Examples.
    pub examples: u64,
    /// Examples with a positive label.
    pub positives: u64,
    /// Groups with both labels.
    pub mixed_groups: u64,
}

impl LabelCounts {
    /// Counts 0/1 `labels`; example `i` belongs to group `groups[i]`. Lengths must agree.
    pub fn of(labels: &[f32], groups: &[u64]) -> LabelCounts {
        assert_eq!(labels.len(), groups.len(), "one group per label");
        let positive = labels.iter().map(|label| order::is_positive(*label));
        let mut members: Vec<(u64, bool)> = groups.iter().copied().zip(positive).collect();
        members.sort_unstable();
        let groups = members.chunk_by(|a, b| a.0 == b.0);
        LabelCounts {
            examples: members.len() as u64,
            positives: members.iter().filter(|(_, positive)| *positive).count() as u64,
            mixed_groups: groups.filter(|group| !group[0].1 && group[group.len() - 1].1).count()
                as u64,
        }
    }

    /// Examples with a negative label.
    pub fn negatives(self) -> u64 {
        self.examples - self.positives
    }

    /// Whether both labels occur.
    pub fn has_both(self) -> bool {
        self.positives > 0 && self.negatives() > 0
    }
}

impl Quality {
    /// The figures that are not defined, by their names in `evaluations.csv`.
    pub fn undefined(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            ("auc", self.auc),
            ("session_auc", self.session_auc),
            ("log_loss", self.log_loss),
            ("normalised_entropy", self.ne),
            ("calibration", self.calibration),
        ];
        all.into_iter().filter(|(_, figure)| figure.is_none()).map(|(name, _)| name)
    }
}

/// The reasons as one text: figures with the same reason together; `None` if all are defined.
pub fn in_words(undefined: &[Undefined]) -> Option<String> {
    let groups = undefined.chunk_by(|a, b| a.reason == b.reason);
    let texts: Vec<String> = groups
        .map(|group| {
            let figures: Vec<&str> = group.iter().map(|one| one.figure).collect();
            format!("{}: {}", figures.join(", "), group[0].reason)
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_groups_with_both_are_counted() {
        let counts = LabelCounts::of(&[1.0, 0.0, 1.0, 0.0, 0.0], &[7, 3, 7, 7, 3]);
        assert_eq!(counts, LabelCounts { examples: 5, positives: 2, mixed_groups: 1 });
        assert!(counts.has_both() && !LabelCounts::of(&[0.0], &[1]).has_both());
    }

    #[test]
    fn figures_with_the_same_reason_are_told_together() {
        let one = |figure, reason: &str| Undefined { figure, reason: reason.to_string() };
        let all = [one("auc", "a"), one("log_loss", "a"), one("selection_auc", "b")];
        assert_eq!(in_words(&all).unwrap(), "auc, log_loss: a; selection_auc: b");
        assert_eq!(in_words(&[]), None);
        let quality = Quality { auc: Some(0.5), log_loss: Some(0.1), ..Quality::default() };
        let names: Vec<&str> = quality.undefined().collect();
        assert_eq!(names, ["session_auc", "normalised_entropy", "calibration"]);
    }
}
