//! `checkpoints.csv`: how checkpoints were saved that took simulated time.

use std::io;
use std::path::Path;

use crate::results::table::TableWriter;
use crate::results::tables::CheckpointRow;
use crate::sim::SaveReport;

/// Writes one row per checkpoint, in the order in which they were done.
///
/// # Errors
/// If the system refuses.
pub fn write(folder: &Path, reports: &[SaveReport]) -> io::Result<()> {
    let row = |report: &SaveReport| CheckpointRow {
        checkpoint: report.what.name(),
        due_s: report.due.seconds(),
        begun_s: report.begun.seconds(),
        ended_s: report.ended.seconds(),
        updates_due: report.updates[0],
        updates_begun: report.updates[1],
        updates_ended: report.updates[2],
        held: report.held,
        not_held: report.not_held,
        skew: report.skew,
        rows_without_slots: report.rows_without_slots,
        rows_without_weights: report.half_rows.without_weights,
        weights_newer: report.half_rows.weights_newer,
        slots_newer: report.half_rows.slots_newer,
        slots_apart: report.half_rows.slots_apart,
        counters_apart: report.half_rows.counters_apart,
        admission_apart: report.half_rows.admission_apart,
        evicted_between: report.half_rows.evicted_between,
        bytes: report.bytes,
    };
    TableWriter::write(folder, reports.iter().map(row))
}
