//! The gamma law of the coefficient-of-variation-based (CVB) method.
//!
//! Ali, Siegel, Maheswaran, Hensgen & Ali (2000), "Representing task and machine heterogeneities
//! for heterogeneous computing systems": a coefficient of variation V is a gamma of shape 1/V^2.

use rand::RngExt;
use rand_distr::Gamma;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FactorLaw;
use crate::base::Rng;

/// Gamma compute times with the base time as mean.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Standard deviation divided by mean: 0.1 is a quiet machine, 0.6 a very busy one.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub variation: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { variation: 0.3 }
    }
}

impl FactorLaw for Config {
    fn draw(&self, rng: &mut Rng) -> f64 {
        gamma_factor(self.variation, rng)
    }
}

/// A gamma draw of mean 1 with the given coefficient of variation; exactly 1 for zero.
pub(crate) fn gamma_factor(variation: f64, rng: &mut Rng) -> f64 {
    let shape = 1.0 / (variation * variation);
    match Gamma::new(shape, 1.0 / shape) {
        Ok(gamma) if shape < 1e12 => rng.sample(gamma),
        _ => 1.0,
    }
}
