//! Staleness of rows by their popularity: `rows.csv`.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::results::table::TableWriter;
use crate::results::tables::PopularityRow;
use crate::sim::record::RowStaleness;

/// Row staleness by id space and bucket of popularity.
#[derive(Debug, Default)]
pub(super) struct RowPopularity {
    buckets: BTreeMap<(usize, u32), Popularity>,
}

/// Row staleness of one bucket.
#[derive(Clone, Copy, Debug, Default)]
struct Popularity {
    touches: u64,
    sum: u64,
    max: u64,
}

impl RowPopularity {
    /// Adds the rows of a push.
    pub(super) fn add(&mut self, rows: &RowStaleness<'_>) {
        for (&pulled, &now) in rows.pulled.iter().zip(rows.now) {
            // Buckets 0, 1, 2-3, 4-7, ...: by the number of updates that the row had at the pull.
            let bucket = u32::BITS - pulled.leading_zeros();
            let staleness = u64::from(now.saturating_sub(pulled));
            let entry = self.buckets.entry((rows.space, bucket)).or_default();
            entry.touches += 1;
            entry.sum += staleness;
            entry.max = entry.max.max(staleness);
        }
    }

    /// Writes `rows.csv`; `spaces` are the names of the id spaces.
    pub(super) fn write(&self, folder: &Path, spaces: &[String]) -> io::Result<()> {
        let rows = self.buckets.iter().map(|((space, bucket), popularity)| {
            let table = spaces.get(*space).map_or("?", String::as_str);
            let mean = popularity.sum as f64 / popularity.touches.max(1) as f64;
            PopularityRow {
                table: table.to_string(),
                popularity_low: (1u64 << bucket) >> 1,
                popularity_high: (1u64 << bucket) - 1,
                touches: popularity.touches,
                staleness_mean: Some(mean),
                staleness_max: Some(popularity.max),
            }
        });
        TableWriter::write(folder, rows)
    }
}

crate::persist!(Popularity { touches: state, sum: state, max: state });
crate::persist!(RowPopularity { buckets: state });
