//! Adam (Kingma & Ba 2015): `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`, both
//! corrected for having started at zero, `w -= rate m' / (sqrt(v') + epsilon)` with
//! `m' = m / (1 - beta1^t)` and `v' = v / (1 - beta2^t)`.
//!
//! Three things differ between implementations, and all three are settings here.
//!
//! *Rows that a gradient does not touch.* `rows = "lazy"` leaves their `m`, `v` and weights as they
//! are: known as lazy Adam (TensorFlow Addons' LazyAdam, PyTorch's SparseAdam). `rows = "dense"`
//! lets `m` and `v` decay and the weights move on along `m` at every update, as TensorFlow's own
//! Adam does for sparse gradients.
//!
//! *What `t` counts* (`scope`). Lazy Adam counts the server's updates, so the first touch of a rare
//! row late in training moves it by up to `(1 - beta1) / sqrt(1 - beta2)` = 3.16 times the rate.
//! With a count per row every first step is exactly the rate. A count per variable is DeepRec's
//! AdamAsync, where each variable has powers of the betas. For sparse variables AdamAsync switches
//! to another rule: that is `rmsprop` with momentum as the `sparse_optimizer`.
//!
//! *Where epsilon stands* (`epsilon_hat`). Added to the corrected root, as above and in PyTorch's
//! Adam; or to the uncorrected root `sqrt(v)` (the "epsilon hat" of the paper, of TensorFlow and of
//! PyTorch's SparseAdam), which is a larger epsilon while `t` is small.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::EDGE_OF_MEANS;
use super::rule::power;
use super::{Optimizer, OptimizerConfig, OptimizerFacts, Per, RowSemantics, Scope, Slot, Tick};
use crate::nn::kernels::{AdamStep, UpdatedRows, all_finite};

/// Configuration of `kind = "adam"`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The rate and the averages.
    #[serde(flatten)]
    pub averages: Averages,
    /// Whether epsilon is added before the bias correction of the root (TensorFlow, SparseAdam)
    /// instead of after it (PyTorch's Adam).
    pub epsilon_hat: bool,
    /// Whose updates the bias correction counts.
    pub scope: Scope,
    /// What happens to rows that a gradient does not touch.
    pub rows: RowSemantics,
}

/// The rate and the averages of Adam, which its relatives share.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Averages {
    /// Learning rate, before any schedule.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// Share of the average gradient that is kept at every update.
    #[schemars(range(min = 0.0, max = 0.999999))]
    pub beta1: f64,
    /// Share of the average squared gradient that is kept at every update.
    #[schemars(range(min = 0.0, max = 0.999999))]
    pub beta2: f64,
    /// Keeps steps finite where gradients vanish.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
}

impl Default for Averages {
    fn default() -> Averages {
        Averages { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        Arc::new(Adam::new(self))
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

/// The averages.
pub(super) const SLOTS: [Slot; 2] = [
    Slot { name: "m", init: 0.0, per: Per::Weight },
    Slot { name: "v", init: 0.0, per: Per::Weight },
];

/// Adam.
#[derive(Clone, PartialEq, Debug)]
pub struct Adam {
    config: Config,
}

impl Adam {
    /// The rule of `config`.
    pub fn new(config: &Config) -> Adam {
        Adam { config: config.clone() }
    }

    /// The numbers that an update at this tick needs. `kept` is the share of the weights that decay
    /// leaves.
    pub(super) fn step(&self, tick: &Tick, kept: f32) -> AdamStep {
        let Averages { beta1, beta2, epsilon, .. } = self.config.averages;
        let t = tick.count(self.config.scope);
        let first = 1.0 - power(beta1, t);
        let second = (1.0 - power(beta2, t)).sqrt();
        let factor = f64::from(tick.rate) * second / first;
        let epsilon = epsilon * if self.config.epsilon_hat { 1.0 } else { second };
        AdamStep {
            first: [beta1 as f32, (1.0 - beta1) as f32],
            second: [beta2 as f32, (1.0 - beta2) as f32],
            factor: factor as f32,
            epsilon: epsilon as f32,
            kept,
        }
    }

    /// As [`Optimizer::update_rows`].
    pub(super) fn update_rows(
        &self,
        rows: &mut UpdatedRows<'_>,
        counts: &[u32],
        tick: &Tick,
        kept: f32,
    ) -> bool {
        if self.config.scope != Scope::Row {
            return AdamStep::update_rows(self.step(tick, kept), rows);
        }
        let mut fine = true;
        rows.each(|weights, slots, gradient, i| {
            let tick = Tick { row: u64::from(counts[i]), ..*tick };
            AdamStep::update(self.step(&tick, kept), weights, slots, gradient);
            fine &= all_finite(weights);
        });
        fine
    }
}

impl Optimizer for Adam {
    fn slots(&self) -> &[Slot] {
        &SLOTS
    }

    fn rows(&self) -> RowSemantics {
        self.config.rows
    }

    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        AdamStep::update(self.step(tick, 1.0), weights, slots, gradient);
    }

    fn update_rows(&self, rows: &mut UpdatedRows<'_>, counts: &[u32], tick: &Tick) -> bool {
        self.update_rows(rows, counts, tick, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|dw| / rate` of the first touch of a weight at the server's update `t`.
    fn first_step(scope: Scope, t: u64) -> f32 {
        let rule = Adam::new(&Config { scope, ..Config::default() });
        let (mut w, mut slots) = ([0.0], [0.0; 2]);
        let tick = Tick { rate: 1.0, global: t, variable: t, row: 1, ..Tick::default() };
        rule.update(&mut w, &mut slots, &[0.02], &tick);
        -w[0]
    }

    #[test]
    fn the_first_touch_of_a_row_depends_on_what_is_counted() {
        for (t, step) in [(1, 1.0), (10, 0.484), (100, 0.976), (1_000, 2.515), (100_000, 3.162)] {
            assert!((first_step(Scope::Global, t) - step).abs() < 1e-3, "update {t}");
            assert!((first_step(Scope::Variable, t) - step).abs() < 1e-3, "update {t}");
            assert!((first_step(Scope::Row, t) - 1.0).abs() < 1e-5, "update {t}");
        }
    }

    #[test]
    fn epsilon_hat_is_the_larger_epsilon_at_the_start() {
        let step = |epsilon_hat, t| {
            let averages = Averages { epsilon: 0.1, ..Averages::default() };
            let config = Config { averages, epsilon_hat, ..Config::default() };
            let tick = Tick { rate: 1.0, global: t, variable: t, row: t, ..Tick::default() };
            let mut w = [0.0];
            Adam::new(&config).update(&mut w, &mut [0.0; 2], &[1.0], &tick);
            -w[0]
        };
        assert!((step(false, 1) - 1.0 / 1.1).abs() < 1e-6);
        let root = 0.001f32.sqrt();
        assert!((step(true, 1) - root / (root + 0.1)).abs() < 1e-6);
        assert!((step(false, 100_000) - step(true, 100_000)).abs() < 1e-6);
    }
}
