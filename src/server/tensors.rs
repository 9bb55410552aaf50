//! A server's content as named tensors, as checkpoint files hold it and other programs read and
//! write it.
//!
//! | name | shape | content |
//! |---|---|---|
//! | `mlp.0.weight` | rows, columns; a vector: its length | weights of a dense block, or moving statistics |
//! | `item` | rows, dim | weights of a table |
//! | `mlp.0.weight/m`, `item/m` | as the weights, or one number per block or row | an optimizer's slot |
//! | `mlp.0.weight/updates` | 1 | updates of the block, counted by its rule |
//! | `item/updates` | rows | updates of each row, counted by its rule |
//! | `item/known` | rows | 1 for the rows of ids that training has met |
//! | `item/last_update`, `item/last_example`, `item/last_ns`, `item/pushes`, `item/score`, `item/evictions` | rows | the lives of rows, if rows are evicted |
//! | `item/seen` | rows | pushes counted for each row, if rows are admitted |
//! | `item/partition_updates` | shards | updates of the table's part on each shard, likewise |
//! | `ids/item`, `ids/item/text`, `ids/item/ends` | rows, bytes, rows | [the ids](super::renumber) in the order of the rows |
//! | `item/m/absent` | any | rows whose slot was copied before their first update, and their weights or another slot after it |

use rand::RngExt;

use super::content::Content;
use super::life_tensors;
use super::tensor::describe;
pub use super::tensor::{ABSENT, Tensor, TensorError, TensorValues, Tensors};
use crate::base::{Purpose, Streams};
use crate::optimizer::{Optimizer, Slot};
use crate::params::{Block, Layout};

/// The shape of a block; for a vector its length.
fn shape_of(block: &Block) -> Vec<usize> {
    match block.shape {
        (1, columns) => vec![columns],
        (rows, columns) => vec![rows, columns],
    }
}

/// The range of each slot in the memory of a block or row of `weights` weights.
pub(super) fn places(
    rule: &dyn Optimizer,
    weights: usize,
) -> impl Iterator<Item = (&Slot, std::ops::Range<usize>)> {
    rule.slots().iter().scan(0, move |start, slot| {
        let range = *start..*start + slot.len(weights);
        *start = range.end;
        Some((slot, range))
    })
}

/// Random bits; zero where they form no finite number.
fn garbage(memory: &mut [f32], streams: Streams, entity: u64, count: u64) {
    let mut rng = streams.rng(Purpose::Garbage, entity, count);
    memory.fill_with(|| {
        let x = f32::from_bits(rng.random());
        if x.is_finite() { x } else { 0.0 }
    });
}

impl Content {
    /// The whole content as tensors. `moving` is the non-trainable arena that is to be saved.
    pub fn tensors(
        &self,
        layout: &Layout,
        (dense_rule, sparse_rule): (&dyn Optimizer, &dyn Optimizer),
        moving: &[f32],
    ) -> Tensors {
        let mut all = Tensors::new();
        let mut put = |name: String, shape: Vec<usize>, values: TensorValues| {
            all.insert(name, Tensor { shape, values });
        };
        for (index, block) in layout.dense.iter().enumerate() {
            let weights = self.dense.weights()[block.range()].to_vec();
            put(block.name.clone(), shape_of(block), TensorValues::F32(weights));
            for (slot, range) in places(dense_rule, block.len()) {
                let values = self.dense.slots(index)[range].to_vec();
                let whole = values.len() == block.len();
                let shape = if whole { shape_of(block) } else { vec![values.len()] };
                put(format!("{}/{}", block.name, slot.name), shape, TensorValues::F32(values));
            }
            let updates = vec![self.dense.updates()[index]];
            put(format!("{}/updates", block.name), vec![1], TensorValues::U64(updates));
        }
        for block in &layout.moving {
            let values = moving[block.range()].to_vec();
            put(block.name.clone(), shape_of(block), TensorValues::F32(values));
        }
        for (t, table) in layout.tables.iter().enumerate() {
            let (store, rows, dim) = (&self.tables[t], table.rows as usize, table.dim);
            let gather = |range: std::ops::Range<usize>| -> Vec<f32> {
                (0..table.rows).flat_map(|id| &store.row(id)[range.clone()]).copied().collect()
            };
            put(table.name.clone(), vec![rows, dim], TensorValues::F32(gather(0..dim)));
            for (slot, range) in places(sparse_rule, dim) {
                let width = range.len();
                let values = gather(dim + range.start..dim + range.end);
                put(
                    format!("{}/{}", table.name, slot.name),
                    vec![rows, width],
                    TensorValues::F32(values),
                );
            }
            put(format!("{}/updates", table.name), vec![rows], TensorValues::U32(store.counted()));
            let known = (0..table.rows).map(|id| u8::from(store.is_known(id))).collect();
            put(format!("{}/known", table.name), vec![rows], TensorValues::U8(known));
            if let Some(lives) = store.lives() {
                for (name, values) in life_tensors::named(lives.columns()) {
                    put(format!("{}/{name}", table.name), vec![rows], values);
                }
            }
            if let Some(gate) = store.gate() {
                let seen = gate.seen().to_vec();
                put(format!("{}/seen", table.name), vec![rows], TensorValues::U32(seen));
            }
            let partitions = self.partitions[t].clone();
            let shape = vec![partitions.len()];
            put(format!("{}/partition_updates", table.name), shape, TensorValues::U64(partitions));
        }
        all
    }

