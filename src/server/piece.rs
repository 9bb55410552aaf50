//! The pieces in which a server is copied when its job saves a checkpoint without stopping. Each
//! piece is copied at its own instant, while others are updated.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::content::Content;
use super::selection::Aspects;
use super::sharding::Sharding;
use super::store::ParameterServer;
use super::tensors::places;
use crate::base::ShardId;
use crate::optimizer::Optimizer;
use crate::params::Layout;

/// The amount copied at one instant.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Unit")]
pub enum CopyUnit {
    /// Everything, on all shards: a consistent cut.
    Job,
    /// A shard with all its content: shards differ from each other.
    Shard,
    /// One tensor's part on a shard. Weights, each slot and counters are separate tensors, copied
    /// in the order of their names: so a row's weights and slots differ too.
    #[default]
    Tensor,
}

/// One tensor's part on one shard, or several.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// The shard.
    pub shard: ShardId,
    /// Bytes.
    pub bytes: u64,
    /// The tensors that are copied; in a larger [unit](CopyUnit) all tensors of the shard.
    pub parts: Vec<TensorPart>,
}

/// A tensor of a content.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TensorPart {
    /// The name in checkpoint files.
    pub name: String,
    /// The block or table.
    pub of: Of,
    /// Which of its data.
    pub aspect: Aspect,
}

/// A block or a table, by its index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Of {
    /// A dense block.
    Block(usize),
    /// A table.
    Table(usize),
}

/// One kind of data of a block or table.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Aspect {
    /// The parameters.
    Weights,
    /// A slot: its range in the memory of a block or row.
    Slot(usize, usize),
    /// Counters.
    Counters,
    /// Which rows are admitted.
    Seen,
}

impl Piece {
    /// The tensors of tables that the piece contains: name of the tensor, index of the table.
    pub fn tables(&self) -> impl Iterator<Item = (&str, usize)> {
        self.parts.iter().filter_map(|part| match part.of {
            Of::Table(table) => Some((part.name.as_str(), table)),
            Of::Block(_) => None,
        })
    }
}

/// The tensors of a layout with their aspects.
fn parts(layout: &Layout, rules: (&dyn Optimizer, &dyn Optimizer)) -> Vec<TensorPart> {
    let mut all = Vec::new();
    let mut of = |name: &str, of: Of, slots: Vec<(String, Range<usize>)>| {
        all.push(TensorPart { name: name.to_owned(), of, aspect: Aspect::Weights });
        all.extend(slots.into_iter().map(|(slot, range)| TensorPart {
            name: format!("{name}/{slot}"),
            of,
            aspect: Aspect::Slot(range.start, range.end),
        }));
        all.push(TensorPart { name: format!("{name}/updates"), of, aspect: Aspect::Counters });
    };
    let slots = |rule, weights| {
        let named = |(slot, range): (&crate::optimizer::Slot, _)| (slot.name.to_string(), range);
        places(rule, weights).map(named).collect()
    };
    for (index, block) in layout.dense.iter().enumerate() {
        of(&block.name, Of::Block(index), slots(rules.0, block.len()));
    }
    for (index, table) in layout.tables.iter().enumerate() {
        of(&table.name, Of::Table(index), slots(rules.1, table.dim));
    }
    all
}

impl ParameterServer {
    /// The pieces of each shard, in the order in which they are copied; with `slots_first`, slots
    /// come before weights. If the unit is larger than a tensor, a shard is one piece.
    pub fn pieces(&self, unit: CopyUnit, slots_first: bool) -> Vec<Vec<Piece>> {
        let (layout, sharding) = (self.layout().as_ref(), self.sharding());
        let mut parts = parts(layout, self.rules());
        for (index, table) in layout.tables.iter().enumerate() {
            if self.table(index).gate().is_some() {
                let (name, of) = (format!("{}/seen", table.name), Of::Table(index));
                parts.push(TensorPart { name, of, aspect: Aspect::Seen });
            }
        }
        parts.sort();
        if slots_first {
            parts.sort_by_key(|part| part.aspect == Aspect::Weights);
        }
        let rows = rows_by_shard(layout, sharding);
        let of_shard = |shard: ShardId| {
            let own = parts.iter().map(|part| (part, bytes(part, layout, &rows, sharding, shard)));
            let own = own.filter(|(_, bytes)| *bytes > 0);
            if unit == CopyUnit::Tensor {
                let alone = |(part, bytes): (&TensorPart, u64)| Piece {
                    shard,
                    bytes,
                    parts: vec![part.clone()],
                };
                return own.map(alone).collect();
            }
            let (parts, bytes): (Vec<&TensorPart>, Vec<u64>) = own.unzip();
            let parts = parts.into_iter().cloned().collect();
            vec![Piece { shard, bytes: bytes.iter().sum(), parts }]
        };
        (0..sharding.shards()).map(|shard| of_shard(ShardId(shard))).collect()
    }

    /// Copies a piece of the server's content.
    pub fn copy_piece(&self, piece: &Piece, into: &mut Content) {
        for part in &piece.parts {
            match part.of {
                Of::Block(block) => copy_block(self.content(), block, &part.aspect, into),
                Of::Table(table) => self.copy_rows(piece.shard, table, &part.aspect, into),
            }
        }
    }

