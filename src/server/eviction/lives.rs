//! The lives of the rows of one table: which are there, since when, and what they went through.

use super::{EvictionConfig, LateGradients, RowRecord};
use crate::optimizer::Moment;
use crate::server::tensors::{Tensor, TensorValues};

/// Part of a full table that one new row drives out.
const PART: u64 = 64;

/// What happened to the rows of a table so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LifeCounts {
    /// Times that a row came, for the first time or again.
    pub came: u64,
    /// Those of a row that had been evicted before.
    pub returned: u64,
    /// Rows evicted; in a dry run, rows that would have been.
    pub evicted: u64,
    /// Gradients for a row that was evicted after its worker had read it.
    pub late: u64,
}

/// The lives of the rows of one table.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RowLives {
    /// By row; `None` if it is not there.
    rows: Vec<Option<RowRecord>>,
    /// By row: how often it was evicted, and the version of its shard when it last was.
    evictions: Vec<(u32, u64)>,
    /// The newest update of any row.
    newest: Moment,
    /// Rows that are there.
    alive: u64,
    counts: LifeCounts,
}

/// A push with a row, as its life sees it.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct RowPush {
    /// When.
    pub now: Moment,
    /// The version of the shard that its worker had read.
    pub read: u64,
    /// What becomes of late gradients.
    pub late: LateGradients,
}

impl RowLives {
    /// A table of `rows` rows of which none is there.
    pub(in crate::server) fn new(rows: usize) -> RowLives {
        RowLives { rows: vec![None; rows], evictions: vec![(0, 0); rows], ..RowLives::default() }
    }

    /// Rows that are there.
    pub fn alive(&self) -> u64 {
        self.alive
    }

    /// What happened so far.
    pub fn counts(&self) -> LifeCounts {
        self.counts
    }

    /// What is known of a row, if it is there.
    pub fn record(&self, id: u32) -> Option<&RowRecord> {
        self.rows[id as usize].as_ref()
    }

    /// How often the row was evicted.
    pub fn evictions(&self, id: u32) -> u32 {
        self.evictions[id as usize].0
    }

    /// A push updates the row; returns whether it takes the gradient.
    pub(in crate::server) fn push(
        &mut self,
        id: u32,
        rule: &dyn EvictionConfig,
        push: RowPush,
    ) -> bool {
        let at = id as usize;
        let (times, version) = self.evictions[at];
        let is_late = self.rows[at].is_none() && times > 0 && version > push.read;
        if is_late {
            self.counts.late += 1;
            if push.late == LateGradients::Drop {
                return false;
            }
        }
        let row = self.rows[at].get_or_insert_with(|| {
            self.alive += 1;
            self.counts.came += 1;
            self.counts.returned += u64::from(times > 0);
            RowRecord::default()
        });
        row.score = rule.score(row, push.now);
        row.pushes = row.pushes.saturating_add(1);
        row.last = push.now;
        self.newest = push.now;
        true
    }

