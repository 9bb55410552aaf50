//! Random traffic against a plain map, loads that theory tells, and displacements by hand.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::buckets::SALT as VACANT_KEY;
use super::table::CuckooTable;
use super::{CuckooConfig, Place, homes_of};
use crate::base::persist::{Loader, Persist, Saver};
use crate::base::stream::mix;

fn config(slots: u32, start: u32, longest_path: u32) -> CuckooConfig {
    CuckooConfig { slots, start, longest_path, grow_at: None }
}

/// The rows of a table by their places.
fn picture(table: &CuckooTable) -> Vec<Vec<Option<u32>>> {
    (0..1 << table.bits()).map(|bucket| table.bucket(bucket)).collect()
}

fn saved(table: &CuckooTable) -> Vec<u8> {
    let mut out = Saver::default();
    table.save(&mut out);
    out.into_bytes()
}

proptest! {
    /// Finds, insertions and removals are those of a plain map, whatever the shape; and a table that is
    /// saved and loaded in the middle goes on alike.
    #[test]
    fn random_traffic_is_that_of_a_plain_map(
        slots in 1u32..=8,
        start in 1u32..40,
        longest in prop_oneof![Just(0u32), 1u32..7, Just(200u32)],
        grow_at in proptest::option::of(0.05f64..1.0),
        traffic in proptest::collection::vec((0u64..150, 0u8..4), 1..400),
    ) {
        let settings = CuckooConfig { grow_at, ..config(slots, start, longest) };
        let (mut table, mut map) = (CuckooTable::new(settings), BTreeMap::new());
        let mut copy: Option<CuckooTable> = None;
        for (at, (key, act)) in traffic.iter().enumerate() {
            let (row, wanted) = (at as u32, map.get(key).copied());
            for table in std::iter::once(&mut table).chain(&mut copy) {
                match act {
                    0 => prop_assert_eq!(table.remove(*key), wanted),
                    1 => prop_assert_eq!(table.get(*key), wanted),
                    _ if wanted.is_some() => prop_assert_eq!(table.find(*key).0, wanted),
                    _ => table.insert(*key, row),
                }
            }
            match act {
                0 => drop(map.remove(key)),
                1 => {}
                _ => drop(map.entry(*key).or_insert(row)),
            }
            if at == traffic.len() / 2 {
                let bytes = saved(&table);
                let mut loaded = CuckooTable::new(settings);
                let mut from = Loader::new(&bytes);
                loaded.load(&mut from).unwrap();
                from.end().unwrap();
                prop_assert_eq!(picture(&loaded), picture(&table));
                copy = Some(loaded);
            }
        }
        for key in 0..150 {
            prop_assert_eq!(table.find(key).0, map.get(&key).copied());
            let looked = table.find(key).1;
            prop_assert!(looked >= 1 && looked <= u64::from(2 * slots) + table.state().aside);
        }
        if let Some(copy) = copy {
            prop_assert_eq!(saved(&copy), saved(&table), "the copy went on alike");
        }
        let state = table.state();
        prop_assert_eq!(state.entries, map.len() as u64);
        prop_assert_eq!(state.counts.insertions - state.counts.removals, map.len() as u64);
        prop_assert!(state.counts.longest <= u64::from(longest));
        let filled = picture(&table).iter().flatten().flatten().count() as u64;
        prop_assert_eq!(filled + state.aside, state.entries);
    }

    /// A path leads from a slot of the new key to a free one, and every entry on it moves to its other
    /// bucket.
    #[test]
    fn a_path_moves_every_entry_to_its_other_bucket(slots in 1u32..5, keys in 1u64..60) {
        let mut table = CuckooTable::new(config(slots, 16, 100));
        for key in 0..keys {
            let (before, bits) = (picture(&table), table.bits());
            let path = table.path(key);
            table.insert(key, key as u32);
            let Some(path) = path else {
                prop_assert!(table.bits() > bits);
                continue;
            };
            prop_assert_eq!(table.bits(), bits);
            prop_assert!(homes_of(key, bits).contains(&path[0].bucket));
            let at = |picture: &[Vec<Option<u32>>], place: Place| picture[place.bucket][place.slot];
            for pair in path.windows(2) {
                let moved = at(&before, pair[0]).expect("something lies there");
                let mut homes = homes_of(u64::from(moved), bits);
                if homes[0] != pair[0].bucket {
                    homes.reverse();
                }
                prop_assert_eq!(homes, [pair[0].bucket, pair[1].bucket]);
                prop_assert_eq!(at(&picture(&table), pair[1]), Some(moved));
            }
            prop_assert_eq!(at(&before, path[path.len() - 1]), None);
            prop_assert_eq!(at(&picture(&table), path[0]), Some(key as u32));
        }
    }

    /// What was not saved by such a table is refused, and nothing panics.
    #[test]
    fn damaged_states_are_refused(at in 0usize..400, byte in 0u8..=255) {
        let settings = config(2, 8, 5);
        let mut table = CuckooTable::new(settings);
        (0..30).for_each(|key| table.insert(key, key as u32));
        let mut bytes = saved(&table);
        let at = at % bytes.len();
        bytes[at] = byte;
        let mut loaded = CuckooTable::new(settings);
        let mut from = Loader::new(&bytes);
        if loaded.load(&mut from).is_ok() {
            prop_assert!(loaded.len() <= 64 + 8);
        }
    }
}

/// The first keys that have these buckets, with different ones for the same wish.
fn keys_with(homes: &[[usize; 2]], bits: u32) -> Vec<u64> {
    let mut found: Vec<u64> = Vec::new();
    for wish in homes {
        let fits = |key: &u64| homes_of(*key, bits) == *wish && !found.contains(key);
        found.push((0..).find(fits).expect("there is one"));
    }
    found
}

