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

use super::Fit;
use super::rounds::{RoundsConfig, Rules, Size};

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

/// Of K distinct workers; who is not among them is broken off.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct KSync(pub Config);

/// Of K gradients at the present point; running steps are broken off.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct KBatchSync(pub Config);

/// Of K distinct workers, however stale.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct KAsync(pub Config);

/// Of any K pushes, however stale.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct KBatchAsync(pub Config);

impl Config {
    /// Whether there can be an update of K distinct workers.
    fn fit(self, workers: u32) -> Fit {
        match self.k {
            k if k > workers => Fit::NeverFull {
                setting: "k",
                why: format!("an update of {k} distinct workers, and there are {workers}"),
            },
            _ => Fit::Works,
        }
    }
}

impl RoundsConfig for KSync {
    fn size(&self) -> Size {
        Size::Distinct(self.0.k)
    }

    fn rules(&self) -> Rules {
        Rules { wait: true, fresh: true, abort: true }
    }

    fn fit(&self, workers: u32) -> Fit {
        self.0.fit(workers)
    }
}

impl RoundsConfig for KBatchSync {
    fn size(&self) -> Size {
        Size::Any(self.0.k)
    }

    fn rules(&self) -> Rules {
        Rules { wait: false, fresh: true, abort: true }
    }

    fn fit(&self, _: u32) -> Fit {
        Fit::Works
    }
}

impl RoundsConfig for KAsync {
    fn size(&self) -> Size {
        Size::Distinct(self.0.k)
    }

    fn rules(&self) -> Rules {
        Rules { wait: true, fresh: false, abort: false }
    }

    fn fit(&self, workers: u32) -> Fit {
        self.0.fit(workers)
    }
}

impl RoundsConfig for KBatchAsync {
    fn size(&self) -> Size {
        Size::Any(self.0.k)
    }

    fn rules(&self) -> Rules {
        Rules { wait: false, fresh: false, abort: false }
    }

    fn fit(&self, _: u32) -> Fit {
        Fit::Works
    }
}
