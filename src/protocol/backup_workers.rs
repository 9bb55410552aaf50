//! Synchronous with backup workers: each round takes the first N of N + b pushes. Late pushes are
//! discarded when they arrive.
//!
//! Chen et al. (2016), arXiv:1604.00981. The length of a round is the N-th order statistic of N + b
//! step times: for memoryless workers `(H_(N+b) - H_b) / mu`. When workers leave, rounds become
//! smaller; the number of backups stays the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fit;
use super::rounds::{RoundSize, RoundsConfig, Rules};
use crate::base::counted;

/// Number of backup workers.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Number of backups: each round is closed without this many of its last workers.
    #[schemars(range(max = 100_000))]
    pub backups: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config { backups: 1 }
    }
}

impl RoundsConfig for Config {
    fn size(&self) -> RoundSize {
        RoundSize::AllBut(self.backups)
    }

    fn rules(&self) -> Rules {
        Rules { wait: true, fresh: true, abort: false }
    }

    fn fit(&self, workers: u32) -> Fit {
        match self.backups {
            backups if backups >= workers => Fit::NeverFull {
                setting: "backups",
                why: format!(
                    "{} of {} in all",
                    counted(backups, "backup", "backups"),
                    counted(workers, "worker", "workers")
                ),
            },
            _ => Fit::Works,
        }
    }
}
