//! n-softsync: each update is the mean of `floor(workers / n)` pushes of any workers; no worker
//! waits.
//!
//! Zhang, Gupta, Lian, Liu (2015), arXiv:1511.05950. Mean staleness is `(workers - 1) / c` with
//! `c = floor(workers / n)`, where only present workers count. `n = workers` is the asynchronous
//! protocol.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fit;
use super::rounds::{RoundSize, RoundsConfig, Rules};
use crate::base::counted;

/// Into how many parts the workers are split.
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

impl RoundsConfig for Config {
    fn size(&self) -> RoundSize {
        RoundSize::Split(self.n)
    }

    fn rules(&self) -> Rules {
        Rules { wait: false, fresh: false, abort: false }
    }

    fn fit(&self, workers: u32) -> Fit {
        match self.n {
            n if n > workers => Fit::NeverFull {
                setting: "n",
                why: format!("{} cannot be split into {n}", counted(workers, "worker", "workers")),
            },
            _ => Fit::Works,
        }
    }
}
