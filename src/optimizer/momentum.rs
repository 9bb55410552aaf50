//! Heavy-ball momentum: `m = momentum m + g`, `w -= rate m` (Polyak 1964; the form of PyTorch and
//! TensorFlow, where the first `m` is `g` itself).
//!
//! With `rows = "lazy"` the `m` of a row that a gradient does not touch is frozen until the row is
//! next touched: it does not decay, and the row does not move along it. With `rows = "dense"` both
//! happen at every update.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::EDGE_OF_OTHERS;
use super::{Optimizer, OptimizerConfig, OptimizerFacts, Per, RowSemantics, Slot, Tick};

/// Configuration of `kind = "momentum"`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Learning rate, before any schedule.
    #[schemars(range(min = 0.0))]
    pub learning_rate: f64,
    /// Share of the past that is kept at every update.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// What happens to rows that a gradient does not touch.
    pub rows: RowSemantics,
}

impl Default for Config {
    fn default() -> Config {
        Config { learning_rate: 0.01, momentum: 0.9, rows: RowSemantics::Lazy }
    }
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        Arc::new(Momentum { momentum: self.momentum as f32, rows: self.rows })
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

/// Heavy-ball momentum.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Momentum {
    momentum: f32,
    rows: RowSemantics,
}

impl Optimizer for Momentum {
    fn slots(&self) -> &[Slot] {
        &[Slot { name: "m", init: 0.0, per: Per::Weight }]
    }

    fn rows(&self) -> RowSemantics {
        self.rows
    }

    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        for ((w, m), &g) in weights.iter_mut().zip(slots).zip(gradient) {
            *m = self.momentum * *m + g;
            *w -= tick.rate * *m;
        }
    }
}
