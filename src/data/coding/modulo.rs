//! Feature hashing into a fixed number of rows (Weinberger et al. 2009).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HashingConfig, Join, SharedRows, hashed};

/// The number of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Rows of a table.
    #[schemars(range(min = 1))]
    pub rows: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config { rows: 1_000_000 }
    }
}

impl HashingConfig for Config {
    fn rows(&self, _ids: u32) -> Option<SharedRows> {
        Some(SharedRows { tables: vec![("", self.rows)], parts: vec![0], join: Join::Add })
    }

    fn find(&self, key: u64, _ids: u32, rows: &mut Vec<u32>) {
        rows.push(hashed(key, 0, self.rows));
    }

    fn row_index(&self) -> Option<super::cuckoo::Config> {
        None
    }
}
