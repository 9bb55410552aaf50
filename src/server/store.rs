//! The parameter server as a whole, read and written shard by shard.

use std::sync::Arc;

use ndarray::ArrayView2;

use super::Sharding;
use super::admission::{Admission, Occurrences};
use super::content::Content;
use super::cuckoo::RowIndexes;
use super::evicted::EvictedRows;
use super::eviction::Eviction;
use super::eviction::lives::RowPush;
use super::table::TableStore;
use super::unknown::{EvaluatedRows, UnknownIds};
use crate::base::{ShardId, Streams};
use crate::nn::kernels::TouchedRow;
use crate::optimizer::{Moment, Optimizer, RowSemantics, Tick};
use crate::params::view::{row_range, rows_len};
use crate::params::{Gradient, Layout, Lookups};

/// All parameters of the simulated job.
#[derive(Clone, Debug)]
pub struct ParameterServer {
    pub(super) layout: Arc<Layout>,
    pub(super) sharding: Sharding,
    pub(super) content: Content,
    dense_rule: Arc<dyn Optimizer>,
    pub(super) sparse_rule: Arc<dyn Optimizer>,
    admission: Option<Admission>,
    /// What unknown ids read at evaluation, and the tables all of whose rows are always there.
    pub(super) unknown: (UnknownIds, Vec<bool>),
    pub(super) streams: Streams,
    pub(super) eviction: Option<Eviction>,
    /// How often rows to evict were looked for.
    pub(super) looked: u64,
    /// The rows evicted since they were last taken, if somebody wants to know.
    pub(super) evicted: EvictedRows,
    /// The version of each shard after its last update, if rows are evicted.
    pub(super) versions: Vec<u64>,
    /// What finds the rows of tables that are not found by number.
    pub(super) indexes: RowIndexes,
    /// The rows of the current update.
    pub(super) touched: Vec<TouchedRow>,
}

/// The buffers of one pull, and the shard that is read.
#[derive(Debug)]
pub struct PullBuffers<'a> {
    /// The shard that is read.
    pub shard: ShardId,
    /// Which rows.
    pub lookups: &'a Lookups,
    /// The dense arena; the shard's blocks are filled.
    pub dense: &'a mut [f32],
    /// The non-trainable arena, likewise.
    pub moving: &'a mut [f32],
    /// The distinct rows, likewise.
    pub rows: &'a mut [f32],
    /// Updates of each distinct id's row so far, likewise: one number per id, id space after id
    /// space (for the first table over it), or empty.
    pub row_updates: &'a mut [u32],
}

/// Slots that a worker pulls together with the parameters: the first slot of the rules that
/// [carry](Optimizer::carries_slots) it, in the layout of the view. Empty for a group whose rule does
/// not.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Carried {
    /// Of the dense arena.
    pub dense: Vec<f32>,
    /// Of the distinct rows.
    pub rows: Vec<f32>,
}

/// Rates and clocks of an update.
#[derive(Clone, Copy, Debug, Default)]
pub struct UpdateContext<'a> {
    /// Learning rate of dense blocks.
    pub dense_rate: f32,
    /// Learning rate of rows.
    pub sparse_rate: f32,
    /// Learning rate of each distinct row, id space after id space, if they differ.
    pub row_rates: Option<&'a [f32]>,
    /// Updates of the shard so far, including this one.
    pub version: u64,
    /// Updates of the shard since the gradient's parameters were read; for several merged
    /// gradients, the mean.
    pub staleness: f64,
    /// How far training has come with this update.
    pub progress: Moment,
    /// Carried slots as of the time when the gradient's parameters were read, in its layout.
    pub carried: Option<&'a Carried>,
}

/// An update after which a parameter was no longer a finite number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadUpdate {
    /// The block (`mlp.0.weight`) or table and row (`item[17]`).
    pub parameter: String,
}

impl ParameterServer {
    /// A server with every parameter at its initial value.
    pub fn new(
        layout: Arc<Layout>,
        sharding: Sharding,
        dense_rule: Arc<dyn Optimizer>,
        sparse_rule: Arc<dyn Optimizer>,
        streams: Streams,
    ) -> ParameterServer {
        let rules = (dense_rule.as_ref(), sparse_rule.as_ref());
        ParameterServer {
            content: Content::new(&layout, sharding.shards(), rules, streams),
            sharding,
            layout,
            dense_rule,
            sparse_rule,
            admission: None,
            unknown: (UnknownIds::default(), Vec::new()),
            streams,
            eviction: None,
            looked: 0,
            evicted: EvictedRows::default(),
            versions: Vec::new(),
            indexes: RowIndexes::default(),
            touched: Vec::new(),
        }
    }

