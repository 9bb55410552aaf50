//! Plain gradient descent: `w -= rate g`.
//!
//! A row that a gradient does not touch stays as it is, which is exact: a zero gradient changes
//! nothing either.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Optimizer, Slot, Tick};

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
