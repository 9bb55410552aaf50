//! How a run can end before its time.

use crate::base::{SimTime, WorkerId};

/// A run that cannot go on. What was recorded until then stays.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum SimError {
    /// A parameter became NaN or infinite.
    #[error(
        "blow-up at update {update}, simulated {at}: {parameter} is no longer finite after the push of \
         {worker} (staleness {staleness}, gradient norm {gradient_norm:.3e}, loss {loss:.3e}); \
         lower the learning rate or the staleness, or clip gradients"
    )]
    BlowUp {
        /// The update that made it, counted from 1.
        update: u64,
        /// When.
        at: SimTime,
        /// Block, or table and row.
        parameter: String,
        /// Whose push it was (the last of them, if several made the update).
        worker: WorkerId,
        /// Staleness of that push.
        staleness: u64,
        /// Norm of the gradient.
        gradient_norm: f64,
        /// Loss of its batch.
        loss: f64,
    },
    /// Nothing is left to happen, and the run is not at its end.
    #[error("the run stalled at {at}: {who}")]
    Stalled {
        /// When.
        at: SimTime,
        /// Who waits for whom.
        who: String,
    },
    /// Nothing is ever applied.
    #[error(
        "by {at} the last {steps} steps had all been discarded by some shard, broken off, or lost with their \
         workers: nothing gets through; loosen the protocol's bound, let workers pull more often, or crash \
         less often"
    )]
    Fruitless {
        /// When.
        at: SimTime,
        /// How many steps.
        steps: u64,
    },
    /// Everything takes no time at all, and only the clock could end the run.
    #[error(
        "the virtual clock stands still at {at}: steps take no time, so a limit on simulated time is never \
         reached; give `cluster.compute` a duration, or limit updates or examples"
    )]
    TimeStandsStill {
        /// When.
        at: SimTime,
    },
    /// The virtual clock ran past its end, 584 years in.
    #[error(
        "the virtual clock ran past 584 years at update {update}: some duration is far too long"
    )]
    ClockOverflow {
        /// Updates until then.
        update: u64,
    },
}
