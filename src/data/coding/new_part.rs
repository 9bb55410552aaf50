//! A part for tests only: all ids share a few rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HashingConfig, Join, SharedRows};

/// The number of rows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Rows of a table.
    pub few: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config { few: 3 }
    }
}

impl HashingConfig for Config {
    fn rows(&self, _ids: u32) -> Option<SharedRows> {
        Some(SharedRows { tables: vec![("", self.few)], parts: vec![0], join: Join::Add })
    }

    fn find(&self, key: u64, _ids: u32, rows: &mut Vec<u32>) {
        rows.push((key % u64::from(self.few.max(1))) as u32);
    }

    fn row_index(&self) -> Option<super::cuckoo::Config> {
        None
    }
}
