//! A copy of the weights of a server, without slots, counters and lives: what answers requests while
//! training goes on. It changes only by the values that are written to it.

use std::sync::Arc;

use super::sharding::Sharding;
use super::store::ParameterServer;
use super::unknown::{EvaluatedRows, TableRows, UnknownIds};
use crate::base::{ShardId, Streams};
use crate::nn::kernels::Kernels;
use crate::params::Layout;

/// A row of every table over an id space: the id space, and the id.
pub type RowKey = (u32, u32);

/// The weights of one table.
#[derive(Clone, Debug)]
pub struct CopiedTable {
    dim: usize,
    /// Rows x dim.
    weights: Vec<f32>,
    /// One bit per row: whether training had met its id.
    known: Vec<u64>,
}

/// A copy of a server's weights.
#[derive(Clone, Debug)]
pub struct ServingCopy {
    layout: Arc<Layout>,
    tables: Vec<CopiedTable>,
    dense: DenseValues,
    unknown: (UnknownIds, Vec<bool>),
    streams: Streams,
}

/// The dense and the non-trainable arena at one moment.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DenseValues {
    /// The dense arena.
    pub dense: Arc<Vec<f32>>,
    /// The non-trainable arena.
    pub moving: Arc<Vec<f32>>,
}

/// The values of rows at one moment.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RowValues {
    /// Which rows.
    pub keys: Vec<RowKey>,
    /// For each key and each table over its id space: whether training had met the id.
    known: Vec<bool>,
    /// Likewise the weights.
    weights: Vec<f32>,
}

impl RowValues {
    /// Bytes of a message with these rows: 8 per row of a table, and 4 per number.
    pub fn bytes(&self) -> u64 {
        8 * self.known.len() as u64 + 4 * self.weights.len() as u64
    }
}

impl DenseValues {
    /// Whether they are the very same values, and not only equal ones.
    pub fn is_same(&self, other: &DenseValues) -> bool {
        Arc::ptr_eq(&self.dense, &other.dense) && Arc::ptr_eq(&self.moving, &other.moving)
    }

    /// Bytes of the blocks that a shard holds, or all shards.
    pub fn bytes(layout: &Layout, sharding: &Sharding, shard: Option<ShardId>) -> u64 {
        let Some(shard) = shard else {
            return 4 * (layout.dense_len() + layout.moving_len()) as u64;
        };
        let dense = sharding.dense_blocks(layout, shard).map(|(_, block)| block.len());
        let moving = sharding.moving_blocks(layout, shard).map(|(_, block)| block.len());
        4 * dense.chain(moving).sum::<usize>() as u64
    }
}

impl TableRows for CopiedTable {
    fn rows(&self) -> u32 {
        (self.weights.len() / self.dim.max(1)) as u32
    }

    fn weights(&self, id: u32) -> &[f32] {
        &self.weights[id as usize * self.dim..][..self.dim]
    }

    fn is_known(&self, id: u32) -> bool {
        self.known[id as usize / 64] >> (id % 64) & 1 == 1
    }

    fn copy(&self, ids: &[u32], out: &mut [f32]) {
        f32::pick(&self.weights, self.dim, ids, self.dim, out);
    }
}

impl CopiedTable {
    fn set_known(&mut self, id: u32, known: bool) {
        let (word, bit) = (&mut self.known[id as usize / 64], 1u64 << (id % 64));
        *word = if known { *word | bit } else { *word & !bit };
    }
}

impl ParameterServer {
    /// The values of these rows now, at most once each. `all` says whether evicted rows are among them
    /// too; they are those of ids that training has not met, if a rule evicts rows.
    pub fn read_rows(&self, keys: Vec<RowKey>, all: bool) -> RowValues {
        let mut values = RowValues { keys, ..RowValues::default() };
        let over = |space: u32| {
            let tables = self.layout.tables.iter().zip(&self.content.tables);
            tables.filter(move |(table, _)| table.space == space as usize)
        };
        let is_met = |&(space, id): &RowKey| over(space).any(|(_, store)| store.is_known(id));
        values.keys.retain(|key| all || self.eviction.is_none() || is_met(key));
        for &(space, id) in &values.keys {
            for (_, store) in over(space) {
                values.known.push(store.is_known(id));
                values.weights.extend_from_slice(store.weights(id));
            }
        }
        values
    }
}

