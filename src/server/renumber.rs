//! Rows found by id: the tables of a checkpoint brought into the order of another numbering.
//!
//! The rows of a table are numbered by the first occurrence of their ids in a log, so another log
//! numbers them otherwise. A checkpoint therefore lists, for each id space, the ids in the order of
//! the rows.
//!
//! | name | shape | content |
//! |---|---|---|
//! | `ids/item` | rows | keys of the ids, 8 bytes each; no element if an id has the same row in every log |
//! | `ids/item/text` | bytes | the ids as the log has them, one behind the other |
//! | `ids/item/ends` | rows | where each of them ends |

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::content::Content;
use super::tensors::{ABSENT, Tensor, TensorError, TensorValues, Tensors};
use crate::data::Ids;
use crate::optimizer::Optimizer;
use crate::params::{Layout, Table};

/// The beginning of the name of a list of keys.
const IDS: &str = "ids/";

/// How the rows of a checkpoint's tables are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowsFound {
    /// By the ids that the checkpoint lists.
    #[default]
    ById,
    /// The first row is that of the first id of this log, and so on: for files of other programs,
    /// which list no ids.
    ByNumber,
}

impl RowsFound {
    /// Whether it is the default, which is left out of files.
    pub fn is_by_id(&self) -> bool {
        *self == RowsFound::ById
    }
}

/// The rows of an id space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpaceIds<'a> {
    /// Name of the space.
    pub name: &'a str,
    /// The ids in the order of the rows; `None` if an id has the same row in every log.
    pub ids: Option<&'a Ids>,
    /// Ids at the end that only the checkpoint has.
    pub carried: u64,
}

/// What became of the rows of an id space.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PlacedRows {
    /// The id space.
    pub space: String,
    /// Ids that both have: their rows were taken over.
    pub known: u64,
    /// Ids that the checkpoint does not have: their rows have their initial values.
    pub new: u64,
    /// Ids that only the checkpoint has: their rows were taken over, too.
    pub carried: u64,
}

/// What became of the rows of all id spaces.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowPlaces {
    /// The spaces whose rows were found by id.
    pub by_id: Vec<PlacedRows>,
    /// The spaces of which the file lists no ids: their rows were taken over by number.
    pub by_number: Vec<String>,
}

/// The lists of ids, as a checkpoint holds them.
pub fn id_tensors<'a>(spaces: impl IntoIterator<Item = SpaceIds<'a>>) -> Tensors {
    let mut tensors = Tensors::new();
    for space in spaces {
        let name = format!("{IDS}{}", space.name);
        let keys = space.ids.map_or(&[][..], Ids::keys).to_vec();
        let mut put = |name: String, shape, values| {
            tensors.insert(name, Tensor { shape: vec![shape], values });
        };
        if let Some(ids) = space.ids {
            let (text, ends) = ids.texts();
            put(format!("{name}/text"), text.len(), TensorValues::U8(text.to_vec()));
            put(format!("{name}/ends"), ends.len(), TensorValues::U64(ends.to_vec()));
        }
        put(name, keys.len(), TensorValues::U64(keys));
    }
    tensors
}

/// Takes the texts of ids out of a checkpoint, so that it lists their keys alone.
pub fn forget_texts(tensors: &mut Tensors) {
    for space in listed_spaces(tensors) {
        tensors.remove(&format!("{IDS}{space}/text"));
        tensors.remove(&format!("{IDS}{space}/ends"));
    }
}

/// The ids of an id space that a checkpoint lists; `None` if it lists none. Texts that do not fit
/// their keys are left out.
pub fn listed_ids(tensors: &Tensors, space: &str) -> Option<Ids> {
    let values = |name: &str| tensors.get(name).map(|tensor| &tensor.values);
    let name = format!("{IDS}{space}");
    let TensorValues::U64(keys) = values(&name)? else { return None };
    if keys.is_empty() {
        return None;
    }
    let texts = (values(&format!("{name}/text")), values(&format!("{name}/ends")));
    if let (Some(TensorValues::U8(text)), Some(TensorValues::U64(ends))) = texts
        && let Ok(ids) = Ids::new(keys.clone(), text.clone(), ends.clone())
    {
        return Some(ids);
    }
    let mut ids = Ids::default();
    keys.iter().for_each(|key| ids.push(*key, b""));
    Some(ids)
}

/// The id spaces whose ids a checkpoint lists, or of which it says that they have none.
fn listed_spaces(tensors: &Tensors) -> Vec<String> {
    let names = tensors.keys().filter_map(|name| name.strip_prefix(IDS));
    let is_part = |name: &&str| {
        let of = name.strip_suffix("/text").or_else(|| name.strip_suffix("/ends"));
        of.is_some_and(|of| tensors.contains_key(&format!("{IDS}{of}")))
    };
    names.filter(|name| !is_part(name)).map(str::to_owned).collect()
}

