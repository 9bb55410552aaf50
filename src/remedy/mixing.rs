//! Mixing (FedAsync): the server moves a share of the way towards the model that a worker sends,
//! `w = (1 - alpha) w + alpha w_worker`.
//!
//! Xie et al. (2019), arXiv:1903.03934, reconstructed from memory. For workers that push differences
//! (`worker.local.kind = "local_steps"`) and a server of plain descent with rate 1; with a damping
//! rule after it, `alpha` falls with staleness.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrival, Gradients, Needs, Place, Remedy};
use crate::nn::kernels::amend::mix;

/// The share.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Share of the way.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub alpha: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { alpha: 0.6 }
    }
}

/// The working remedy.
#[derive(Debug)]
pub struct Mixing {
    alpha: f32,
}

impl Mixing {
    /// A server that moves this share of the way.
    pub fn new(config: Config) -> Mixing {
        Mixing { alpha: config.alpha as f32 }
    }
}

impl Remedy for Mixing {
    fn needs(&self) -> Needs {
        Needs { view: true, dense: true, rows: true, ..Needs::default() }
    }

    fn amend(&mut self, _: &Arrival, _: &Place, gradients: &mut Gradients<'_>) {
        // What is pushed is `seen - w_worker`, and the step to make is `alpha (w_worker - now)`.
        mix(self.alpha, gradients);
    }
}

crate::persist!(Mixing { alpha: fixed });
