//! AdamAR: AdamW with a decay of each row that grows with the time since its last touch (Li & Lyu,
//! "Adaptive regularization for large-scale sparse feature embedding models", ICLR 2026, arXiv
//! 2511.06374). It is meant against the overfitting of rare rows in a second pass.
//!
//! Let `i` be the number of the server's updates between the row's last touch and this one (0 if
//! they follow one another). Then `lambda = min(1, growth i)`, and `w -= rate lambda w` before
//! Adam's own step. Only secondary sources were read. They do not say whether the learning rate is
//! part of the decay, as in PyTorch's AdamW, or not, as in the paper that AdamW is from:
//! `times_rate` chooses. Without it, a row that was not touched for `1 / growth` updates begins
//! anew at zero.
//!
//! A row's first touch does not decay its first value. Dense blocks are touched by every update, so
//! they do not decay: for them it is Adam. The update of the last touch is a slot of every row. It
//! is exact up to 16 million, and to a part in 16 million beyond.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::adam::{self, Adam, Averages};
use super::config::EDGE_OF_MEANS;
use super::{Optimizer, OptimizerConfig, OptimizerFacts, Per, RowSemantics, Scope, Slot, Tick};
use crate::nn::kernels::AdamStep;

/// Configuration of `kind = "adam_ar"`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The rate and the averages.
    #[serde(flatten)]
    pub averages: Averages,
    /// Whether epsilon is added before the bias correction of the root (TensorFlow, SparseAdam)
    /// instead of after it (PyTorch's AdamW).
    pub epsilon_hat: bool,
    /// Whose updates the bias correction counts.
    pub scope: Scope,
    /// Growth of the decay per update of absence; at most 1 in all.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub growth: f64,
    /// Whether the decay is multiplied by the learning rate.
    pub times_rate: bool,
}

impl Default for Config {
    fn default() -> Config {
        let adam::Config { averages, epsilon_hat, scope, .. } = adam::Config::default();
        Config { averages, epsilon_hat, scope, growth: 1e-3, times_rate: true }
    }
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        Arc::new(AdamAr::new(self))
    }

    fn learning_rate(&self) -> f64 {
        self.averages.learning_rate
    }

    fn facts(&self) -> OptimizerFacts {
        OptimizerFacts {
            period: None,
            edge: EDGE_OF_MEANS,
            descends: false,
            remakes_weights: false,
        }
    }
}

/// AdamAR.
#[derive(Clone, PartialEq, Debug)]
pub struct AdamAr {
    adam: Adam,
    growth: f64,
    times_rate: bool,
}

impl AdamAr {
    /// The rule of `config`.
    pub fn new(config: &Config) -> AdamAr {
        let Config { averages, epsilon_hat, scope, growth, times_rate } = *config;
        let adam = adam::Config { averages, epsilon_hat, scope, rows: RowSemantics::Lazy };
        AdamAr { adam: Adam::new(&adam), growth, times_rate }
    }
}

/// Adam's averages, and the number of the server's update that last touched the row; 0 if none did.
const SLOTS: [Slot; 3] =
    [adam::SLOTS[0], adam::SLOTS[1], Slot { name: "last", init: 0.0, per: Per::Row }];

impl Optimizer for AdamAr {
    fn slots(&self) -> &[Slot] {
        &SLOTS
    }

    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        let (last, averages) = slots.split_last_mut().expect("the last slot is its own");
        let now = tick.global as f32;
        let away = if *last == 0.0 { 0.0 } else { f64::from((now - *last - 1.0).max(0.0)) };
        *last = now;
        let rate = if self.times_rate { tick.rate } else { 1.0 };
        let kept = 1.0 - rate * (self.growth * away).min(1.0) as f32;
        AdamStep::update(self.adam.step(tick, kept), weights, averages, gradient);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A weight touched at updates 1, 2 and 12 with no gradient.
    fn idle(growth: f64, times_rate: bool) -> [f32; 3] {
        let rule = AdamAr::new(&Config { growth, times_rate, ..Config::default() });
        let (mut w, mut slots) = ([1.0], [0.0; 3]);
        [1, 2, 12].map(|global| {
            let tick = Tick { rate: 0.5, global, ..Tick::default() };
            rule.update(&mut w, &mut slots, &[0.0], &tick);
            w[0]
        })
    }

    #[test]
    fn a_row_decays_by_how_long_it_was_away() {
        assert_eq!(idle(0.0625, true), [1.0, 1.0, 1.0 - 0.5 * 9.0 * 0.0625]);
        assert_eq!(idle(0.0625, false), [1.0, 1.0, 1.0 - 9.0 * 0.0625]);
        assert_eq!(idle(0.5, true), [1.0, 1.0, 0.5]);
        assert_eq!(idle(0.5, false), [1.0, 1.0, 0.0]);
    }
}
