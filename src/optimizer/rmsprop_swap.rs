//! RMSProp-SWAP: steps divided by the root of a mean square gradient. In the mean, all gradients of
//! a sampling period weigh the same, and those of every period before it `discount` times less:
//!
//! ```text
//! if a period has ended:  v = discount v,  c = discount c
//! v += g^2,  c += 1
//! w -= rate g / (sqrt(v / c) + epsilon)
//! ```
//!
//! Reconstructed: an extension of [`swap`](super::swap) to a mean, with no published counterpart.
//! `c` counts touches, so the mean of a rare row is over its own gradients. `c` and the number of
//! discounts are slots of every row and dense block. Untouched rows stay as they are: a zero
//! gradient would count as one. With a discount of 1, `v / c` is the mean over all gradients ever.
//! The step is then that of Adagrad with a rate that grows with the root of the number of touches.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::EDGE_OF_MEANS;
use super::rule::ratio;
use super::swap::{CatchUp, Periods};
use super::{Horizon, Optimizer, OptimizerConfig, OptimizerFacts, Per, Slot, Tick};

/// Configuration of `kind = "rmsprop_swap"`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Learning rate, before any schedule.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// Keeps steps finite where gradients vanish.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// What past gradients are multiplied by when a period ends; 1 never forgets.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
    /// Length of a sampling period.
    pub period: Horizon,
    /// What happens to a row that was not touched while several periods ended.
    pub catch_up: CatchUp,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            learning_rate: 1e-3,
            epsilon: 1e-8,
            discount: 0.9,
            period: Horizon::Updates(100_000),
            catch_up: CatchUp::OnePerTouch,
        }
    }
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        Arc::new(RmspropSwap {
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

/// RMSProp with a discount per sampling period.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RmspropSwap {
    epsilon: f32,
    periods: Periods,
}

/// Sum of squares, discounted touches, discounts.
pub(super) const SLOTS: [Slot; 3] = [
    Slot { name: "v", init: 0.0, per: Per::Weight },
    Slot { name: "c", init: 0.0, per: Per::Row },
    Slot { name: "periods", init: 0.0, per: Per::Row },
];

/// Takes a gradient into the sums of squares in `slots`, which are [`SLOTS`]. Returns the number
/// that the first of them has to be divided by to give the means.
pub(super) fn note(periods: &Periods, slots: &mut [f32], gradient: &[f32], tick: &Tick) -> f32 {
    let (sums, counters) = slots.split_at_mut(gradient.len());
    let factor = periods.due(&mut counters[1], tick);
    if factor != 1.0 {
        sums.iter_mut().for_each(|v| *v *= factor);
        counters[0] *= factor;
    }
    counters[0] += 1.0;
    for (v, &g) in sums.iter_mut().zip(gradient) {
        *v += g * g;
    }
    counters[0]
}

impl Optimizer for RmspropSwap {
    fn slots(&self) -> &[Slot] {
        &SLOTS
    }

    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        let count = note(&self.periods, slots, gradient, tick);
        for ((w, v), &g) in weights.iter_mut().zip(slots).zip(gradient) {
            *w -= tick.rate * ratio(g, (*v / count).sqrt() + self.epsilon);
        }
    }
}
