//! The K-family of Dutta et al. (2018), arXiv:1803.01113: updates of K pushes, in four ways.
//!
//! - *K-sync*: each round takes the first K distinct workers; the steps of the others are aborted,
//!   and they begin anew. A round lasts as long as the K-th order statistic of N step times: for
//!   memoryless workers `(H_N - H_(N-K)) / mu`.
//! - *K-batch-sync*: the first K gradients of the current version, from any workers; then all
//!   running steps are aborted. A fast worker may contribute several times.
//! - *K-async*: pushes of K distinct workers, however stale. A worker that has pushed waits for the
//!   update; no step is aborted.
//! - *K-batch-async*: any K pushes, however stale; no worker waits. The mean time per update is
//!   `K E[X] / N` for any law. With `worker.local.kind = "local_steps"` this is the buffer of
//!   FedBuff (Nguyen et al. 2021, arXiv:2106.06639), whose K is 10.
//!
//! When fewer than K workers are present, an update of distinct workers takes one push of each.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fit;
use super::rounds::{RoundSize, RoundsConfig, Rules};

/// How many pushes make an update. `DISTINCT`: the pushes come from distinct workers, which then
/// wait for the update. `FRESH`: the pushes are of the current version, so all other steps are
/// aborted.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config<const DISTINCT: bool, const FRESH: bool> {
    /// Pushes to an update.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 100_000))]
    pub k: u32,
}

/// K-sync.
pub type KSync = Config<true, true>;
/// K-batch-sync.
pub type KBatchSync = Config<false, true>;
/// K-async.
pub type KAsync = Config<true, false>;
/// K-batch-async.
pub type KBatchAsync = Config<false, false>;

fn two() -> u32 {
    2
}

impl<const DISTINCT: bool, const FRESH: bool> RoundsConfig for Config<DISTINCT, FRESH> {
    fn size(&self) -> RoundSize {
        if DISTINCT { RoundSize::Distinct(self.k) } else { RoundSize::Any(self.k) }
    }

    fn rules(&self) -> Rules {
        Rules { wait: DISTINCT, fresh: FRESH, abort: FRESH }
    }

    fn fit(&self, workers: u32) -> Fit {
        match self.k {
            k if DISTINCT && k > workers => Fit::NeverFull {
                setting: "k",
                why: format!("an update of {k} distinct workers, and there are {workers}"),
            },
            _ => Fit::Works,
        }
    }
}
