//! Which of a batch's distinct rows each shard holds.

use crate::base::persist::{LoadError, Loader, Persist, Saver};

/// The positions of a batch's distinct rows, shard by shard.
///
/// They are computed once per step; otherwise every shard would search all rows at its pull and at
/// its push. Code that changes the ids must [forget](Self::forget) the parts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ShardPositions {
    /// Number of shards; zero if the rows have not been divided.
    shards: usize,
    /// Positions, id space after id space, and within one shard after shard, in ascending order.
    positions: Vec<u32>,
    /// Where the part of each shard begins in each id space, `[id spaces x shards]`, and where the
    /// last one ends.
    starts: Vec<u32>,
}

impl ShardPositions {
    /// Divides the distinct `ids` of every id space among `shards` shards; `shard_of(space, id)`
    /// must be below `shards`.
    pub fn divide(
        &mut self,
        ids: &[Vec<u32>],
        shards: usize,
        shard_of: impl Fn(usize, u32) -> usize,
    ) {
        self.shards = shards;
        self.starts.clear();
        self.starts.resize(ids.len() * shards + 1, 0);
        self.positions.clear();
        self.positions.resize(ids.iter().map(Vec::len).sum(), 0);
        for (space, ids) in ids.iter().enumerate() {
            // The entries first hold counts, shifted by one place, then the beginnings of the
            // parts. While rows are placed, an entry says where the next row goes. So at the end it
            // says where the next part begins.
            let at = space * shards;
            let begin = self.starts[at];
            let starts = &mut self.starts[at..=at + shards];
            starts[1..].fill(0);
            ids.iter().for_each(|&id| starts[shard_of(space, id) + 1] += 1);
            let mut sum = begin;
            for start in &mut starts[1..] {
                let count = *start;
                *start = sum;
                sum += count;
            }
            for (&id, position) in ids.iter().zip(0..) {
                let next = &mut starts[shard_of(space, id) + 1];
                self.positions[*next as usize] = position;
                *next += 1;
            }
        }
    }

    /// Marks the rows as not divided.
    pub fn forget(&mut self) {
        self.shards = 0;
    }

    /// Positions among the distinct ids of `space` that the shard holds, ascending; `None` if the
    /// rows have not been divided.
    pub fn of(&self, space: usize, shard: usize) -> Option<&[u32]> {
        if self.shards == 0 {
            return None;
        }
        let at = space * self.shards + shard;
        self.positions.get(self.starts[at] as usize..self.starts[at + 1] as usize)
    }
}

/// The parts follow from the ids. So they are not saved, and are forgotten when ids are loaded.
impl Persist for ShardPositions {
    fn save(&self, _: &mut Saver<'_>) {}

    fn load(&mut self, _: &mut Loader<'_>) -> Result<(), LoadError> {
        self.forget();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_position_is_in_the_part_of_its_shard_in_order(
            spaces in prop::collection::vec(prop::collection::vec(0u32..50, 0..20), 0..4),
            shards in 1usize..6,
        ) {
            let shard_of = |space: usize, id: u32| (space + id as usize) % shards;
            let mut parts = ShardPositions::default();
            prop_assert_eq!(parts.of(0, 0), None);
            // Twice, because the memory is reused.
            for _ in 0..2 {
                parts.divide(&spaces, shards, shard_of);
            }
            for (space, ids) in spaces.iter().enumerate() {
                for shard in 0..shards {
                    let here = |&at: &u32| shard_of(space, ids[at as usize]) == shard;
                    let wanted: Vec<u32> = (0..ids.len() as u32).filter(here).collect();
                    prop_assert_eq!(parts.of(space, shard), Some(&wanted[..]));
                }
            }
            parts.forget();
            prop_assert_eq!(parts.of(0, 0), None);
        }
    }
}
