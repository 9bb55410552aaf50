//! Why a run can end early.

use crate::base::{SimTime, WorkerId};

/// A run that cannot continue. The records made before remain.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum SimError {
    /// A parameter became NaN or infinite.
    #[error(
        "blow-up at update {update}, simulated {at}: {parameter} is no longer finite after the push of \
         {worker} (staleness {staleness}, gradient norm {gradient_norm:.3e}, loss {loss:.3e}); \
         lower the learning rate or the staleness, or clip gradients"
    )]
    BlowUp {
        /// The update with the blow-up, counted from 1.
        update: u64,
        /// The simulated time.
        at: SimTime,
        /// Block, or table and row.
        parameter: String,
        /// The worker that pushed (the last of them, if several pushes made the update).
        worker: WorkerId,
        /// Staleness of that push.
        staleness: u64,
        /// Norm of the gradient.
        gradient_norm: f64,
        /// Loss of its batch.
        loss: f64,
    },
    /// No event is left, and the run is not at its end.
    #[error("the run stalled at {at}: {waiting}")]
    Stalled {
        /// The simulated time.
        at: SimTime,
        /// What each worker waits for.
        waiting: String,
    },
    /// No push is ever applied.
    #[error(
        "by {at} the last {steps} steps had all been discarded by some shard, broken off, or lost with their \
         workers: nothing gets through; loosen the protocol's bound, let workers pull more often, or crash \
         less often"
    )]
    Fruitless {
        /// The simulated time.
        at: SimTime,
        /// Number of steps.
        steps: u64,
    },
    /// Steps take no simulated time, and only the clock could end the run.
    #[error(
        "the virtual clock stands still at {at}: steps take no time, so a limit on simulated time is never \
         reached; give `cluster.compute` a duration, or limit updates or examples"
    )]
    TimeStandsStill {
        /// The simulated time.
        at: SimTime,
    },
    /// The virtual clock reached its end, after 584 years.
    #[error(
        "the virtual clock ran past 584 years at update {update}: some duration is far too long"
    )]
    ClockOverflow {
        /// Updates before that.
        update: u64,
    },
}