    /// Fills the slots with these names with garbage: random bits, but zero instead of numbers that
    /// are not finite.
    pub fn spoil(
        &mut self,
        layout: &Layout,
        (dense_rule, sparse_rule): (&dyn Optimizer, &dyn Optimizer),
        names: &[String],
        streams: Streams,
    ) {
        let is_meant = |of: &str, slot: &Slot| names.contains(&format!("{of}/{}", slot.name));
        for (index, block) in layout.dense.iter().enumerate() {
            for (slot, range) in places(dense_rule, block.len()) {
                if is_meant(&block.name, slot) {
                    let entity = u64::MAX - index as u64;
                    let memory = &mut self.dense.slots_mut(index)[range.clone()];
                    garbage(memory, streams, entity, range.start as u64);
                }
            }
        }
        for (t, table) in layout.tables.iter().enumerate() {
            for (slot, range) in places(sparse_rule, table.dim) {
                if is_meant(&table.name, slot) {
                    let range = table.dim + range.start..table.dim + range.end;
                    for id in 0..table.rows {
                        self.spoil_row(t, id, range.clone(), streams);
                    }
                }
            }
        }
    }

    /// Fills slots with garbage for the rows that `tensors` lists as absent. Ids that the table
    /// does not have are skipped.
    pub fn spoil_rows(
        &mut self,
        layout: &Layout,
        sparse_rule: &dyn Optimizer,
        tensors: &Tensors,
        streams: Streams,
    ) {
        for (t, table) in layout.tables.iter().enumerate() {
            for (slot, range) in places(sparse_rule, table.dim) {
                let name = format!("{}/{}{ABSENT}", table.name, slot.name);
                let Some(TensorValues::U32(ids)) = tensors.get(&name).map(|tensor| &tensor.values)
                else {
                    continue;
                };
                let range = table.dim + range.start..table.dim + range.end;
                for &id in ids.iter().filter(|&&id| id < table.rows) {
                    self.spoil_row(t, id, range.clone(), streams);
                }
            }
        }
    }

    fn spoil_row(&mut self, t: usize, id: u32, range: std::ops::Range<usize>, streams: Streams) {
        let count = u64::from(id) << 16 | range.start as u64;
        garbage(&mut self.tables[t].row_mut(id)[range], streams, t as u64, count);
    }

