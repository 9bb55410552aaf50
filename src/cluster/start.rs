//! When workers start: together, one after the other, or by the slow-start policies of real
//! systems, which let asynchronous training settle before all workers take part.

#[cfg(test)]
mod new_part;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Purpose, SimSpan, SimTime, Streams, TimeFactor, WorkerId};

/// All workers at time zero.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Together {}

/// One after the other at equal intervals: worker `w` of `N` starts at `over x w / N`.
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

/// TensorFlow's Estimator: worker `w` waits `min(most, step x w)`; worker 0 is the chief and does
/// not wait (`_DELAY_SECS_PER_WORKER` and `_MAX_DELAY_SECS` in its `training.py`, which counts the
/// workers other than the chief from 0 and adds one step to their number).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TensorFlow {
    /// Delay from one worker to the next.
    pub step: SimSpan,
    /// Longest delay.
    pub most: SimSpan,
}

impl Default for TensorFlow {
    fn default() -> Self {
        TensorFlow { step: SimSpan(5_000_000_000), most: SimSpan(60_000_000_000) }
    }
}

/// TensorFlow's `GlobalStepWaiterHook` as documented: worker `w` starts after `int(steps x ln(w +
/// 1))` updates; worker 0, the chief, starts at once.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StepWaiter {
    /// Factor of the logarithm, in updates.
    #[schemars(range(min = 0.0, max = 1e12))]
    pub steps: f64,
}

impl Default for StepWaiter {
    fn default() -> Self {
        StepWaiter { steps: 100.0 }
    }
}

/// Monolith's slow start: as [`StepWaiter`] (`slow_start_steps` in its `cpu_training.py`), but no
/// worker waits longer than `most` (`max_slow_start_wait_minute`, 10 by default).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Monolith {
    /// Factor of the logarithm, in updates.
    #[schemars(range(min = 0.0, max = 1e12))]
    pub steps: f64,
    /// Longest wait.
    pub most: SimSpan,
}

impl Default for Monolith {
    fn default() -> Self {
        Monolith { steps: 100.0, most: SimSpan(600_000_000_000) }
    }
}

/// XDL when it restores from the checkpoint of another model: all workers but the chief, which is
/// worker 0, sleep (`RestoreFromHook` in its `saver.py`).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Xdl {
    /// How long they sleep.
    pub sleep: SimSpan,
}

impl Default for Xdl {
    fn default() -> Self {
        Xdl { sleep: SimSpan(120_000_000_000) }
    }
}

