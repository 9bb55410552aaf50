//! Passes over the training window before a run: the statistics of the data that a model needs.

use crate::data::{Batch, DataSource, Day};
use crate::model::InputScale;
use crate::params::layout::Reads;
use crate::server::row_placement::expected_touches;

/// Examples read at a time.
const CHUNK: usize = 4096;

fn each_batch(source: &dyn DataSource, train: &[Day], mut each: impl FnMut(&Batch)) {
    let mut batch = Batch::default();
    for day in train {
        let days = day.ids();
        for from in days.clone().step_by(CHUNK) {
            let ids: Vec<u64> = (from..days.end.min(from + CHUNK as u64)).collect();
            source.read(&ids, &mut batch);
            each(&batch);
        }
    }
}

/// The share of the steps of `batch` examples in which each id is expected, by id space, for the
/// ids that the model reads.
pub(super) fn touches(
    source: &dyn DataSource,
    train: &[Day],
    reads: Option<&Reads>,
    batch: u64,
) -> Vec<Vec<f64>> {
    let examples = train.iter().map(|day| day.examples).sum();
    let share = |count: &u32| expected_touches(*count, examples, batch);
    let counts = counts_read(source, train, reads);
    counts.iter().map(|space| space.iter().map(share).collect()).collect()
}

/// How often each id occurs in the training window, by id space.
pub(super) fn counts(source: &dyn DataSource, train: &[Day]) -> Vec<Vec<u32>> {
    counts_read(source, train, None)
}

fn counts_read(source: &dyn DataSource, train: &[Day], reads: Option<&Reads>) -> Vec<Vec<u32>> {
    let schema = source.schema();
    let mut counts: Vec<Vec<u32>> =
        schema.spaces.iter().map(|space| vec![0; space.rows as usize]).collect();
    let columns = schema.history.as_ref().map_or(&[][..], |history| &history.columns);
    each_batch(source, train, |batch| {
        let is_read = |field: usize| reads.is_none_or(|reads| reads.fields[field]);
        let fields = schema.fields.iter().map(|field| field.space).enumerate().cycle();
        for (&id, (field, space)) in batch.fields.iter().zip(fields) {
            counts[space][id as usize] += u32::from(is_read(field));
        }
        if reads.is_some_and(|reads| !reads.history) {
            return;
        }
        let events = columns.iter().map(|column| column.space).cycle();
        for (&id, space) in batch.history.iter().zip(events) {
            counts[space][id as usize] += 1;
        }
    });
    counts
}

/// Mean and standard deviation of every numeric column in the training window, after the part of
/// `scale` that needs no moments. Values that are not finite are left out.
pub(super) fn column_moments(
    source: &dyn DataSource,
    train: &[Day],
    scale: InputScale,
) -> Vec<(f64, f64)> {
    let columns = source.schema().numeric.len();
    // By column: values so far, their mean, the sum of their squared distances from it.
    let mut sums = vec![(0.0f64, 0.0f64, 0.0f64); columns];
    each_batch(source, train, |batch| {
        for row in batch.numeric.chunks_exact(columns.max(1)) {
            for ((count, mean, apart), &x) in sums.iter_mut().zip(row) {
                let x = scale.before(f64::from(x));
                if x.is_finite() {
                    *count += 1.0;
                    let before = x - *mean;
                    *mean += before / *count;
                    *apart += before * (x - *mean);
                }
            }
        }
    });
    sums.into_iter().map(|(count, mean, apart)| (mean, (apart / count.max(1.0)).sqrt())).collect()
}