    /// Copies the content of the tensors. Returns the names of missing slots and counters; these
    /// keep their values. Tensors that this content does not have are ignored.
    ///
    /// # Errors
    /// If weights are missing, or a tensor has another shape or type; the content is half written
    /// then.
    pub fn set_tensors(
        &mut self,
        layout: &Layout,
        (dense_rule, sparse_rule): (&dyn Optimizer, &dyn Optimizer),
        tensors: &Tensors,
    ) -> Result<Vec<String>, TensorError> {
        let mut from = TensorReader { tensors, missing: Vec::new() };
        for (index, block) in layout.dense.iter().enumerate() {
            let weights = from.weights(&block.name, &shape_of(block))?;
            self.dense.weights_mut()[block.range()].copy_from_slice(weights);
            for (slot, range) in places(dense_rule, block.len()) {
                let whole = range.len() == block.len();
                let shape = if whole { shape_of(block) } else { vec![range.len()] };
                if let Some(values) =
                    from.floats(&format!("{}/{}", block.name, slot.name), &shape)?
                {
                    self.dense.slots_mut(index)[range].copy_from_slice(values);
                }
            }
            if let Some(updates) = from.counters(&format!("{}/updates", block.name), Some(1))? {
                self.dense.updates_mut()[index] = updates[0];
            }
        }
        for block in &layout.moving {
            let values = from.weights(&block.name, &shape_of(block))?;
            self.moving[block.range()].copy_from_slice(values);
        }
        for (t, table) in layout.tables.iter().enumerate() {
            let (rows, dim) = (table.rows as usize, table.dim);
            let store = &mut self.tables[t];
            let mut scatter = |values: &[f32], place: std::ops::Range<usize>| {
                for (id, values) in (0..).zip(values.chunks_exact(place.len().max(1))) {
                    store.row_mut(id)[place.clone()].copy_from_slice(values);
                }
            };
            if let Some(found) = from.other_rows(&table.name, rows, dim) {
                return Err(TensorError::Rows { name: table.name.clone(), found, needed: rows });
            }
            scatter(from.weights(&table.name, &[rows, dim])?, 0..dim);
            for (slot, range) in places(sparse_rule, dim) {
                let name = format!("{}/{}", table.name, slot.name);
                if let Some(values) = from.floats(&name, &[rows, range.len()])? {
                    scatter(values, dim + range.start..dim + range.end);
                }
            }
            let name = format!("{}/updates", table.name);
            if let Some(updates) = from.row_counters(&name, rows)? {
                store.set_updates(updates.to_vec());
            }
            if let Some(lives) = store.lives_mut() {
                let known = tensors.get(&format!("{}/known", table.name));
                let known: Vec<bool> = match known.map(|tensor| &tensor.values) {
                    Some(TensorValues::U8(known)) if known.len() == rows => {
                        known.iter().map(|known| *known != 0).collect()
                    }
                    _ => vec![true; rows],
                };
                let columns = life_tensors::read(tensors, &table.name, rows);
                lives.set_columns(&known, columns.as_ref());
                if columns.is_none() {
                    from.missing.push(format!("{}/last_update", table.name));
                }
            }
            // Files of other programs have only rows that mean something.
            match tensors.get(&format!("{}/known", table.name)).map(|tensor| &tensor.values) {
                Some(TensorValues::U8(known)) if known.len() == rows => {
                    let known = (0..).zip(known).filter(|(_, known)| **known != 0);
                    known.for_each(|(id, _)| store.mark_known(id));
                }
                _ => (0..table.rows).for_each(|id| store.mark_known(id)),
            }
            if store.gate().is_some() {
                match from.row_counters(&format!("{}/seen", table.name), rows)? {
                    Some(seen) => store.set_seen(seen),
                    None => {
                        store.set_seen(&vec![u32::MAX; rows]);
                        store.forget_admission();
                    }
                }
            }
            let name = format!("{}/partition_updates", table.name);
            if let Some(updates) = from.counters(&name, None)? {
                self.copy_partitions_from(t, updates);
            }
        }
        Ok(from.missing)
    }
}

struct TensorReader<'a> {
    tensors: &'a Tensors,
    missing: Vec<String>,
}

impl<'a> TensorReader<'a> {
    fn weights(&mut self, name: &str, shape: &[usize]) -> Result<&'a [f32], TensorError> {
        self.floats(name, shape)?.ok_or_else(|| TensorError::Missing {
            name: name.to_owned(),
            nearest: nearest(name, self.tensors.keys()),
        })
    }

    /// The number of rows of a table, if only that differs.
    fn other_rows(&self, name: &str, rows: usize, dim: usize) -> Option<usize> {
        match self.tensors.get(name)?.shape[..] {
            [found, width] if width == dim && found != rows => Some(found),
            _ => None,
        }
    }

    fn floats(&mut self, name: &str, shape: &[usize]) -> Result<Option<&'a [f32]>, TensorError> {
        match self.find(name) {
            None => Ok(None),
            Some(Tensor { shape: found, values: TensorValues::F32(values) }) if found == shape => {
                Ok(Some(values))
            }
            Some(other) => Err(misfit(name, other, describe("f32", shape))),
        }
    }

    fn counters(
        &mut self,
        name: &str,
        length: Option<usize>,
    ) -> Result<Option<&'a [u64]>, TensorError> {
        match self.find(name) {
            None => Ok(None),
            Some(Tensor { values: TensorValues::U64(values), .. })
                if length.is_none_or(|length| values.len() == length) =>
            {
                Ok(Some(values))
            }
            Some(other) => Err(misfit(name, other, describe("u64", &[length.unwrap_or(0)]))),
        }
    }

    fn row_counters(&mut self, name: &str, rows: usize) -> Result<Option<&'a [u32]>, TensorError> {
        match self.find(name) {
            None => Ok(None),
            Some(Tensor { values: TensorValues::U32(values), .. }) if values.len() == rows => {
                Ok(Some(values))
            }
            Some(other) => Err(misfit(name, other, describe("u32", &[rows]))),
        }
    }

    fn find(&mut self, name: &str) -> Option<&'a Tensor> {
        let found = self.tensors.get(name);
        if found.is_none() {
            self.missing.push(name.to_owned());
        }
        found
    }
}

fn misfit(name: &str, found: &Tensor, needed: String) -> TensorError {
    TensorError::Misfit { name: name.to_owned(), found: found.describe(), needed }
}

