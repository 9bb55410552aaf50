//! Which shard holds which parameters.

use super::placement::Placement;
use super::row_placement::{RowPlacement, RowShards};
use crate::base::ShardId;
use crate::params::{Block, Layout, Lookups};

/// The placement of parameters: rows by a [`RowPlacement`], dense and non-trainable blocks by a
/// [`Placement`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharding {
    shards: u32,
    /// The first shard that holds rows; the shards before it hold dense parameters only.
    rows_from: u32,
    rows: RowShards,
    /// Shard of each dense block.
    dense: Vec<ShardId>,
    /// Shard of each non-trainable block.
    moving: Vec<ShardId>,
}

/// The part of one shard in a pull or push, for service times and traffic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Load {
    /// Embedding rows (ids times tables).
    pub rows: u64,
    /// Bytes of these rows' values.
    pub row_bytes: u64,
    /// Bytes of dense and non-trainable parameters.
    pub dense_bytes: u64,
}

impl Load {
    /// Bytes of a pull request: 8 per row.
    pub fn request_bytes(&self) -> u64 {
        self.rows.saturating_mul(8)
    }

    /// Bytes of the values pulled.
    pub fn value_bytes(&self) -> u64 {
        self.row_bytes.saturating_add(self.dense_bytes)
    }

    /// Bytes of a push: the values and 8 per row.
    pub fn push_bytes(&self) -> u64 {
        self.value_bytes().saturating_add(self.request_bytes())
    }
}

impl Sharding {
    /// Places the parameters of `layout` on `shards` shards: rows by hash, blocks in turn.
    pub fn new(layout: &Layout, shards: u32) -> Sharding {
        Sharding::placed(layout, shards, Placement::RoundRobin)
    }

    /// Places the parameters of `layout` on `shards` shards: rows by hash, blocks by `placement`.
    pub fn placed(layout: &Layout, shards: u32, placement: Placement) -> Sharding {
        let shards = shards.max(1);
        Sharding::place(layout, (shards, 0, shards), placement)
    }

    /// Places the dense and non-trainable blocks of `layout` on the first `dense` shards, and the
    /// rows on `rows` shards after them, so that each group may have its own protocol.
    pub fn by_group(layout: &Layout, dense: u32, rows: u32, placement: Placement) -> Sharding {
        let dense = dense.max(1);
        Sharding::place(layout, (dense.saturating_add(rows.max(1)), dense, dense), placement)
    }

    fn place(
        layout: &Layout,
        (shards, rows_from, dense): (u32, u32, u32),
        placement: Placement,
    ) -> Sharding {
        let mut dense = placement.place(layout, dense);
        let moving = dense.split_off(layout.dense.len());
        Sharding { shards, rows_from, rows: RowShards::Hash, dense, moving }
    }

    /// Places the rows by another rule than a hash. `touches` returns, by id space, the share of
    /// the steps in which each id is expected; it is called only if the rule needs it.
    pub fn with_rows(
        mut self,
        layout: &Layout,
        placement: RowPlacement,
        touches: impl FnOnce() -> Vec<Vec<f64>>,
    ) -> Sharding {
        self.rows = placement.place(layout, self.shards - self.rows_from, touches);
        self
    }

    /// Number of shards.
    pub fn shards(&self) -> u32 {
        self.shards
    }

    /// Whether the shard may hold rows.
    pub fn holds_rows(&self, shard: ShardId) -> bool {
        shard.0 >= self.rows_from
    }

    /// The shard that holds the rows of `id` of the id space `space`, in every table over it.
    pub fn of_row(&self, space: usize, id: u32) -> ShardId {
        let over = self.shards - self.rows_from;
        if over == 1 {
            return ShardId(self.rows_from);
        }
        ShardId(self.rows_from + self.rows.of(space, id, over))
    }

    /// Computes which rows each shard holds, so that [`held`](Self::held) need not search.
    pub fn divide(&self, lookups: &mut Lookups) {
        if self.shards > 1 {
            let shard_of = |space, id| self.of_row(space, id).index();
            lookups.parts.divide(&lookups.ids, self.shards as usize, shard_of);
        }
    }

