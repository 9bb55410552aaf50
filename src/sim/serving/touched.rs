//! Which rows were updated since their shard last sent rows to the serving copy.

use super::settings::{RowSync, WhenTouchedFull};
use crate::base::ShardId;
use crate::server::RowKey;

/// The updated rows of every shard, each once, in the order of their first update.
#[derive(Clone, Debug)]
pub(super) struct TouchedRows {
    /// Most keys of a shard.
    limit: u64,
    full: WhenTouchedFull,
    /// By id space, one bit per row: whether its shard remembers it.
    marks: Vec<Vec<u64>>,
    /// By shard.
    shards: Vec<Vec<RowKey>>,
    /// Updates that were not remembered, or not until they were sent.
    forgotten: u64,
}

impl TouchedRows {
    /// Nothing is updated. `rows` is the number of rows of each id space.
    pub(super) fn new(how: &RowSync, rows: &[u32], shards: u32) -> TouchedRows {
        TouchedRows {
            limit: how.touched.unwrap_or(u64::MAX),
            full: how.full,
            marks: rows.iter().map(|&rows| vec![0; (rows as usize).div_ceil(64)]).collect(),
            shards: vec![Vec::new(); shards as usize],
            forgotten: 0,
        }
    }

    /// A row of this shard is updated.
    pub(super) fn touch(&mut self, shard: ShardId, key: RowKey) {
        let (word, bit) = (&mut self.marks[key.0 as usize][key.1 as usize / 64], 1 << (key.1 % 64));
        if *word & bit != 0 {
            return;
        }
        let held = self.shards[shard.index()].len() as u64;
        if held >= self.limit {
            match self.full {
                WhenTouchedFull::Drop => {
                    self.forgotten += 1;
                    return;
                }
                WhenTouchedFull::Forget => {
                    self.forgotten += held;
                    self.take(shard);
                }
            }
        }
        self.marks[key.0 as usize][key.1 as usize / 64] |= bit;
        self.shards[shard.index()].push(key);
    }

    /// Whether a row is remembered.
    pub(super) fn is_remembered(&self, (space, id): RowKey) -> bool {
        self.marks[space as usize][id as usize / 64] >> (id % 64) & 1 == 1
    }

    /// The updated rows of a shard, which forgets them.
    pub(super) fn take(&mut self, shard: ShardId) -> Vec<RowKey> {
        let keys = std::mem::take(&mut self.shards[shard.index()]);
        for &(space, id) in &keys {
            self.marks[space as usize][id as usize / 64] &= !(1 << (id % 64));
        }
        keys
    }

    /// Keys forgotten since the last call.
    pub(super) fn take_forgotten(&mut self) -> u64 {
        std::mem::take(&mut self.forgotten)
    }
}

crate::persist!(TouchedRows {
    limit: fixed,
    full: fixed,
    marks: each,
    shards: each,
    forgotten: state
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against lists that are searched.
        #[test]
        fn each_row_is_remembered_once_within_the_bound(
            events in prop::collection::vec((0u32..3, 0u32..2, 0u32..70, 0u8..12), 0..300),
            limit in prop::option::of(1u64..8),
            drops: bool,
        ) {
            let full = if drops { WhenTouchedFull::Drop } else { WhenTouchedFull::Forget };
            let how = RowSync { touched: limit, full, ..RowSync::default() };
            let mut touched = TouchedRows::new(&how, &[70, 70], 3);
            let (mut lists, mut forgotten) = (vec![Vec::new(); 3], 0);
            for (shard, space, id, what) in events {
                // A row is always of the same shard.
                let (place, key) = (ShardId(shard), (space, id / 3 * 3 % 69 + shard));
                let list: &mut Vec<RowKey> = &mut lists[shard as usize];
                if what == 0 {
                    prop_assert_eq!(touched.take(place), std::mem::take(list));
                    continue;
                }
                touched.touch(place, key);
                if list.contains(&key) {
                    continue;
                }
                if limit.is_some_and(|limit| list.len() as u64 == limit) {
                    forgotten += if drops { 1 } else { list.len() as u64 };
                    if drops {
                        continue;
                    }
                    list.clear();
                }
                list.push(key);
            }
            prop_assert_eq!(touched.take_forgotten(), forgotten);
            for (shard, list) in (0..).zip(lists) {
                prop_assert_eq!(touched.take(ShardId(shard)), list);
            }
        }
    }
}
