//! The labels of the two halves of a holdout, and what cannot be measured with them.

use crate::metrics::{LabelCounts, Quality, Undefined};

/// A half of the holdout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldoutHalf {
    /// The half that gives the reported figures.
    Reporting,
    /// The half that chooses the best step.
    Selection,
}

/// The labels of both halves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HoldoutLabels {
    /// Those of the reporting half.
    pub reporting: LabelCounts,
    /// Those of the selection half.
    pub selection: LabelCounts,
    /// Whether the halves differ; if not, both are the whole holdout.
    pub is_divided: bool,
    /// What a group is called, such as `user`.
    pub group: String,
}

/// The reason for figures that the scores leave undefined.
pub(super) const NO_SCORES: &str = "some scores of the model are not finite numbers";

impl HoldoutLabels {
    /// The labels of a holdout, of which `selects` says which examples choose the best step.
    pub fn new(labels: &[f32], groups: &[u64], selects: &[bool], group: &str) -> HoldoutLabels {
        let half = |wanted: bool| {
            let chosen = (0..labels.len()).filter(|&i| selects[i] == wanted);
            let (labels, groups): (Vec<f32>, Vec<u64>) =
                chosen.map(|i| (labels[i], groups[i])).unzip();
            LabelCounts::of(&labels, &groups)
        };
        let (reporting, selection) = (half(false), half(true));
        let group = if group.is_empty() { "group" } else { group }.to_string();
        if reporting.examples > 0 && selection.examples > 0 {
            return HoldoutLabels { reporting, selection, is_divided: true, group };
        }
        let all = LabelCounts::of(labels, groups);
        HoldoutLabels { reporting: all, selection: all, is_divided: false, group }
    }

    fn of(&self, half: HoldoutHalf) -> (LabelCounts, LabelCounts) {
        match half {
            HoldoutHalf::Reporting => (self.reporting, self.selection),
            HoldoutHalf::Selection => (self.selection, self.reporting),
        }
    }

    /// Why AUC on this half is not defined.
    pub fn one_label(&self, half: HoldoutHalf) -> Option<String> {
        let (own, other) = self.of(half);
        if own.has_both() {
            return None;
        }
        let (sign, elsewhere) = match own.positives {
            0 => ("positive", other.positives),
            _ => ("negative", other.negatives()),
        };
        Some(self.lacks(half, &format!("has no {sign} example"), elsewhere))
    }

    /// Why session AUC on this half is not defined.
    pub fn no_mixed_group(&self, half: HoldoutHalf) -> Option<String> {
        let (own, other) = self.of(half);
        self.one_label(half).or_else(|| {
            let what = format!("has no {} with both labels", self.group);
            (own.mixed_groups == 0).then(|| self.lacks(half, &what, other.mixed_groups))
        })
    }

    fn lacks(&self, half: HoldoutHalf, what: &str, elsewhere: u64) -> String {
        if !self.is_divided {
            return format!("the holdout {what}");
        }
        let (name, other) = match half {
            HoldoutHalf::Reporting => ("reporting", "selection"),
            HoldoutHalf::Selection => ("selection", "reporting"),
        };
        let where_else = match elsewhere {
            0 => format!(", and the {other} half has none either"),
            1 => format!(
                ": the only one is in the {other} half; holdout.selection_share = 0 uses all"
            ),
            n => format!(": all {n} are in the {other} half; holdout.selection_share = 0 uses all"),
        };
        format!("the {name} half of the holdout {what}{where_else}")
    }

    /// Why figures of an evaluation are not defined: those of the reporting half, and the one by
    /// which the best step is chosen.
    pub fn undefined(
        &self,
        quality: &Quality,
        selection: Option<f64>,
        chosen_in_groups: bool,
    ) -> Vec<Undefined> {
        let mut all: Vec<Undefined> = quality
            .undefined()
            .map(|figure| {
                let reason = match figure {
                    "session_auc" => self.no_mixed_group(HoldoutHalf::Reporting),
                    "log_loss" => None,
                    "calibration" if self.reporting.positives > 0 => None,
                    _ => self.one_label(HoldoutHalf::Reporting),
                };
                let reason = reason.unwrap_or_else(|| NO_SCORES.to_string());
                Undefined { figure, reason }
            })
            .collect();
        if selection.is_none() {
            let reason = match chosen_in_groups {
                true => self.no_mixed_group(HoldoutHalf::Selection),
                false => self.one_label(HoldoutHalf::Selection),
            };
            let reason = reason.unwrap_or_else(|| NO_SCORES.to_string());
            all.push(Undefined { figure: "selection_auc", reason });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(labels: &[f32], groups: &[u64], selects: &[bool]) -> HoldoutLabels {
        HoldoutLabels::new(labels, groups, selects, "user")
    }

    #[test]
    fn a_half_with_one_label_says_where_the_other_is() {
        let of = labels(&[1.0, 1.0, 0.0, 0.0], &[1, 1, 1, 2], &[true, true, true, false]);
        let quality = Quality { log_loss: Some(0.3), ..Quality::default() };
        let undefined = of.undefined(&quality, Some(0.7), false);
        let reason = "the reporting half of the holdout has no positive example: all 2 are in the selection half; \
                      holdout.selection_share = 0 uses all";
        let names: Vec<&str> = undefined.iter().map(|one| one.figure).collect();
        assert_eq!(names, ["auc", "session_auc", "normalised_entropy", "calibration"]);
        assert!(undefined.iter().all(|one| one.reason == reason), "{undefined:?}");
        let of = labels(&[1.0, 0.0], &[1, 2], &[true, false]);
        assert!(
            of.one_label(HoldoutHalf::Selection)
                .unwrap()
                .contains("no negative example: the only one")
        );
    }

    #[test]
    fn groups_of_one_label_leave_only_the_session_auc_undefined() {
        let of = labels(&[1.0, 0.0, 1.0], &[1, 2, 1], &[false; 3]);
        assert!(!of.is_divided && of.one_label(HoldoutHalf::Reporting).is_none());
        let quality = Quality {
            auc: Some(0.5),
            log_loss: Some(0.3),
            ne: Some(1.0),
            calibration: Some(1.0),
            ..Quality::default()
        };
        let undefined = of.undefined(&quality, None, true);
        let told: Vec<&str> = undefined.iter().map(|one| one.figure).collect();
        assert_eq!(told, ["session_auc", "selection_auc"]);
        assert_eq!(undefined[0].reason, "the holdout has no user with both labels");
        assert_eq!(undefined[0].reason, undefined[1].reason);
    }

    #[test]
    fn scores_that_are_no_numbers_are_the_reason_where_the_labels_are_not() {
        let of = labels(&[1.0, 0.0], &[1, 1], &[false; 2]);
        let undefined = of.undefined(&Quality::default(), None, false);
        assert!(undefined.len() == 6 && undefined.iter().all(|one| one.reason == NO_SCORES));
    }
}