crate::registry! {
    /// When the workers start.
    pub enum StartChoice: StartConfig {
        /// All workers at time zero.
        "together" => Together(Together),
        /// One after the other, at equal intervals.
        "staggered" => Staggered(Staggered),
        /// Each at a random moment within a span.
        "scattered" => Scattered(Scattered),
        /// TensorFlow's Estimator: five seconds from one worker to the next, up to a minute.
        "tensorflow" => TensorFlow(TensorFlow),
        /// TensorFlow's step waiter: worker w after K ln(w + 1) updates.
        "tensorflow_step_waiter" => StepWaiter(StepWaiter),
        /// Monolith: worker w after K ln(w + 1) updates, or after ten minutes if that is earlier.
        "monolith" => Monolith(Monolith),
        /// XDL after a restore: the chief at once, the others after two minutes.
        "xdl" => Xdl(Xdl),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

impl Default for StartChoice {
    fn default() -> Self {
        StartChoice::Together(Together {})
    }
}

/// The configuration of a start.
pub trait StartConfig {
    /// When worker `worker` of `workers` starts, if it does not start [after
    /// updates](Self::after_updates).
    fn at(&self, worker: WorkerId, workers: u32, streams: Streams) -> SimTime;

    /// How many updates the worker waits for before it starts, and until when at the latest; `None`
    /// if it waits for none.
    fn after_updates(&self, worker: WorkerId) -> Option<(u64, Option<SimTime>)>;
}

impl StartConfig for Together {
    fn at(&self, _: WorkerId, _: u32, _: Streams) -> SimTime {
        SimTime::ZERO
    }

    fn after_updates(&self, _: WorkerId) -> Option<(u64, Option<SimTime>)> {
        None
    }
}

impl StartConfig for Staggered {
    fn at(&self, worker: WorkerId, workers: u32, _: Streams) -> SimTime {
        let share = u128::from(self.over.0) * u128::from(worker.0) / u128::from(workers.max(1));
        SimTime::ZERO + SimSpan(share as u64)
    }

    fn after_updates(&self, _: WorkerId) -> Option<(u64, Option<SimTime>)> {
        None
    }
}

impl StartConfig for Scattered {
    fn at(&self, worker: WorkerId, _: u32, streams: Streams) -> SimTime {
        let share = streams.uniform(Purpose::Start, u64::from(worker.0), 0);
        SimTime::ZERO + self.within * TimeFactor::new(share)
    }

    fn after_updates(&self, _: WorkerId) -> Option<(u64, Option<SimTime>)> {
        None
    }
}

impl StartConfig for TensorFlow {
    fn at(&self, worker: WorkerId, _: u32, _: Streams) -> SimTime {
        SimTime::ZERO + self.step.times(u64::from(worker.0)).min(self.most)
    }

    fn after_updates(&self, _: WorkerId) -> Option<(u64, Option<SimTime>)> {
        None
    }
}

impl StartConfig for StepWaiter {
    fn at(&self, _: WorkerId, _: u32, _: Streams) -> SimTime {
        SimTime::ZERO
    }

    fn after_updates(&self, worker: WorkerId) -> Option<(u64, Option<SimTime>)> {
        Some((logarithmic(self.steps, worker)?, None))
    }
}

impl StartConfig for Monolith {
    fn at(&self, _: WorkerId, _: u32, _: Streams) -> SimTime {
        SimTime::ZERO
    }

    fn after_updates(&self, worker: WorkerId) -> Option<(u64, Option<SimTime>)> {
        Some((logarithmic(self.steps, worker)?, Some(SimTime::ZERO + self.most)))
    }
}

impl StartConfig for Xdl {
    fn at(&self, worker: WorkerId, _: u32, _: Streams) -> SimTime {
        SimTime::ZERO + if worker.0 > 0 { self.sleep } else { SimSpan::ZERO }
    }

    fn after_updates(&self, _: WorkerId) -> Option<(u64, Option<SimTime>)> {
        None
    }
}

/// Updates that worker `w` waits for, `steps x ln(w + 1)`; `None` for none.
fn logarithmic(steps: f64, worker: WorkerId) -> Option<u64> {
    let updates = (steps * libm::log(f64::from(worker.0) + 1.0)) as u64;
    (updates > 0).then_some(updates)
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

    #[test]
    fn slow_starts_are_those_of_the_systems() {
        let at = |choice: &StartChoice, w| {
            choice.at(WorkerId(w), 100, Streams::new(1)).seconds().round() as u64
        };
        let estimator = StartChoice::TensorFlow(TensorFlow::default());
        assert_eq!([0, 1, 2, 11, 12, 50].map(|w| at(&estimator, w)), [0, 5, 10, 55, 60, 60]);
        let xdl = StartChoice::Xdl(Xdl::default());
        assert_eq!([0, 1, 99].map(|w| at(&xdl, w)), [0, 120, 120]);
        let after = |choice: &StartChoice, w| choice.after_updates(WorkerId(w));
        let waiter = StartChoice::StepWaiter(StepWaiter { steps: 100.0 });
        let updates = [1, 2, 9].map(|w| after(&waiter, w).unwrap().0);
        assert_eq!((after(&waiter, 0), updates), (None, [69, 109, 230]));
        let monolith = StartChoice::Monolith(Monolith::default());
        assert_eq!(after(&monolith, 1), Some((69, Some(SimTime(600_000_000_000)))));
        assert_eq!(after(&estimator, 5), None);
    }
}
