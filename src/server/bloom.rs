//! A counting Bloom filter (Fan et al. 2000): counts of ids in a fixed number of counters. The count
//! of an id is the smallest of its counters, so it is never too small until a counter is full.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::stream::mix;

/// A counting Bloom filter per table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BloomFilter {
    /// Counters of a table.
    #[schemars(range(min = 1, max = 4_000_000_000u32))]
    pub counters: u32,
    /// Counters of an id.
    #[schemars(range(min = 1, max = 32))]
    pub hashes: u32,
    /// Bits of a counter, which stops at its largest value: with the 4 bits of Monolith's filter no
    /// id is admitted after more than 15 pushes.
    #[schemars(range(min = 1, max = 16))]
    pub bits: u32,
}

impl Default for BloomFilter {
    fn default() -> BloomFilter {
        BloomFilter { counters: 1_000_000, hashes: 4, bits: 16 }
    }
}

/// Keeps ids and numbers of hashes apart: otherwise small ids would share counters in pairs.
const SALT: u64 = 0x9E37_79B9_7F4A_7C15;

/// The counters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct CountingFilter {
    counters: Vec<u16>,
    hashes: u32,
    largest: u16,
}

impl CountingFilter {
    /// All counters at zero.
    pub(super) fn new(filter: BloomFilter) -> CountingFilter {
        CountingFilter {
            counters: vec![0; filter.counters.max(1) as usize],
            hashes: filter.hashes.max(1),
            largest: ((1u32 << filter.bits.clamp(1, 16)) - 1) as u16,
        }
    }

    /// Counts an id; returns its count, which other ids may have raised.
    pub(super) fn count(&mut self, id: u64) -> u32 {
        let mut least = self.largest;
        for number in 0..self.hashes {
            let hash = mix(mix(id ^ SALT) ^ mix(u64::from(number)));
            let at = ((u128::from(hash) * self.counters.len() as u128) >> 64) as usize;
            let counter = &mut self.counters[at];
            *counter = counter.saturating_add(1).min(self.largest);
            least = least.min(*counter);
        }
        u32::from(least)
    }
}

crate::persist!(CountingFilter { counters: sized, hashes: fixed, largest: fixed });
