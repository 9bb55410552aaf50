//! Mixing (FedAsync): the server moves a share of the way towards the model that a worker sends,
//! `w = (1 - alpha) w + alpha w_worker`.
//!
//! Xie et al. (2019), arXiv:1903.03934, reconstructed from memory. For workers that push
//! differences (`worker.local.kind = "local_steps"`) and a server of plain descent with rate 1;
//! with a damping rule after it, `alpha` falls with staleness.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrival, Needs, ParameterSet, Remedy, RemedyConfig, RemedyFacts, RowGradients};
use crate::nn::kernels::amend::mix;
use crate::params::Layout;

/// The share.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Share of the way towards the worker's model.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub alpha: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { alpha: 0.6 }
    }
}

impl RemedyConfig for Config {
    fn build(&self, _: u32, _: &Layout) -> Box<dyn Remedy> {
        Box::new(Mixing { alpha: self.alpha as f32 })
    }

    fn numbers(&self, _: u32, _: &Layout) -> u64 {
        0
    }

    fn facts(&self) -> RemedyFacts {
        RemedyFacts {
            needs_staleness: false,
            wants_descent: true,
            counts_pushes: false,
            wants_differences: true,
            corrects_by_view: false,
            tunes_rate: false,
            spares: None,
        }
    }
}

/// The working remedy.
#[derive(Debug)]
pub struct Mixing {
    alpha: f32,
}

impl Remedy for Mixing {
    fn needs(&self) -> Needs {
        Needs { view: true, dense: true, rows: true, ..Needs::default() }
    }

    fn amend(&mut self, _: &Arrival, _: &ParameterSet, gradients: &mut RowGradients<'_>) {
        // The push is `seen - w_worker`, and the step to make is `alpha (w_worker - now)`.
        mix(self.alpha, gradients);
    }
}

crate::persist!(Mixing { alpha: fixed });
