//! Adagrad: `a += g^2`, `w -= rate g / (sqrt(a) + epsilon)` (Duchi et al. 2011).
//!
//! Leaving untouched rows alone is exact: nothing decays, and a zero gradient changes nothing. The
//! sum `a` of TensorFlow begins at 0.1 and has no epsilon; PyTorch's begins at 0 with 1e-10.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::EDGE_OF_OTHERS;
use super::rule::ratio;
use super::{Optimizer, OptimizerConfig, OptimizerFacts, Per, Slot, Tick};

/// Configuration of `kind = "adagrad"`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Learning rate, before any schedule.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// First value of the sum of squares.
    #[schemars(range(min = 0.0))]
    pub initial: f64,
    /// Added to the root.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { learning_rate: 0.01, initial: 0.1, epsilon: 1e-10 }
    }
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        let slot = Slot { name: "a", init: self.initial as f32, per: Per::Weight };
        Arc::new(Adagrad { slots: [slot], epsilon: self.epsilon as f32 })
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn facts(&self) -> OptimizerFacts {
        OptimizerFacts {
            period: None,
            edge: EDGE_OF_OTHERS,
            descends: false,
            remakes_weights: false,
        }
    }
}

/// Adagrad.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Adagrad {
    slots: [Slot; 1],
    epsilon: f32,
}

impl Optimizer for Adagrad {
    fn slots(&self) -> &[Slot] {
        &self.slots
    }

    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        for ((w, a), &g) in weights.iter_mut().zip(slots).zip(gradient) {
            *a += g * g;
            *w -= tick.rate * ratio(g, a.sqrt() + self.epsilon);
        }
    }
}