/// The tensors of a checkpoint with their rows in the order of `spaces`, the id spaces of the
/// layout; and what became of the rows. `first` are
/// the initial values of new rows. Tables of spaces without a list stay as they are.
///
/// # Errors
/// If rows are found by id here and not there, the checkpoint is of other ids, or the lists do not
/// fit the tables.
pub fn renumber<'t>(
    tensors: &'t Tensors,
    (first, layout): (&Content, &Layout),
    rules: (&dyn Optimizer, &dyn Optimizer),
    spaces: &[SpaceIds<'_>],
    found: RowsFound,
) -> Result<(Cow<'t, Tensors>, RowPlaces), TensorError> {
    let mut renumbered = Cow::Borrowed(tensors);
    let (mut initial, mut placement) = (None, RowPlaces::default());
    let has = listed_spaces(tensors);
    for (index, space) in spaces.iter().enumerate() {
        let tables = layout.tables.iter().enumerate().filter(|(_, table)| table.space == index);
        let tables: Vec<(usize, &Table)> = tables.collect();
        let listed = tensors.get(&format!("{IDS}{}", space.name)).map(|tensor| &tensor.values);
        if tables.is_empty() {
            continue;
        }
        let Some(TensorValues::U64(old)) = listed else {
            let Some(_) = space.ids else { continue };
            let name = space.name.to_owned();
            match found {
                _ if !has.is_empty() => {
                    return Err(TensorError::OtherFields { space: name, has });
                }
                RowsFound::ById => return Err(TensorError::NoIds { space: name }),
                RowsFound::ByNumber => placement.by_number.push(name),
            }
            continue;
        };
        let new = match (space.ids.map(Ids::keys), old.is_empty()) {
            (None | Some([]), true) => continue,
            (Some(new), false) => new,
            (new, _) => {
                let (space, here) = (space.name.to_owned(), new.is_some());
                return Err(TensorError::Numbering { space, here });
            }
        };
        if old != new {
            for (keys, here) in [(&old[..], false), (new, true)] {
                if has_twice(keys) {
                    return Err(TensorError::SameKey { space: space.name.to_owned(), here });
                }
            }
        }
        let rows: FxHashMap<u64, u32> = old.iter().copied().zip(0..).collect();
        let sources: Vec<Option<u32>> = new.iter().map(|key| rows.get(key).copied()).collect();
        if old != new {
            let initial =
                initial.get_or_insert_with(|| first.tensors(layout, rules, &first.moving));
            for (t, table) in tables {
                let rows = Rows { sources: &sources, old: old.len() };
                rows.place(renumbered.to_mut(), initial, (first, t), table)?;
            }
        }
        let kept = sources.iter().flatten().count() as u64;
        placement.by_id.push(PlacedRows {
            space: space.name.to_owned(),
            known: kept.saturating_sub(space.carried),
            new: new.len() as u64 - kept,
            carried: space.carried,
        });
    }
    if !placement.by_id.is_empty() && placement.by_id.iter().all(|rows| rows.known == 0) {
        let spaces = placement.by_id.into_iter().map(|rows| rows.space).collect();
        return Err(TensorError::OtherIds { spaces });
    }
    Ok((renumbered, placement))
}

