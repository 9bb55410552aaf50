//! How embedding rows are placed on shards, and the effect on shards when some rows are hot.
//!
//! Rows of one id share a shard, in every table over the id space. Popularity is skewed: the rows
//! of a few ids are in nearly every batch, and a batch reads a row once however often the id occurs
//! in it. So the load of a shard depends on which rows it has, not on how many.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::stream::mix;
use crate::params::Layout;

/// Which of the shards with rows holds those of an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowPlacement {
    /// By a hash of the id: effectively at random.
    #[default]
    Hash,
    /// The id modulo the number of shards (`partition_strategy = "mod"` of TensorFlow). Popular ids
    /// are spread if ids are ranks of popularity.
    RoundRobin,
    /// One range of ids per shard, as even as possible (`partition_strategy = "div"` of
    /// TensorFlow). If popular ids are neighbours, one shard gets them all.
    Ranges,
    /// By expected traffic: the row with the most traffic first, each on the shard with the least
    /// so far. The ids of the training window are counted before the run.
    Balanced,
}

impl RowPlacement {
    /// Whether it is the default, which is left out of files.
    pub fn is_hash(&self) -> bool {
        *self == RowPlacement::Hash
    }

    /// Places the rows of `layout` on `over` shards. `touches` returns, by id space, the share of
    /// the steps in which each id is expected; only [`Balanced`](Self::Balanced) calls it.
    pub(super) fn place(
        self,
        layout: &Layout,
        over: u32,
        touches: impl FnOnce() -> Vec<Vec<f64>>,
    ) -> RowShards {
        match self {
            RowPlacement::Hash => RowShards::Hash,
            RowPlacement::RoundRobin => RowShards::RoundRobin,
            RowPlacement::Ranges => {
                let spaces = layout.tables.iter().map(|table| table.space + 1).max().unwrap_or(0);
                RowShards::Ranges((0..spaces).map(|space| rows_of(layout, space)).collect())
            }
            // With one shard there is nothing to balance.
            RowPlacement::Balanced if over <= 1 => RowShards::Hash,
            RowPlacement::Balanced => {
                RowShards::Listed(Arc::new(balance(layout, over, &touches())))
            }
        }
    }
}

/// The share of steps of `batch` examples in which an id is expected that occurs `count` times in
/// `examples` examples: `1 - (1 - p)^batch`.
pub fn expected_touches(count: u32, examples: u64, batch: u64) -> f64 {
    let p = (f64::from(count) / examples.max(1) as f64).min(1.0);
    -libm::expm1(batch as f64 * libm::log1p(-p))
}

/// The shards of the rows, counted from the first shard that holds rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RowShards {
    Hash,
    RoundRobin,
    /// Rows of each id space.
    Ranges(Vec<u32>),
    /// The shard of every id of every id space.
    Listed(Arc<Vec<Vec<u16>>>),
}

impl RowShards {
    /// The shard of the rows of `id` in the id space `space`, if `over` shards hold rows.
    pub(super) fn of(&self, space: usize, id: u32, over: u32) -> u32 {
        match self {
            RowShards::Hash => (mix((space as u64) << 32 | u64::from(id)) % u64::from(over)) as u32,
            RowShards::RoundRobin => id % over,
            RowShards::Ranges(rows) => {
                let rows = rows.get(space).copied().unwrap_or(0);
                let (least, longer) = (rows / over, rows % over);
                // The first ranges are longer by one.
                match id / (least + 1) {
                    shard if shard < longer => shard,
                    // A space without a table has no rows to read.
                    _ => longer + (id - longer * (least + 1)).checked_div(least).unwrap_or(0),
                }
            }
            RowShards::Listed(shards) => u32::from(shards[space][id as usize]),
        }
    }
}

/// Ids of an id space that have rows.
fn rows_of(layout: &Layout, space: usize) -> u32 {
    let over = layout.tables.iter().filter(|table| table.space == space);
    over.map(|table| table.rows).max().unwrap_or(0)
}

