//! Momentum correction: asynchrony acts like momentum, and this remedy adds only as much explicit
//! momentum as is still missing. It acts on the dense group. Rows are seldom stale and have none.
//!
//! Mitliagkas et al. (2016), arXiv:1605.09774, found that n memoryless workers act, in the mean,
//! like momentum `m = 1 - 1/n` at a rate of `eta / n`. How the explicit momentum is to be lowered
//! in turn is reconstructed here. With explicit momentum `mu` as well, the mean step `d` follows
//! `d' = (mu + m) d - mu m d_before - (eta / n) g`. So `mu = total - m` gives the last step the
//! weight that was asked for. It is negative if asynchrony alone gives more than that.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::state::{PerShard, Running};
use super::{
    Arrival, Factors, Needs, ParameterSet, Remedy, RemedyConfig, RemedyFacts, RowGradients,
};
use crate::nn::kernels::amend::accumulate;
use crate::params::Layout;

/// How the momentum of asynchrony is estimated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Implicit {
    /// From the mean staleness `s` at the shard so far: `s / (s + 1)`. Also right when pushes are
    /// merged, discarded or held back.
    #[default]
    Staleness,
    /// From the number of workers n: `1 - 1/n`.
    Workers,
}

/// How much momentum there is to be in total.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Explicit momentum and that of asynchrony together.
    #[schemars(range(min = 0.0, max = 0.999))]
    pub total: f64,
    /// How the momentum of asynchrony is estimated.
    pub implicit: Implicit,
    /// Least explicit momentum; 0 forbids negative momentum.
    #[schemars(range(min = -0.9, max = 0.0))]
    pub least: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config { total: 0.9, implicit: Implicit::default(), least: -0.5 }
    }
}

impl RemedyConfig for Config {
    fn build(&self, _: u32, layout: &Layout) -> Box<dyn Remedy> {
        let velocity = vec![0.0; layout.dense_len()];
        Box::new(MomentumCorrection {
            config: *self,
            staleness: PerShard::default(),
            momentum: 0.0,
            velocity,
        })
    }

    fn numbers(&self, _: u32, layout: &Layout) -> u64 {
        layout.dense_len() as u64
    }

    fn facts(&self) -> RemedyFacts {
        RemedyFacts {
            needs_staleness: false,
            wants_descent: true,
            counts_pushes: true,
            wants_differences: false,
            corrects_by_view: false,
            tunes_rate: false,
            spares: None,
        }
    }
}

/// The working remedy.
#[derive(Debug)]
pub struct MomentumCorrection {
    config: Config,
    staleness: PerShard<Running>,
    /// Explicit momentum for the current arrival.
    momentum: f32,
    /// The sum of past gradients, over the dense arena.
    velocity: Vec<f32>,
}

impl MomentumCorrection {
    /// The explicit momentum that is missing when asynchrony gives `implicit`.
    fn explicit(&self, implicit: f64) -> f64 {
        (self.config.total - implicit).max(self.config.least)
    }
}

impl Remedy for MomentumCorrection {
    fn needs(&self) -> Needs {
        Needs { dense: true, ..Needs::default() }
    }

    fn arrive(&mut self, arrival: &Arrival) -> Factors {
        let staleness = self.staleness.at(arrival.shard);
        staleness.add(arrival.staleness as f64);
        let others = match self.config.implicit {
            Implicit::Staleness => staleness.mean(),
            Implicit::Workers => f64::from(arrival.workers.max(1)) - 1.0,
        };
        self.momentum = self.explicit(others / (others + 1.0)) as f32;
        Factors::ONE
    }

    fn amend(&mut self, _: &Arrival, place: &ParameterSet, gradients: &mut RowGradients<'_>) {
        let ParameterSet::Dense(range) = place else { return };
        let velocity = &mut self.velocity[range.clone()];
        if self.momentum == 0.0 {
            // No bit changes, not even the sign of a zero.
            return velocity.copy_from_slice(gradients.values);
        }
        accumulate(self.momentum, gradients.values, velocity);
    }
}

crate::persist!(MomentumCorrection {
    config: fixed,
    staleness: state,
    momentum: state,
    velocity: state
});