/// Whether two ids have the same key.
fn has_twice(keys: &[u64]) -> bool {
    let mut met = FxHashSet::default();
    keys.iter().any(|key| *key != Ids::NO_ID && !met.insert(*key))
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
        for (name, fresh) in initial.iter().filter(|(name, _)| is_by_row(name, &table.name)) {
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
                (TensorValues::U8(old), TensorValues::U8(new)) => self.copy(old, new, width),
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
pub fn is_by_row(name: &str, table: &str) -> bool {
    let aspect = name.strip_prefix(table);
    aspect.is_some_and(|rest| {
        let is_own = rest != "/partition_updates" && !rest.ends_with(ABSENT);
        rest.is_empty() || rest.starts_with('/') && is_own
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

    fn ids(keys: &[u64]) -> Ids {
        let mut ids = Ids::default();
        keys.iter().for_each(|key| ids.push(*key, key.to_string().as_bytes()));
        ids
    }

    fn spaces(items: Option<&Ids>) -> [SpaceIds<'_>; 2] {
        let space = |name, ids| SpaceIds { name, ids, carried: 0 };
        [space("item", items), space("shop", None)]
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
        tensors.extend(id_tensors(spaces(keys.map(ids).as_ref())));
        (content, tensors)
    }

    fn start(
        tensors: &Tensors,
        first: Content,
        rows: u32,
        keys: Option<&[u64]>,
    ) -> Result<(Content, RowPlaces), TensorError> {
        start_by(RowsFound::ById, tensors, first, rows, keys)
    }

    fn start_by(
        found: RowsFound,
        tensors: &Tensors,
        mut first: Content,
        rows: u32,
        keys: Option<&[u64]>,
    ) -> Result<(Content, RowPlaces), TensorError> {
        let (rule, layout) = (adam(), layout(rows));
        let rules = (rule.as_ref(), rule.as_ref());
        let keys = keys.map(ids);
        let (tensors, placement) =
            renumber(tensors, (&first, &layout), rules, &spaces(keys.as_ref()), found)?;
        first.set_tensors(&layout, rules, &tensors)?;
        Ok((first, placement))
    }

    #[test]
    fn rows_follow_their_ids_new_ones_begin_and_old_ones_end() {
        let (from, tensors) = used(Some(&[10, 11, 12]));
        let (into, placement) = start(&tensors, content(4, 2), 4, Some(&[12, 99, 10, 98])).unwrap();
        assert_eq!(
            placement.by_id,
            [PlacedRows { space: "item".into(), known: 2, new: 2, carried: 0 }]
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
    fn the_same_numbering_changes_nothing() {
        let (from, tensors) = used(Some(&[10, 11, 12]));
        let (into, placement) = start(&tensors, content(3, 2), 3, Some(&[10, 11, 12])).unwrap();
        assert_eq!(into.tables[0].row(1), from.tables[0].row(1));
        assert_eq!((placement.by_id[0].known, placement.by_id[0].new), (3, 0));
    }

    #[test]
    fn a_file_without_ids_is_refused_or_taken_by_number() {
        let (from, mut tensors) = used(Some(&[10, 11, 12]));
        tensors.retain(|name, _| !name.starts_with(IDS));
        let by_number =
            |rows, keys| start_by(RowsFound::ByNumber, &tensors, content(rows, 2), rows, keys);
        let error = start(&tensors, content(3, 2), 3, Some(&[12, 11, 10])).unwrap_err();
        assert!(error.to_string().contains("start.rows = \"by_number\""), "{error}");
        let (into, placement) = by_number(3, Some(&[12, 11, 10])).unwrap();
        assert!(placement.by_number == ["item"] && into.tables[0].row(0) == from.tables[0].row(0));
        let error = by_number(4, Some(&[1, 2, 3, 4])).unwrap_err().to_string();
        assert!(error.starts_with("`item` has 3 rows, and this model needs 4: "), "{error}");
        assert!(error.contains("other ids") && error.contains("hash_rows"), "{error}");
    }

    #[test]
    fn other_fields_and_other_ids_are_refused() {
        let (_, mut tensors) = used(Some(&[10, 11, 12]));
        let error = start(&tensors, content(2, 2), 2, Some(&[1, 2])).unwrap_err();
        assert_eq!(error, TensorError::OtherIds { spaces: vec!["item".into()] });
        let list = tensors.remove("ids/item").unwrap();
        tensors.insert("ids/brand".into(), list);
        tensors.remove("ids/item/text");
        tensors.remove("ids/item/ends");
        let error = start(&tensors, content(3, 2), 3, Some(&[10, 11, 12])).unwrap_err();
        let has = vec!["brand".to_string(), "shop".to_string()];
        assert_eq!(error, TensorError::OtherFields { space: "item".into(), has });
    }

    #[test]
    fn listed_ids_read_back_as_they_were_written() {
        let (_, mut tensors) = used(Some(&[10, 11, 12]));
        assert_eq!(listed_ids(&tensors, "item"), Some(ids(&[10, 11, 12])));
        assert_eq!((listed_ids(&tensors, "shop"), listed_ids(&tensors, "user")), (None, None));
        tensors.remove("ids/item/text");
        let found = listed_ids(&tensors, "item").unwrap();
        assert_eq!((found.keys(), found.text(1)), (&[10, 11, 12][..], &b""[..]));
    }

    #[test]
    fn rows_are_found_without_the_texts_of_ids_unless_two_have_one_key() {
        let (from, mut tensors) = used(Some(&[10, 11, 12]));
        let names = tensors.len();
        forget_texts(&mut tensors);
        assert_eq!(tensors.len(), names - 2);
        let (into, placement) = start(&tensors, content(3, 2), 3, Some(&[12, 99, 10])).unwrap();
        assert_eq!(into.tables[0].row(0), from.tables[0].row(2));
        assert_eq!((placement.by_id[0].known, placement.by_id[0].new), (2, 1));
        let error = start(&tensors, content(3, 2), 3, Some(&[12, 12, 10])).unwrap_err();
        assert_eq!(error, TensorError::SameKey { space: "item".into(), here: true });
        let (_, twice) = used(Some(&[10, 10, 12]));
        let error = start(&twice, content(3, 2), 3, Some(&[12, 99, 10])).unwrap_err();
        assert_eq!(error, TensorError::SameKey { space: "item".into(), here: false });
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
        let here = ids(&[99, 11]);
        let (first_and_layout, spaces) = ((&first, &layout(2)), spaces(Some(&here)));
        let (placed, _) =
            renumber(&tensors, first_and_layout, rules, &spaces, RowsFound::ById).unwrap();
        assert_eq!(placed["item/m/absent"].values, TensorValues::U32(vec![1]));
        // Rows are admitted from now on; the file has no counts of them.
        let mut first = content(2, 2);
        first.admit(Some(Admission::default()), Streams::new(2));
        let (into, _) = start(&tensors, first, 2, Some(&[99, 11])).unwrap();
        assert_eq!(into.tables[0].first(0), content(2, 2).tables[0].weights(0));
        assert_eq!(into.tables[0].first(1), from.tables[0].weights(1));
    }
}
