//! AdaDelay (Sra, Yu, Li & Smola, AISTATS 2016, arXiv 1508.05003): Adagrad whose steps shrink with
//! the staleness `tau` of each gradient relative to the update `t` it arrives at, as
//! `1 / (L + c sqrt(t + tau))`, with a `c` per weight:
//!
//! ```text
//! a += t / (t + tau) g^2
//! w -= rate g / (smoothness + sqrt((t + tau) / t  a))
//! ```
//!
//! which is `c = sqrt(a / t)`. Reconstructed: of the paper only the abstract could be read; the
//! form is from memory. Late in training `tau` is small compared with `t`, so the correction
//! becomes small. Without delay it is Adagrad with `smoothness` as epsilon, bit by bit.
//!
//! `t` counts the updates of the shard, as `tau` does. Leaving untouched rows alone is exact.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::EDGE_OF_OTHERS;
use super::rule::ratio;
use super::{Optimizer, OptimizerConfig, OptimizerFacts, Per, Slot, Tick};

/// Configuration of `kind = "ada_delay"`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Learning rate, before any schedule.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// Added to the root: an upper limit of the loss's curvature, in the paper.
    #[schemars(range(min = 0.0))]
    pub smoothness: f64,
    /// First value of the sum of squares.
    #[schemars(range(min = 0.0))]
    pub initial: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { learning_rate: 0.1, smoothness: 1.0, initial: 0.1 }
    }
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        Arc::new(AdaDelay::new(self))
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

/// AdaDelay.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AdaDelay {
    slots: [Slot; 1],
    smoothness: f32,
}

impl AdaDelay {
    /// The rule of `config`.
    pub fn new(config: &Config) -> AdaDelay {
        AdaDelay {
            slots: [Slot { name: "a", init: config.initial as f32, per: Per::Weight }],
            smoothness: config.smoothness as f32,
        }
    }
}

impl Optimizer for AdaDelay {
    fn slots(&self) -> &[Slot] {
        &self.slots
    }

    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        let t = tick.global.max(1) as f64;
        let stretch = ((t + tick.staleness) / t) as f32;
        for ((w, a), &g) in weights.iter_mut().zip(slots).zip(gradient) {
            *a += g * g / stretch;
            *w -= tick.rate * ratio(g, (stretch * *a).sqrt() + self.smoothness);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_gradients_take_smaller_steps_and_count_less() {
        let rule = AdaDelay::new(&Config { smoothness: 2.0, initial: 0.0, learning_rate: 1.0 });
        let (mut w, mut a) = ([0.0], [0.0]);
        // At update 1 with staleness 3: a = 1/4 9, c sqrt(4) = sqrt(9/4) 2 = 3.
        let first = Tick { rate: 1.0, global: 1, staleness: 3.0, ..Tick::default() };
        rule.update(&mut w, &mut a, &[3.0], &first);
        assert_eq!((w[0], a[0]), (-3.0 / 5.0, 2.25));
        // At update 100 with staleness 0: Adagrad.
        let fresh = Tick { rate: 1.0, global: 100, ..Tick::default() };
        rule.update(&mut w, &mut a, &[2.0], &fresh);
        assert_eq!((w[0], a[0]), (-3.0 / 5.0 - 2.0 / 4.5, 6.25));
    }
}
