//! RMSProp: `a = decay a + (1 - decay) g^2`, `w -= rate g / (sqrt(a) + epsilon)` (Tieleman & Hinton
//! 2012).
//!
//! With `rows = "lazy"` the average `a` of a row that a gradient does not touch is frozen: it
//! counts the row's own updates. With `rows = "dense"` it decays at every update, so that a rare
//! row's next step is larger. In both, the weights of an untouched row stay as they are, except for
//! momentum.
//!
//! With `momentum` the steps are summed up, `b = momentum b + rate g / (...)`, `w -= b`, as in
//! TensorFlow: each step enters the sum with the rate of its own update. For embedding rows this is
//! what DeepRec's AdamAsync does with `apply_sparse_rmsprop` (its kernel: `decay` = beta2,
//! `momentum` = beta1, epsilon inside).

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::EDGE_OF_MEANS;
use super::rule::ratio;
use super::{Optimizer, OptimizerConfig, OptimizerFacts, Per, RowSemantics, Slot, Tick};

/// Configuration of `kind = "rmsprop"`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Learning rate, before any schedule.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// Share of the average that is kept at every update.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub decay: f64,
    /// Keeps steps finite where gradients vanish.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// Whether epsilon is added to the average, under the root (TensorFlow), instead of to the root
    /// (PyTorch).
    pub epsilon_inside: bool,
    /// Share of the sum of steps that is kept at every update; 0: no such sum.
    #[schemars(range(min = 0.0, max = 0.999999))]
    pub momentum: f64,
    /// What happens to rows that a gradient does not touch.
    pub rows: RowSemantics,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            learning_rate: 1e-3,
            decay: 0.9,
            epsilon: 1e-8,
            epsilon_inside: false,
            momentum: 0.0,
            rows: RowSemantics::Lazy,
        }
    }
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        let epsilon = self.epsilon as f32;
        let (inside, outside) = if self.epsilon_inside { (epsilon, 0.0) } else { (0.0, epsilon) };
        Arc::new(Rmsprop {
            decay: self.decay as f32,
            share: (1.0 - self.decay) as f32,
            inside,
            outside,
            momentum: self.momentum as f32,
            rows: self.rows,
        })
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
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

/// RMSProp.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rmsprop {
    decay: f32,
    share: f32,
    inside: f32,
    outside: f32,
    momentum: f32,
    rows: RowSemantics,
}

/// The average of squares, and the sum of steps where there is one.
const SLOTS: [Slot; 2] = [
    Slot { name: "a", init: 0.0, per: Per::Weight },
    Slot { name: "b", init: 0.0, per: Per::Weight },
];

impl Optimizer for Rmsprop {
    fn slots(&self) -> &[Slot] {
        if self.momentum == 0.0 { &SLOTS[..1] } else { &SLOTS }
    }

    fn rows(&self) -> RowSemantics {
        self.rows
    }

    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        let (averages, sums) = slots.split_at_mut(weights.len());
        for (i, ((w, a), &g)) in weights.iter_mut().zip(averages).zip(gradient).enumerate() {
            *a = self.decay * *a + self.share * (g * g);
            let root = (*a + self.inside).sqrt() + self.outside;
            let mut step = tick.rate * ratio(g, root);
            if let Some(sum) = sums.get_mut(i) {
                *sum = self.momentum * *sum + step;
                step = *sum;
            }
            *w -= step;
        }
    }
}
