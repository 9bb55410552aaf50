//! The best step of a run: chosen on one half of the holdout, reported on the other.

use crate::metrics::Quality;
use crate::sim::Progress;

/// The evaluation with the highest AUC on the selection half so far; the first of equals.
#[derive(Clone, Copy, Debug, Default)]
pub struct Best {
    chosen: Option<(f64, Progress, Quality)>,
}

impl Best {
    /// Considers an evaluation.
    pub fn offer(&mut self, progress: &Progress, quality: &Quality, selection: Option<f64>) {
        let Some(score) = selection.filter(|score| !score.is_nan()) else { return };
        if self.chosen.is_none_or(|(best, ..)| score > best) {
            self.chosen = Some((score, *progress, *quality));
        }
    }

    /// Where the best step was, and its quality on the reporting half.
    pub fn chosen(&self) -> Option<(&Progress, &Quality)> {
        self.chosen.as_ref().map(|(_, progress, quality)| (progress, quality))
    }
}

crate::persist!(Best { chosen: state });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_and_the_report_are_different_numbers() {
        let mut best = Best::default();
        for (updates, selection, report) in [(1, 0.6, 0.61), (2, 0.8, 0.70), (3, 0.7, 0.75)] {
            let quality = Quality { auc: Some(report), ..Quality::default() };
            let progress = Progress { updates, ..Progress::default() };
            best.offer(&progress, &quality, Some(selection));
            best.offer(&progress, &quality, Some(f64::NAN));
        }
        let (progress, quality) = best.chosen().unwrap();
        assert_eq!((progress.updates, quality.auc), (2, Some(0.70)));
    }
}
