//! The rows of an embedding table by the keys of their ids, on every shard.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::CuckooConfig;
use super::counts::CuckooState;
use super::table::CuckooTable;
use crate::base::ShardId;
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::base::stream::mix;
use crate::data::Ids;
use crate::nn::kernels::TouchedRow;

/// An id space whose rows are found through a table.
#[derive(Clone, Debug)]
pub struct IndexedSpace {
    /// The settings of the table.
    pub settings: CuckooConfig,
    /// The key of each row; `None` if it is the number of the row.
    pub keys: Option<Arc<[u64]>>,
}

impl IndexedSpace {
    /// A space with these ids. Without ids the key of a row is its number.
    pub fn new(settings: CuckooConfig, ids: Option<&Ids>) -> IndexedSpace {
        IndexedSpace { settings, keys: ids.map(|ids| distinct(ids.keys())) }
    }
}

/// These keys, with others in place of those that occur before: rows that stand for no single id share
/// a key.
fn distinct(keys: &[u64]) -> Arc<[u64]> {
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    if sorted.windows(2).all(|pair| pair[0] != pair[1]) {
        return keys.into();
    }
    let mut taken: FxHashSet<u64> = keys.iter().copied().collect();
    let mut met = FxHashSet::default();
    let one = |(row, &key): (u64, &u64)| {
        if met.insert(key) {
            return key;
        }
        let other = (0u64..).map(|n| mix(mix(!row) ^ n)).find(|other| taken.insert(*other));
        other.unwrap_or(key)
    };
    (0..).zip(keys).map(one).collect()
}

/// The rows of an embedding table: a hash table on every shard.
#[derive(Clone, Debug)]
pub struct RowIndex {
    keys: Option<Arc<[u64]>>,
    shards: Vec<CuckooTable>,
    /// The rows of a pull.
    found: Vec<u32>,
}

impl RowIndex {
    /// No row is there. `shards` is their number.
    pub fn new(space: &IndexedSpace, shards: u32) -> RowIndex {
        let table = CuckooTable::new(space.settings);
        RowIndex {
            keys: space.keys.clone(),
            shards: vec![table; shards as usize],
            found: Vec::new(),
        }
    }

    /// The tables, shard by shard.
    pub fn shards(&self) -> &[CuckooTable] {
        &self.shards
    }

    /// All shards together.
    pub fn state(&self) -> CuckooState {
        let states = self.shards.iter().map(CuckooTable::state);
        states.fold(CuckooState::default(), CuckooState::and)
    }

    /// The key of an id.
    pub fn key(&self, id: u32) -> u64 {
        self.keys.as_ref().map_or(u64::from(id), |keys| keys[id as usize])
    }

    /// The row of an id that a shard holds; not counted.
    pub fn row(&self, shard: ShardId, id: u32) -> Option<u32> {
        self.shards[shard.index()].find(self.key(id)).0
    }

    /// A pull looks for the ids at these positions, which the shard holds. Returns the rows to read, by
    /// position; those of ids that are not there are the rows that they will get.
    pub(in crate::server) fn pull(
        &mut self,
        shard: ShardId,
        ids: &[u32],
        positions: impl Iterator<Item = u32>,
    ) -> &[u32] {
        self.found.clear();
        self.found.extend_from_slice(ids);
        for at in positions {
            let id = ids[at as usize];
            let key = self.key(id);
            self.found[at as usize] = self.shards[shard.index()].get(key).unwrap_or(id);
        }
        &self.found
    }

    /// A push updates the row of an id, which comes if it is not there.
    pub(in crate::server) fn push(&mut self, shard: ShardId, id: u32) {
        let key = self.key(id);
        let table = &mut self.shards[shard.index()];
        if table.get(key).is_none() {
            table.insert(key, id);
        }
    }

    /// Makes the row of an id be there or not.
    pub(in crate::server) fn set(&mut self, shard: ShardId, id: u32, is_there: bool) {
        let key = self.key(id);
        let table = &mut self.shards[shard.index()];
        match (table.find(key).0.is_some(), is_there) {
            (false, true) => table.insert(key, id),
            (true, false) => {
                table.remove(key);
            }
            _ => {}
        }
    }

    /// A shard forgets its rows.
    pub(in crate::server) fn clear(&mut self, shard: ShardId) {
        self.shards[shard.index()].clear();
    }
}

impl Persist for RowIndex {
    fn save(&self, out: &mut Saver<'_>) {
        out.each(&self.shards);
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        from.each(&mut self.shards)
    }
}

/// The hash tables of a server, by embedding table; `None` for tables whose rows are found by number.
#[derive(Clone, Debug, Default)]
pub(in crate::server) struct RowIndexes(pub(in crate::server) Vec<Option<RowIndex>>);

impl RowIndexes {
    /// Pushes update the rows.
    pub(in crate::server) fn push(&mut self, table: usize, shard: ShardId, touched: &[TouchedRow]) {
        if let Some(Some(index)) = self.0.get_mut(table) {
            touched.iter().for_each(|row| index.push(shard, row.id));
        }
    }
}

impl Persist for RowIndexes {
    fn save(&self, out: &mut Saver<'_>) {
        out.each(self.0.iter().flatten());
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        from.each(self.0.iter_mut().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_an_id_get_keys_of_their_own() {
        assert_eq!(*distinct(&[3, 1, 2]), [3, 1, 2]);
        let keys = distinct(&[0, 7, 0, 7, 0]);
        assert_eq!(keys[..2], [0, 7]);
        assert_eq!(keys.iter().collect::<FxHashSet<_>>().len(), 5);
    }

    #[test]
    fn shards_have_tables_of_their_own() {
        let space = IndexedSpace { settings: CuckooConfig::default(), keys: None };
        let mut index = RowIndex::new(&space, 2);
        index.push(ShardId(1), 5);
        index.push(ShardId(1), 5);
        assert_eq!((index.row(ShardId(0), 5), index.row(ShardId(1), 5)), (None, Some(5)));
        assert_eq!(index.pull(ShardId(1), &[9, 5, 4], [1, 2].into_iter()), [9, 5, 4]);
        let counts = index.state().counts;
        assert_eq!((counts.finds, counts.insertions, index.state().entries), (4, 1, 1));
        index.set(ShardId(1), 5, false);
        index.set(ShardId(1), 5, false);
        index.set(ShardId(0), 6, true);
        assert_eq!((index.state().entries, index.state().counts.removals), (1, 1));
        index.clear(ShardId(0));
        assert_eq!((index.state().entries, index.state().counts.insertions), (0, 2));
    }
}