    /// Positions of the distinct ids of an id space whose rows the shard holds, ascending.
    pub fn held<'a>(
        &'a self,
        lookups: &'a Lookups,
        space: usize,
        shard: ShardId,
    ) -> impl Iterator<Item = u32> + 'a {
        let ids = &lookups.ids[space];
        let found = lookups.parts.of(space, shard.index());
        let to_search = if found.is_some() { 0 } else { ids.len() as u32 };
        let here = move |&at: &u32| self.of_row(space, ids[at as usize]) == shard;
        found.unwrap_or_default().iter().copied().chain((0..to_search).filter(here))
    }

    /// The shard that holds the dense block.
    pub fn of_block(&self, block: usize) -> ShardId {
        self.dense[block]
    }

    /// The dense blocks that a shard holds, with their places in the layout.
    pub fn dense_blocks<'a>(
        &'a self,
        layout: &'a Layout,
        shard: ShardId,
    ) -> impl Iterator<Item = (usize, &'a Block)> {
        held_by(shard, &self.dense, &layout.dense)
    }

    /// The non-trainable blocks that a shard holds, with their places in the layout.
    pub fn moving_blocks<'a>(
        &'a self,
        layout: &'a Layout,
        shard: ShardId,
    ) -> impl Iterator<Item = (usize, &'a Block)> {
        held_by(shard, &self.moving, &layout.moving)
    }

    /// Copies the dense and the non-trainable blocks that a shard holds from one pair of arenas to
    /// another.
    pub fn copy_blocks(
        &self,
        layout: &Layout,
        shard: ShardId,
        from: (&[f32], &[f32]),
        to: (&mut [f32], &mut [f32]),
    ) {
        for (_, block) in self.dense_blocks(layout, shard) {
            to.0[block.range()].copy_from_slice(&from.0[block.range()]);
        }
        for (_, block) in self.moving_blocks(layout, shard) {
            to.1[block.range()].copy_from_slice(&from.1[block.range()]);
        }
    }

    /// The shard that holds the non-trainable block.
    pub fn of_moving(&self, block: usize) -> ShardId {
        self.moving[block]
    }

    /// The part of each shard in a pull of `lookups`.
    pub fn loads(&self, layout: &Layout, lookups: &Lookups, loads: &mut Vec<Load>) {
        loads.clear();
        loads.resize(self.shards as usize, Load::default());
        for (block, shard) in layout.dense.iter().zip(&self.dense) {
            loads[shard.index()].dense_bytes += 4 * block.len() as u64;
        }
        let shared = |(index, _): &(usize, _)| !layout.stays_with_workers(*index);
        let moving = layout.moving.iter().zip(&self.moving).enumerate().filter(shared);
        for (_, (block, shard)) in moving {
            loads[shard.index()].dense_bytes += 4 * block.len() as u64;
        }
        for (space, ids) in lookups.ids.iter().enumerate() {
            let over = || layout.tables.iter().filter(|table| table.space == space);
            let (tables, bytes) =
                over().fold((0, 0), |(n, bytes), table| (n + 1, bytes + 4 * table.dim as u64));
            let mut add = |shard: usize, count: usize| {
                loads[shard].rows += tables * count as u64;
                loads[shard].row_bytes += bytes * count as u64;
            };
            for shard in 0..self.shards as usize {
                match lookups.parts.of(space, shard) {
                    Some(part) => add(shard, part.len()),
                    None if shard == 0 => {
                        ids.iter().for_each(|&id| add(self.of_row(space, id).index(), 1));
                    }
                    None => {}
                }
            }
        }
    }
}

/// The blocks for which `shards` names this shard.
fn held_by<'a>(
    shard: ShardId,
    shards: &'a [ShardId],
    blocks: &'a [Block],
) -> impl Iterator<Item = (usize, &'a Block)> {
    blocks.iter().enumerate().filter(move |(index, _)| shards[*index] == shard)
}

crate::persist!(Load { rows: state, row_bytes: state, dense_bytes: state });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Init;

    #[test]
    fn loads_add_up_whatever_the_number_of_shards() {
        let mut layout = Layout::default();
        layout.add_table("item", 0, 100, 4, Init::Constant(0.0));
        layout.add_table("wide.item", 0, 100, 1, Init::Constant(0.0));
        layout.add_block("mlp.0", "weight", (4, 3), Init::Constant(0.0));
        layout.add_block("mlp.0", "bias", (1, 3), Init::Constant(0.0));
        let lookups = Lookups { ids: vec![(0..100).collect()], ..Lookups::default() };
        for shards in [1, 2, 7] {
            let mut loads = Vec::new();
            Sharding::new(&layout, shards).loads(&layout, &lookups, &mut loads);
            let sum = |f: fn(&Load) -> u64| loads.iter().map(f).sum::<u64>();
            assert_eq!(sum(|l| l.rows), 200);
            assert_eq!(sum(|l| l.row_bytes), 100 * 5 * 4);
            assert_eq!(sum(|l| l.dense_bytes), 15 * 4);
            if shards > 1 {
                let mut apart = Vec::new();
                Sharding::by_group(&layout, 1, shards - 1, Placement::default())
                    .loads(&layout, &lookups, &mut apart);
                assert_eq!((apart[0].rows, apart[0].dense_bytes), (0, 15 * 4));
                assert!(apart[1..].iter().all(|load| load.rows > 0 && load.dense_bytes == 0));
            }
            if shards == 2 {
                assert!(loads.iter().all(|l| l.rows > 60), "{loads:?}");
            }
        }
    }

    #[test]
    fn divided_rows_are_those_that_a_search_finds() {
        let mut layout = Layout::default();
        layout.add_table("item", 0, 100, 4, Init::Constant(0.0));
        layout.add_table("user", 1, 50, 2, Init::Constant(0.0));
        let ids = vec![(0..100).rev().step_by(3).collect(), vec![7, 3, 49]];
        let searched = Lookups { ids, ..Lookups::default() };
        let ways = [
            Sharding::new(&layout, 1),
            Sharding::new(&layout, 3),
            Sharding::by_group(&layout, 1, 1, Placement::default()),
            Sharding::by_group(&layout, 2, 3, Placement::default()),
        ];
        for sharding in ways {
            let mut divided = searched.clone();
            sharding.divide(&mut divided);
            let (mut found, mut wanted) = (Vec::new(), Vec::new());
            sharding.loads(&layout, &divided, &mut found);
            sharding.loads(&layout, &searched, &mut wanted);
            assert_eq!(found, wanted);
            for (shard, space) in (0..sharding.shards()).flat_map(|s| [(s, 0), (s, 1)]) {
                let held = |lookups| sharding.held(lookups, space, ShardId(shard));
                assert!(held(&divided).eq(held(&searched)), "shard {shard}, space {space}");
            }
        }
    }
}
