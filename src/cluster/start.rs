//! When workers begin.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Factor, Purpose, SimSpan, SimTime, Streams, WorkerId};

/// All workers at time zero.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Together {}

/// One after the other at equal distances: worker `w` of `N` starts at `over x w / N`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Staggered {
    /// Time within which all workers have started.
    pub over: SimSpan,
}

/// Each worker at a uniformly random moment.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scattered {
    /// Time within which all workers have started.
    pub within: SimSpan,
}

crate::registry! {
    /// When the workers begin.
    pub enum StartChoice {
        /// All workers at time zero.
        "together" => Together(Together),
        /// One after the other, at equal distances.
        "staggered" => Staggered(Staggered),
        /// Each at a random moment within a span.
        "scattered" => Scattered(Scattered),
    }
}

impl Default for StartChoice {
    fn default() -> Self {
        StartChoice::Together(Together {})
    }
}

impl StartChoice {
    /// When worker `worker` of `workers` begins.
    pub fn at(&self, worker: WorkerId, workers: u32, streams: Streams) -> SimTime {
        let offset = match self {
            Self::Together(_) => SimSpan::ZERO,
            Self::Staggered(Staggered { over }) => {
                let share = u128::from(over.0) * u128::from(worker.0) / u128::from(workers.max(1));
                SimSpan(share as u64)
            }
            Self::Scattered(Scattered { within }) => {
                let share = streams.uniform(Purpose::Start, u64::from(worker.0), 0);
                *within * Factor::new(share)
            }
        };
        SimTime::ZERO + offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_lie_where_they_should() {
        let at = |choice: StartChoice, w| choice.at(WorkerId(w), 4, Streams::new(1));
        assert_eq!(at(StartChoice::default(), 3), SimTime(0));
        assert_eq!(at(StartChoice::Staggered(Staggered { over: SimSpan(400) }), 3), SimTime(300));
        let scattered = StartChoice::Scattered(Scattered { within: SimSpan(1 << 40) });
        assert!((0..50).all(|w| at(scattered.clone(), w) <= SimTime(1 << 40)));
        assert_ne!(at(scattered.clone(), 1), at(scattered, 2));
    }
}
