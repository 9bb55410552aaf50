//! FASGD: the step is divided by the staleness and by a running estimate of the gradient's standard
//! deviation.
//!
//! Odena (2016), arXiv:1601.04033. The text divides by the deviation, the formula as typeset by the
//! mean of its inverse, and the released code by something else; all three are here:
//! - `intent`: `v = EMA of sqrt(n - b^2 + epsilon)`, `g / (v max(1, tau))`;
//! - `as_typeset`: `v = EMA of 1 / sqrt(n - b^2 + epsilon)`, `g / (v max(1, tau))`;
//! - `as_coded`: `v = EMA of |g|`, `g / ((v + 0.001) (tau + 1))`;
//!
//! with `n` and `b` the running means of `g * g` and `g`. The optimizer has to be plain descent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::PerParameter;
use super::{Arrival, Needs, Place, Remedy, Stretch};
use crate::params::Layout;

/// The three variants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// What the text says.
    #[default]
    Intent,
    /// What the formula says.
    AsTypeset,
    /// What the code does.
    AsCoded,
}

/// Which variant, and its running means.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which variant.
    pub variant: Variant,
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

impl Default for Config {
    fn default() -> Config {
        Config { variant: Variant::default(), gamma: 0.9, beta: 0.9, epsilon: 1e-4 }
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

    /// The running deviations beside a stretch.
    pub(super) fn deviations(&mut self, place: &Place) -> &[f32] {
        let moments = self.moments.at(place);
        &moments[moments.len() / 3 * 2..]
    }
}

impl Remedy for Fasgd {
    fn needs(&self) -> Needs {
        Needs { stretches: true, ..Needs::default() }
    }

    fn amend(&mut self, arrival: &Arrival, stretch: &mut Stretch<'_>) {
        let Config { variant, gamma, beta, epsilon } = self.config;
        let (gamma, beta, epsilon) = (gamma as f32, beta as f32, epsilon as f32);
        let tau = arrival.staleness as f32;
        let len = stretch.gradient.len();
        let (n, rest) = self.moments.at(&stretch.place).split_at_mut(len);
        let (b, v) = rest.split_at_mut(len);
        for (((g, n), b), v) in stretch.gradient.iter_mut().zip(n).zip(b).zip(v) {
            *n = gamma * *n + (1.0 - gamma) * *g * *g;
            *b = gamma * *b + (1.0 - gamma) * *g;
            let deviation = (*n - *b * *b + epsilon).max(f32::MIN_POSITIVE).sqrt();
            let seen = match variant {
                Variant::Intent => deviation,
                Variant::AsTypeset => 1.0 / deviation,
                Variant::AsCoded => g.abs(),
            };
            *v = beta * *v + (1.0 - beta) * seen;
            *g /= match variant {
                Variant::AsCoded => (*v + 1e-3) * (tau + 1.0),
                _ => *v * tau.max(1.0),
            };
        }
    }
}

crate::persist!(Fasgd { moments });