    /// Evicts rows; for a new server, after [`with_unknown`](Self::with_unknown).
    pub fn with_eviction(mut self, eviction: Option<Eviction>) -> ParameterServer {
        self.content.let_rows_go(eviction.as_ref(), &self.unknown.1);
        self.versions = vec![0; self.sharding.shards() as usize];
        self.eviction = eviction;
        self
    }

    /// Gives unknown ids this at evaluation, but for the id spaces of `fixed`, whose rows are all
    /// there from the start because ids are hashed into them.
    pub fn with_unknown(mut self, unknown: UnknownIds, fixed: &[bool]) -> ParameterServer {
        let is_fixed = |space: usize| fixed.get(space).copied().unwrap_or(false);
        let tables = self.layout.tables.iter().map(|table| is_fixed(table.space)).collect();
        self.unknown = (unknown, tables);
        self
    }

    /// Admits rows only after enough occurrences; for a new server.
    pub fn with_admission(mut self, admission: Option<Admission>) -> ParameterServer {
        self.content.admit(admission, self.streams);
        self.admission = admission;
        self
    }

    /// The layout of its parameters.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The placement of its parameters.
    pub fn sharding(&self) -> &Sharding {
        &self.sharding
    }

    /// All its content.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// All its content, for writing: for restarts and experiments, never during an update.
    pub fn content_mut(&mut self) -> &mut Content {
        &mut self.content
    }

    /// The content of a new server, with the draws of `streams`.
    pub fn first_content(&self, streams: Streams) -> Content {
        let rules = (self.dense_rule.as_ref(), self.sparse_rule.as_ref());
        let mut content = Content::new(&self.layout, self.sharding.shards(), rules, streams);
        content.admit(self.admission, streams);
        content.let_rows_go(self.eviction.as_ref(), &self.unknown.1);
        content
    }

    /// The rules of dense blocks and of rows.
    pub fn rules(&self) -> (&dyn Optimizer, &dyn Optimizer) {
        (self.dense_rule.as_ref(), self.sparse_rule.as_ref())
    }

    /// The dense arena.
    pub fn dense(&self) -> &[f32] {
        self.content.dense.weights()
    }

    /// The dense arena, for writing: for imports and experiments, never during training.
    pub fn dense_mut(&mut self) -> &mut [f32] {
        self.content.dense.weights_mut()
    }

