//! Increments: what has changed since the last file of a job. An increment has all dense parameters,
//! and of each table the rows that have changed. Several of them follow a full checkpoint.
//!
//! | name | shape | content |
//! |---|---|---|
//! | `rows/item` | k | numbers of the rows of `item` that are listed, ascending |
//! | `item`, `item/m`, `item/updates`, ... | k, ... | as in a full checkpoint, of these rows only |
//! | `keys/item` | k | keys of their ids; no element if an id has the same row in every log |
//! | `gone/item` | any | tombstones: those of the listed rows that are not there any more, since they were evicted |

use serde::{Deserialize, Serialize};

use crate::base::stream::mix;
use crate::server::renumber::is_by_row;
use crate::server::{Tensor, TensorValues, Tensors};
use crate::sim::RowTable;

/// The beginning of the name of a list of rows.
pub(super) const ROWS: &str = "rows/";
/// The beginning of the name of a list of keys of rows.
const KEYS: &str = "keys/";
/// The beginning of the name of a list of tombstones.
const GONE: &str = "gone/";

/// A file of the same folder, and what is in it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    /// Its name.
    pub file: String,
    /// SHA-256 of the whole file.
    pub sha256: String,
}

/// What an increment is laid over.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncrementOf {
    /// Its number since the full checkpoint, counted from 1.
    pub number: u32,
    /// The full checkpoint.
    pub full: FileRef,
    /// The file before it: another increment, or the full checkpoint.
    pub after: FileRef,
}

crate::persist_plain!(IncrementOf);

/// Decides which files are increments, and makes them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Increments {
    /// Increments between two full checkpoints.
    between: u32,
    /// Whether rows that are gone are listed.
    tombstones: bool,
    /// The last file, as the increment after it names it; `None` before the first.
    last: Option<IncrementOf>,
    /// A hash of each row's content in that file, by table.
    seen: Vec<Vec<u64>>,
}

crate::persist!(Increments { between: fixed, tombstones: fixed, last: state, seen: state });

impl Increments {
    /// So many increments between two full checkpoints, with or without tombstones.
    pub fn new(between: u32, tombstones: bool) -> Increments {
        Increments { between, tombstones, ..Increments::default() }
    }

    /// What the next file is laid over; `None` if it is a full checkpoint.
    pub fn next(&self) -> Option<&IncrementOf> {
        self.last.as_ref().filter(|last| last.number <= self.between)
    }

    /// The tensors of the next file, for the content of a full checkpoint; `None` if it is a full
    /// checkpoint itself. The file after it holds what changes from now on.
    pub fn take(&mut self, full: &Tensors, tables: &[RowTable]) -> Option<Tensors> {
        let hashes: Vec<Vec<u64>> = tables.iter().map(|table| hashes(full, &table.name)).collect();
        let before = std::mem::replace(&mut self.seen, hashes);
        self.next()?;
        let is_whole = |name: &&String| {
            !name.starts_with("ids/") && !tables.iter().any(|table| is_by_row(name, &table.name))
        };
        let whole = full.iter().filter(|(name, _)| is_whole(name));
        let mut tensors: Tensors = whole.map(|(name, of)| (name.clone(), of.clone())).collect();
        for ((table, now), before) in tables.iter().zip(&self.seen).zip(&before) {
            let gone = gone(full, &table.name);
            let is_gone = |row: usize| gone.get(row).copied().unwrap_or(false);
            let rows: Vec<u32> = (0..now.len())
                .filter(|&row| now[row] != before[row])
                .filter(|&row| self.tombstones || !is_gone(row))
                .map(|row| row as u32)
                .collect();
            for (name, tensor) in full.iter().filter(|(name, _)| is_by_row(name, &table.name)) {
                tensors.insert(name.clone(), pick(tensor, &rows));
            }
            let mut list = |name: String, values: TensorValues, length: usize| {
                tensors.insert(name, Tensor { shape: vec![length], values });
            };
            let keys = match full.get(&format!("ids/{}", table.space)).map(|ids| &ids.values) {
                Some(TensorValues::U64(keys)) if !keys.is_empty() => {
                    rows.iter().map(|&row| keys[row as usize]).collect()
                }
                _ => Vec::new(),
            };
            list(format!("{KEYS}{}", table.name), TensorValues::U64(keys.clone()), keys.len());
            if self.tombstones {
                let gone: Vec<u32> =
                    rows.iter().copied().filter(|&row| is_gone(row as usize)).collect();
                list(format!("{GONE}{}", table.name), TensorValues::U32(gone.clone()), gone.len());
            }
            list(format!("{ROWS}{}", table.name), TensorValues::U32(rows.clone()), rows.len());
        }
        Some(tensors)
    }

    /// Notes that the next file was written.
    pub fn written(&mut self, file: &str, sha256: &str) {
        let after = FileRef { file: file.to_owned(), sha256: sha256.to_owned() };
        let (number, full) = match self.next() {
            Some(of) => (of.number + 1, of.full.clone()),
            None => (1, after.clone()),
        };
        self.last = Some(IncrementOf { number, full, after });
    }
}