    /// The rows that the rule gives up, in the order of their ids; the `keep` rows worth most stay.
    pub(in crate::server) fn expired<'w>(
        &self,
        rule: &dyn EvictionConfig,
        now: Moment,
        keep: u64,
        weights: impl Fn(u32) -> &'w [f32],
    ) -> Vec<u32> {
        let Some(limit) = rule.limit() else { return Vec::new() };
        let mut gone = self.worths(rule, now, weights);
        gone.retain(|(worth, _)| *worth <= limit);
        let spare = (self.alive.saturating_sub(keep)).min(gone.len() as u64) as usize;
        if spare < gone.len() {
            gone.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            gone.truncate(spare);
        }
        let mut ids: Vec<u32> = gone.into_iter().map(|(_, id)| id).collect();
        ids.sort_unstable();
        ids
    }

    /// The rows that a table of more than `most` rows gives up, those worth least: none of `fresh`,
    /// and none of the `keep` rows worth most.
    pub(in crate::server) fn crowded_out<'w>(
        &self,
        rule: &dyn EvictionConfig,
        now: Moment,
        (most, keep): (u64, u64),
        fresh: impl Fn(u32) -> bool,
        weights: impl Fn(u32) -> &'w [f32],
    ) -> Vec<u32> {
        if self.alive <= most {
            return Vec::new();
        }
        let wanted =
            (self.alive - most).max(most / PART).max(1).min(self.alive.saturating_sub(keep));
        let mut rows = self.worths(rule, now, weights);
        rows.retain(|(_, id)| !fresh(*id));
        rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        rows.into_iter().take(wanted as usize).map(|(_, id)| id).collect()
    }

    fn worths<'w>(
        &self,
        rule: &dyn EvictionConfig,
        now: Moment,
        weights: impl Fn(u32) -> &'w [f32],
    ) -> Vec<(f64, u32)> {
        let rows = (0u32..).zip(&self.rows);
        let there = rows.filter_map(|(id, row)| Some((id, row.as_ref()?)));
        there.map(|(id, row)| (rule.worth(row, weights(id), now, self.newest), id)).collect()
    }

    /// Counts rows that a dry run would evict.
    pub(in crate::server) fn note(&mut self, rows: usize) {
        self.counts.evicted += rows as u64;
    }

    /// The row goes, when its shard has this version.
    pub(in crate::server) fn evict(&mut self, id: u32, version: u64) {
        if self.rows[id as usize].take().is_some() {
            self.alive -= 1;
            self.counts.evicted += 1;
            let (times, at) = &mut self.evictions[id as usize];
            (*times, *at) = (*times + 1, version);
        }
    }

    /// Takes over the life of a row from another table of as many rows.
    pub(in crate::server) fn copy_from(&mut self, id: u32, from: &RowLives) {
        let at = id as usize;
        self.set(id, from.rows[at], from.evictions[at].0);
    }

    /// Sets the life of a row that comes from a checkpoint.
    pub(in crate::server) fn set(&mut self, id: u32, record: Option<RowRecord>, evictions: u32) {
        let at = id as usize;
        let (before, after) = (u64::from(self.rows[at].is_some()), u64::from(record.is_some()));
        self.alive = self.alive + after - before;
        // A row that another content does not have did not come: it was not evicted.
        self.counts.came = self.counts.came + after - before;
        if let Some(record) = record
            && record.last.updates > self.newest.updates
        {
            self.newest = record.last;
        }
        self.rows[at] = record;
        self.evictions[at].0 = evictions;
    }

    /// The lives of all rows as columns, as a checkpoint holds them.
    pub(in crate::server) fn tensors(&self) -> [(&'static str, TensorValues); 6] {
        let all = || self.rows.iter().map(|row| row.unwrap_or_default());
        let ns = |row: RowRecord| (row.last.seconds * 1e9).round() as u64;
        [
            ("last_update", TensorValues::U64(all().map(|row| row.last.updates).collect())),
            ("last_example", TensorValues::U64(all().map(|row| row.last.examples).collect())),
            ("last_ns", TensorValues::U64(all().map(ns).collect())),
            ("pushes", TensorValues::U32(all().map(|row| row.pushes).collect())),
            ("score", TensorValues::F32(all().map(|row| row.score as f32).collect())),
            ("evictions", TensorValues::U32(self.evictions.iter().map(|e| e.0).collect())),
        ]
    }

    /// Sets the lives of the `known` rows from the columns that `of` finds; returns the name of the
    /// first that is missing. Without columns these rows are there as if they had been updated at
    /// the start.
    pub(in crate::server) fn set_tensors<'t>(
        &mut self,
        known: &[bool],
        of: impl Fn(&str) -> Option<&'t Tensor>,
    ) -> Option<&'static str> {
        let fits = |name: &str, tensor: &Tensor, wanted: &TensorValues| {
            tensor.shape == [self.rows.len()]
                && std::mem::discriminant(&tensor.values) == std::mem::discriminant(wanted)
                && !name.is_empty()
        };
        let wanted = self.tensors();
        let missing = wanted.iter().find_map(|(name, wanted)| {
            let found = of(name).is_some_and(|tensor| fits(name, tensor, wanted));
            (!found).then_some(*name)
        });
        let whole = |name: &str, at: usize| match of(name).map(|tensor| &tensor.values) {
            Some(TensorValues::U64(values)) => values[at],
            Some(TensorValues::U32(values)) => u64::from(values[at]),
            _ => 0,
        };
        let score = |at: usize| match of("score").map(|tensor| &tensor.values) {
            Some(TensorValues::F32(values)) => f64::from(values[at]),
            _ => 0.0,
        };
        for (at, id) in (0..known.len()).zip(0u32..) {
            if missing.is_some() {
                self.set(id, known[at].then(RowRecord::default), 0);
                continue;
            }
            let last = Moment {
                updates: whole("last_update", at),
                examples: whole("last_example", at),
                seconds: whole("last_ns", at) as f64 / 1e9,
            };
            let pushes = whole("pushes", at) as u32;
            let record = RowRecord { last, pushes, score: score(at) };
            self.set(id, known[at].then_some(record), whole("evictions", at) as u32);
        }
        missing
    }

    /// Lets all rows that are there count as updated at this moment.
    pub(in crate::server) fn begin_at(&mut self, now: Moment) {
        self.rows.iter_mut().flatten().for_each(|row| row.last = now);
        self.newest = now;
    }

    /// Whether every row that came is there or was evicted; not of a dry run, which counts rows
    /// that stay.
    pub fn adds_up(&self) -> bool {
        let there = self.rows.iter().filter(|row| row.is_some()).count() as u64;
        there == self.alive && self.counts.came == self.alive + self.counts.evicted
    }
}

crate::persist!(RowRecord { last: state, pushes: state, score: state });
crate::persist!(LifeCounts { came: state, returned: state, evicted: state, late: state });
crate::persist!(RowLives {
    rows: state,
    evictions: sized,
    newest: state,
    alive: state,
    counts: state
});
