//! The compute time of one step on an ordinary machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StepTimeChoice;
use crate::base::SimSpan;

/// Compute time of one batch on a machine of slowdown 1: `(fixed + per_example x batch) x law`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Compute {
    /// Time per batch, whatever its size.
    pub fixed: SimSpan,
    /// Time per example.
    pub per_example: SimSpan,
    /// How the time varies from step to step.
    pub law: StepTimeChoice,
    /// Time between a step's push and the worker's next pull, in which it holds no view: it waits
    /// for its input, or for a coordinator that assigns steps.
    pub between: SimSpan,
}

impl Default for Compute {
    fn default() -> Self {
        Compute {
            fixed: SimSpan(4_000_000),
            per_example: SimSpan(150_000),
            law: StepTimeChoice::Lognormal(super::step_time::lognormal::Config::default()),
            between: SimSpan::ZERO,
        }
    }
}

impl Compute {
    /// Mean time of a batch of `examples` on a machine of slowdown 1.
    pub fn base(&self, examples: u64) -> SimSpan {
        self.fixed + self.per_example.times(examples)
    }
}
