//! The fixed part of a run: the routine of workers, and the source of draws.

use crate::base::{SimSpan, Streams, WorkerId};
use crate::cluster::{Machine, Routine};

/// Data that do not change in a run.
#[derive(Debug)]
pub(super) struct RunConstants {
    /// The source of random draws.
    pub streams: Streams,
    /// Mean compute time of a batch on a machine of slowdown 1.
    pub compute: SimSpan,
    /// The steps of workers.
    pub routine: Routine,
    /// By shard, whether it holds dense parameters only.
    pub dense_alone: Vec<bool>,
    /// By shard, whether it holds nothing, so that nobody notices its failure.
    pub empty: Vec<bool>,
    /// The state of the protocol before the first event, if the job can begin anew.
    pub first_protocol: Vec<u8>,
}

impl RunConstants {
    /// Compute time of the step with this draw on a machine.
    pub(super) fn time(&self, machine: &Machine, draw: (WorkerId, u64)) -> SimSpan {
        self.routine.time(machine, self.compute, draw, self.streams)
    }
}
