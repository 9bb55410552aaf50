//! A row for every id, found through a cuckoo hash table (Pagh & Rodler 2004), as in Monolith.
//!
//! The table itself is `server::cuckoo`; here are only its settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HashingConfig, SharedRows};

/// The shape of the hash table, of which every shard has one per embedding table.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Slots of a bucket. An id may lie in any slot of two buckets.
    #[schemars(range(min = 1, max = 8))]
    pub slots: u32,
    /// Buckets at first, rounded up to a power of two. Monolith begins with 65,536.
    #[schemars(range(min = 1, max = 268_435_456u32))]
    pub start: u32,
    /// Most entries that one insertion may move. If no path of so many moves leads to a free slot,
    /// the number of buckets doubles.
    #[schemars(range(max = 1000))]
    pub longest_path: u32,
    /// The share of occupied slots at which the number of buckets doubles, although there may be
    /// room; if left out, it doubles only when there is no path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.05, max = 1.0))]
    pub grow_at: Option<f64>,
}

impl Default for Config {
    fn default() -> Config {
        Config { slots: 4, start: 1024, longest_path: 5, grow_at: None }
    }
}

impl Config {
    /// Bytes of a slot: 12 are used, the rest lets four slots fill a line of the processor's cache.
    pub const SLOT_BYTES: u64 = 16;

    /// The share of its slots that a large table of random ids can fill, by theory: if paths may have
    /// any length (Cain, Sanders & Wormald 2007).
    pub fn threshold(&self) -> f64 {
        match self.slots {
            0 | 1 => 0.5,
            2 => 0.897,
            3 => 0.959,
            4 => 0.980,
            _ => 0.990,
        }
    }

    /// The share of its slots that a table of random ids has filled at least when it doubles, about: with
    /// short paths less than by theory.
    pub fn reached_load(&self) -> f64 {
        let reached = match self.slots {
            0 | 1 => 0.25,
            2 => 0.65,
            3 => 0.80,
            4 => 0.85,
            _ => 0.92,
        };
        self.grow_at.map_or(reached, |at| at.clamp(0.01, reached))
    }

    /// Bytes of a table with so many rows, at the moment when it has doubled: then the old slots are
    /// still there.
    pub fn bytes(&self, rows: u64) -> u64 {
        let slots = u64::from(self.slots.max(1));
        let mut buckets = u64::from(self.start.max(1)).next_power_of_two();
        let mut grown = false;
        // Rows have numbers of 32 bits.
        let rows = rows.min(1 << 32) as f64;
        while ((buckets * slots) as f64) * self.reached_load() < rows {
            buckets *= 2;
            grown = true;
        }
        let bytes = buckets.saturating_mul(slots).saturating_mul(Config::SLOT_BYTES);
        if grown { bytes.saturating_add(bytes / 2) } else { bytes }
    }
}

impl HashingConfig for Config {
    fn rows(&self, _ids: u32) -> Option<SharedRows> {
        None
    }

    fn find(&self, _key: u64, _ids: u32, _rows: &mut Vec<u32>) {}

    fn row_index(&self) -> Option<Config> {
        Some(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_doubles_until_its_rows_fit() {
        let config = Config { slots: 4, start: 1000, ..Config::default() };
        assert_eq!(config.bytes(0), 1024 * 4 * 16);
        assert_eq!(config.bytes(3400), 1024 * 4 * 16);
        assert_eq!(config.bytes(4000), 3 * 1024 * 4 * 16);
        let half = Config { grow_at: Some(0.5), ..config };
        assert_eq!(half.bytes(3400), 3 * 1024 * 4 * 16);
        let one = Config { slots: 1, start: 1, ..config };
        assert!(one.bytes(1000) >= 2 * 1000 * 16 && one.bytes(u64::MAX) > 0);
    }
}
