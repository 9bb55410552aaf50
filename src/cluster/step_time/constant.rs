//! No variation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FactorLaw;
use crate::base::Rng;

/// Every step takes exactly its base time. Workers that start together stay in lock-step.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl FactorLaw for Config {
    fn draw(&self, _: &mut Rng) -> f64 {
        1.0
    }
}
