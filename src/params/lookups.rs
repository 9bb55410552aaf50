//! Which distinct rows a batch touches, and where.

use std::hint::select_unpredictable;

use rustc_hash::FxHashMap;

use crate::data::{Batch, Schema};

use super::{Layout, ShardPositions};

/// The distinct ids of a batch and, for each occurrence, its position among them.
///
/// Position `k` in the id space `s` means the `k`-th entry of `ids[s]`, in order of first
/// occurrence: column by column, first the fields, then the history. So a row is gathered once per
/// pull, and the gradients of its occurrences are summed before they are pushed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lookups {
    /// Distinct ids, by id space.
    pub ids: Vec<Vec<u32>>,
    /// Position of every field occurrence, `[B x F]` as in [`Batch::fields`].
    pub fields: Vec<u32>,
    /// Position of every history occurrence, `[events x columns]` as in [`Batch::history`].
    pub history: Vec<u32>,
    /// Which of the distinct ids each shard holds, if the rows have been divided.
    pub parts: ShardPositions,
}

impl Lookups {
    /// The position of an id in a column that the model does not read.
    pub const UNREAD: u32 = u32::MAX;

    /// Number of distinct ids over all id spaces.
    pub fn distinct(&self) -> usize {
        self.ids.iter().map(Vec::len).sum()
    }
}

/// Finds the distinct ids of batches. It has one array per id space and reuses it for every batch.
#[derive(Clone, Debug)]
pub struct Locator {
    spaces: Vec<Stamped>,
    /// Id space of every field; `None` if the field is not read.
    field_space: Vec<Option<usize>>,
    /// Id space of every history column; `None` if the history is not read.
    history_space: Vec<Option<usize>>,
}

/// The ids of an id space that occur in the current batch.
#[derive(Clone, Debug)]
struct Stamped {
    /// For every id, the number of the last batch that had it and, in the lower `bits`, its
    /// position there. One word holds both, because most ids are not in the processor's cache.
    last: Vec<u32>,
    bits: u32,
    /// Number of the current batch, at least one; words that were never written hold zero.
    current: u32,
    /// Distinct ids of the current batch, then a spare entry.
    ids: Vec<u32>,
    known: usize,
}

impl Locator {
    /// A locator for a model that reads every column of `schema`.
    pub fn new(schema: &Schema) -> Locator {
        Locator::for_layout(schema, &Layout::default())
    }

    /// A locator for the model with this layout: it finds the rows of the columns that are read.
    pub fn for_layout(schema: &Schema, layout: &Layout) -> Locator {
        let reads = layout.reads.as_ref();
        let field_read = |field: usize| reads.is_none_or(|reads| reads.fields[field]);
        let history_read = reads.is_none_or(|reads| reads.history);
        let space = |rows: u32| Stamped::new(rows);
        let columns = schema.history.iter().flat_map(|history| &history.columns);
        Locator {
            spaces: schema.spaces.iter().map(|s| space(s.rows)).collect(),
            field_space: schema
                .fields
                .iter()
                .enumerate()
                .map(|(i, field)| field_read(i).then_some(field.space))
                .collect(),
            history_space: columns.map(|column| history_read.then_some(column.space)).collect(),
        }
    }

    /// Replaces the content of `lookups` by those of `batch`.
    ///
    /// # Panics
    /// If an id lies outside its id space.
    pub fn locate(&mut self, batch: &Batch, lookups: &mut Lookups) {
        let occurrences = batch.fields.len() + batch.history.len();
        self.spaces.iter_mut().for_each(|space| space.begin(occurrences));
        let spaces = &mut self.spaces;
        positions(&batch.fields, &self.field_space, spaces, &mut lookups.fields);
        positions(&batch.history, &self.history_space, spaces, &mut lookups.history);
        lookups.ids.resize_with(self.spaces.len(), Vec::new);
        for (ids, space) in lookups.ids.iter_mut().zip(&self.spaces) {
            copy(&space.ids[..space.known], ids);
        }
        lookups.parts.forget();
    }

    /// Adds the lookups of another batch behind `lookups`, which may be empty. Ids that both have
    /// stand twice.
    pub fn append(&self, lookups: &mut Lookups, other: &Lookups) {
        lookups.ids.resize_with(self.spaces.len(), Vec::new);
        let starts: Vec<u32> = lookups.ids.iter().map(|ids| ids.len() as u32).collect();
        let moved = |from: &[u32], columns: &[Option<usize>], into: &mut Vec<u32>| {
            let place = |(&position, space): (&u32, &Option<usize>)| match space {
                Some(space) => position + starts[*space],
                None => Lookups::UNREAD,
            };
            into.extend(from.iter().zip(columns.iter().cycle()).map(place));
        };
        moved(&other.fields, &self.field_space, &mut lookups.fields);
        moved(&other.history, &self.history_space, &mut lookups.history);
        for (ids, more) in lookups.ids.iter_mut().zip(&other.ids) {
            ids.extend_from_slice(more);
        }
        lookups.parts.forget();
    }
}

