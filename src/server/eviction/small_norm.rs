//! Rows with small weights, as DeepRec's eviction by L2 weight.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EvictionConfig, RowRecord};
use crate::optimizer::Moment;

/// Which weights are small.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Rows whose weights have this Euclidean norm or a smaller one are evicted.
    #[schemars(range(min = 0.0))]
    pub up_to: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { up_to: 0.01 }
    }
}

impl EvictionConfig for Config {
    fn worth(&self, _row: &RowRecord, weights: &[f32], _now: Moment, _newest: Moment) -> f64 {
        weights.iter().map(|w| f64::from(*w) * f64::from(*w)).sum::<f64>().sqrt()
    }

    fn limit(&self) -> Option<f64> {
        Some(self.up_to)
    }

    fn score(&self, _row: &RowRecord, _now: Moment) -> f64 {
        0.0
    }
}