/// The most similar of some names, if any is similar.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    let scored = names.map(|other| (strsim::jaro_winkler(name, other), other));
    let best = scored.reduce(|a, b| if b.0 > a.0 { b } else { a })?;
    (best.0 > 0.7).then(|| best.1.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Streams;
    use crate::optimizer::{OptimizerChoice, Tick};
    use crate::params::Init;
    use std::sync::Arc;

    fn layout() -> Layout {
        let mut layout = Layout::default();
        layout.add_table("item", 0, 3, 2, Init::Normal(1.0));
        layout.add_block("mlp.0", "weight", (2, 2), Init::Normal(1.0));
        layout.add_block("mlp.0", "bias", (1, 2), Init::Normal(1.0));
        layout.add_moving_block("mlp.0", "mean", (1, 2), Init::Constant(0.5));
        layout
    }

    fn rule(kind: &str) -> Arc<dyn Optimizer> {
        let keys = serde_json::json!({"kind": kind});
        serde_json::from_value::<OptimizerChoice>(keys).unwrap().build()
    }

    fn content(rule: &dyn Optimizer, seed: u64) -> Content {
        Content::new(&layout(), 2, (rule, rule), Streams::new(seed))
    }

    fn used(rule: &dyn Optimizer) -> Content {
        let mut content = content(rule, 1);
        let tick = Tick { rate: 0.1, global: 1, variable: 1, ..Tick::default() };
        for block in 0..2 {
            content.dense.update(block, rule, &[0.5; 6], &[], tick);
        }
        content.tables[0].update(2, rule, &[0.25, 0.5], tick);
        content.partitions[0] = vec![1, 4];
        content.moving = vec![2.0, 3.0];
        content
    }

    #[test]
    fn tensors_of_every_rule_read_back_the_same() {
        for part in OptimizerChoice::PARTS {
            let rule = match serde_json::from_value::<OptimizerChoice>(
                serde_json::json!({"kind": part.name, "period": {"updates": 7}}),
            ) {
                Ok(choice) => choice.build(),
                Err(_) => rule(part.name),
            };
            let rules = (rule.as_ref(), rule.as_ref());
            let from = used(rule.as_ref());
            let tensors = from.tensors(&layout(), rules, &from.moving);
            let mut into = content(rule.as_ref(), 2);
            assert_eq!(into.set_tensors(&layout(), rules, &tensors), Ok(vec![]), "{}", part.name);
            assert!(into.tensors(&layout(), rules, &into.moving) == tensors, "{}", part.name);
        }
    }

    #[test]
    fn names_and_shapes_are_those_of_the_model() {
        let adam = rule("adam");
        let from = used(adam.as_ref());
        let tensors = from.tensors(&layout(), (adam.as_ref(), adam.as_ref()), &from.moving);
        let names: Vec<String> =
            tensors.iter().map(|(name, tensor)| format!("{name} {}", tensor.describe())).collect();
        assert_eq!(
            names,
            [
                "item f32 [3, 2]",
                "item/known u8 [3]",
                "item/m f32 [3, 2]",
                "item/partition_updates u64 [2]",
                "item/updates u32 [3]",
                "item/v f32 [3, 2]",
                "mlp.0.bias f32 [2]",
                "mlp.0.bias/m f32 [2]",
                "mlp.0.bias/updates u64 [1]",
                "mlp.0.bias/v f32 [2]",
                "mlp.0.mean f32 [2]",
                "mlp.0.weight f32 [2, 2]",
                "mlp.0.weight/m f32 [2, 2]",
                "mlp.0.weight/updates u64 [1]",
                "mlp.0.weight/v f32 [2, 2]",
            ]
        );
    }

    #[test]
    fn missing_slots_are_named_and_missing_weights_refused() {
        let (adam, sgd) = (rule("adam"), rule("sgd"));
        let from = used(sgd.as_ref());
        let mut tensors = from.tensors(&layout(), (sgd.as_ref(), sgd.as_ref()), &from.moving);
        let mut into = content(adam.as_ref(), 2);
        let rules = (adam.as_ref(), adam.as_ref());
        let missing = into.set_tensors(&layout(), rules, &tensors).unwrap();
        assert_eq!(missing.len(), 6);
        assert!(missing.contains(&"item/v".to_owned()));
        assert_eq!(into.dense.weights(), from.dense.weights());
        let weight = tensors.remove("mlp.0.weight").unwrap();
        tensors.insert("mlp.0.weights".into(), weight);
        let error = into.set_tensors(&layout(), rules, &tensors).unwrap_err().to_string();
        assert_eq!(error, "there is no `mlp.0.weight`; the nearest name is `mlp.0.weights`");
        tensors.insert(
            "item".into(),
            Tensor { shape: vec![6], values: TensorValues::F32(vec![0.0; 6]) },
        );
        tensors.insert("mlp.0.weight".into(), tensors["mlp.0.weights"].clone());
        let error = into.set_tensors(&layout(), rules, &tensors).unwrap_err().to_string();
        assert_eq!(error, "`item` is f32 [6], and this model needs f32 [3, 2]");
    }
}
