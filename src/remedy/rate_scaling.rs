//! A learning rate divided by the number of workers, or by its root.
//!
//! N asynchronous workers at rate `eta` behave like `N eta` of a synchronous one, so `eta / N` is
//! the first thing to try.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrival, Factors, Remedy, RemedyConfig, RemedyFacts};
use crate::params::Layout;

/// The divisor of the learning rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "By")]
pub enum RateDivisor {
    /// The number of workers.
    #[default]
    Workers,
    /// The square root of the number of workers.
    RootOfWorkers,
}

/// The divisor of the learning rate.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The divisor of the learning rate.
    pub by: RateDivisor,
}

impl RemedyConfig for Config {
    fn build(&self, _: u32, _: &Layout) -> Box<dyn Remedy> {
        Box::new(RateScaling::new(*self))
    }

    fn numbers(&self, _: u32, _: &Layout) -> u64 {
        0
    }

    fn facts(&self) -> RemedyFacts {
        RemedyFacts {
            needs_staleness: false,
            wants_descent: false,
            counts_pushes: false,
            wants_differences: false,
            corrects_by_view: false,
            tunes_rate: false,
            spares: None,
        }
    }

    fn usual_factors(&self, workers: u32) -> Factors {
        RateScaling::new(*self).arrive(&Arrival::usual(workers))
    }
}

/// The working remedy.
#[derive(Debug)]
pub struct RateScaling {
    by: RateDivisor,
}

impl RateScaling {
    /// A learning rate divided as `config` says.
    pub fn new(config: Config) -> RateScaling {
        RateScaling { by: config.by }
    }
}

impl Remedy for RateScaling {
    fn arrive(&mut self, arrival: &Arrival) -> Factors {
        let n = f64::from(arrival.workers.max(1));
        let divisor = match self.by {
            RateDivisor::Workers => n,
            RateDivisor::RootOfWorkers => n.sqrt(),
        };
        Factors { step: (1.0 / divisor) as f32, ..Factors::ONE }
    }
}

crate::persist!(RateScaling { by: fixed });
