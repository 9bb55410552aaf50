//! The progress of a run, when it stops, and when a periodic action is due.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{SimSpan, SimTime};
use crate::optimizer::schedule;

/// The progress of a run.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Progress {
    /// Updates that every shard has applied.
    pub updates: u64,
    /// Pushes applied by every shard.
    pub pushes: u64,
    /// Examples in these pushes.
    pub examples: u64,
    /// The virtual clock.
    pub now: SimTime,
}

impl Progress {
    /// The clocks before the next update, for schedules and update rules.
    pub fn clocks(&self) -> schedule::Moment {
        schedule::Moment {
            updates: self.updates,
            examples: self.examples,
            seconds: self.now.seconds(),
        }
    }
}

/// When a run ends: at the first of the given limits.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stop {
    /// After this many passes over the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1e9))]
    pub passes: Option<f64>,
    /// After this many examples applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub examples: Option<u64>,
    /// After this many updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub updates: Option<u64>,
    /// At this moment of the virtual clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sim_time: Option<SimSpan>,
    /// After this many evaluations in a row without a new best AUC on the selection half of the
    /// holdout; those for which it is not defined do not count. Never without a holdout. As the only limit, it is joined by a limit of one pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub patience: Option<u64>,
}

impl Stop {
    /// The limit on examples, including that of passes; a pass has `window` examples.
    pub fn examples_limit(&self, window: u64) -> Option<u64> {
        let by_passes = self.passes.map(|passes| (passes * window as f64).ceil() as u64);
        match (self.examples, by_passes) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Whether the only limit, if any, is patience, which may never be reached.
    pub fn is_open(&self) -> bool {
        Stop { patience: None, ..self.clone() } == Stop::default()
    }
}

/// The limits of one run, all in absolute terms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Last example.
    pub examples: Option<u64>,
    /// Last update.
    pub updates: Option<u64>,
    /// Last moment.
    pub time: Option<SimTime>,
    /// Evaluations in a row without a new best.
    pub patience: Option<u64>,
    /// About when a live stream is over: the run ends with it.
    pub stream: Option<SimTime>,
}

impl Limits {
    /// The limits of `stop` for a window of `window` examples.
    pub fn new(stop: &Stop, window: u64) -> Limits {
        Limits {
            examples: stop.examples_limit(window),
            updates: stop.updates,
            time: stop.sim_time.map(|span| SimTime::ZERO + span),
            patience: stop.patience,
            stream: None,
        }
    }

    /// Whether the run is over.
    pub fn is_reached(&self, progress: &Progress) -> bool {
        self.examples.is_some_and(|limit| progress.examples >= limit)
            || self.updates.is_some_and(|limit| progress.updates >= limit)
    }

    /// Share of the run that is done, in `[0, 1]`, by the nearest limit or the end of a stream.
    pub fn share(&self, progress: &Progress) -> f64 {
        let part = |done: u64, limit: Option<u64>| {
            limit.map_or(0.0, |limit| done as f64 / limit.max(1) as f64)
        };
        let end = [self.time, self.stream].into_iter().flatten().min();
        let time = part(progress.now.0, end.map(|end| end.0));
        part(progress.examples, self.examples)
            .max(part(progress.updates, self.updates))
            .max(time)
            .clamp(0.0, 1.0)
    }
}

/// The period of an action, by one of the clocks of a run.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Every {
    /// Every this many updates.
    Updates(#[schemars(range(min = 1))] u64),
    /// Every this many examples applied.
    Examples(#[schemars(range(min = 1))] u64),
    /// Every this much simulated time.
    SimTime(SimSpan),
    /// This many times in the run, evenly by the limit that ends it.
    Times(#[schemars(range(min = 1, max = 1_000_000))] u64),
}

/// Knows when a periodic action is due.
#[derive(Clone, Copy, Debug)]
pub struct Cadence {
    every: Every,
    limits: Limits,
    /// Number of periods that have been reported.
    seen: u64,
}

impl Cadence {
    /// A cadence that is first due after one period.
    pub fn new(every: Every, limits: Limits) -> Cadence {
        Cadence { every, limits, seen: 0 }
    }

    fn periods(&self, progress: &Progress) -> u64 {
        match self.every {
            Every::Updates(n) => progress.updates / n.max(1),
            Every::Examples(n) => progress.examples / n.max(1),
            Every::SimTime(span) => progress.now.0 / span.0.max(1),
            Every::Times(n) => (self.limits.share(progress) * n as f64 + 1e-9) as u64,
        }
    }

    /// Whether a period has ended since the last call that returned true.
    pub fn is_due(&mut self, progress: &Progress) -> bool {
        let periods = self.periods(progress);
        let due = periods > self.seen;
        self.seen = self.seen.max(periods);
        due
    }

    /// The last moment up to `horizon` at which a cadence by simulated time is due, or `None`;
    /// other cadences are due at updates. Nothing changes before the next event, so one of several
    /// moments before it is enough.
    pub fn next_time(&self, horizon: SimTime) -> Option<SimTime> {
        let Every::SimTime(span) = self.every else { return None };
        let periods = horizon.0 / span.0.max(1);
        (periods > self.seen).then(|| SimTime(periods * span.0.max(1)))
    }
}

crate::persist!(Progress { updates: state, pushes: state, examples: state, now: state });
crate::persist!(Cadence { every: fixed, limits: fixed, seen: state });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cadence_is_due_once_per_period() {
        let limits = Limits { updates: Some(100), ..Limits::default() };
        let dues = |every| {
            let mut cadence = Cadence::new(every, limits);
            (1..=100)
                .filter(|&updates| {
                    cadence.is_due(&Progress {
                        updates,
                        examples: 8 * updates,
                        ..Progress::default()
                    })
                })
                .collect::<Vec<u64>>()
        };
        assert_eq!(dues(Every::Updates(40)), vec![40, 80]);
        assert_eq!(dues(Every::Examples(400)), vec![50, 100]);
        assert_eq!(dues(Every::Times(4)), vec![25, 50, 75, 100]);
    }

    #[test]
    fn a_cadence_by_time_is_due_once_before_the_next_event() {
        let mut cadence = Cadence::new(Every::SimTime(SimSpan(10)), Limits::default());
        assert_eq!(cadence.next_time(SimTime(9)), None);
        assert_eq!(cadence.next_time(SimTime(10)), Some(SimTime(10)));
        assert_eq!(cadence.next_time(SimTime(47)), Some(SimTime(40)));
        assert!(cadence.is_due(&Progress { now: SimTime(40), ..Progress::default() }));
        assert_eq!(cadence.next_time(SimTime(49)), None);
    }
}
