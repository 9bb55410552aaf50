//! Quality by classes of rows, as rows of `by_row.csv`.

use crate::metrics::undefined::in_words;
use crate::results::tables::ByRowRow;
use crate::sim::Progress;
use crate::sim::by_row::RowClassLook;

/// The row of a class at one evaluation.
pub(super) fn row(progress: &Progress, look: &RowClassLook) -> ByRowRow {
    let quality = &look.quality;
    ByRowRow {
        update: progress.updates,
        examples: progress.examples,
        sim_s: progress.now.seconds(),
        space: look.space.clone(),
        split: look.split,
        class: look.class.name.to_string(),
        least: look.class.least,
        scored: quality.examples,
        share: look.share,
        positives: quality.positives,
        auc: quality.auc,
        auc_error: quality.auc_error,
        log_loss: quality.log_loss,
        log_loss_error: quality.log_loss_error,
        predicted: look.predicted,
        calibration: quality.calibration,
        undefined: in_words(&look.undefined),
    }
}
