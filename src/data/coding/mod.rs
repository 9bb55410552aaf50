//! Tables with fewer rows than ids: how an id finds its rows. The log then names rows instead of
//! ids ([`Coded`]), and a model joins the rows of an id to one embedding (`model::composed`).

mod coded;
pub mod collisionless;
pub mod cuckoo;
pub mod double;
pub mod modulo;
#[cfg(test)]
mod new_part;
pub mod quotient_remainder;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use coded::{Coded, CodedPart, CodedSpace, Coding};

use crate::base::stream::mix;

/// How the rows of an id become its embedding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// They are added.
    #[default]
    Add,
    /// They are multiplied, number by number.
    Multiply,
    /// They lie side by side: each has its share of the embedding's width.
    Concatenate,
}

/// The rows of an id space's tables, and which of them an id has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SharedRows {
    /// The tables: what is added to the name of the space, and the number of rows.
    pub tables: Vec<(&'static str, u32)>,
    /// The rows of an id: for each the table in which it lies.
    pub parts: Vec<usize>,
    /// How they become one embedding.
    pub join: Join,
}

/// The configuration of a kind of hashing.
pub trait HashingConfig {
    /// The rows that an id space of `ids` ids has; `None` if every id has a row of its own.
    fn rows(&self, ids: u32) -> Option<SharedRows>;

    /// Adds to `rows` the row of each part of the id with this key, in the order of
    /// [`SharedRows::parts`].
    fn find(&self, key: u64, ids: u32, rows: &mut Vec<u32>);

    /// The hash table through which servers find the row of an id; `None` if rows are found by their
    /// numbers, which are known when the log is read.
    fn row_index(&self) -> Option<cuckoo::Config>;
}

crate::registry! {
    /// How an id finds its row in a table.
    pub enum Hashing: HashingConfig {
        /// Every id has a row of its own.
        "collisionless" => Collisionless(collisionless::Config),
        /// Every id has a row of its own, which a cuckoo hash table finds (Monolith).
        "cuckoo" => Cuckoo(cuckoo::Config),
        /// Ids are hashed into a fixed number of rows; ids with the same hash share a row.
        "modulo" | "hashed" => Modulo(modulo::Config),
        /// Two hashes give an id two rows of one table, which are added.
        "double" => Double(double::Config),
        /// The remainder and the quotient of an id's hash choose a row each, in two tables (Shi et al. 2020).
        "quotient_remainder" => QuotientRemainder(quotient_remainder::Config),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

impl Default for Hashing {
    fn default() -> Hashing {
        Hashing::Collisionless(collisionless::Config {})
    }
}

impl Hashing {
    /// Whether it is the default, which is left out of files.
    pub fn is_default(&self) -> bool {
        *self == Hashing::default()
    }
}

/// The row of a key among `rows`, by the hash of this number. The upper part of the product scales
/// the hash to the range.
fn hashed(key: u64, number: u64, rows: u32) -> u32 {
    let hash = mix(key ^ mix(number));
    ((u128::from(hash) * u128::from(rows)) >> 64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_finds_as_many_rows_as_it_has_parts_within_its_tables() {
        for part in Hashing::PARTS {
            let keys = serde_json::json!({ "kind": part.name });
            let hashing: Hashing = serde_json::from_value(keys).unwrap();
            let Some(shared) = hashing.rows(1000) else { continue };
            let mut rows = Vec::new();
            for key in 0..1000 {
                rows.clear();
                hashing.find(mix(key), 1000, &mut rows);
                assert_eq!(rows.len(), shared.parts.len(), "{}", part.name);
                for (row, table) in rows.iter().zip(&shared.parts) {
                    assert!(*row < shared.tables[*table].1, "{}", part.name);
                }
            }
        }
    }

    /// Against a plain map from ids to their rows: an id has the same rows every time, and different ids
    /// have different rows where that is promised.
    #[test]
    fn ids_keep_their_rows_and_share_them_only_where_they_may() {
        use std::collections::BTreeMap;
        let ids = 3000;
        for part in Hashing::PARTS {
            let keys = serde_json::json!({ "kind": part.name });
            let hashing: Hashing = serde_json::from_value(keys).unwrap();
            let Some(shared) = hashing.rows(ids) else {
                let (mut rows, key) = (Vec::new(), mix(7));
                hashing.find(key, ids, &mut rows);
                assert!(rows.is_empty(), "{}: the row of an id is its own", part.name);
                continue;
            };
            assert!(hashing.row_index().is_none(), "{}: rows are found by hash", part.name);
            let (mut map, mut rows) = (BTreeMap::new(), Vec::new());
            for n in (0..u64::from(ids)).chain((0..u64::from(ids)).rev()) {
                rows.clear();
                hashing.find(mix(n), ids, &mut rows);
                let kept = map.entry(n).or_insert_with(|| rows.clone());
                assert_eq!(*kept, rows, "{}", part.name);
            }
            let mut all: Vec<Vec<u32>> = map.into_values().collect();
            all.sort();
            all.dedup();
            // Expected are n^2 / 2 pairs of ids over the number of combinations: 0.045 among 10^8.
            if shared.parts.len() > 1 {
                assert_eq!(all.len(), ids as usize, "{}", part.name);
            }
        }
    }

    #[test]
    fn hashes_are_spread_evenly_and_differ_by_their_number() {
        let (n, rows) = (100_000u64, 1000);
        let mut counts = vec![[0u32; 2]; rows as usize];
        for key in 0..n {
            for number in 0..2 {
                counts[hashed(key, number, rows) as usize][number as usize] += 1;
            }
        }
        // The mean is 100, with a standard deviation of 10.
        assert!(counts.iter().flatten().all(|count| (45..160).contains(count)));
        assert!(counts.iter().filter(|pair| pair[0] == pair[1]).count() < 100);
    }
}
