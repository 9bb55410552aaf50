//! Delay compensation (DC-ASGD): a stale gradient is corrected to first order,
//! `g + lambda g * g * (w_now - w_seen)`.
//!
//! Zheng et al. (2016), arXiv:1609.08326, and the code released with it. The adaptive form has
//! `lambda / sqrt(M + 1e-7)` with `M` the running mean of `g * g`. The released code keeps one `M`
//! per worker; the paper keeps one for all, and so does this file. The parameters that the worker
//! saw are kept with its step in flight, so no copy per worker is needed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::parameters;
use super::state::PerParameter;
use super::{Arrival, Needs, ParameterSet, Remedy, RemedyConfig, RemedyFacts, RowGradients};
use crate::nn::kernels::amend::{compensate, compensate_adaptively};
use crate::params::Layout;

/// How strong the correction is.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Strength; 0 changes nothing. The paper's runs use 0.04 (constant) and 2 (adaptive).
    #[schemars(range(min = 0.0))]
    pub lambda: f64,
    /// Whether the strength is divided by the root of the mean square gradient.
    pub adaptive: bool,
    /// Share of the old mean square that is kept at an update.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub memory: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { lambda: 0.04, adaptive: false, memory: 0.95 }
    }
}

impl RemedyConfig for Config {
    fn build(&self, _: u32, layout: &Layout) -> Box<dyn Remedy> {
        let squares = self.adaptive.then(|| PerParameter::new(layout, 1, 0.0));
        let (lambda, memory) = (self.lambda as f32, self.memory as f32);
        Box::new(DelayCompensation { lambda, memory, squares })
    }

    fn numbers(&self, _: u32, layout: &Layout) -> u64 {
        if self.adaptive { parameters(layout) } else { 0 }
    }

    fn facts(&self) -> RemedyFacts {
        RemedyFacts {
            needs_staleness: true,
            wants_descent: false,
            counts_pushes: false,
            wants_differences: false,
            corrects_by_view: true,
            tunes_rate: false,
            spares: None,
        }
    }
}

/// The working remedy.
#[derive(Debug)]
pub struct DelayCompensation {
    lambda: f32,
    /// Share of the mean squares that is kept.
    memory: f32,
    /// Mean squares, for the adaptive form.
    squares: Option<PerParameter>,
}

impl Remedy for DelayCompensation {
    fn needs(&self) -> Needs {
        Needs { view: true, dense: true, rows: true, ..Needs::default() }
    }

    fn amend(&mut self, _: &Arrival, place: &ParameterSet, gradients: &mut RowGradients<'_>) {
        match &mut self.squares {
            _ if self.lambda == 0.0 => {}
            None => compensate(self.lambda, gradients),
            Some(squares) => {
                compensate_adaptively(self.lambda, self.memory, squares.at(place), gradients);
            }
        }
    }
}

crate::persist!(DelayCompensation { lambda: fixed, memory: fixed, squares: each });
