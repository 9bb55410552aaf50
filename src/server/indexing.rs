//! The server finds rows through hash tables, where a scenario asks for them.
//!
//! A row is in its table from its first update on, until it is evicted. The arena of weights holds all
//! rows from the start, and an entry names a row of it.

use super::cuckoo::{IndexedSpace, RowIndex, RowIndexes};
use super::store::ParameterServer;
use crate::base::ShardId;

impl ParameterServer {
    /// Finds the rows of these id spaces through hash tables; for a new server.
    pub fn with_row_indexes(mut self, spaces: &[Option<IndexedSpace>]) -> ParameterServer {
        let shards = self.sharding.shards();
        let index = |space: usize| {
            let space = spaces.get(space)?.as_ref()?;
            Some(RowIndex::new(space, shards))
        };
        if spaces.iter().any(Option::is_some) {
            let tables = self.layout.tables.iter().map(|table| index(table.space)).collect();
            self.indexes = RowIndexes(tables);
        }
        self
    }

    /// The hash tables that find the rows of an embedding table; `None` if rows are found by number.
    pub fn row_index(&self, table: usize) -> Option<&RowIndex> {
        self.indexes.0.get(table)?.as_ref()
    }

    /// Fills the hash tables anew, in the order of the rows, as when a checkpoint is loaded.
    pub fn load_row_indexes(&mut self) {
        (0..self.sharding.shards()).for_each(|shard| self.forget_row_indexes(ShardId(shard)));
        for t in 0..self.indexes.0.len() {
            let ids = 0..self.layout.tables[t].rows;
            self.settle_row_index(t, ids);
        }
    }

    /// A shard loses its hash tables, as when its process ends.
    pub fn forget_row_indexes(&mut self, shard: ShardId) {
        self.indexes.0.iter_mut().flatten().for_each(|index| index.clear(shard));
    }

    /// Brings the hash tables up to date for rows that came or went other than by an update.
    pub(super) fn settle_row_index(&mut self, t: usize, ids: impl IntoIterator<Item = u32>) {
        let Some(Some(index)) = self.indexes.0.get_mut(t) else { return };
        let (store, space) = (&self.content.tables[t], self.layout.tables[t].space);
        for id in ids {
            index.set(self.sharding.of_row(space, id), id, store.is_known(id));
        }
    }
}
