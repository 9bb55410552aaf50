//! The K-family of Dutta et al. (2018), arXiv:1803.01113: updates of K pushes, in four ways.
//!
//! - *K-sync*: each round takes the first K distinct workers, the others are broken off and begin
//!   anew. A round lasts as long as the K-th order statistic of N step times, for memoryless
//!   workers `(H_N - H_(N-K)) / mu`.
//! - *K-batch-sync*: the first K gradients at the present point, whoever computes them; then all
//!   running steps are broken off. A fast worker may contribute several times.
//! - *K-async*: pushes of K distinct workers, however stale; a worker that has pushed waits for the
//!   update, nobody is broken off.
//! - *K-batch-async*: any K pushes, however stale; nobody waits. The mean time per update is
//!   `K E[X] / N` for any law. With `worker.local.kind = "local_steps"` this is the buffer of FedBuff
//!   (Nguyen et al. 2021, arXiv:2106.06639), whose K is 10.
//!
//! When fewer than K workers are there, updates of distinct workers are made of as many as there are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rounds::{Rounds, Rules, Size};

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
        Config { k: 2 }
    }
}

impl Config {
    fn rounds(&self, workers: u32, shards: u32, rules: Rules) -> Rounds {
        let size = if rules.wait { Size::Distinct(self.k) } else { Size::Any(self.k) };
        Rounds::new(size, workers, shards, rules)
    }

    /// K-sync.
    pub fn sync(&self, workers: u32, shards: u32) -> Rounds {
        self.rounds(workers, shards, Rules { wait: true, fresh: true, abort: true })
    }

    /// K-batch-sync.
    pub fn batch_sync(&self, workers: u32, shards: u32) -> Rounds {
        self.rounds(workers, shards, Rules { wait: false, fresh: true, abort: true })
    }

    /// K-async.
    pub fn asynchronous(&self, workers: u32, shards: u32) -> Rounds {
        self.rounds(workers, shards, Rules { wait: true, fresh: false, abort: false })
    }

    /// K-batch-async.
    pub fn batch_asynchronous(&self, workers: u32, shards: u32) -> Rounds {
        self.rounds(workers, shards, Rules::default())
    }
}