/// The distinct ids of a single batch, as a [`Locator`] finds them, without arrays as long as the id
/// spaces: for a model that may be too large for this machine.
pub fn locate_once(schema: &Schema, layout: &Layout, batch: &Batch) -> Lookups {
    let mut dense = Vec::with_capacity(schema.spaces.len());
    dense.resize_with(schema.spaces.len(), FxHashMap::<u32, u32>::default);
    let reads = layout.reads.as_ref();
    let fields: Vec<Option<usize>> = (schema.fields.iter().enumerate())
        .map(|(i, field)| reads.is_none_or(|reads| reads.fields[i]).then_some(field.space))
        .collect();
    let columns = schema.history.iter().flat_map(|history| &history.columns);
    let history: Vec<Option<usize>> = columns
        .map(|column| reads.is_none_or(|reads| reads.history).then_some(column.space))
        .collect();
    let mut lookups = Lookups { ids: vec![Vec::new(); schema.spaces.len()], ..Lookups::default() };
    let mut positions = |from: &[u32], columns: &[Option<usize>]| {
        let mut into = vec![Lookups::UNREAD; from.len()];
        for (column, space) in columns.iter().enumerate().filter_map(|(c, s)| Some((c, (*s)?))) {
            for at in (column..from.len()).step_by(columns.len()) {
                let ids = &mut lookups.ids[space];
                into[at] = *dense[space].entry(from[at]).or_insert_with(|| {
                    ids.push(from[at]);
                    ids.len() as u32 - 1
                });
            }
        }
        into
    };
    let (fields, history) =
        (positions(&batch.fields, &fields), positions(&batch.history, &history));
    Lookups { fields, history, ..lookups }
}

/// Overwrites `to`. If its memory must grow, it grows by some more, because the next batch may have
/// a few more ids.
fn copy(from: &[u32], to: &mut Vec<u32>) {
    to.clear();
    if from.len() > to.capacity() {
        to.reserve_exact(from.len() + from.len() / 16);
    }
    to.extend_from_slice(from);
}

/// Column by column, so that a column's id space is looked up once.
fn positions(from: &[u32], columns: &[Option<usize>], spaces: &mut [Stamped], into: &mut Vec<u32>) {
    // Every position is overwritten.
    into.resize(from.len(), Lookups::UNREAD);
    for (column, &space) in columns.iter().enumerate() {
        let place = MatrixColumn { column, columns: columns.len() };
        match space {
            Some(space) => spaces[space].positions(place, from, into),
            None => {
                let into = into.chunks_exact_mut(columns.len());
                into.for_each(|row| row[column] = Lookups::UNREAD);
            }
        }
    }
}

/// A column of row-major matrices.
#[derive(Clone, Copy)]
struct MatrixColumn {
    column: usize,
    columns: usize,
}

impl Stamped {
    fn new(rows: u32) -> Stamped {
        Stamped { last: vec![0; rows as usize], bits: 0, current: 0, ids: vec![0], known: 0 }
    }

    /// Forgets the last batch. The words are cleared only when the batch numbers run out, or when
    /// the next batch needs more bits for positions.
    fn begin(&mut self, occurrences: usize) {
        let bits = usize::BITS - occurrences.leading_zeros();
        assert!(bits < u32::BITS, "a batch of fewer than two thousand million ids");
        self.current += 1;
        if bits > self.bits || self.current > u32::MAX >> self.bits {
            self.last.fill(0);
            self.bits = self.bits.max(bits);
            self.current = 1;
        }
        self.known = 0;
    }

    /// Writes the position of each id of a column, and appends those that are new to the ids.
    ///
    /// Whether an id is new depends on chance, so the code has no branch on it: a mispredicted
    /// branch would cost more than the work on both sides.
    fn positions(&mut self, place: MatrixColumn, from: &[u32], into: &mut [u32]) {
        let MatrixColumn { column, columns } = place;
        let mut known = self.known;
        // Room for all ids to be new, and for the spare entry, which is written too.
        let most = known + from.len() / columns + 1;
        if most > self.ids.len() {
            self.ids.resize(most, 0);
        }
        let ids = &mut self.ids[..most];
        let (stamp, mask) = (self.current << self.bits, (1 << self.bits) - 1);
        for (from, into) in from.chunks_exact(columns).zip(into.chunks_exact_mut(columns)) {
            let id = from[column];
            let word = &mut self.last[id as usize];
            let new = *word & !mask != stamp;
            *word = select_unpredictable(new, stamp | known as u32, *word);
            into[column] = *word & mask;
            ids[known] = id;
            known += usize::from(new);
        }
        self.known = known;
    }
}

