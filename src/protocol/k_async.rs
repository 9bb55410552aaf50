//! K-async: each update is made of pushes of K distinct workers, however stale; a worker that has
//! pushed waits for the update, nobody is broken off.
//!
//! Dutta et al. (2018), arXiv:1803.01113.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rounds::{Rounds, Rules};

/// How many workers make an update.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pushes to an update, each from another worker.
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
        let rules = Rules { wait: true, ..Rules::default() };
        Rounds::new(u64::from(self.k), workers, shards, rules)
    }
}
