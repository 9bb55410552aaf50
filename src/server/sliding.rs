//! A ring of filters that forgets: Monolith's `SlidingHashFilter`, by its code.
//!
//! Each filter is a table of cells of 16 bits: 12 bits of an id's hash, and a count of 4 bits. New
//! ids go to the *head* of the ring. When the head is full, the next filter becomes the head, and
//! the oldest one is emptied. So it forgets by the number of distinct ids, not by time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::stream::mix;

/// A sliding filter per table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SlidingFilter {
    /// Distinct ids of a table that it is made for.
    #[schemars(range(min = 300, max = 4_000_000_000u32))]
    pub capacity: u32,
    /// Filters of the ring. One of them is the head, and one is empty.
    #[schemars(range(min = 5, max = 100))]
    pub parts: u32,
}

impl Default for SlidingFilter {
    fn default() -> SlidingFilter {
        SlidingFilter { capacity: 1_000_000, parts: 7 }
    }
}

impl SlidingFilter {
    /// The most occurrences that it tells from fewer: a count of 15, and one more.
    pub const MOST: u32 = COUNTED as u32 + 1;

    /// New ids that a filter of the ring takes before the next one becomes the head.
    pub fn taken(self) -> u32 {
        self.share().saturating_sub(1).max(1)
    }

    fn share(self) -> u32 {
        self.capacity.max(300) / (self.parts.max(5) - 1)
    }

    fn places(self) -> usize {
        (f64::from(self.share()) * FILL) as usize
    }

    /// Bytes of the cells of a table.
    pub fn bytes(self) -> u64 {
        2 * (self.places() + STEPS) as u64 * u64::from(self.parts.max(5))
    }
}

/// Cells per id.
const FILL: f64 = 1.2;
/// Cells that are tried for an id.
const STEPS: usize = 16;
/// Bits of a count.
const COUNT_BITS: u32 = 4;
/// The largest count.
const COUNTED: u16 = (1 << COUNT_BITS) - 1;

/// The filters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SlidingFilters {
    /// Cells of each filter; 0 is empty.
    filters: Vec<Vec<u16>>,
    /// Ids in each filter.
    ids: Vec<u32>,
    head: usize,
    /// How often the head has moved.
    moves: u64,
    /// Ids that a filter takes.
    most: u32,
    /// Cells at which an id may begin.
    places: usize,
}

impl SlidingFilters {
    /// All filters are empty.
    pub(super) fn new(filter: SlidingFilter) -> SlidingFilters {
        let (parts, places) = (filter.parts.max(5) as usize, filter.places());
        SlidingFilters {
            filters: vec![vec![0; places + STEPS]; parts],
            ids: vec![0; parts],
            head: 0,
            moves: 0,
            most: filter.taken(),
            places,
        }
    }

    /// The place of an id in a filter: its own cell, or the first empty one. `None` if there is
    /// neither among those that are tried.
    fn place(&self, filter: usize, hash: u64) -> Option<usize> {
        let first = ((u128::from(hash) * self.places as u128) >> 64) as usize;
        let cells = &self.filters[filter];
        let own = |at: &usize| cells[*at] == 0 || cells[*at] >> COUNT_BITS == signature(hash);
        (first..first + STEPS).find(own)
    }

    /// The count of an id in the filters behind the head.
    fn before(&self, hash: u64) -> Option<u16> {
        let parts = self.filters.len();
        let back = (parts - 2).min(usize::try_from(self.moves).unwrap_or(usize::MAX));
        (1..=back).find_map(|steps| {
            let filter = (self.head + parts - steps) % parts;
            let cell = self.filters[filter][self.place(filter, hash)?];
            (cell != 0).then_some(cell & COUNTED)
        })
    }

    /// Counts an id. Returns how often it has occurred, this time included, as far as it knows; ids
    /// for which there is no place have occurred often.
    pub(super) fn count(&mut self, id: u64) -> u32 {
        let hash = mix(mix(id ^ 0x9E37_79B9_7F4A_7C15));
        let parts = self.filters.len();
        let found = [self.head, (self.head + 1) % parts]
            .into_iter()
            .find_map(|filter| Some((filter, self.place(filter, hash)?)));
        let Some((filter, at)) = found else { return SlidingFilter::MOST };
        let cell = self.filters[filter][at];
        if cell != 0 {
            let count = cell & COUNTED;
            self.filters[filter][at] = cell - count + (count + 1).min(COUNTED);
            return u32::from(count) + 1;
        }
        let before = self.before(hash).unwrap_or(0);
        self.filters[filter][at] = signature(hash) << COUNT_BITS | (before + 1).min(COUNTED);
        self.ids[filter] += 1;
        if self.ids[self.head] >= self.most {
            self.head = (self.head + 1) % parts;
            self.moves += 1;
            let emptied = (self.head + 1) % parts;
            self.filters[emptied].fill(0);
            self.ids[emptied] = 0;
        }
        u32::from(before) + 1
    }
}

