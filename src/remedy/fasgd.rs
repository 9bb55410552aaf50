//! FASGD: the step is divided by the staleness and by a running estimate of the gradient's standard
//! deviation.
//!
//! Odena (2016), arXiv:1601.04033. The text divides by the deviation, the typeset formula by the
//! mean of its inverse, and the released code by something else. All three are here:
//! - `intent`: `v = EMA of sqrt(n - b^2 + epsilon)`, `g / (v max(1, tau))`;
//! - `as_typeset`: `v = EMA of 1 / sqrt(n - b^2 + epsilon)`, `g / (v max(1, tau))`;
//! - `as_coded`: `v = EMA of |g|`, `g / ((v + 0.001) (tau + 1))`;
//!
//! with `n` and `b` the running means of `g * g` and `g`. The optimizer has to be plain descent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::parameters;
use super::state::PerParameter;
use super::{Arrival, Needs, ParameterSet, Remedy, RemedyConfig, RemedyFacts, RowGradients};
use crate::nn::kernels::amend::{Deviation, fasgd_by_deviation, fasgd_by_inverse, fasgd_by_size};
use crate::params::Layout;

/// The three variants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Variant")]
pub enum FasgdVariant {
    /// As the text says.
    #[default]
    Intent,
    /// As the formula says.
    AsTypeset,
    /// As the code does.
    AsCoded,
}

/// Which variant, and its running means.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which variant.
    pub variant: FasgdVariant,
    /// How its running means are taken.
    #[serde(flatten)]
    pub means: Means,
}

/// The running means of FASGD.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Means {
    /// Share of the old moments that is kept at an update.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub gamma: f64,
    /// Share of the old deviation that is kept at an update.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub beta: f64,
    /// Added to the variance.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
}

impl Default for Means {
    fn default() -> Means {
        Means { gamma: 0.9, beta: 0.9, epsilon: 1e-4 }
    }
}

impl RemedyConfig for Config {
    fn build(&self, _: u32, layout: &Layout) -> Box<dyn Remedy> {
        Box::new(Fasgd::new(*self, layout))
    }

    fn numbers(&self, _: u32, layout: &Layout) -> u64 {
        3 * parameters(layout)
    }

    fn facts(&self) -> RemedyFacts {
        RemedyFacts {
            needs_staleness: false,
            wants_descent: true,
            counts_pushes: false,
            wants_differences: false,
            corrects_by_view: false,
            tunes_rate: false,
            spares: None,
        }
    }
}

/// The working remedy.
#[derive(Debug)]
pub struct Fasgd {
    config: Config,
    /// Per parameter: `n`, `b`, `v`.
    moments: PerParameter,
}

impl Fasgd {
    /// The rule for a model of this layout.
    pub fn new(config: Config, layout: &Layout) -> Fasgd {
        Fasgd { config, moments: PerParameter::new(layout, 3, 0.0) }
    }

    /// The running deviations of a dense block.
    pub(super) fn deviations(&mut self, place: &ParameterSet) -> &[f32] {
        let moments = self.moments.at(place).data;
        &moments[moments.len() / 3 * 2..]
    }
}

impl Remedy for Fasgd {
    fn needs(&self) -> Needs {
        Needs { dense: true, rows: true, ..Needs::default() }
    }

    fn amend(&mut self, arrival: &Arrival, place: &ParameterSet, gradients: &mut RowGradients<'_>) {
        let Config { variant, means: Means { gamma, beta, epsilon } } = self.config;
        let tau = arrival.staleness as f32;
        let (least, stale) = match variant {
            FasgdVariant::AsCoded => (1e-3, tau + 1.0),
            FasgdVariant::Intent | FasgdVariant::AsTypeset => (0.0, tau.max(1.0)),
        };
        let keep = [gamma as f32, beta as f32];
        let rule = Deviation { keep, epsilon: epsilon as f32, least, stale };
        let amend = match variant {
            FasgdVariant::Intent => fasgd_by_deviation,
            FasgdVariant::AsTypeset => fasgd_by_inverse,
            FasgdVariant::AsCoded => fasgd_by_size,
        };
        amend(rule, self.moments.at(place), gradients);
    }
}

crate::persist!(Fasgd { config: fixed, moments: state });
