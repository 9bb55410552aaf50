//! Excerpts of a shard: the dense parameters and some rows of it as they were at one moment. Full
//! checkpoints, increments and the way back of a replica are made of them.

use std::collections::BTreeSet;

use super::store::ParameterServer;
use super::table_lives::RowLife;
use crate::base::ShardId;
use crate::optimizer::{RowSemantics, Slot};
use crate::params::Lookups;

/// Dense parameters and some rows of a shard, with slots and counters.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Excerpt {
    /// Weights of its dense blocks, block after block.
    dense: Vec<f32>,
    /// Their slots, block after block.
    slots: Vec<f32>,
    /// Updates of each block.
    updates: Vec<u64>,
    /// Its non-trainable blocks.
    moving: Vec<f32>,
    /// Updates of its part of each table.
    partitions: Vec<u64>,
    /// Rows of each table.
    tables: Vec<RowsExcerpt>,
}

/// Some rows of a table.
#[derive(Clone, PartialEq, Debug, Default)]
struct RowsExcerpt {
    /// Their ids, ascending.
    ids: Vec<u32>,
    /// Their weights and slots, row after row.
    rows: Vec<f32>,
    /// Their updates as the rule counts.
    counted: Vec<u32>,
    /// Their counted pushes, if rows are admitted.
    seen: Vec<u32>,
    /// Whether they are known.
    known: Vec<bool>,
    /// Their lives, if rows can be evicted: a row that was is a deletion.
    lives: Vec<RowLife>,
}

/// What rows looked like at the last save, to find those that have been touched since.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RowMarks {
    /// By table: updates, counted pushes and evictions of the shard's rows, in the order of their
    /// ids.
    tables: Vec<Vec<(u32, u32, u32)>>,
}

/// Which rows of a shard belong into an excerpt.
#[derive(Clone, Copy, Debug)]
pub enum RowChoice<'a> {
    /// All of them.
    All,
    /// Those that were touched since these marks.
    Since(&'a RowMarks),
    /// Those that an update from these batches may change.
    Of(&'a [&'a Lookups]),
}

impl RowMarks {
    /// Whether no marks have been taken.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}

impl Excerpt {
    /// Bytes of its content.
    pub fn bytes(&self) -> u64 {
        let rows = |table: &RowsExcerpt| {
            let numbers = table.rows.len() + table.counted.len() + table.seen.len();
            4 * (table.ids.len() + numbers)
                + size_of::<RowLife>() * table.lives.len()
                + table.known.len()
        };
        let tables: usize = self.tables.iter().map(rows).sum();
        let numbers = self.dense.len() + self.slots.len() + self.moving.len();
        (tables + 4 * numbers + 8 * (self.updates.len() + self.partitions.len())) as u64
    }

    /// Number of its rows, over all tables.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.ids.len() as u64).sum()
    }

    /// Number of its rows that are in none of `others`.
    pub fn rows_in_none_of(&self, others: &[Excerpt]) -> u64 {
        let alone = |(t, table): (usize, &RowsExcerpt)| {
            let has = |other: &Excerpt, id: u32| other.tables[t].ids.binary_search(&id).is_ok();
            let lacks = |id: &&u32| !others.iter().any(|other| has(other, **id));
            table.ids.iter().filter(lacks).count() as u64
        };
        self.tables.iter().enumerate().map(alone).sum()
    }
}

