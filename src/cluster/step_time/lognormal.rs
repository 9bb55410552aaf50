//! The lognormal law: multiplicative noise.

use rand::RngExt;
use rand_distr::StandardNormal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FactorLaw;
use crate::base::Rng;

/// Lognormal compute times with the base time as mean.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Standard deviation of the logarithm: at 0.15 one step in a hundred takes 1.4 times as long.
    #[schemars(range(min = 0.0, max = 5.0))]
    pub sigma: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { sigma: 0.15 }
    }
}

impl FactorLaw for Config {
    fn draw(&self, rng: &mut Rng) -> f64 {
        let z: f64 = rng.sample(StandardNormal);
        libm::exp(self.sigma * z - 0.5 * self.sigma * self.sigma)
    }
}