#[test]
fn a_displacement_by_hand() {
    // Four buckets of one slot. A may lie in 0 or 1, B in 1 or 2, C in 2 or 3.
    let keys = keys_with(&[[0, 1], [1, 2], [2, 3], [0, 1]], 2);
    let mut table = CuckooTable::new(config(1, 4, 5));
    (0..).zip(&keys[..3]).for_each(|(row, key)| table.insert(*key, row));
    assert_eq!(picture(&table), [[Some(0)], [Some(1)], [Some(2)], [None]]);
    // D may lie in 0 or 1. From 0: A to 1, then B to 2, C to 3. From 1: B to 2, C to 3: shorter.
    let place = |bucket| Place { bucket, slot: 0 };
    assert_eq!(table.path(keys[3]), Some(vec![place(1), place(2), place(3)]));
    table.insert(keys[3], 3);
    assert_eq!(picture(&table), [[Some(0)], [Some(3)], [Some(1)], [Some(2)]]);
    let counts = table.state().counts;
    assert_eq!((counts.displaced, counts.longest, counts.growths), (2, 2, 0));
    // With paths of one move at most the same insertion doubles the table.
    let mut short = CuckooTable::new(config(1, 4, 1));
    (0..).zip(&keys).for_each(|(row, key)| short.insert(*key, row));
    let counts = short.state().counts;
    assert!(counts.growths >= 1 && counts.moved >= 3 && short.bits() > 2, "{counts:?}");
}

/// The load at which the table doubles for the first time.
fn load_at_growth(slots: u32, start: u32, longest: u32, seed: u64) -> f64 {
    let mut table = CuckooTable::new(config(slots, start, longest));
    let mut load = 0.0;
    for n in 0.. {
        table.insert(mix(seed << 32 | n), n as u32);
        if table.state().counts.growths > 0 {
            return load;
        }
        load = table.state().load();
    }
    load
}

/// Thresholds of two choices: 0.5 for one slot (Pagh & Rodler), 0.897 for two, 0.980 for four, 0.998 for
/// eight (Dietzfelbinger & Weidling; Fernholz & Ramachandran; Cain, Sanders & Wormald 2007).
#[test]
fn tables_fill_as_far_as_theory_says() {
    for (slots, threshold, below) in [(1, 0.5, 0.05), (2, 0.897, 0.02), (4, 0.980, 0.02)] {
        for seed in 0..3 {
            let load = load_at_growth(slots, 1 << 14, 1000, seed);
            assert!(load < threshold + 0.02 && load > threshold - below, "{slots} slots: {load}");
        }
    }
    // Short paths reach less, and the estimate of memory is not below the truth.
    for slots in [1, 2, 4, 8] {
        let settings = CuckooConfig { slots, ..CuckooConfig::default() };
        let load = load_at_growth(slots, 1 << 12, 5, 1);
        assert!(load < 1.0 && load > 0.3, "{settings:?}: {load}");
    }
}

#[test]
fn a_chosen_load_is_not_exceeded() {
    let mut table = CuckooTable::new(CuckooConfig { grow_at: Some(0.25), ..config(4, 8, 5) });
    for key in 0..1000 {
        table.insert(key, key as u32);
        assert!(table.state().load() <= 0.25);
    }
    assert_eq!(table.state().counts.displaced, 0, "there is always room");
}

#[test]
fn ids_that_were_chosen_to_collide_do_not_fill_the_memory() {
    // Ids with the same two buckets among 2^12, found by trying. Nine of them fill two buckets of four.
    let mut by_homes: BTreeMap<[usize; 2], Vec<u64>> = BTreeMap::new();
    let homes = |key: u64| homes_of(key, 6);
    (0..40_000u64).for_each(|key| by_homes.entry(homes(key)).or_default().push(key));
    let keys = by_homes.into_values().max_by_key(Vec::len).unwrap();
    let mut table = CuckooTable::new(config(1, 64, 5));
    // Below a load of 0.05 a table of 64 slots has two or three entries.
    (0..).zip(&keys[..3]).for_each(|(row, key)| table.insert(*key, row));
    let state = table.state();
    assert_eq!((state.aside, state.counts.growths, state.entries), (1, 0, 3));
    (0..).zip(&keys[..3]).for_each(|(row, key)| assert_eq!(table.get(*key), Some(row)));
    assert_eq!(table.remove(keys[2]), Some(2));
    assert_eq!((table.state().aside, table.get(keys[2])), (0, None));
}

/// The key whose hash means a free slot lies outside the buckets.
#[test]
fn no_key_is_special() {
    for slots in [1, 4] {
        let mut table = CuckooTable::new(config(slots, 4, 5));
        let key = VACANT_KEY;
        assert_eq!(table.get(key), None);
        table.insert(key, 7);
        (0..200).for_each(|key| table.insert(key, key as u32));
        assert_eq!((table.get(key), table.state().aside, table.len()), (Some(7), 1, 201));
        let mut loaded = CuckooTable::new(config(slots, 4, 5));
        loaded.load(&mut Loader::new(&saved(&table))).unwrap();
        assert_eq!((loaded.remove(key), loaded.get(key)), (Some(7), None));
    }
}

#[test]
fn a_table_that_is_cleared_is_as_at_first_and_keeps_its_counts() {
    let mut table = CuckooTable::new(config(2, 2, 5));
    (0..100).for_each(|key| table.insert(key, key as u32));
    let counts = table.state().counts;
    table.clear();
    assert_eq!((table.state().counts, table.bits(), table.is_empty()), (counts, 1, true));
    assert!((0..100).all(|key| table.find(key).0.is_none()));
}
