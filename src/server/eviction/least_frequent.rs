//! The row with the fewest pushes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EvictionConfig, RowRecord};
use crate::optimizer::Moment;

/// From which number of pushes on a row stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Rows with this many pushes or fewer are evicted whenever rows are looked for; if left out,
    /// only a full table evicts rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to: Option<u32>,
}

impl EvictionConfig for Config {
    fn worth(&self, row: &RowRecord, _weights: &[f32], _now: Moment, _newest: Moment) -> f64 {
        f64::from(row.pushes)
    }

    fn limit(&self) -> Option<f64> {
        self.up_to.map(f64::from)
    }

    fn score(&self, _row: &RowRecord, _now: Moment) -> f64 {
        0.0
    }
}
