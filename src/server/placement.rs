//! How dense blocks are placed on shards.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ShardId, stream::mix};
use crate::params::Layout;

/// Which shard holds a dense or non-trainable block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// In turn, in the order of the model: TensorFlow's default.
    #[default]
    RoundRobin,
    /// In the order of the model, each block on the shard with the fewest bytes so far: TensorFlow's
    /// greedy strategy.
    ByBytes,
    /// By a hash of the block's name: adding a layer moves no other block, and shards are uneven.
    Hash,
    /// The largest block first, each on the shard with the fewest bytes so far: no shard holds more
    /// than 4/3 of what the best placement gives its fullest shard (Graham 1969).
    Balanced,
}

impl Placement {
    /// Whether it is the default, which is left out of files.
    pub fn is_round_robin(&self) -> bool {
        *self == Placement::RoundRobin
    }

    /// The shards of all dense blocks and then of all non-trainable ones, each below `shards`.
    pub(super) fn place(self, layout: &Layout, shards: u32) -> Vec<ShardId> {
        let blocks: Vec<_> = layout.dense.iter().chain(&layout.moving).collect();
        let sizes = layout.dense.iter().map(|block| block.len() as u64).chain(
            // Blocks that stay with the workers take no bytes.
            layout.moving.iter().enumerate().map(|(index, block)| {
                if layout.stays_with_workers(index) { 0 } else { block.len() as u64 }
            }),
        );
        let sizes: Vec<u64> = sizes.collect();
        let mut order: Vec<usize> = (0..blocks.len()).collect();
        if self == Placement::Balanced {
            // A stable sort: equal blocks keep the order of the model.
            order.sort_by_key(|&block| std::cmp::Reverse(sizes[block]));
        }
        let mut held = vec![0u64; shards as usize];
        let mut placed = vec![ShardId(0); blocks.len()];
        for block in order {
            let shard = match self {
                Placement::RoundRobin => block % shards as usize,
                Placement::Hash => (name_hash(&blocks[block].name) % u64::from(shards)) as usize,
                Placement::ByBytes | Placement::Balanced => {
                    (0..held.len()).min_by_key(|&shard| held[shard]).unwrap_or(0)
                }
            };
            held[shard] += sizes[block];
            placed[block] = ShardId(shard as u32);
        }
        placed
    }
}

fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Init;
    use proptest::prelude::*;

    fn layout(sizes: &[usize]) -> Layout {
        let mut layout = Layout::default();
        for (index, &size) in sizes.iter().enumerate() {
            layout.add_block(&format!("layer.{index}"), "weight", (1, size), Init::Constant(0.0));
        }
        layout
    }

    fn loads(placement: Placement, sizes: &[usize], shards: u32) -> Vec<usize> {
        let mut loads = vec![0; shards as usize];
        for (shard, size) in placement.place(&layout(sizes), shards).iter().zip(sizes) {
            loads[shard.index()] += size;
        }
        loads
    }

    #[test]
    fn policies_differ_where_sizes_do() {
        let sizes = [5, 1, 1, 10];
        assert_eq!(loads(Placement::RoundRobin, &sizes, 2), [6, 11]);
        assert_eq!(loads(Placement::ByBytes, &sizes, 2), [5, 12]);
        assert_eq!(loads(Placement::Balanced, &sizes, 2), [10, 7]);
    }

    #[test]
    fn a_hash_moves_no_block_when_a_layer_is_added() {
        let (few, more) = (layout(&[4; 10]), layout(&[4; 20]));
        let (few, more) = (Placement::Hash.place(&few, 5), Placement::Hash.place(&more, 5));
        assert_eq!(few, more[..10]);
        assert!(more.iter().any(|shard| *shard != more[0]));
    }

    proptest! {
        #[test]
        fn balanced_is_within_four_thirds_of_the_least_possible(
            sizes in proptest::collection::vec(1usize..1000, 1..40),
            shards in 1u32..8,
        ) {
            let fullest = *loads(Placement::Balanced, &sizes, shards).iter().max().unwrap();
            let total: usize = sizes.iter().sum();
            // No placement can be better than the mean, the largest block, or two of the `shards` +
            // 1 largest blocks on one shard.
            let mut sorted = sizes.clone();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            let n = shards as usize;
            let pair = sorted.get(n).map_or(0, |next| next + sorted[n - 1]);
            let least = total.div_ceil(n).max(sorted[0]).max(pair);
            // The 4/3 bound is relative to the optimum, and `least` is only a lower bound of the
            // optimum: relative to `least`, 3/2 is proven.
            prop_assert!(2 * fullest <= 3 * least, "{} {}", fullest, least);
        }
    }
}
