//! AdamW: Adam with decoupled weight decay, `w -= rate decay w` before Adam's own step (Loshchilov
//! & Hutter 2019, arXiv 1711.05101).
//!
//! With `rows = "lazy"` a row decays when it is touched, and only then: a rare row is hardly
//! regularised. With `rows = "dense"` every row decays at every update.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::adam::{self, Adam, Averages};
use super::config::EDGE_OF_MEANS;
use super::{Optimizer, OptimizerConfig, OptimizerFacts, RowSemantics, Scope, Slot, Tick};
use crate::nn::kernels::{AdamStep, UpdatedRows};

/// Configuration of `kind = "adamw"`.
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
    /// What happens to rows that a gradient does not touch.
    pub rows: RowSemantics,
    /// Share of a weight that is taken away per update and unit of learning rate.
    #[schemars(range(min = 0.0))]
    pub decay: f64,
}

impl Default for Config {
    fn default() -> Config {
        let adam::Config { averages, epsilon_hat, scope, rows } = adam::Config::default();
        Config { averages, epsilon_hat, scope, rows, decay: 0.01 }
    }
}

impl OptimizerConfig for Config {
    fn build(&self) -> Arc<dyn Optimizer> {
        let Config { averages, epsilon_hat, scope, rows, .. } = *self;
        let adam = adam::Config { averages, epsilon_hat, scope, rows };
        Arc::new(Adamw { adam: Adam::new(&adam), decay: self.decay as f32 })
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

/// AdamW.
#[derive(Clone, PartialEq, Debug)]
pub struct Adamw {
    adam: Adam,
    decay: f32,
}

impl Adamw {
    /// Share of the weights that an update keeps.
    fn kept(&self, tick: &Tick) -> f32 {
        1.0 - tick.rate * self.decay
    }

    fn step(&self, tick: &Tick) -> AdamStep {
        self.adam.step(tick, self.kept(tick))
    }
}

impl Optimizer for Adamw {
    fn slots(&self) -> &[Slot] {
        self.adam.slots()
    }

    fn rows(&self) -> RowSemantics {
        self.adam.rows()
    }

    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick) {
        AdamStep::update(self.step(tick), weights, slots, gradient);
    }

    fn update_rows(&self, rows: &mut UpdatedRows<'_>, counts: &[u32], tick: &Tick) -> bool {
        self.adam.update_rows(rows, counts, tick, self.kept(tick))
    }
}
