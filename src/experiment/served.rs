//! What the serving copy served, as rows of `served.csv` and in summaries.

use std::io;
use std::path::Path;

use crate::metrics::undefined::in_words;
use crate::results::summary::ServedSummary;
use crate::results::table::TableWriter;
use crate::results::tables::{ServedRow, ServedSliceRow};
use crate::sim::Simulation;
use crate::sim::serving::{ServedCopy, ServedLook, ServedSlice};

/// A copy in a stretch of time.
pub(super) fn row(look: &ServedLook) -> ServedRow {
    let (quality, ages, sent) = (&look.quality, look.ages, look.sent);
    ServedRow {
        from_s: look.from.seconds(),
        to_s: look.to.seconds(),
        copy: look.copy,
        requests: look.requests,
        scored: quality.examples,
        positives: quality.positives,
        auc: quality.auc,
        auc_error: quality.auc_error,
        session_auc: quality.session_auc,
        log_loss: quality.log_loss,
        log_loss_error: quality.log_loss_error,
        normalised_entropy: quality.ne,
        calibration: quality.calibration,
        undefined: in_words(&look.undefined),
        stale: ages.map(|ages| ages.stale),
        row_lag_s: ages.map(|ages| ages.row_lag),
        row_lag_p99_s: ages.map(|ages| ages.row_lag_p99),
        dense_age_s: ages.map(|ages| ages.dense),
        row_bytes: sent.map(|sent| sent.row_bytes),
        dense_bytes: sent.map(|sent| sent.dense_bytes),
        forgotten: sent.map(|sent| sent.forgotten),
        lost: sent.map(|sent| sent.lost),
        overtaken: sent.map(|sent| sent.overtaken),
    }
}

/// Writes what was served by how well known items were; no file if nobody knows.
pub(super) fn write_slices(folder: &Path, simulation: &Simulation) -> io::Result<()> {
    let slices = simulation.session().served_slices();
    if slices.is_empty() {
        return Ok(());
    }
    TableWriter::write(folder, slices.iter().map(slice))
}

/// A copy and a class of requests.
fn slice(slice: &ServedSlice) -> ServedSliceRow {
    let (quality, ends) = (&slice.quality, slice.class.ends());
    ServedSliceRow {
        copy: slice.copy,
        by: slice.by,
        low: ends.map(|ends| ends.0),
        high: ends.map(|ends| ends.1),
        scored: quality.examples,
        positives: quality.positives,
        auc: quality.auc,
        auc_error: quality.auc_error,
        log_loss: quality.log_loss,
        log_loss_error: quality.log_loss_error,
        normalised_entropy: quality.ne,
        calibration: quality.calibration,
        undefined: in_words(&slice.undefined),
        stale: slice.ages.map(|ages| ages.stale),
        row_lag_s: slice.ages.map(|ages| ages.row_lag),
    }
}

/// The figures of the whole run.
pub(super) fn summary(looks: &[ServedLook]) -> Option<ServedSummary> {
    let of = |copy| looks.iter().find(|look| look.copy == copy);
    let own = of(ServedCopy::Serving)?;
    let quality = &own.quality;
    let auc = |copy| of(copy).and_then(|look| look.quality.auc);
    let minutes = own.to.seconds() / 60.0;
    let sent = own.sent.map(|sent| (sent.row_bytes + sent.dense_bytes) as f64);
    Some(ServedSummary {
        scored: quality.examples,
        auc: quality.auc,
        session_auc: quality.session_auc,
        log_loss: quality.log_loss,
        normalised_entropy: quality.ne,
        calibration: quality.calibration,
        gap_to_oracle: quality.auc.zip(auc(ServedCopy::Oracle)).map(|(own, best)| best - own),
        gain_on_batch: quality.auc.zip(auc(ServedCopy::Batch)).map(|(own, first)| own - first),
        stale: own.ages.map(|ages| ages.stale),
        row_lag_s: own.ages.map(|ages| ages.row_lag),
        dense_age_s: own.ages.map(|ages| ages.dense),
        bytes_per_min: sent.filter(|_| minutes > 0.0).map(|bytes| bytes / minutes),
    })
}
