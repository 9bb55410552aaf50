//! Rows found by id: the tables of a checkpoint brought into the order of another numbering.
//!
//! The rows of a table are numbered by the first occurrence of their ids in a log, so another log
//! numbers them otherwise. A checkpoint therefore holds, for each id space, the keys of the ids in
//! the order of the rows.
//!
//! | name | shape | content |
//! |---|---|---|
//! | `ids/item` | rows | keys of the ids, 8 bytes each; no element if an id has the same row in every log |

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use super::content::Content;
use super::tensors::{ABSENT, Tensor, TensorError, TensorValues, Tensors};
use crate::optimizer::Optimizer;
use crate::params::{Layout, Table};

/// The beginning of the name of a list of keys.
const IDS: &str = "ids/";

/// The rows of an id space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpaceIds<'a> {
    /// Name of the space.
    pub name: &'a str,
    /// For each row the key of its id; `None` if an id has the same row in every log.
    pub keys: Option<&'a [u64]>,
}

/// What became of the rows of an id space whose ids another log had numbered.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PlacedRows {
    /// The id space.
    pub space: String,
    /// Ids that both have: their rows were taken over.
    pub kept: u64,
    /// Ids that the checkpoint does not have: their rows have their initial values.
    pub new: u64,
    /// Ids that only the checkpoint has: their rows were left out.
    pub gone: u64,
}

/// What became of the rows of all id spaces.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowPlaces {
    /// The spaces whose rows were numbered otherwise.
    pub moved: Vec<PlacedRows>,
    /// The spaces of which the file lists no ids: their rows were taken over by number.
    pub by_number: Vec<String>,
}

/// The lists of keys, as a checkpoint holds them.
pub fn id_tensors<'a>(spaces: impl IntoIterator<Item = SpaceIds<'a>>) -> Tensors {
    let list = |space: SpaceIds<'_>| {
        let keys = space.keys.unwrap_or_default().to_vec();
        let tensor = Tensor { shape: vec![keys.len()], values: TensorValues::U64(keys) };
        (format!("{IDS}{}", space.name), tensor)
    };
    spaces.into_iter().map(list).collect()
}

/// The tensors of a checkpoint with their rows in the order of `spaces`, the id spaces of the
/// layout; and what became of the rows. `first` are
/// the initial values of new rows. Tables of spaces without a list stay as they are.
///
/// # Errors
/// If rows are found by id here and not there, or the lists do not fit the tables.
pub fn renumber<'t>(
    tensors: &'t Tensors,
    (first, layout): (&Content, &Layout),
    rules: (&dyn Optimizer, &dyn Optimizer),
    spaces: &[SpaceIds<'_>],
) -> Result<(Cow<'t, Tensors>, RowPlaces), TensorError> {
    let mut renumbered = Cow::Borrowed(tensors);
    let (mut initial, mut placement) = (None, RowPlaces::default());
    for (index, space) in spaces.iter().enumerate() {
        let tables = layout.tables.iter().enumerate().filter(|(_, table)| table.space == index);
        let tables: Vec<(usize, &Table)> = tables.collect();
        let listed = tensors.get(&format!("{IDS}{}", space.name)).map(|tensor| &tensor.values);
        if tables.is_empty() {
            continue;
        }
        let Some(TensorValues::U64(old)) = listed else {
            placement.by_number.extend(space.keys.map(|_| space.name.to_owned()));
            continue;
        };
        let new = match (space.keys, old.is_empty()) {
            (None | Some([]), true) => continue,
            (Some(new), false) => new,
            (new, _) => {
                let (space, here) = (space.name.to_owned(), new.is_some());
                return Err(TensorError::Numbering { space, here });
            }
        };
        if old == new {
            continue;
        }
        let rows: FxHashMap<u64, u32> = old.iter().copied().zip(0..).collect();
        let sources: Vec<Option<u32>> = new.iter().map(|key| rows.get(key).copied()).collect();
        let initial = initial.get_or_insert_with(|| first.tensors(layout, rules, &first.moving));
        for (t, table) in tables {
            let rows = Rows { sources: &sources, old: old.len() };
            rows.place(renumbered.to_mut(), initial, (first, t), table)?;
        }
        let kept = sources.iter().flatten().count() as u64;
        placement.moved.push(PlacedRows {
            space: space.name.to_owned(),
            kept,
            new: new.len() as u64 - kept,
            gone: (old.len() as u64).saturating_sub(kept),
        });
    }
    Ok((renumbered, placement))
}

/// Where the rows of a table come from.
struct Rows<'a> {
    /// For each row, the row of the checkpoint with the same id.
    sources: &'a [Option<u32>],
    /// Rows of the checkpoint.
    old: usize,
}

