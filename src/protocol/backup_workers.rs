//! Synchronous with backup workers: each round takes the first N of N + b pushes, late ones are
//! dropped when they arrive.
//!
//! Chen et al. (2016), arXiv:1604.00981. The length of a round is the N-th order statistic of
//! N + b step times, for memoryless workers `(H_(N+b) - H_b) / mu`. When workers are gone, rounds become
//! smaller: the backups remain as many.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rounds::{Rounds, Rules, Size};

/// How many workers each round does without.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// So many of the workers are backups: each round is closed without the last so many.
    #[schemars(range(max = 100_000))]
    pub backups: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config { backups: 1 }
    }
}

impl Config {
    /// The working protocol for `workers` workers and `shards` shards.
    pub fn build(&self, workers: u32, shards: u32) -> Rounds {
        let rules = Rules { wait: true, fresh: true, ..Rules::default() };
        Rounds::new(Size::AllBut(self.backups), workers, shards, rules)
    }
}
