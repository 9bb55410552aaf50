//! `checkpoints.csv`: how checkpoints were saved that took simulated time.

use std::io;
use std::path::Path;

use crate::experiment::table::{Cell, TableWriter};
use crate::sim::SaveReport;

/// The file, in the folder of the results.
pub const FILE: &str = "checkpoints.csv";

const HEADER: &str = "checkpoint,due_s,begun_s,ended_s,updates_due,updates_begun,updates_ended,held,\
     not_held,skew,rows_without_slots,bytes";

/// Writes one row per checkpoint, in the order in which they were done.
///
/// # Errors
/// If the system refuses.
pub fn write(folder: &Path, reports: &[SaveReport]) -> io::Result<()> {
    let mut table = TableWriter::create(folder, FILE, HEADER)?;
    for report in reports {
        let name = report.what.name();
        let seconds = [report.due, report.begun, report.ended].map(|at| Cell::Number(at.seconds()));
        let SaveReport { updates, held, not_held, skew, rows_without_slots, bytes, .. } = *report;
        let counts = [held, not_held, skew, rows_without_slots, bytes].map(Cell::Whole);
        let updates = updates.map(Cell::Whole);
        table.row(&[&[Cell::Text(&name)][..], &seconds, &updates, &counts].concat())?;
    }
    table.sync()
}