/// A hash of the content of each row of a table.
fn hashes(full: &Tensors, table: &str) -> Vec<u64> {
    let rows = full.get(table).and_then(|tensor| tensor.shape.first().copied()).unwrap_or(0);
    let mut hashes = vec![0; rows];
    for (_, tensor) in full.iter().filter(|(name, _)| is_by_row(name, table)) {
        let width = tensor.shape[1..].iter().product::<usize>();
        for (row, hash) in hashes.iter_mut().enumerate() {
            let at = row * width..(row + 1) * width;
            let mut add = |bits: u64| *hash = mix(*hash ^ mix(bits));
            match &tensor.values {
                TensorValues::F32(all) => all[at].iter().for_each(|x| add(u64::from(x.to_bits()))),
                TensorValues::U32(all) => all[at].iter().for_each(|&x| add(u64::from(x))),
                TensorValues::U64(all) => all[at].iter().for_each(|&x| add(x)),
                TensorValues::U8(all) => all[at].iter().for_each(|&x| add(u64::from(x))),
            }
        }
    }
    hashes
}

/// For each row of a table whether it is gone: it was evicted, and is not there.
fn gone(full: &Tensors, table: &str) -> Vec<bool> {
    let of = |what: &str| full.get(&format!("{table}/{what}")).map(|tensor| &tensor.values);
    match (of("known"), of("evictions")) {
        (Some(TensorValues::U8(known)), Some(TensorValues::U32(evictions))) => {
            known.iter().zip(evictions).map(|(known, times)| *known == 0 && *times > 0).collect()
        }
        _ => Vec::new(),
    }
}

/// The rows with these numbers.
fn pick(tensor: &Tensor, rows: &[u32]) -> Tensor {
    let width = tensor.shape[1..].iter().product();
    let mut shape = tensor.shape.clone();
    shape[0] = rows.len();
    let values = match &tensor.values {
        TensorValues::F32(all) => TensorValues::F32(picked(all, rows, width)),
        TensorValues::U32(all) => TensorValues::U32(picked(all, rows, width)),
        TensorValues::U64(all) => TensorValues::U64(picked(all, rows, width)),
        TensorValues::U8(all) => TensorValues::U8(picked(all, rows, width)),
    };
    Tensor { shape, values }
}

fn picked<T: Copy>(all: &[T], rows: &[u32], width: usize) -> Vec<T> {
    rows.iter().flat_map(|&row| &all[row as usize * width..][..width]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(weights: [f32; 6], known: [u8; 3], evictions: [u32; 3]) -> Tensors {
        let tensor = |shape: &[usize], values| Tensor { shape: shape.to_vec(), values };
        Tensors::from([
            ("item".to_owned(), tensor(&[3, 2], TensorValues::F32(weights.to_vec()))),
            ("item/known".to_owned(), tensor(&[3], TensorValues::U8(known.to_vec()))),
            ("item/evictions".to_owned(), tensor(&[3], TensorValues::U32(evictions.to_vec()))),
            ("item/partition_updates".to_owned(), tensor(&[1], TensorValues::U64(vec![4]))),
            ("item.wide".to_owned(), tensor(&[3, 1], TensorValues::F32(vec![0.0; 3]))),
            ("ids/things".to_owned(), tensor(&[3], TensorValues::U64(vec![70, 71, 72]))),
            ("out.bias".to_owned(), tensor(&[1], TensorValues::F32(vec![weights[0]]))),
        ])
    }

    fn tables() -> Vec<RowTable> {
        ["item", "item.wide"]
            .map(|name| RowTable { name: name.to_owned(), space: "things".to_owned() })
            .to_vec()
    }

    #[test]
    fn an_increment_has_changed_rows_tombstones_and_everything_dense() {
        for tombstones in [true, false] {
            let mut increments = Increments::new(2, tombstones);
            let first = full([1.0; 6], [1, 1, 1], [0, 0, 0]);
            assert_eq!(increments.take(&first, &tables()), None, "the first is full");
            increments.written("a", "0a");
            let second = full([1.0, 1.0, 1.0, 1.5, 0.0, 0.0], [1, 1, 0], [0, 0, 1]);
            let own = increments.take(&second, &tables()).unwrap();
            let rows: &[u32] = if tombstones { &[1, 2] } else { &[1] };
            assert_eq!(own["rows/item"].values, TensorValues::U32(rows.to_vec()));
            assert_eq!(own["item"].shape, [rows.len(), 2]);
            let weights = [1.0, 1.5, 0.0, 0.0];
            assert_eq!(own["item"].values, TensorValues::F32(weights[..2 * rows.len()].to_vec()));
            let keys = rows.iter().map(|row| 70 + u64::from(*row)).collect();
            assert_eq!(own["keys/item"].values, TensorValues::U64(keys));
            let gone = own.get("gone/item").map(|tensor| tensor.values.clone());
            assert_eq!(gone, tombstones.then(|| TensorValues::U32(vec![2])));
            assert_eq!(own["item.wide"].shape, [0, 1]);
            assert_eq!(own["item/partition_updates"], second["item/partition_updates"]);
            assert_eq!(own["out.bias"], second["out.bias"]);
            assert!(!own.contains_key("ids/things"));
        }
    }

    #[test]
    fn so_many_increments_follow_a_full_checkpoint() {
        let mut increments = Increments::new(2, true);
        let content = full([1.0; 6], [1; 3], [0; 3]);
        let kinds = ["a", "b", "c", "d", "e"].map(|file| {
            let of = increments.next().cloned();
            assert_eq!(increments.take(&content, &tables()).is_some(), of.is_some());
            increments.written(file, &format!("sha {file}"));
            of.map(|of| (of.number, of.full.file, of.after.file))
        });
        let of = |number, full: &str, after: &str| Some((number, full.into(), after.into()));
        assert_eq!(kinds, [None, of(1, "a", "a"), of(2, "a", "b"), None, of(1, "d", "d")]);
        let mut none = Increments::new(0, true);
        none.written("a", "0a");
        assert_eq!(none.next(), None);
    }
}
