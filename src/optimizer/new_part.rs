//! A part for tests only: plain descent, with the facts that its settings list.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sgd::Sgd;
use super::{Horizon, Optimizer, OptimizerConfig, OptimizerFacts};

/// What the rule says of itself.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Learning rate, before any schedule.
    pub learning_rate: f64,
    /// Length of a sampling period.
    pub period: Option<Horizon>,
    /// Whether it makes weights anew.
    pub remakes_weights: bool,
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        Arc::new(Sgd)
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn facts(&self) -> OptimizerFacts {
        OptimizerFacts {
            period: self.period,
            edge: 0.125,
            descends: false,
            remakes_weights: self.remakes_weights,
        }
    }
}