crate::persist!(Lookups { ids: state, fields: state, history: state, parts: state });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Field, History, HistoryColumn, IdSpace};
    use crate::params::Reads;

    fn schema() -> Schema {
        Schema {
            spaces: vec![
                IdSpace { name: "item".into(), rows: 10 },
                IdSpace { name: "user".into(), rows: 5 },
            ],
            fields: vec![
                Field { name: "item".into(), space: 0 },
                Field { name: "user".into(), space: 1 },
            ],
            history: Some(History {
                max_len: 3,
                columns: vec![HistoryColumn { space: 0, target: 0 }],
            }),
            ..Schema::default()
        }
    }

    fn batch() -> Batch {
        Batch {
            labels: vec![1.0, 0.0],
            fields: vec![7, 2, 3, 2],
            history_offsets: vec![0, 2, 3],
            history: vec![3, 9, 7],
            ..Batch::default()
        }
    }

    #[test]
    fn every_occurrence_finds_its_id_again() {
        let mut locator = Locator::new(&schema());
        let mut lookups = Lookups::default();
        for _ in 0..3 {
            locator.locate(&batch(), &mut lookups);
            assert_eq!(locate_once(&schema(), &Layout::default(), &batch()), lookups);
            assert_eq!(lookups.ids, vec![vec![7, 3, 9], vec![2]]);
            assert_eq!(lookups.fields, vec![0, 0, 1, 0]);
            assert_eq!(lookups.history, vec![1, 2, 0]);
        }
    }

    #[test]
    fn batches_that_are_joined_refer_to_the_ids_of_each() {
        let mut locator = Locator::new(&schema());
        let later = Batch { fields: vec![9, 4, 7, 2], ..batch() };
        let (mut all, mut one, mut joined) =
            (Lookups::default(), Lookups::default(), Batch::default());
        for part in [batch(), later] {
            locator.locate(&part, &mut one);
            locator.append(&mut all, &one);
            joined.append(&part);
        }
        assert_eq!(all.ids, vec![vec![7, 3, 9, 9, 7, 3], vec![2, 4, 2]]);
        let of = |positions: &[u32], space: &dyn Fn(usize) -> usize| -> Vec<u32> {
            let id = |(place, &at): (usize, &u32)| all.ids[space(place)][at as usize];
            positions.iter().enumerate().map(id).collect()
        };
        assert_eq!(of(&all.fields, &|place| place % 2), joined.fields);
        assert_eq!(of(&all.history, &|_| 0), joined.history);
        assert_eq!(joined.history_offsets, [0, 2, 3, 5, 6]);
        // Columns that are not read stay so.
        let reads = Reads { fields: vec![true, false], history: true };
        let layout = Layout { reads: Some(reads), ..Layout::default() };
        let mut locator = Locator::for_layout(&schema(), &layout);
        locator.locate(&batch(), &mut one);
        let mut twice = one.clone();
        locator.append(&mut twice, &one);
        assert_eq!(twice.fields[5], Lookups::UNREAD);
    }

    #[test]
    fn numbers_of_batches_may_run_out_and_batches_may_grow() {
        let mut locator = Locator::new(&schema());
        let (mut lookups, mut wanted) = (Lookups::default(), Lookups::default());
        locator.locate(&batch(), &mut lookups);
        locator.spaces.iter_mut().for_each(|space| space.current = u32::MAX >> space.bits);
        locator.locate(&batch(), &mut lookups);
        Locator::new(&schema()).locate(&batch(), &mut wanted);
        assert_eq!(lookups, wanted);
        let mut larger = batch();
        larger.history.extend([1; 40]);
        locator.locate(&larger, &mut lookups);
        Locator::new(&schema()).locate(&larger, &mut wanted);
        assert_eq!(lookups, wanted);
    }

    #[test]
    fn columns_that_are_not_read_touch_no_row() {
        let layout = Layout {
            reads: Some(Reads { fields: vec![true, false], history: false }),
            ..Layout::default()
        };
        let mut lookups = Lookups::default();
        Locator::for_layout(&schema(), &layout).locate(&batch(), &mut lookups);
        assert_eq!(locate_once(&schema(), &layout, &batch()), lookups);
        assert_eq!(lookups.ids, vec![vec![7, 3], vec![]]);
        let unread = Lookups::UNREAD;
        assert_eq!(lookups.fields, vec![0, unread, 1, unread]);
        assert_eq!(lookups.history, vec![unread; 3]);
    }
}
