//! Plain gradient descent: `w -= rate g`.
//!
//! A row that a gradient does not touch stays as it is. This is exact: a zero gradient would change
//! nothing either.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::EDGE_OF_OTHERS;
use super::{Optimizer, OptimizerConfig, OptimizerFacts, Slot, Tick};

/// Configuration of `kind = "sgd"`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Learning rate, before any schedule.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { learning_rate: 0.1 }
    }
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
            period: None,
            edge: EDGE_OF_OTHERS,
            descends: true,
            remakes_weights: false,
        }
    }
}

/// Plain gradient descent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sgd;

impl Optimizer for Sgd {
    fn slots(&self) -> &[Slot] {
        &[]
    }

    fn update(&self, weights: &mut [f32], _slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        for (w, &g) in weights.iter_mut().zip(gradient) {
            *w -= tick.rate * g;
        }
    }
}