/// The id with the most traffic first, each on the shard with the least so far. Ids that are never
/// expected go to the shard with the fewest ids.
fn balance(layout: &Layout, over: u32, touches: &[Vec<f64>]) -> Vec<Vec<u16>> {
    let mut placed: Vec<Vec<u16>> = (0..touches.len())
        .map(|space| vec![0; (rows_of(layout, space) as usize).max(touches[space].len())])
        .collect();
    // Sums of integers do not depend on the order.
    const UNIT: f64 = (1u64 << 20) as f64;
    let mut rows: Vec<(u64, usize, usize)> = Vec::new();
    for (space, placed) in placed.iter().enumerate() {
        let tables = layout.tables.iter().filter(|table| table.space == space);
        let bytes: u64 = tables.map(|table| 8 + 4 * table.dim as u64).sum();
        let weight = |id: usize| touches[space].get(id).map_or(0.0, |share| share * UNIT) as u64;
        rows.extend((0..placed.len()).map(|id| (weight(id) * bytes, space, id)));
    }
    rows.sort_by_key(|&(weight, space, id)| (Reverse(weight), space, id));
    let idle = rows.partition_point(|(weight, ..)| *weight > 0);
    let mut ids = vec![0u64; over as usize];
    let mut emptiest: BinaryHeap<_> =
        (0..over as u16).map(|shard| Reverse((0u64, shard))).collect();
    for &(weight, space, id) in &rows[..idle] {
        let Reverse((load, shard)) = emptiest.pop().expect("there is a shard");
        placed[space][id] = shard;
        ids[usize::from(shard)] += 1;
        emptiest.push(Reverse((load + weight, shard)));
    }
    let mut fewest: BinaryHeap<_> = (0..).zip(&ids).map(|(s, &n)| Reverse((n, s))).collect();
    for &(_, space, id) in &rows[idle..] {
        let Reverse((count, shard)) = fewest.pop().expect("there is a shard");
        placed[space][id] = shard;
        fewest.push(Reverse((count + 1, shard)));
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Init;
    use proptest::prelude::*;

    const ALL: [RowPlacement; 4] = [
        RowPlacement::Hash,
        RowPlacement::RoundRobin,
        RowPlacement::Ranges,
        RowPlacement::Balanced,
    ];

    fn layout(spaces: &[u32]) -> Layout {
        let mut layout = Layout::default();
        for (space, &rows) in spaces.iter().enumerate() {
            layout.add_table(&format!("t{space}"), space, rows, 4, Init::Constant(0.0));
        }
        layout
    }

    /// The popularity of Zipf's law.
    fn zipf(rows: u32) -> Vec<f64> {
        (0..rows).map(|rank| 1.0 / f64::from(rank + 1)).collect()
    }

    #[test]
    fn policies_place_as_they_say() {
        let layout = layout(&[10]);
        let at = |placement: RowPlacement| -> Vec<u32> {
            let rows = placement.place(&layout, 3, || vec![zipf(10)]);
            (0..10).map(|id| rows.of(0, id, 3)).collect()
        };
        assert_eq!(at(RowPlacement::RoundRobin), [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
        assert_eq!(at(RowPlacement::Ranges), [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]);
        assert_eq!(at(RowPlacement::Balanced), [0, 1, 2, 2, 1, 2, 1, 2, 1, 2]);
        let hashed: Vec<u32> = (0..10u64).map(|id| (mix(id) % 3) as u32).collect();
        assert_eq!(at(RowPlacement::Hash), hashed);
    }

    #[test]
    fn rows_that_nobody_asks_for_are_spread_by_number() {
        let layout = layout(&[100]);
        let touches = || vec![vec![1.0, 0.1, 0.1]];
        let rows = RowPlacement::Balanced.place(&layout, 2, touches);
        let on_first = (0..100).filter(|&id| rows.of(0, id, 2) == 0).count();
        assert_eq!((rows.of(0, 0, 2), on_first), (0, 50));
    }

    #[test]
    fn a_row_is_in_a_step_as_often_as_expected() {
        assert_eq!(expected_touches(0, 100, 10), 0.0);
        assert_eq!(expected_touches(100, 100, 10), 1.0);
        assert_eq!(expected_touches(500, 100, 10), 1.0);
        assert!((expected_touches(50, 100, 2) - 0.75).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn every_row_lies_on_exactly_one_shard_that_exists(
            spaces in proptest::collection::vec(1u32..200, 1..4),
            over in 1u32..12,
        ) {
            let layout = layout(&spaces);
            for placement in ALL {
                let rows =
                    placement.place(&layout, over, || spaces.iter().map(|&n| zipf(n)).collect());
                let mut held = vec![0u32; over as usize];
                for (space, &n) in spaces.iter().enumerate() {
                    (0..n).for_each(|id| held[rows.of(space, id, over) as usize] += 1);
                }
                prop_assert_eq!(held.iter().sum::<u32>(), spaces.iter().sum::<u32>());
                if placement == RowPlacement::Ranges && spaces.len() == 1 {
                    let (min, max) = (held.iter().min().unwrap(), held.iter().max().unwrap());
                    prop_assert!(max - min <= 1, "{:?}", held);
                }
            }
        }

        /// Greedy placement never exceeds the mean by more than the largest row (Graham 1966).
        #[test]
        fn a_balanced_shard_exceeds_the_mean_by_less_than_a_row(
            touches in proptest::collection::vec(0.0..1.0f64, 1..200),
            over in 1u32..12,
        ) {
            let layout = layout(&[touches.len() as u32]);
            let rows = RowPlacement::Balanced.place(&layout, over, || vec![touches.clone()]);
            let mut loads = vec![0.0; over as usize];
            for (id, share) in (0..).zip(&touches) {
                loads[rows.of(0, id, over) as usize] += share;
            }
            let fullest = loads.iter().copied().fold(0.0, f64::max);
            let (total, largest) =
                (touches.iter().sum::<f64>(), touches.iter().copied().fold(0.0, f64::max));
            let n = f64::from(over);
            prop_assert!(n * fullest <= total + (n - 1.0) * largest + 1e-3, "{:?}", loads);
        }
    }
}
