//! The rows of embedding tables, as rows of `tables.csv` and `cuckoo.csv` and in summaries.

use crate::results::tables::{CuckooRow, TableRowsRow};
use crate::server::cuckoo::CuckooState;
use crate::sim::Progress;
use crate::sim::record::TableState;

/// The row of a table at one evaluation.
pub(super) fn row(progress: &Progress, state: &TableState<'_>) -> TableRowsRow {
    TableRowsRow {
        update: progress.updates,
        examples: progress.examples,
        sim_s: progress.now.seconds(),
        table: state.table.to_string(),
        rows: state.rows,
        waiting: state.waiting,
        too_early: state.too_early,
        bytes: state.bytes,
        came: state.counts.map(|counts| counts.came),
        returned: state.counts.map(|counts| counts.returned),
        evicted: state.counts.map(|counts| counts.evicted),
        late: state.counts.map(|counts| counts.late),
    }
}

/// The row of its hash tables, if they find its rows.
pub(super) fn cuckoo_row(progress: &Progress, state: &TableState<'_>) -> Option<CuckooRow> {
    let cuckoo = state.cuckoo?;
    let CuckooState { entries, aside, buckets, bytes, counts, .. } = cuckoo;
    Some(CuckooRow {
        update: progress.updates,
        examples: progress.examples,
        sim_s: progress.now.seconds(),
        table: state.table.to_string(),
        entries,
        buckets,
        load: cuckoo.load(),
        bytes,
        finds: counts.finds,
        slots_per_find: cuckoo.slots_per_find(),
        insertions: counts.insertions,
        displaced: counts.displaced,
        longest: counts.longest,
        removals: counts.removals,
        growths: counts.growths,
        moved: counts.moved,
        aside,
    })
}
