//! A part for tests only: rows with few pushes go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EvictionConfig, RowRecord};
use crate::optimizer::Moment;

/// Which rows go.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most pushes of a row that goes.
    pub few: f64,
}

impl EvictionConfig for Config {
    fn worth(&self, row: &RowRecord, _weights: &[f32], _now: Moment, _newest: Moment) -> f64 {
        f64::from(row.pushes)
    }

    fn limit(&self) -> Option<f64> {
        Some(self.few)
    }

    fn score(&self, _row: &RowRecord, _now: Moment) -> f64 {
        0.0
    }
}