impl Rows<'_> {
    /// Replaces the tensors of a table by those in the new order.
    fn place(
        &self,
        tensors: &mut Tensors,
        initial: &Tensors,
        (first, t): (&Content, usize),
        table: &Table,
    ) -> Result<(), TensorError> {
        let counts = format!("{}/seen", table.name);
        // Without counts all rows of the checkpoint are admitted: the new ones among them, too.
        let admitted = initial.contains_key(&counts) && !tensors.contains_key(&counts);
        for (name, fresh) in initial.iter().filter(|(name, _)| by_row(name, &table.name)) {
            let Some(old) = tensors.get(name) else { continue };
            if old.shape.first() != Some(&self.old) || old.shape[1..] != fresh.shape[1..] {
                return Err(TensorError::Misfit {
                    name: name.clone(),
                    found: old.describe(),
                    needed: fresh.describe(),
                });
            }
            let mut fresh = fresh.clone();
            if let (true, TensorValues::F32(weights)) =
                (admitted && *name == table.name, &mut fresh.values)
            {
                let rows = weights.chunks_exact_mut(table.dim.max(1));
                (0..)
                    .zip(rows)
                    .for_each(|(id, row)| row.copy_from_slice(first.tables[t].first(id)));
            }
            let width = fresh.shape[1..].iter().product();
            match (&old.values, &mut fresh.values) {
                (TensorValues::F32(old), TensorValues::F32(new)) => self.copy(old, new, width),
                (TensorValues::U32(old), TensorValues::U32(new)) => self.copy(old, new, width),
                (TensorValues::U64(old), TensorValues::U64(new)) => self.copy(old, new, width),
                _ => continue,
            }
            tensors.insert(name.clone(), fresh);
        }
        let lists = |name: &&String| {
            let of = name.strip_suffix(ABSENT).and_then(|slot| slot.rsplit_once('/'));
            of.is_some_and(|(of, _)| of == table.name)
        };
        let lists: Vec<String> = tensors.keys().filter(lists).cloned().collect();
        for name in lists {
            let Some(TensorValues::U32(old)) = tensors.get(&name).map(|t| &t.values) else {
                continue;
            };
            let is_absent = |source: &Option<u32>| source.is_some_and(|row| old.contains(&row));
            let new: Vec<u32> = (0..)
                .zip(self.sources)
                .filter(|(_, source)| is_absent(source))
                .map(|(id, _)| id)
                .collect();
            let tensor = Tensor { shape: vec![new.len()], values: TensorValues::U32(new) };
            tensors.insert(name, tensor);
        }
        Ok(())
    }

    fn copy<T: Copy>(&self, old: &[T], new: &mut [T], width: usize) {
        for (row, source) in new.chunks_exact_mut(width.max(1)).zip(self.sources) {
            if let Some(source) = source {
                row.copy_from_slice(&old[*source as usize * width..][..width]);
            }
        }
    }
}

