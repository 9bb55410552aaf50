//! The memoryless law, with which staleness is exactly geometric.

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FactorLaw;
use crate::base::Rng;

/// Exponential compute times with the base time as mean.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl FactorLaw for Config {
    fn draw(&self, rng: &mut Rng) -> f64 {
        standard_exponential(rng)
    }
}

/// An exponential draw of mean 1.
pub(crate) fn standard_exponential(rng: &mut Rng) -> f64 {
    rng.sample(rand_distr::Exp1)
}
