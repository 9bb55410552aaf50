//! What a scenario fixes for the whole run: how workers do their steps, and where draws come from.

use crate::base::{SimSpan, Streams, WorkerId};
use crate::cluster::{Machine, Routine};

/// What does not change in a run.
#[derive(Debug)]
pub(super) struct Plan {
    /// Where random draws come from.
    pub streams: Streams,
    /// Mean compute time of a batch on a machine of slowdown 1.
    pub compute: SimSpan,
    /// What workers do in a step.
    pub routine: Routine,
    /// By shard, whether it holds dense parameters alone.
    pub dense_alone: Vec<bool>,
}

impl Plan {
    /// Compute time of the step of this draw on a machine.
    pub(super) fn time(&self, machine: &Machine, draw: (WorkerId, u64)) -> SimSpan {
        self.routine.time(machine, self.compute, draw, self.streams)
    }
}
