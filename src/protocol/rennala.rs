//! Rennala: each update is the mean of the first S gradients of the current version, from any
//! workers. Gradients of an older version are discarded when they arrive.
//!
//! Tyurin, Richtarik (2023), Rennala SGD. Unlike in K-batch-sync, no step is aborted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fit;
use super::rounds::{RoundSize, RoundsConfig, Rules};

/// How many gradients make an update.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pushes to an update: the paper's S.
    #[schemars(range(min = 1, max = 100_000))]
    pub batch: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config { batch: 4 }
    }
}

impl RoundsConfig for Config {
    fn size(&self) -> RoundSize {
        RoundSize::Any(self.batch)
    }

    fn rules(&self) -> Rules {
        Rules { wait: false, fresh: true, abort: false }
    }

    fn fit(&self, _: u32) -> Fit {
        Fit::Works
    }
}
