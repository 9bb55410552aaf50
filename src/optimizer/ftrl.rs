//! FTRL-proximal (McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013):
//! Adagrad that keeps weights exactly zero until their gradients add up to more than `l1`:
//!
//! ```text
//! s = (sqrt(n + g^2) - sqrt(n)) / rate
//! z += g - s w,   n += g^2
//! w = 0 if |z| <= l1, else -(z - sgn(z) l1) / ((beta + sqrt(n)) / rate + l2)
//! ```
//!
//! Without `l1` and `l2` this is a step `w -= rate g / (beta + sqrt(n))`.
//!
//! *A rate that changes*, by a schedule or a remedy, must not rescale what was learned before. So
//! `s` is the growth of `(beta + sqrt(n)) / rate` as a whole, and the rate of the row's last update
//! is a slot. With a constant rate it is the formula above. An update at a rate of zero changes
//! nothing.
//!
//! *First values.* Weights are a function of `z`, which begins at zero in TensorFlow. So the first
//! update of a row forgets its random first value, and a layer whose weights are all forgotten
//! cannot learn. With `keeps_start` (the default) `z` begins at the value that gives the first
//! weight. For weights that begin at zero both are the same.
//!
//! Leaving untouched rows alone is exact: a zero gradient changes nothing.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::EDGE_OF_OTHERS;
use super::rule::ratio;
use super::{Optimizer, OptimizerConfig, OptimizerFacts, Per, Slot, Tick};

/// Configuration of `kind = "ftrl"`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Learning rate (`alpha`), before any schedule.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// Added to the root of the sum of squares.
    #[schemars(range(min = 0.0))]
    pub beta: f64,
    /// Weights whose gradients add up to less than this are exactly zero.
    #[schemars(range(min = 0.0))]
    pub l1: f64,
    /// Pulls weights towards zero in proportion to their size.
    #[schemars(range(min = 0.0))]
    pub l2: f64,
    /// First value of the sum of squares.
    #[schemars(range(min = 0.0))]
    pub initial: f64,
    /// Whether learning begins at the first value of a weight, instead of at zero.
    pub keeps_start: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config { learning_rate: 0.1, beta: 1.0, l1: 0.0, l2: 0.0, initial: 0.1, keeps_start: true }
    }
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        Arc::new(Ftrl::new(self))
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn facts(&self) -> OptimizerFacts {
        OptimizerFacts {
            period: None,
            edge: EDGE_OF_OTHERS,
            descends: false,
            remakes_weights: true,
        }
    }
}

/// FTRL-proximal.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ftrl {
    slots: [Slot; 3],
    beta: f32,
    l1: f32,
    l2: f32,
    keeps_start: bool,
}

impl Ftrl {
    /// The rule of `config`.
    pub fn new(config: &Config) -> Ftrl {
        Ftrl {
            slots: [
                Slot { name: "z", init: 0.0, per: Per::Weight },
                Slot { name: "n", init: config.initial as f32, per: Per::Weight },
                Slot { name: "rate", init: 0.0, per: Per::Row },
            ],
            beta: config.beta as f32,
            l1: config.l1 as f32,
            l2: config.l2 as f32,
            keeps_start: config.keeps_start,
        }
    }

    /// `l1` with the sign of `x`; 0 for 0.
    fn threshold(&self, x: f32) -> f32 {
        if x == 0.0 { 0.0 } else { self.l1.copysign(x) }
    }

    /// The weight is `z`, reduced by its threshold, divided by this.
    fn steepness(&self, n: f32, rate: f32) -> f32 {
        (self.beta + n.sqrt()) / rate + self.l2
    }

    /// Multiplies the sums of squares by `factor`, but not to below `floor`, and moves `z` along,
    /// so that the weights stay as they are.
    pub(super) fn discount(&self, weights: &[f32], slots: &mut [f32], factor: f32, floor: f32) {
        let (zs, rest) = slots.split_at_mut(weights.len());
        let (ns, rate) = rest.split_at_mut(weights.len());
        let begun = rate[0] != 0.0;
        for ((w, z), n) in weights.iter().zip(zs).zip(ns) {
            let before = *n;
            *n = (factor * *n).max(floor);
            if begun && *w != 0.0 {
                let threshold = self.threshold(*z);
                let scale = self.steepness(*n, rate[0]) / self.steepness(before, rate[0]);
                *z = threshold + (*z - threshold) * scale;
            }
        }
    }
}

impl Optimizer for Ftrl {
    fn slots(&self) -> &[Slot] {
        &self.slots
    }

    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        let rate = tick.rate;
        if rate == 0.0 {
            return;
        }
        let (zs, rest) = slots.split_at_mut(weights.len());
        let (ns, last) = rest.split_at_mut(weights.len());
        let begins = last[0] == 0.0;
        let before = if begins { rate } else { last[0] };
        last[0] = rate;
        let slots = zs.iter_mut().zip(ns);
        for ((w, (z, n)), &g) in weights.iter_mut().zip(slots).zip(gradient) {
            if begins && self.keeps_start {
                *z = -(*w * self.steepness(*n, rate)) - self.threshold(*w);
            }
            let root = n.sqrt();
            // If the sum were infinite, its growth could not be computed.
            let squares = (*n + g * g).min(f32::MAX);
            let growth = ratio(squares - *n, squares.sqrt() + root) / rate;
            let change = (self.beta + root) * (1.0 / rate - 1.0 / before);
            *z += g - (growth + change) * *w;
            *n = squares;
            *w = if z.abs() <= self.l1 {
                0.0
            } else {
                -ratio(*z - self.threshold(*z), self.steepness(squares, rate))
            };
        }
    }
}
