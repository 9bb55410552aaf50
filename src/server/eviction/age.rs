//! Expiry by the time since the last update.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EvictionConfig, RowRecord, between};
use crate::optimizer::{Horizon, Moment};

/// When a row expires.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Length of training without an update of the row.
    pub after: Horizon,
    /// From which moment it is counted back.
    pub relative_to: Now,
}

/// The moment from which the age of a row is counted back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Now {
    /// The present.
    #[default]
    Clock,
    /// The newest update of the table, as in Monolith: while nothing is updated, nothing expires.
    NewestUpdate,
}

impl Default for Config {
    fn default() -> Config {
        Config { after: Horizon::Updates(100_000), relative_to: Now::default() }
    }
}

impl EvictionConfig for Config {
    fn worth(&self, row: &RowRecord, _weights: &[f32], now: Moment, newest: Moment) -> f64 {
        let now = match self.relative_to {
            Now::Clock => now,
            Now::NewestUpdate => newest,
        };
        -self.after.passed(between(row.last, now))
    }

    fn limit(&self) -> Option<f64> {
        Some(-1.0)
    }

    fn length(&self) -> Option<(&'static str, Horizon)> {
        Some(("after", self.after))
    }

    fn score(&self, _row: &RowRecord, _now: Moment) -> f64 {
        0.0
    }
}
