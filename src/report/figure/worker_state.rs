//! What a worker can be doing: the one place of its names, their order and their looks. The
//! timeline and the shares of time take them from here, in the picture and in the page.

use super::chart::{Ink, Look};
use crate::results::tables::Activity;

/// What a worker is doing. The order is that of legends, bars and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkerState {
    /// Computing its gradient.
    Computing,
    /// From its request to the last received value.
    Pull,
    /// From sending the gradient until the last shard has taken it in.
    Push,
    /// Its messages are on the network.
    Network,
    /// Its messages wait in a server's queue.
    Queue,
    /// A server serves it.
    Served,
    /// The protocol does not let it pull yet.
    Held,
    /// Not started yet, between two steps, or waiting for a checkpoint.
    Waiting,
    /// Waiting for examples of a live stream.
    Starved,
    /// Standing still, by script.
    Asleep,
    /// Crashed and not yet repaired.
    Crashed,
    /// Not part of the job.
    Away,
}

impl WorkerState {
    /// All states in order.
    pub const ALL: [WorkerState; 12] = [
        WorkerState::Computing,
        WorkerState::Pull,
        WorkerState::Push,
        WorkerState::Network,
        WorkerState::Queue,
        WorkerState::Served,
        WorkerState::Held,
        WorkerState::Waiting,
        WorkerState::Starved,
        WorkerState::Asleep,
        WorkerState::Crashed,
        WorkerState::Away,
    ];

    /// The state that an activity of the timeline is.
    pub fn of(activity: Activity) -> WorkerState {
        match activity {
            Activity::Compute => WorkerState::Computing,
            Activity::Pull => WorkerState::Pull,
            Activity::Push => WorkerState::Push,
            Activity::Wait => WorkerState::Waiting,
            Activity::Held => WorkerState::Held,
            Activity::Starved => WorkerState::Starved,
            Activity::Sleep => WorkerState::Asleep,
            Activity::Down => WorkerState::Crashed,
            Activity::Away => WorkerState::Away,
        }
    }

    /// Its name and how it looks. Work has a colour, a crash is dark, and grey means that nothing is
    /// done. Computing fills a row of the timeline, a pull its upper part, a push its lower part.
    pub fn look(self) -> Look {
        let (name, ink, band) = match self {
            WorkerState::Computing => ("computing", Ink::Series(0), (0.0, 1.0)),
            WorkerState::Pull => ("pull", Ink::Series(2), (0.0, 0.45)),
            WorkerState::Push => ("push", Ink::Series(4), (0.55, 1.0)),
            WorkerState::Network => ("network", Ink::Series(2), (0.15, 0.85)),
            WorkerState::Queue => ("server's queue", Ink::Series(1), (0.1, 0.9)),
            WorkerState::Served => ("being served", Ink::Series(3), (0.1, 0.9)),
            WorkerState::Held => ("held by the protocol", Ink::Quiet, (0.25, 0.75)),
            WorkerState::Waiting => ("waiting", Ink::Quiet, (0.45, 0.6)),
            WorkerState::Starved => ("waiting for examples", Ink::Series(5), (0.35, 0.65)),
            WorkerState::Asleep => ("asleep", Ink::Quiet, (0.3, 0.75)),
            WorkerState::Crashed => ("crashed", Ink::Series(6), (0.8, 1.0)),
            WorkerState::Away => ("away", Ink::Quiet, (0.48, 0.54)),
        };
        Look { name, ink, band }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tables::Activity as Simulated;

    #[test]
    fn states_are_in_order_and_no_two_look_alike() {
        assert!(WorkerState::ALL.is_sorted());
        for (index, state) in WorkerState::ALL.into_iter().enumerate() {
            for other in &WorkerState::ALL[index + 1..] {
                let (one, two) = (state.look(), other.look());
                assert_ne!(one.name, two.name);
                assert!((one.ink, one.band) != (two.ink, two.band), "{state:?} {other:?}");
            }
        }
    }

    #[test]
    fn every_activity_is_a_state_of_its_own() {
        let mut states: Vec<WorkerState> = Simulated::ALL.map(WorkerState::of).to_vec();
        states.sort();
        states.dedup();
        assert_eq!(states.len(), Simulated::ALL.len());
    }
}
