//! Adam with the mean square gradient of RMSProp-SWAP: all gradients of a sampling period weigh the
//! same, and those of every period before it `discount` times less:
//!
//! ```text
//! if a period has ended:  v = discount v,  c = discount c
//! m = beta1 m + (1 - beta1) g,  v += g^2,  c += 1
//! w -= rate m / (1 - beta1^t) / (sqrt(v / c) + epsilon)
//! ```
//!
//! Reconstructed: an extension of [`swap`](super::swap) with no published counterpart. The mean
//! square needs no correction for its start, since it is a mean. The average gradient does, and
//! `scope` says what its `t` counts. `c` counts touches of a row or block. Untouched rows stay as
//! they are. With `beta1 = 0` it is `rmsprop_swap`, bit by bit.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::EDGE_OF_MEANS;
use super::rmsprop_swap::{self, note};
use super::rule::{power, ratio};
use super::swap::{CatchUp, Periods};
use super::{Horizon, Optimizer, OptimizerConfig, OptimizerFacts, Per, Scope, Slot, Tick};

/// Configuration of `kind = "adam_swap"`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Learning rate, before any schedule.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// Share of the average gradient that is kept at every update.
    #[schemars(range(min = 0.0, max = 0.999999))]
    pub beta1: f64,
    /// Keeps steps finite where gradients vanish.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// Whose updates the bias correction of the average gradient counts.
    pub scope: Scope,
    /// What past squares are multiplied by when a period ends; 1 never forgets.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
    /// Length of a sampling period.
    pub period: Horizon,
    /// What happens to a row that was not touched while several periods ended.
    pub catch_up: CatchUp,
}

impl Default for Config {
    fn default() -> Config {
        let rmsprop_swap::Config { learning_rate, epsilon, discount, period, catch_up } =
            rmsprop_swap::Config::default();
        let scope = Scope::Global;
        Config { learning_rate, beta1: 0.9, epsilon, scope, discount, period, catch_up }
    }
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        Arc::new(AdamSwap {
            beta1: self.beta1,
            scope: self.scope,
            epsilon: self.epsilon as f32,
            periods: Periods::new(self.period, self.discount, self.catch_up),
        })
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn facts(&self) -> OptimizerFacts {
        OptimizerFacts {
            period: Some(self.period),
            edge: EDGE_OF_MEANS,
            descends: false,
            remakes_weights: false,
        }
    }
}

/// Adam with a discount per sampling period.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AdamSwap {
    beta1: f64,
    scope: Scope,
    epsilon: f32,
    periods: Periods,
}

/// The average gradient, then the slots of RMSProp-SWAP.
const SLOTS: [Slot; 4] = [
    Slot { name: "m", init: 0.0, per: Per::Weight },
    rmsprop_swap::SLOTS[0],
    rmsprop_swap::SLOTS[1],
    rmsprop_swap::SLOTS[2],
];

impl Optimizer for AdamSwap {
    fn slots(&self) -> &[Slot] {
        &SLOTS
    }

    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        let (averages, squares) = slots.split_at_mut(weights.len());
        let count = note(&self.periods, squares, gradient, tick);
        let (kept, new) = (self.beta1 as f32, (1.0 - self.beta1) as f32);
        let bias = (1.0 - power(self.beta1, tick.count(self.scope))) as f32;
        let slots = averages.iter_mut().zip(squares);
        for ((w, (m, v)), &g) in weights.iter_mut().zip(slots).zip(gradient) {
            *m = kept * *m + new * g;
            *w -= tick.rate * ratio(*m / bias, (*v / count).sqrt() + self.epsilon);
        }
    }
}