impl ServingCopy {
    /// A copy of a server, with `moving` as its non-trainable arena.
    pub fn of(server: &ParameterServer, moving: Vec<f32>) -> ServingCopy {
        let tables = server.layout.tables.iter().zip(&server.content.tables);
        let copied = tables.map(|(table, store)| {
            let mut copy = CopiedTable {
                dim: table.dim,
                weights: (0..store.rows()).flat_map(|id| store.weights(id)).copied().collect(),
                known: vec![0; (store.rows() as usize).div_ceil(64)],
            };
            (0..store.rows()).for_each(|id| copy.set_known(id, store.is_known(id)));
            copy
        });
        let dense = Arc::new(server.dense().to_vec());
        ServingCopy {
            layout: Arc::clone(&server.layout),
            tables: copied.collect(),
            dense: DenseValues { dense, moving: Arc::new(moving) },
            unknown: server.unknown.clone(),
            streams: server.streams,
        }
    }

    /// The tables as requests read them.
    pub fn evaluated(&self) -> EvaluatedRows<'_, CopiedTable> {
        let (unknown, fixed) = &self.unknown;
        EvaluatedRows::new((&self.layout, &self.tables), (*unknown, fixed), self.streams)
    }

    /// The dense and the non-trainable arena.
    pub fn dense(&self) -> &DenseValues {
        &self.dense
    }

    /// Writes rows.
    pub fn write_rows(&mut self, values: &RowValues) {
        let (mut known, mut weights) = (values.known.iter(), &values.weights[..]);
        for &(space, id) in &values.keys {
            let tables = self.layout.tables.iter().zip(&mut self.tables);
            for (_, copy) in tables.filter(|(table, _)| table.space == space as usize) {
                let (row, rest) = weights.split_at(copy.dim);
                copy.weights[id as usize * copy.dim..][..copy.dim].copy_from_slice(row);
                copy.set_known(id, known.next().copied().unwrap_or_default());
                weights = rest;
            }
        }
    }

    /// Writes the blocks of a shard, or of all.
    pub fn write_dense(
        &mut self,
        values: &DenseValues,
        sharding: &Sharding,
        shard: Option<ShardId>,
    ) {
        let Some(shard) = shard else {
            self.dense = values.clone();
            return;
        };
        let from = (&values.dense[..], &values.moving[..]);
        let DenseValues { dense, moving } = &mut self.dense;
        let to = (&mut Arc::make_mut(dense)[..], &mut Arc::make_mut(moving)[..]);
        sharding.copy_blocks(&self.layout, shard, from, to);
    }

    /// Writes the blocks of a shard as they are now.
    pub fn copy_blocks(&mut self, server: &ParameterServer, shard: ShardId) {
        let DenseValues { dense, moving } = &mut self.dense;
        let to = (&mut Arc::make_mut(dense)[..], &mut Arc::make_mut(moving)[..]);
        server.sharding.copy_blocks(&self.layout, shard, (server.dense(), server.moving()), to);
    }

    /// Writes those non-trainable blocks that workers keep for themselves, as they are exported.
    pub fn write_kept_by_workers(&mut self, exported: &[f32]) {
        let moving = Arc::make_mut(&mut self.dense.moving);
        for (index, block) in self.layout.moving.iter().enumerate() {
            if self.layout.stays_with_workers(index) {
                moving[block.range()].copy_from_slice(&exported[block.range()]);
            }
        }
    }
}

crate::persist!(CopiedTable { dim: fixed, weights: sized, known: sized });
crate::persist!(DenseValues { dense: state, moving: state });
crate::persist!(RowValues { keys: state, known: state, weights: state });
crate::persist!(ServingCopy {
    layout: fixed,
    tables: each,
    dense: state,
    unknown: fixed,
    streams: fixed
});
