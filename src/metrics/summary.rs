//! All quality figures of one evaluation.

use super::auc::standard_error;
use super::{GroupWeight, auc, calibration, log_loss_with_error, normalised_entropy, session_auc};
use serde::{Deserialize, Serialize};

/// The quality of one set of predictions: one row of `evaluations.csv`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quality {
    /// ROC AUC over all examples, ties counted half.
    pub auc: Option<f64>,
    /// Its standard error over the examples (Hanley & McNeil 1982, eq. 1). Files of older versions
    /// lack it; see [`Quality::auc_error`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auc_error: Option<f64>,
    /// Mean AUC over the groups (sessions) that have both labels, each counted once.
    pub session_auc: Option<f64>,
    /// Its standard error over the groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_auc_error: Option<f64>,
    /// Mean binary cross-entropy, nats.
    pub log_loss: Option<f64>,
    /// Its standard error over the examples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_loss_error: Option<f64>,
    /// Log-loss over the entropy of the mean label.
    pub ne: Option<f64>,
    /// Clicks predicted per click observed.
    pub calibration: Option<f64>,
    /// Examples scored.
    pub examples: u64,
    /// Those with label 1.
    pub positives: u64,
    /// Groups with both labels.
    pub groups: u64,
    /// Groups with one label only, left out of `session_auc`.
    pub groups_skipped: u64,
    /// The share of the ids that the examples look up which the model has not met in training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_ids: Option<f64>,
}

impl Quality {
    /// The standard error of the AUC: how much it would vary with the examples of the holdout
    /// (Hanley & McNeil 1982, eq. 1).
    pub fn auc_error(&self) -> Option<f64> {
        let negatives = self.examples.saturating_sub(self.positives);
        self.auc_error.or_else(|| standard_error(self.auc?, self.positives, negatives))
    }

    /// All figures of `logits` against 0/1 `labels`; example `i` belongs to session `groups[i]`.
    /// Lengths must agree. A figure that is not defined is `None`.
    pub fn of(logits: &[f32], labels: &[f32], groups: &[u64]) -> Quality {
        let sessions = session_auc(logits, labels, groups, GroupWeight::Equal);
        let losses = log_loss_with_error(logits, labels);
        let quality = Quality {
            auc: auc(logits, labels),
            auc_error: None,
            session_auc: sessions.value,
            session_auc_error: sessions.error,
            log_loss: losses.map(|(mean, _)| mean),
            log_loss_error: losses.and_then(|(_, error)| error),
            ne: normalised_entropy(logits, labels),
            calibration: calibration(logits, labels),
            examples: logits.len() as u64,
            positives: labels.iter().filter(|label| **label == 1.0).count() as u64,
            groups: sessions.groups,
            groups_skipped: sessions.skipped,
            unknown_ids: None,
        };
        Quality { auc_error: quality.auc_error(), ..quality }
    }
}

crate::persist!(Quality {
    auc: state,
    auc_error: state,
    session_auc: state,
    session_auc_error: state,
    log_loss: state,
    log_loss_error: state,
    ne: state,
    calibration: state,
    examples: state,
    positives: state,
    groups: state,
    groups_skipped: state,
    unknown_ids: state
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_figures_of_one_evaluation() {
        let (logits, labels) = ([-1.0, 1.0, 0.0, 2.0], [0.0, 1.0, 1.0, 1.0]);
        let quality = Quality::of(&logits, &labels, &[1, 1, 2, 2]);
        assert_eq!((quality.auc, quality.session_auc), (Some(1.0), Some(1.0)));
        assert_eq!((quality.examples, quality.groups, quality.groups_skipped), (4, 1, 1));
        // By hand for A = 1: A (1 - A) and both further terms are 0.
        assert_eq!(quality.auc_error, Some(0.0));
        assert!(quality.ne.unwrap() < 1.0 && quality.calibration.unwrap() < 1.0);
    }

    #[test]
    fn a_blown_up_model_has_counts_and_no_figures() {
        let quality = Quality::of(&[f32::NAN; 4], &[0.0, 1.0, 1.0, 0.0], &[1, 1, 2, 2]);
        let expected = Quality { examples: 4, positives: 2, groups: 2, ..Quality::default() };
        assert_eq!(quality, expected);
    }
}
