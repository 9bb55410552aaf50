//! A score that decays: each push adds one, and what was there is halved in every half-life. The
//! accessor of Paddle keeps such a score of shows and clicks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EvictionConfig, RowRecord, between};
use crate::optimizer::{Horizon, Moment};

/// How the score decays, and which rows stay.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Length of training in which a score is halved.
    pub half_life: Horizon,
    /// Rows with this score or a smaller one are evicted.
    #[schemars(range(min = 0.0))]
    pub up_to: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { half_life: Horizon::Updates(10_000), up_to: 0.1 }
    }
}

impl Config {
    fn decayed(&self, row: &RowRecord, now: Moment) -> f64 {
        row.score * libm::exp2(-self.half_life.passed(between(row.last, now)))
    }
}

impl EvictionConfig for Config {
    fn worth(&self, row: &RowRecord, _weights: &[f32], now: Moment, _newest: Moment) -> f64 {
        self.decayed(row, now)
    }

    fn limit(&self) -> Option<f64> {
        Some(self.up_to)
    }

    fn length(&self) -> Option<(&'static str, Horizon)> {
        Some(("half_life", self.half_life))
    }

    fn score(&self, row: &RowRecord, now: Moment) -> f64 {
        self.decayed(row, now) + 1.0
    }
}
