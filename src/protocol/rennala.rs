//! Rennala: each update is the mean of the first S gradients computed at the present point, whoever
//! sends them; gradients of an older point are discarded when they arrive.
//!
//! Tyurin, Richtarik (2023), Rennala SGD. Unlike K-batch-sync nothing is broken off.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rounds::{Rounds, Rules, Size};

/// How many gradients make an update.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pushes to an update: the paper's S.
    #[schemars(range(min = 1, max = 100_000))]
    pub batch: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config { batch: 4 }
    }
}

impl Config {
    /// The working protocol for `workers` workers and `shards` shards.
    pub fn build(&self, workers: u32, shards: u32) -> Rounds {
        let rules = Rules { fresh: true, ..Rules::default() };
        Rounds::new(Size::Any(self.batch), workers, shards, rules)
    }
}
