//! The least recently updated row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EvictionConfig, RowRecord};
use crate::optimizer::Moment;

/// It has no settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl EvictionConfig for Config {
    fn worth(&self, row: &RowRecord, _weights: &[f32], _now: Moment, _newest: Moment) -> f64 {
        row.last.updates as f64
    }

    fn limit(&self) -> Option<f64> {
        None
    }

    fn score(&self, _row: &RowRecord, _now: Moment) -> f64 {
        0.0
    }
}
