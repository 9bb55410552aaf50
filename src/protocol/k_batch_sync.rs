//! K-batch-sync: each update is made of the first K gradients at the present point, whoever computes
//! them; then all running steps are broken off.
//!
//! Dutta et al. (2018), arXiv:1803.01113. A fast worker may contribute several times.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rounds::{Rounds, Rules};

/// How many gradients make an update.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pushes to an update.
    #[schemars(range(min = 1, max = 100_000))]
    pub k: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config { k: 2 }
    }
}

impl Config {
    /// The working protocol for `workers` workers and `shards` shards.
    pub fn build(&self, workers: u32, shards: u32) -> Rounds {
        let rules = Rules { fresh: true, abort: true, ..Rules::default() };
        Rounds::new(u64::from(self.k), workers, shards, rules)
    }
}