    fn copy_rows(&self, shard: ShardId, t: usize, aspect: &Aspect, into: &mut Content) {
        let (layout, sharding, from) = (self.layout(), self.sharding(), self.content());
        let (space, dim) = (layout.tables[t].space, layout.tables[t].dim);
        let counters = Aspects { counters: true, ..Aspects::default() };
        for id in (0..layout.tables[t].rows).filter(|&id| sharding.of_row(space, id) == shard) {
            let range = match *aspect {
                Aspect::Weights => 0..dim,
                Aspect::Slot(start, end) => dim + start..dim + end,
                Aspect::Counters => {
                    into.tables[t].copy_from(id, &from.tables[t], counters);
                    continue;
                }
                Aspect::Seen => {
                    into.tables[t].copy_admission_from(id, &from.tables[t]);
                    continue;
                }
            };
            let row = &from.tables[t].row(id)[range.clone()];
            into.tables[t].row_mut(id)[range].copy_from_slice(row);
            if *aspect == Aspect::Weights {
                into.tables[t].copy_life_from(id, &from.tables[t]);
            }
        }
        if *aspect == Aspect::Counters {
            into.partitions[t][shard.index()] = from.partitions[t][shard.index()];
        }
    }

    /// The rows of a table on one shard.
    pub fn rows_on(&self, shard: ShardId, table: usize) -> impl Iterator<Item = u32> + '_ {
        let (space, rows) = (self.layout().tables[table].space, self.layout().tables[table].rows);
        (0..rows).filter(move |id| self.sharding().of_row(space, *id) == shard)
    }
}

fn copy_block(from: &Content, block: usize, aspect: &Aspect, into: &mut Content) {
    let only = |weights, counters| Aspects { weights, slots: false, counters };
    match *aspect {
        Aspect::Weights => into.dense.copy_from(block, &from.dense, only(true, false)),
        Aspect::Counters => into.dense.copy_from(block, &from.dense, only(false, true)),
        Aspect::Slot(start, end) => {
            let slots = &from.dense.slots(block)[start..end];
            into.dense.slots_mut(block)[start..end].copy_from_slice(slots);
        }
        // Only rows have an admission.
        Aspect::Seen => {}
    }
}

/// Rows of each table on each shard.
fn rows_by_shard(layout: &Layout, sharding: &Sharding) -> Vec<Vec<u64>> {
    let of = |table: &crate::params::Table| {
        let mut rows = vec![0; sharding.shards() as usize];
        (0..table.rows).for_each(|id| rows[sharding.of_row(table.space, id).index()] += 1);
        rows
    };
    layout.tables.iter().map(of).collect()
}

/// Bytes of a tensor on a shard.
fn bytes(
    part: &TensorPart,
    layout: &Layout,
    rows: &[Vec<u64>],
    sharding: &Sharding,
    shard: ShardId,
) -> u64 {
    let (weights, times, counter) = match part.of {
        Of::Block(block) if sharding.of_block(block) == shard => (layout.dense[block].len(), 1, 8),
        Of::Block(_) => return 0,
        Of::Table(table) => (layout.tables[table].dim, rows[table][shard.index()], 4),
    };
    let each = match part.aspect {
        Aspect::Weights => 4 * weights,
        Aspect::Slot(start, end) => 4 * (end - start),
        Aspect::Counters => counter,
        Aspect::Seen => 4,
    };
    each as u64 * times
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::Streams;
    use crate::optimizer::OptimizerChoice;
    use crate::params::{Gradient, Init, Lookups};
    use crate::server::UpdateContext;

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
    }

    fn train(server: &mut ParameterServer, updates: u64) {
        let lookups = Lookups { ids: vec![vec![2, 3, 7]], ..Lookups::default() };
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

    fn tensors(server: &ParameterServer, content: &Content) -> crate::server::Tensors {
        content.tensors(server.layout(), server.rules(), &[])
    }

    #[test]
    fn all_pieces_together_are_everything() {
        for shards in [1, 3] {
            for unit in [CopyUnit::Job, CopyUnit::Shard, CopyUnit::Tensor] {
                let mut server = server(shards);
                let mut copy = server.content().clone();
                train(&mut server, 3);
                let pieces = server.pieces(unit, false);
                let bytes: u64 = pieces.iter().flatten().map(|piece| piece.bytes).sum();
                // Weights and two slots of four bytes; a counter per row and per block.
                assert_eq!(bytes, 3 * 4 * (20 + 6) + 4 * 10 + 8 * 2);
                pieces.iter().flatten().for_each(|piece| server.copy_piece(piece, &mut copy));
                assert_eq!(tensors(&server, &copy), tensors(&server, server.content()));
            }
        }
    }

    #[test]
    fn a_piece_is_one_tensor_on_one_shard_and_nothing_else() {
        let mut server = server(2);
        let before = server.content().clone();
        train(&mut server, 2);
        for piece in server.pieces(CopyUnit::Tensor, false).iter().flatten() {
            let mut copy = before.clone();
            server.copy_piece(piece, &mut copy);
            let (old, new) = (tensors(&server, &before), tensors(&server, &copy));
            let changed: Vec<&String> = old
                .iter()
                .filter(|(name, tensor)| new[*name] != **tensor)
                .map(|(n, _)| n)
                .collect();
            let own = &piece.parts[0].name;
            let partition = own.replace("updates", "partition_updates");
            // What is known is told by the weights and the updates.
            let known = format!("{}/known", own.trim_end_matches("/updates"));
            let is_own = |name: &&String| [own, &partition, &known].contains(name);
            assert!(changed.iter().all(is_own), "{changed:?}");
        }
    }

    #[test]
    fn tensors_come_by_name_or_slots_first() {
        let names = |slots_first| -> Vec<String> {
            let pieces = server(1).pieces(CopyUnit::Tensor, slots_first).remove(0);
            pieces.into_iter().map(|piece| piece.parts[0].name.clone()).collect()
        };
        assert_eq!(names(false)[..4], ["item", "item/m", "item/updates", "item/v"]);
        assert_eq!(names(true)[..3], ["item/m", "item/updates", "item/v"]);
        assert_eq!(names(true).last().unwrap(), "out.weight");
    }
}
