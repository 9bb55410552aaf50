//! A fixed part that every step needs, plus a memoryless part.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FactorLaw;
use super::exponential::standard_exponential;
use crate::base::Rng;

/// `fixed_share` of the base time, plus an exponential time whose mean is the rest.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Share of the base time that never varies.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub fixed_share: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { fixed_share: 0.5 }
    }
}

impl FactorLaw for Config {
    fn draw(&self, rng: &mut Rng) -> f64 {
        self.fixed_share + (1.0 - self.fixed_share) * standard_exponential(rng)
    }
}
