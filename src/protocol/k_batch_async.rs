//! K-batch-async: each update is made of any K pushes, however stale; nobody waits.
//!
//! Dutta et al. (2018), arXiv:1803.01113; the mean time per update is `K E[X] / N` for any law. With
//! `worker.local.kind = "local_steps"` this is the buffer of FedBuff (Nguyen et al. 2021,
//! arXiv:2106.06639), whose K is 10. K = 1 is the asynchronous protocol.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rounds::{Rounds, Rules};

/// How many pushes make an update.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pushes to an update.
    #[schemars(range(min = 1, max = 100_000))]
    pub k: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config { k: 10 }
    }
}

impl Config {
    /// The working protocol for `workers` workers and `shards` shards.
    pub fn build(&self, workers: u32, shards: u32) -> Rounds {
        let rules = Rules::default();
        Rounds::new(u64::from(self.k), workers, shards, rules)
    }
}