/// Whether a tensor has one entry per row of the table.
fn by_row(name: &str, table: &str) -> bool {
    let aspect = name.strip_prefix(table);
    aspect.is_some_and(|rest| {
        rest.is_empty() || rest.starts_with('/') && rest != "/partition_updates"
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Streams;
    use crate::optimizer::{OptimizerChoice, Tick};
    use crate::params::Init;
    use crate::server::Admission;
    use std::sync::Arc;

    fn layout(rows: u32) -> Layout {
        let mut layout = Layout::default();
        layout.add_table("item", 0, rows, 2, Init::Normal(1.0));
        layout.add_table("item.wide", 0, rows, 1, Init::Normal(1.0));
        layout.add_table("shop", 1, 2, 1, Init::Normal(1.0));
        layout
    }

    fn adam() -> Arc<dyn Optimizer> {
        let keys = serde_json::json!({"kind": "adam"});
        serde_json::from_value::<OptimizerChoice>(keys).unwrap().build()
    }

    fn content(rows: u32, seed: u64) -> Content {
        let rule = adam();
        Content::new(&layout(rows), 1, (rule.as_ref(), rule.as_ref()), Streams::new(seed))
    }

    fn spaces<'a>(items: Option<&'a [u64]>) -> [SpaceIds<'a>; 2] {
        [SpaceIds { name: "item", keys: items }, SpaceIds { name: "shop", keys: None }]
    }

    /// A content with three items whose rows differ in everything, and its tensors.
    fn used(keys: Option<&[u64]>) -> (Content, Tensors) {
        let (rule, mut content) = (adam(), content(3, 1));
        let tick = Tick { rate: 0.1, global: 1, variable: 1, ..Tick::default() };
        for (id, times) in [(0, 1), (1, 2), (2, 3)] {
            for _ in 0..times {
                content.tables[0].update(id, rule.as_ref(), &[0.5, 0.25 * times as f32], tick);
            }
        }
        let mut tensors =
            content.tensors(&layout(3), (rule.as_ref(), rule.as_ref()), &content.moving);
        tensors.extend(id_tensors(spaces(keys)));
        (content, tensors)
    }

    fn start(
        tensors: &Tensors,
        mut first: Content,
        rows: u32,
        keys: Option<&[u64]>,
    ) -> Result<(Content, RowPlaces), TensorError> {
        let (rule, layout) = (adam(), layout(rows));
        let rules = (rule.as_ref(), rule.as_ref());
        let (tensors, placement) = renumber(tensors, (&first, &layout), rules, &spaces(keys))?;
        first.set_tensors(&layout, rules, &tensors)?;
        Ok((first, placement))
    }

    #[test]
    fn rows_follow_their_ids_new_ones_begin_and_old_ones_end() {
        let (from, tensors) = used(Some(&[10, 11, 12]));
        let (into, placement) = start(&tensors, content(4, 2), 4, Some(&[12, 99, 10, 98])).unwrap();
        assert_eq!(
            placement.moved,
            [PlacedRows { space: "item".into(), kept: 2, new: 2, gone: 1 }]
        );
        let fresh = content(4, 2);
        for t in 0..2 {
            assert_eq!(into.tables[t].row(0), from.tables[t].row(2));
            assert_eq!(into.tables[t].row(1), fresh.tables[t].row(1));
            assert_eq!(into.tables[t].row(2), from.tables[t].row(0));
            assert_eq!(into.tables[t].row(3), fresh.tables[t].row(3));
        }
        assert_eq!(into.tables[0].counted(), [3, 0, 1, 0]);
        assert_eq!(into.tables[2].row(0), from.tables[2].row(0));
    }

    #[test]
    fn the_same_numbering_changes_nothing_and_a_file_without_keys_goes_by_number() {
        let (from, mut tensors) = used(Some(&[10, 11, 12]));
        let (into, placement) = start(&tensors, content(3, 2), 3, Some(&[10, 11, 12])).unwrap();
        assert!(
            placement == RowPlaces::default() && into.tables[0].row(1) == from.tables[0].row(1)
        );
        tensors.retain(|name, _| !name.starts_with(IDS));
        let (into, placement) = start(&tensors, content(3, 2), 3, Some(&[12, 11, 10])).unwrap();
        assert!(placement.by_number == ["item"] && into.tables[0].row(0) == from.tables[0].row(0));
        let error = start(&tensors, content(4, 2), 4, Some(&[1, 2, 3, 4])).unwrap_err().to_string();
        assert!(error.starts_with("`item` has 3 rows, and this model needs 4: "), "{error}");
        assert!(error.contains("other ids") && error.contains("hash_rows"), "{error}");
    }

    #[test]
    fn rows_by_hash_and_rows_by_id_do_not_mix() {
        let (_, listed) = used(Some(&[10, 11, 12]));
        let (from, hashed) = used(None);
        for (tensors, keys) in [(&listed, None), (&hashed, Some(&[10, 11, 12][..]))] {
            let error = start(tensors, content(3, 2), 3, keys).unwrap_err().to_string();
            assert!(error.contains("hash_rows"), "{error}");
        }
        let (into, placement) = start(&hashed, content(3, 2), 3, None).unwrap();
        assert!(
            placement == RowPlaces::default() && into.tables[0].row(2) == from.tables[0].row(2)
        );
    }

    #[test]
    fn absent_slots_and_unadmitted_rows_follow_too() {
        let (from, mut tensors) = used(Some(&[10, 11, 12]));
        let absent = Tensor { shape: vec![2], values: TensorValues::U32(vec![0, 1]) };
        tensors.insert("item/m/absent".into(), absent);
        let (rule, first) = (adam(), content(2, 2));
        let rules = (rule.as_ref(), rule.as_ref());
        let (placed, _) =
            renumber(&tensors, (&first, &layout(2)), rules, &spaces(Some(&[99, 11]))).unwrap();
        assert_eq!(placed["item/m/absent"].values, TensorValues::U32(vec![1]));
        // Rows are admitted from now on; the file has no counts of them.
        let mut first = content(2, 2);
        first.admit(Some(Admission::default()));
        let (into, _) = start(&tensors, first, 2, Some(&[99, 11])).unwrap();
        assert_eq!(into.tables[0].first(0), content(2, 2).tables[0].weights(0));
        assert_eq!(into.tables[0].first(1), from.tables[0].weights(1));
    }
}
