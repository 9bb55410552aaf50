//! K-sync: each round takes the first K distinct workers, the others are broken off and begin anew.
//!
//! Dutta et al. (2018), arXiv:1803.01113. A round lasts as long as the K-th order statistic of N
//! step times, for memoryless workers `(H_N - H_(N-K)) / mu`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rounds::{Rounds, Rules};

/// How many workers make a round.
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
        let rules = Rules { wait: true, fresh: true, abort: true };
        Rounds::new(u64::from(self.k), workers, shards, rules)
    }
}
