//! A row for every id.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HashingConfig, SharedRows};

/// It has no settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl HashingConfig for Config {
    fn rows(&self, _ids: u32) -> Option<SharedRows> {
        None
    }

    fn find(&self, _key: u64, _ids: u32, _rows: &mut Vec<u32>) {}

    fn row_index(&self) -> Option<super::cuckoo::Config> {
        None
    }
}
