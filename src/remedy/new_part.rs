//! A part for tests only: it divides the rate by the workers, with the facts that its settings
//! list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rate_scaling::{self, RateScaling};
use super::{Remedy, RemedyConfig, RemedyFacts};
use crate::params::Layout;

/// What the remedy says of itself.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The facts that hold.
    pub is: Vec<String>,
}

impl RemedyConfig for Config {
    fn build(&self, _: u32, _: &Layout) -> Box<dyn Remedy> {
        Box::new(RateScaling::new(rate_scaling::Config::default()))
    }

    fn numbers(&self, _: u32, _: &Layout) -> u64 {
        1 << 32
    }

    fn facts(&self) -> RemedyFacts {
        let is = |fact: &str| self.is.iter().any(|own| own == fact);
        RemedyFacts {
            needs_staleness: is("needs_staleness"),
            wants_descent: is("wants_descent"),
            counts_pushes: is("counts_pushes"),
            wants_differences: is("wants_differences"),
            corrects_by_view: is("corrects_by_view"),
            tunes_rate: is("tunes_rate"),
            spares: is("spares").then_some("an older part"),
        }
    }
}