/// The part of a hash that is kept in a cell.
fn signature(hash: u64) -> u16 {
    (hash & 0xFFF) as u16
}

crate::persist!(SlidingFilters {
    filters: sized,
    ids: sized,
    head: state,
    moves: state,
    most: fixed,
    places: fixed
});

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Filters of 300 / 4 = 75 ids, of which 74 are taken.
    const SMALL: SlidingFilter = SlidingFilter { capacity: 300, parts: 5 };

    /// Ids that share no signature, so that none is taken for another.
    fn apart(most: usize) -> Vec<u64> {
        let mut found = BTreeMap::new();
        for id in 0u64.. {
            found.entry(signature(mix(mix(id ^ 0x9E37_79B9_7F4A_7C15)))).or_insert(id);
            if found.len() == most {
                break;
            }
        }
        found.into_values().collect()
    }

    #[test]
    fn it_counts_to_fifteen_and_one_more() {
        for capacity in [300, 301, 100_000] {
            let mut filters = SlidingFilters::new(SlidingFilter { capacity, parts: 10 });
            let counts: Vec<u32> = (0..20).map(|_| filters.count(1)).collect();
            let expected: Vec<u32> = (1..=20).map(|n| n.min(SlidingFilter::MOST)).collect();
            assert_eq!(counts, expected);
            assert_eq!(filters.ids.iter().sum::<u32>(), 1);
        }
    }

    /// The head takes 74 ids. Three filters behind the head and the head itself are remembered.
    #[test]
    fn an_id_is_forgotten_after_so_many_others() {
        assert_eq!((SMALL.taken(), SMALL.share()), (74, 75));
        let ids = apart(2000);
        let again = |others: usize| {
            let mut filters = SlidingFilters::new(SMALL);
            assert_eq!((filters.count(ids[0]), filters.count(ids[0])), (1, 2));
            ids[1..=others].iter().for_each(|id| assert_eq!(filters.count(*id), 1, "{id}"));
            filters.count(ids[0])
        };
        // It is the first of its filter: 73 others fill that, and 3 times 74 the next three. Then
        // its filter is emptied to be the next head.
        let lasts = 73 + 3 * 74;
        assert_eq!((again(lasts - 1), again(lasts)), (3, 1));
        assert_eq!((again(0), again(73), again(74), again(1500)), (3, 3, 3, 1));
    }

    #[test]
    fn an_id_that_returns_in_time_is_never_forgotten() {
        let ids = apart(3000);
        let mut filters = SlidingFilters::new(SMALL);
        for (others, n) in ids[1..2801].chunks(200).zip(1u32..) {
            assert_eq!(filters.count(ids[0]), n.min(SlidingFilter::MOST));
            others.iter().for_each(|id| _ = filters.count(*id));
        }
        assert!(filters.moves > 30);
    }

    #[test]
    fn what_finds_no_place_has_occurred_often() {
        let mut filters = SlidingFilters::new(SMALL);
        filters.filters.iter_mut().flatten().for_each(|cell| *cell = 0xFFF1);
        let other = apart(10)
            .into_iter()
            .find(|id| signature(mix(mix(*id ^ 0x9E37_79B9_7F4A_7C15))) != 0xFFF);
        assert_eq!(filters.count(other.unwrap()), SlidingFilter::MOST);
    }

    #[test]
    fn wrong_counts_are_as_rare_as_monoliths_tests_say() {
        // Its test adds each of about a million random ids, with room for a million: 0.9 % are
        // wrong. Here a twentieth of both.
        let mut filters = SlidingFilters::new(SlidingFilter { capacity: 50_000, parts: 10 });
        let wrong = (0..50_000u64).filter(|id| filters.count(*id) != 1).count();
        let share = wrong as f64 / 50_000.0;
        assert!((0.0045..0.0137).contains(&share), "{share}");
    }

    proptest! {
        /// Without ids that are taken for each other: never more than it was, and exact for ids of
        /// which no occurrence is further back than what the filters behind the head hold.
        #[test]
        fn counts_are_exact_within_its_memory(
            traffic in prop::collection::vec(0usize..600, 1..1500),
            busy in 1usize..200,
        ) {
            let ids = apart(600);
            let mut filters = SlidingFilters::new(SMALL);
            // By id: occurrences, and those since the last long pause.
            let mut known: BTreeMap<u64, (u32, u32, usize)> = BTreeMap::new();
            for (now, pick) in traffic.iter().enumerate() {
                // Half of the traffic is of few ids.
                let id = ids[if now % 2 == 0 { pick % busy } else { *pick }];
                let count = filters.count(id);
                let (all, recent, last) = known.get(&id).copied().unwrap_or((0, 0, now));
                // Each occurrence fills at most one place.
                let recent = if now - last < 3 * 74 { recent + 1 } else { 1 };
                known.insert(id, (all + 1, recent, now));
                prop_assert!(count <= (all + 1).min(SlidingFilter::MOST));
                prop_assert!(count >= recent.min(SlidingFilter::MOST));
            }
        }
    }
}