impl ParameterServer {
    /// The ids of a shard's rows, by table.
    fn rows_of(&self, shard: ShardId) -> impl Iterator<Item = Vec<u32>> + '_ {
        self.layout().tables.iter().map(move |table| {
            let here = |id: &u32| self.sharding().of_row(table.space, *id) == shard;
            (0..table.rows).filter(here).collect()
        })
    }

    /// Updates, counted pushes and evictions of a row.
    fn mark(&self, table: usize, id: u32) -> (u32, u32, u32) {
        let store = self.table(table);
        let seen = store.gate().map_or(0, |gate| gate.seen()[id as usize]);
        (store.updates(id), seen, store.lives().map_or(0, |lives| lives.evictions(id)))
    }

    /// What the shard's rows look like now.
    pub fn row_marks(&self, shard: ShardId) -> RowMarks {
        let of = |(t, ids): (usize, Vec<u32>)| ids.iter().map(|&id| self.mark(t, id)).collect();
        RowMarks { tables: self.rows_of(shard).enumerate().map(of).collect() }
    }

    /// The chosen ids of a shard, by table.
    fn chosen(&self, shard: ShardId, choice: RowChoice<'_>) -> Vec<Vec<u32>> {
        // An update evicts rows that are not of its batch.
        let evicts = self.content().tables.iter().any(|table| table.lives().is_some());
        // Pulls between updates count for admission.
        let moves_all =
            evicts || self.counts_lookups() || self.rules().1.rows() == RowSemantics::Dense;
        match choice {
            RowChoice::Of(batches) if !moves_all => {
                let tables = self.layout().tables.iter();
                let touched = tables.map(|table| {
                    let of = |batch: &&Lookups| {
                        let ids = &batch.ids[table.space];
                        let here = self.sharding().held(batch, table.space, shard);
                        here.map(|at| ids[at as usize]).collect::<Vec<u32>>()
                    };
                    let all: BTreeSet<u32> = batches.iter().flat_map(of).collect();
                    all.into_iter().collect()
                });
                touched.collect()
            }
            RowChoice::Since(marks) => {
                let of = |(t, ids): (usize, Vec<u32>)| {
                    let both = ids.into_iter().zip(&marks.tables[t]);
                    both.filter(|(id, mark)| self.mark(t, *id) != **mark)
                        .map(|(id, _)| id)
                        .collect()
                };
                self.rows_of(shard).enumerate().map(of).collect()
            }
            RowChoice::All | RowChoice::Of(_) => self.rows_of(shard).collect(),
        }
    }

    /// Copies the dense parameters and the chosen rows of a shard.
    pub fn excerpt(&self, shard: ShardId, choice: RowChoice<'_>) -> Excerpt {
        let (layout, content) = (self.layout(), self.content());
        let mut excerpt = Excerpt::default();
        for (index, block) in self.sharding().dense_blocks(layout, shard) {
            excerpt.dense.extend_from_slice(&content.dense.weights()[block.range()]);
            excerpt.slots.extend_from_slice(content.dense.slots(index));
            excerpt.updates.push(content.dense.updates()[index]);
        }
        for (index, block) in self.sharding().moving_blocks(layout, shard) {
            if !layout.stays_with_workers(index) {
                excerpt.moving.extend_from_slice(&content.moving[block.range()]);
            }
        }
        excerpt.partitions = content.partitions.iter().map(|table| table[shard.index()]).collect();
        for (t, ids) in self.chosen(shard, choice).into_iter().enumerate() {
            let store = &content.tables[t];
            let rows = ids.len();
            let all = |wanted: bool| if wanted { rows } else { 0 };
            let mut table = RowsExcerpt {
                rows: Vec::with_capacity(rows * store.stride()),
                counted: Vec::with_capacity(rows),
                seen: Vec::with_capacity(all(store.gate().is_some())),
                known: Vec::with_capacity(rows),
                lives: Vec::with_capacity(all(store.lives().is_some())),
                ids,
            };
            for &id in &table.ids {
                table.rows.extend_from_slice(store.row(id));
                table.counted.push(store.counted_of(id));
                table.seen.extend(store.gate().map(|gate| gate.seen()[id as usize]));
                let life = store.life_of(id);
                table.known.push(life.known);
                table.lives.extend(store.lives().map(|_| life));
            }
            excerpt.tables.push(table);
        }
        excerpt
    }

    /// Gives a shard the parameters of an excerpt of it. Without `slots` the optimizer state of
    /// these parameters begins anew.
    pub fn lay(&mut self, shard: ShardId, excerpt: &Excerpt, slots: bool) {
        let (layout, sharding) = (self.layout().clone(), self.sharding().clone());
        let rules = (self.rules().0.slots().to_vec(), self.rules().1.slots().to_vec());
        let content = self.content_mut();
        let (mut weights, mut memory) = (&excerpt.dense[..], &excerpt.slots[..]);
        for ((index, block), &updates) in
            sharding.dense_blocks(&layout, shard).zip(&excerpt.updates)
        {
            let own = weights.split_off(..block.len()).expect("an excerpt of this shard");
            content.dense.weights_mut()[block.range()].copy_from_slice(own);
            let into = content.dense.slots_mut(index);
            let own = memory.split_off(..into.len()).expect("an excerpt of this shard");
            match slots {
                true => into.copy_from_slice(own),
                false => Slot::begin(&rules.0, block.len(), into),
            }
            content.dense.updates_mut()[index] = if slots { updates } else { 0 };
        }
        let mut moving = &excerpt.moving[..];
        for (index, block) in sharding.moving_blocks(&layout, shard) {
            if !layout.stays_with_workers(index) {
                let own = moving.split_off(..block.len()).expect("an excerpt of this shard");
                content.moving[block.range()].copy_from_slice(own);
            }
        }
        for (t, table) in excerpt.tables.iter().enumerate() {
            content.partitions[t][shard.index()] = if slots { excerpt.partitions[t] } else { 0 };
            let (store, dim) = (&mut content.tables[t], layout.tables[t].dim);
            let stride = store.stride();
            for (at, &id) in table.ids.iter().enumerate() {
                let row = &table.rows[at * stride..(at + 1) * stride];
                store.row_mut(id).copy_from_slice(row);
                if !slots {
                    Slot::begin(&rules.1, dim, &mut store.row_mut(id)[dim..]);
                }
                store.set_counted(id, if slots { table.counted[at] } else { 0 });
                if let Some(&seen) = table.seen.get(at) {
                    store.set_seen_of(id, seen);
                }
                let known = RowLife { known: table.known[at], ..RowLife::default() };
                store.set_life(id, table.lives.get(at).unwrap_or(&known));
            }
        }
        for (t, table) in excerpt.tables.iter().enumerate() {
            self.settle_row_index(t, table.ids.iter().copied());
        }
    }
}

