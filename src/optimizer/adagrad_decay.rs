//! Adagrad-SWAP: Adagrad whose sums of squares are discounted when a sampling period ends:
//!
//! ```text
//! if a period has ended:  a = max(discount a, floor)
//! a += g^2
//! w -= rate g / (sqrt(a) + epsilon)
//! ```
//!
//! This is AdagradDecay of DeepRec: its documentation and kernels were read, and the tests here are
//! our own. That it is Algorithm 2 of Liu & Zhao (AAAI 2021) is inferred, see
//! [`swap`](super::swap). Their run had a discount of 0.8 and a period of 1.4e7 updates.
//!
//! The number of discounts is a slot of every row and dense block. DeepRec decides by the update
//! that the worker knew of when it sent the gradient; here the server's update decides. Leaving
//! untouched rows alone is exact with `catch_up = "exact"`. With a discount of 1 it is Adagrad, bit
//! by bit.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::EDGE_OF_OTHERS;
use super::rule::ratio;
use super::swap::{CatchUp, Periods};
use super::{Horizon, Optimizer, OptimizerConfig, OptimizerFacts, Per, Slot, Tick};

/// Configuration of `kind = "adagrad_decay"`.
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
    /// What the sum is multiplied by when a period ends; 1 never forgets.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
    /// Length of a sampling period.
    pub period: Horizon,
    /// No discount takes the sum below this.
    #[schemars(range(min = 0.0))]
    pub floor: f64,
    /// What happens to a row that was not touched while several periods ended.
    pub catch_up: CatchUp,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            learning_rate: 0.01,
            initial: 0.1,
            epsilon: 1e-10,
            discount: 0.9,
            period: Horizon::Updates(100_000),
            floor: 0.1,
            catch_up: CatchUp::OnePerTouch,
        }
    }
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        let sum = Slot { name: "a", init: self.initial as f32, per: Per::Weight };
        Arc::new(AdagradDecay {
            slots: [sum, Slot { name: "periods", init: 0.0, per: Per::Row }],
            epsilon: self.epsilon as f32,
            periods: Periods::new(self.period, self.discount, self.catch_up),
            floor: self.floor as f32,
        })
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn facts(&self) -> OptimizerFacts {
        OptimizerFacts {
            period: Some(self.period),
            edge: EDGE_OF_OTHERS,
            descends: false,
            remakes_weights: false,
        }
    }
}

/// Adagrad with a discount per sampling period.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AdagradDecay {
    slots: [Slot; 2],
    epsilon: f32,
    periods: Periods,
    floor: f32,
}

impl Optimizer for AdagradDecay {
    fn slots(&self) -> &[Slot] {
        &self.slots
    }

    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        let (sums, periods) = slots.split_at_mut(weights.len());
        let factor = self.periods.due(&mut periods[0], tick);
        if factor != 1.0 {
            sums.iter_mut().for_each(|a| *a = (factor * *a).max(self.floor));
        }
        for ((w, a), &g) in weights.iter_mut().zip(sums).zip(gradient) {
            *a += g * g;
            *w -= tick.rate * ratio(g, a.sqrt() + self.epsilon);
        }
    }
}
