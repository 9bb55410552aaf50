//! RMSProp: `a = decay a + (1 - decay) g^2`, `w -= rate g / (sqrt(a) + epsilon)` (Tieleman & Hinton
//! 2012).
//!
//! With `rows = "lazy"` the average `a` of a row that a gradient does not touch is frozen: it
//! counts the row's own updates. With `rows = "dense"` it decays at every update, so that a rare
//! row's next step is larger. The weights of an untouched row stay as they are in both.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rule::ratio;
use super::{Optimizer, RowSemantics, Slot, Tick};

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
            rows: RowSemantics::Lazy,
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
    rows: RowSemantics,
}

impl Rmsprop {
    /// The rule of `config`.
    pub fn new(config: &Config) -> Rmsprop {
        let epsilon = config.epsilon as f32;
        let (inside, outside) = if config.epsilon_inside { (epsilon, 0.0) } else { (0.0, epsilon) };
        Rmsprop {
            decay: config.decay as f32,
            share: (1.0 - config.decay) as f32,
            inside,
            outside,
            rows: config.rows,
        }
    }
}

impl Optimizer for Rmsprop {
    fn slots(&self) -> &[Slot] {
        &[Slot { name: "a", init: 0.0 }]
    }

    fn rows(&self) -> RowSemantics {
        self.rows
    }

    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        for ((w, a), &g) in weights.iter_mut().zip(slots).zip(gradient) {
            *a = self.decay * *a + self.share * (g * g);
            let root = (*a + self.inside).sqrt() + self.outside;
            *w -= tick.rate * ratio(g, root);
        }
    }
}