crate::persist!(RowsExcerpt {
    ids: state,
    rows: state,
    counted: state,
    seen: state,
    known: state,
    lives: state
});
crate::persist!(Excerpt {
    dense: state,
    slots: state,
    updates: state,
    moving: state,
    partitions: state,
    tables: state
});
crate::persist!(RowMarks { tables: state });

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::Streams;
    use crate::optimizer::{Optimizer, OptimizerChoice};
    use crate::params::{Gradient, Init, Layout};
    use crate::server::{Admission, Sharding, UpdateContext};

    fn server(shards: u32) -> ParameterServer {
        let mut layout = Layout::default();
        layout.add_table("item", 0, 10, 2, Init::Normal(1.0));
        layout.add_block("mlp.0", "weight", (2, 2), Init::Normal(1.0));
        layout.add_block("out", "weight", (2, 1), Init::Normal(1.0));
        let keys = serde_json::json!({"kind": "adam"});
        let rule: Arc<dyn Optimizer> =
            serde_json::from_value::<OptimizerChoice>(keys).unwrap().build();
        let sharding = Sharding::new(&layout, shards);
        ParameterServer::new(Arc::new(layout), sharding, rule.clone(), rule, Streams::new(1))
            .with_admission(Some(Admission { after: 1, ..Admission::default() }))
    }

    fn train(server: &mut ParameterServer, ids: [u32; 3], updates: u64) {
        let lookups = lookups(ids);
        let gradient = Gradient { dense: vec![0.5; 6], rows: vec![0.25; 6], ..Gradient::default() };
        for version in 1..=updates {
            let context = UpdateContext {
                dense_rate: 0.1,
                sparse_rate: 0.1,
                version,
                ..UpdateContext::default()
            };
            for shard in 0..server.sharding().shards() {
                server.apply(ShardId(shard), &lookups, &gradient, context).unwrap();
            }
        }
    }

    fn lookups(ids: [u32; 3]) -> Lookups {
        Lookups { ids: vec![ids.to_vec()], ..Lookups::default() }
    }

    fn tensors(server: &ParameterServer) -> crate::server::Tensors {
        server.content().tensors(server.layout(), server.rules(), &[])
    }

    fn shards(server: &ParameterServer) -> impl Iterator<Item = ShardId> + use<> {
        (0..server.sharding().shards()).map(ShardId)
    }

    #[test]
    fn a_full_excerpt_brings_a_shard_back_and_touches_no_other() {
        let mut server = server(3);
        train(&mut server, [2, 3, 7], 2);
        let before = tensors(&server);
        let full: Vec<Excerpt> =
            shards(&server).map(|shard| server.excerpt(shard, RowChoice::All)).collect();
        train(&mut server, [1, 2, 9], 2);
        let after = tensors(&server);
        let mut one = server.clone();
        one.lay(ShardId(1), &full[1], true);
        assert!(tensors(&one) != before && tensors(&one) != after);
        one.lay(ShardId(0), &full[0], true);
        one.lay(ShardId(2), &full[2], true);
        assert_eq!(tensors(&one), before);
    }

    #[test]
    fn full_and_increments_in_order_are_the_present_and_hold_touched_rows_only() {
        let mut server = server(2);
        train(&mut server, [2, 3, 7], 2);
        let full: Vec<Excerpt> =
            shards(&server).map(|shard| server.excerpt(shard, RowChoice::All)).collect();
        let mut increments = vec![Vec::new(); 2];
        for ids in [[1, 2, 9], [2, 4, 5]] {
            let marks: Vec<RowMarks> = shards(&server).map(|s| server.row_marks(s)).collect();
            train(&mut server, ids, 1);
            for shard in shards(&server) {
                let since = RowChoice::Since(&marks[shard.index()]);
                increments[shard.index()].push(server.excerpt(shard, since));
            }
        }
        let rows =
            |n: usize| increments.iter().map(|all: &Vec<Excerpt>| all[n].rows()).sum::<u64>();
        assert_eq!((rows(0), rows(1)), (3, 3));
        let alone: u64 = increments.iter().map(|all| all[0].rows_in_none_of(&all[1..])).sum();
        assert_eq!(alone, 2);
        let present = tensors(&server);
        train(&mut server, [0, 6, 8], 3);
        for shard in shards(&server) {
            server.lay(shard, &full[shard.index()], true);
            increments[shard.index()].iter().for_each(|one| server.lay(shard, one, true));
        }
        // Rows touched since are not in the increments; a full one brings them back.
        assert_eq!(tensors(&server)["item/m"], present["item/m"]);
        assert_eq!(tensors(&server), present);
    }

    #[test]
    fn without_slots_the_optimizer_begins_anew() {
        let mut server = server(1);
        train(&mut server, [2, 3, 7], 3);
        let full = server.excerpt(ShardId(0), RowChoice::All);
        server.lay(ShardId(0), &full, false);
        let laid = tensors(&server);
        assert_eq!(server.excerpt(ShardId(0), RowChoice::All).dense, full.dense);
        let zero = |name: &str| match &laid[name].values {
            crate::server::TensorValues::F32(values) => values.iter().all(|&value| value == 0.0),
            crate::server::TensorValues::U32(values) => values.iter().all(|&value| value == 0),
            crate::server::TensorValues::U64(values) => values.iter().all(|&value| value == 0),
            crate::server::TensorValues::U8(values) => values.iter().all(|&value| value == 0),
        };
        assert!(zero("item/m") && zero("item/v") && zero("item/updates"));
        assert!(zero("out.weight/m") && zero("out.weight/updates") && !zero("item"));
    }

    #[test]
    fn what_an_update_touches_is_undone() {
        let mut server = server(2);
        train(&mut server, [2, 3, 7], 2);
        let before = tensors(&server);
        let lookups = lookups([1, 2, 9]);
        let undo: Vec<Excerpt> =
            shards(&server).map(|s| server.excerpt(s, RowChoice::Of(&[&lookups]))).collect();
        train(&mut server, [1, 2, 9], 1);
        shards(&server).for_each(|shard| server.lay(shard, &undo[shard.index()], true));
        assert_eq!(tensors(&server), before);
        assert!(undo.iter().all(|excerpt| excerpt.bytes() > 0));
    }
}
