//! The Pareto law: a heavy tail.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FactorLaw;
use crate::base::{Rng, stream::unit};

/// Pareto compute times with the base time as mean.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Tail index: P(t > x) falls as x^-shape. At 2 and below the variance is infinite.
    #[schemars(range(min = 1.01, max = 100.0))]
    pub shape: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { shape: 2.5 }
    }
}

impl FactorLaw for Config {
    fn draw(&self, rng: &mut Rng) -> f64 {
        use rand::RngExt;
        let smallest = (self.shape - 1.0) / self.shape;
        smallest * libm::pow(1.0 - unit(rng.random::<u64>()), -1.0 / self.shape)
    }
}
