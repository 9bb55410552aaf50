//! Clipping by norm relative to a running mean of the norms, at the server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::{PerShard, Running};
use super::{Arrival, Factors, Needs, Remedy, RemedyConfig, RemedyFacts};
use crate::params::Layout;

/// The norm from which a push is clipped.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Largest norm, as a multiple of the running mean.
    #[schemars(range(min = 0.0))]
    pub factor: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { factor: 2.0 }
    }
}

impl RemedyConfig for Config {
    fn build(&self, _: u32, _: &Layout) -> Box<dyn Remedy> {
        Box::new(ClipToMean { factor: self.factor, norms: PerShard::default() })
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
}

/// The working remedy.
#[derive(Debug)]
pub struct ClipToMean {
    factor: f64,
    norms: PerShard<Running>,
}

impl Remedy for ClipToMean {
    fn needs(&self) -> Needs {
        Needs { norm: true, ..Needs::default() }
    }

    fn arrive(&mut self, arrival: &Arrival) -> Factors {
        let norms = self.norms.at(arrival.shard);
        let most = self.factor * norms.mean();
        let first = norms.mean() == 0.0;
        // A clipped push counts with its clipped norm. Otherwise a few very large pushes would
        // raise the bound.
        norms.add(if first { arrival.norm } else { arrival.norm.min(most) });
        let clip = !first && arrival.norm > most;
        Factors { gradient: if clip { (most / arrival.norm) as f32 } else { 1.0 }, step: 1.0 }
    }
}

crate::persist!(ClipToMean { factor: fixed, norms: state });
