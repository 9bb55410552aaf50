//! How a shard that can fail is doing: the one place of the names, the order and the looks of these
//! states.

use super::chart::{Ink, Look};

/// How a shard is doing. The order is that of legends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ShardState {
    /// It serves, and its content has all its updates.
    Serving,
    /// It serves, and its content lacks updates.
    Behind,
    /// It has crashed, and nobody has noticed.
    Unnoticed,
    /// It has crashed, and that is known.
    Down,
}

impl ShardState {
    /// All states in order.
    pub const ALL: [ShardState; 4] =
        [ShardState::Serving, ShardState::Behind, ShardState::Unnoticed, ShardState::Down];

    /// Its name and how it looks. What is lost has a colour, a crash is dark, and grey means that
    /// all is well.
    pub fn look(self) -> Look {
        let (name, ink, band) = match self {
            ShardState::Serving => ("serving", Ink::Quiet, (0.42, 0.58)),
            ShardState::Behind => ("serving, updates lost", Ink::Series(1), (0.3, 0.7)),
            ShardState::Unnoticed => ("down, not noticed", Ink::Series(3), (0.0, 1.0)),
            ShardState::Down => ("down, noticed", Ink::Series(6), (0.0, 1.0)),
        };
        Look { name, ink, band }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_in_order_and_no_two_look_alike() {
        assert!(ShardState::ALL.is_sorted());
        for (index, state) in ShardState::ALL.into_iter().enumerate() {
            for other in &ShardState::ALL[index + 1..] {
                let (one, two) = (state.look(), other.look());
                assert_ne!(one.name, two.name);
                assert!((one.ink, one.band) != (two.ink, two.band), "{state:?} {other:?}");
            }
        }
    }
}