    /// The weights with this name as a matrix: a dense or non-trainable block such as
    /// `mlp.0.weight`, rows x columns, or an embedding table such as `item`, rows x dim.
    pub fn weights(&self, name: &str) -> Option<ArrayView2<'_, f32>> {
        let layout = &self.layout;
        let dense = || layout.dense_block(name).map(|block| block.matrix(self.dense()));
        let moving = || layout.moving_block(name).map(|block| block.matrix(self.moving()));
        let table = || layout.tables.iter().position(|table| table.name == name);
        dense().or_else(moving).or_else(|| Some(self.table(table()?).matrix()))
    }

    /// The non-trainable arena.
    pub fn moving(&self) -> &[f32] {
        &self.content.moving
    }

    /// One table.
    pub fn table(&self, index: usize) -> &TableStore {
        &self.content.tables[index]
    }

    /// One table, for writing: for imports and experiments, never during training.
    pub fn table_mut(&mut self, index: usize) -> &mut TableStore {
        &mut self.content.tables[index]
    }

    /// Whether a pull counts for the admission of its rows.
    #[inline]
    pub fn counts_lookups(&self) -> bool {
        self.admission.is_some_and(|admission| admission.counts == Occurrences::Lookups)
    }

    /// Counts the rows of a pull from one shard.
    pub fn count_lookups(&mut self, shard: ShardId, lookups: &Lookups) {
        for (table, store) in self.layout.tables.iter().zip(&mut self.content.tables) {
            let ids = &lookups.ids[table.space];
            if self.sharding.shards() == 1 {
                ids.iter().for_each(|&id| store.count_lookup(id));
            } else {
                let held = self.sharding.held(lookups, table.space, shard);
                held.for_each(|at| store.count_lookup(ids[at as usize]));
            }
        }
    }

    /// Copies one shard's part of a pull, and counts the finds of tables that find their rows.
    pub fn pull(&mut self, part: PullBuffers<'_>) {
        let PullBuffers { shard, lookups, dense, moving, rows, row_updates } = part;
        let own = (self.content.dense.weights(), &self.content.moving[..]);
        self.sharding.copy_blocks(&self.layout, shard, own, (dense, moving));
        for (t, table) in self.layout.tables.iter().enumerate() {
            let into = &mut rows[row_range(&self.layout, lookups, t)];
            let ids = &lookups.ids[table.space];
            let ids = match self.indexes.0.get_mut(t) {
                Some(Some(index)) => {
                    index.pull(shard, ids, self.sharding.held(lookups, table.space, shard))
                }
                _ => ids,
            };
            if self.sharding.shards() == 1 {
                self.content.tables[t].copy(ids, into);
                continue;
            }
            for at in self.sharding.held(lookups, table.space, shard) {
                let at = at as usize;
                let row = &mut into[at * table.dim..(at + 1) * table.dim];
                row.copy_from_slice(self.content.tables[t].weights(ids[at]));
            }
        }
        if !row_updates.is_empty() {
            self.row_updates(Some(shard), lookups, row_updates);
        }
    }

    /// Whether workers pull slots together with the parameters.
    pub fn carries_slots(&self) -> bool {
        self.dense_rule.carries_slots() || self.sparse_rule.carries_slots()
    }

    /// Copies the carried slots of one shard, and makes room for them.
    pub fn carry(&self, shard: ShardId, lookups: &Lookups, into: &mut Carried) {
        let len = |carries, len| if carries { len } else { 0 };
        into.dense.resize(len(self.dense_rule.carries_slots(), self.layout.dense_len()), 0.0);
        into.rows
            .resize(len(self.sparse_rule.carries_slots(), rows_len(&self.layout, lookups)), 0.0);
        if self.dense_rule.carries_slots() {
            for (index, block) in self.sharding.dense_blocks(&self.layout, shard) {
                into.dense[block.range()].copy_from_slice(self.content.dense.slot(index));
            }
        }
        if self.sparse_rule.carries_slots() {
            for (t, table) in self.layout.tables.iter().enumerate() {
                let rows = &mut into.rows[row_range(&self.layout, lookups, t)];
                let ids = &lookups.ids[table.space];
                for at in self.sharding.held(lookups, table.space, shard) {
                    let at = at as usize;
                    let row = &mut rows[at * table.dim..(at + 1) * table.dim];
                    self.content.tables[t].copy_slot(ids[at], row);
                }
            }
        }
    }

    /// The tables as evaluation reads them.
    pub fn evaluated(&self) -> EvaluatedRows<'_, TableStore> {
        let (unknown, fixed) = &self.unknown;
        let tables = (self.layout.as_ref(), &self.content.tables[..]);
        EvaluatedRows::new(tables, (*unknown, fixed), self.streams)
    }

    /// Whether the model has met an id of this id space. Without a table over it there is nothing
    /// to meet.
    pub fn knows(&self, space: usize, id: u32) -> bool {
        let table = self.layout.tables.iter().position(|table| table.space == space);
        table.is_none_or(|table| self.content.tables[table].is_known(id))
    }

    /// Updates so far of each distinct id's row (of the first table over its id space), for the ids
    /// of one shard or of all; the other numbers are unchanged.
    pub fn row_updates(&self, shard: Option<ShardId>, lookups: &Lookups, into: &mut [u32]) {
        let mut at = 0;
        for (space, ids) in lookups.ids.iter().enumerate() {
            let table = self.layout.tables.iter().position(|table| table.space == space);
            if let Some(table) = table {
                let mut count =
                    |k: usize| into[at + k] = self.content.tables[table].updates(ids[k]);
                match shard {
                    None => (0..ids.len()).for_each(count),
                    Some(shard) => self
                        .sharding
                        .held(lookups, space, shard)
                        .for_each(|position| count(position as usize)),
                }
            }
            at += ids.len();
        }
    }

    /// Updates one shard with its part of `gradient`. The only writer.
    ///
    /// # Errors
    /// If a parameter is no longer finite; the update is complete nevertheless.
    pub fn apply(
        &mut self,
        shard: ShardId,
        lookups: &Lookups,
        gradient: &Gradient,
        context: UpdateContext<'_>,
    ) -> Result<(), BadUpdate> {
        let tick = Tick {
            rate: context.dense_rate,
            global: context.version,
            staleness: context.staleness,
            progress: context.progress,
            ..Tick::default()
        };
        let then = context.carried.map_or(&[][..], |carried| &carried.dense);
        let mut bad = None;
        for (index, block) in self.sharding.dense_blocks(&self.layout, shard) {
            let rule = self.dense_rule.as_ref();
            let fine = self.content.dense.update(index, rule, &gradient.dense, then, tick);
            if !fine && bad.is_none() {
                bad = Some(BadUpdate { parameter: block.name.clone() });
            }
        }
        for (index, block) in self.sharding.moving_blocks(&self.layout, shard) {
            if !self.layout.stays_with_workers(index) {
                let keep = self.layout.moving_rule(index).keep;
                for at in block.range() {
                    let seen = gradient.moving[at];
                    self.content.moving[at] = keep * self.content.moving[at] + (1.0 - keep) * seen;
                }
            }
        }
        if let Some(version) = self.versions.get_mut(shard.index()) {
            *version = context.version;
        }
        for t in 0..self.content.tables.len() {
            let tick = Tick { rate: context.sparse_rate, ..tick };
            let fine = self.apply_table(t, shard, (lookups, gradient), tick, context);
            bad = bad.or(fine.err());
        }
        if self.eviction.is_some() {
            self.evict_due(context.progress);
        }
        bad.map_or(Ok(()), Err)
    }

    fn apply_table(
        &mut self,
        t: usize,
        shard: ShardId,
        (lookups, gradient): (&Lookups, &Gradient),
        tick: Tick,
        context: UpdateContext<'_>,
    ) -> Result<(), BadUpdate> {
        let table = &self.layout.tables[t];
        let count = &mut self.content.partitions[t][shard.index()];
        *count += 1;
        let tick = Tick { variable: *count, ..tick };
        let (store, rule) = (&mut self.content.tables[t], self.sparse_rule.as_ref());
        let from = &gradient.rows[row_range(&self.layout, lookups, t)];
        let ids = &lookups.ids[table.space];
        let sharding = &self.sharding;
        self.touched.clear();
        let touched = |position: u32| TouchedRow { id: ids[position as usize], position };
        if sharding.shards() == 1 {
            self.touched.extend((0..ids.len() as u32).map(touched));
        } else {
            self.touched.extend(sharding.held(lookups, table.space, shard).map(touched));
        }
        if self.admission.is_some() {
            self.touched.retain(|row| store.count_push(row.id));
        }
        if let Some(eviction) = &self.eviction {
            let read = context.version.saturating_sub(1 + context.staleness.round() as u64);
            let push = RowPush { now: context.progress, read, late: eviction.late_gradients() };
            store.live(&mut self.touched, &*eviction.rule, push);
        }
        store.note_touched(&self.touched);
        self.indexes.push(t, shard, &self.touched);
        let then = context.carried.map(|carried| &carried.rows).filter(|rows| !rows.is_empty());
        let then = then.map(|rows| &rows[row_range(&self.layout, lookups, t)]);
        let first: usize = lookups.ids[..table.space].iter().map(Vec::len).sum();
        let mut bad = None;
        if let Some(then) = then {
            for row in &self.touched {
                let position = row.position as usize;
                let rate = context.row_rates.map_or(tick.rate, |rates| rates[first + position]);
                let own = position * table.dim..(position + 1) * table.dim;
                let pair = (&from[own.clone()], &then[own]);
                let fine = store.update_since(row.id, rule, pair, Tick { rate, ..tick });
                bad = bad.or((!fine).then_some(row.id));
            }
        } else if let Some(rates) = context.row_rates {
            // Rows of one rate at a time: there are few rates, and rules compute numbers per rate.
            let rate = |row: &TouchedRow| rates[first + row.position as usize];
            self.touched.sort_by_cached_key(|row| rate(row).to_bits());
            for rows in self.touched.chunk_by(|a, b| rate(a).to_bits() == rate(b).to_bits()) {
                let tick = Tick { rate: rate(&rows[0]), ..tick };
                bad = bad.or(store.update_rows(rows, rule, from, tick));
            }
        } else if !self.touched.is_empty() {
            bad = store.update_rows(&self.touched, rule, from, tick);
        }
        if rule.rows() == RowSemantics::Dense {
            let mut touched = vec![false; table.rows as usize];
            ids.iter().for_each(|&id| touched[id as usize] = true);
            let there = |id| store.is_admitted(id) && store.is_there(id);
            let there: Vec<bool> = (0..table.rows).map(there).collect();
            let untouched = store.update_untouched(rule, tick, |id| {
                let at = id as usize;
                !touched[at] && there[at] && sharding.of_row(table.space, id) == shard
            });
            bad = bad.or(untouched);
        }
        let bad = bad.map(|id| BadUpdate { parameter: format!("{}[{id}]", table.name) });
        if self.eviction.is_some() {
            self.make_room(t, context.progress);
        }
        bad.map_or(Ok(()), Err)
    }
}

crate::persist!(ParameterServer {
    layout: fixed,
    sharding: fixed,
    content: state,
    dense_rule: fixed,
    sparse_rule: fixed,
    admission: fixed,
    unknown: fixed,
    streams: fixed,
    eviction: fixed,
    looked: state,
    evicted: state,
    versions: sized,
    indexes: state,
    touched: scratch
});

crate::persist!(Carried { dense: state, rows: state });
