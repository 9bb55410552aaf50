//! n-softsync: each update is the mean of `floor(workers / n)` pushes of any workers; nobody waits.
//!
//! Zhang, Gupta, Lian, Liu (2015), arXiv:1511.05950. Mean staleness is `(workers - 1) / c` with
//! `c = floor(workers / n)`, the workers being those that are there. `n = workers` is the asynchronous protocol.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rounds::{Rounds, Rules, Size};

/// How often the workers are split.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Updates per round of the workers: the splitting parameter of the paper.
    #[schemars(range(min = 1, max = 100_000))]
    pub n: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config { n: 1 }
    }
}

impl Config {
    /// The working protocol for `workers` workers and `shards` shards.
    pub fn build(&self, workers: u32, shards: u32) -> Rounds {
        let rules = Rules::default();
        Rounds::new(Size::Split(self.n), workers, shards, rules)
    }
}
