//! Workers that join and leave on a schedule, once or repeatedly: elastic jobs, preemption with or
//! without notice, and the hours of a day in which a shared cluster lends out its machines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{SimSpan, SimTime, WorkerId};

/// When some of the workers belong to the job.
///
/// With `join` before `leave` they are present in between. With `leave` before `join` they are
/// present at first, leave, and return. A worker in several schedules is present when all of them
/// say so.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Membership {
    /// Number of the first of these workers; workers are counted from 0.
    pub first: u32,
    /// Number of the last of them; the last worker when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u32>,
    /// When they join; they are present from the start when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join: Option<SimSpan>,
    /// When they leave; never when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leave: Option<SimSpan>,
    /// The schedule repeats after this time, as with a day; it runs only once when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<SimSpan>,
    /// They leave at once, and their step is lost as in a crash. Otherwise they finish it first.
    pub abruptly: bool,
}

impl Membership {
    /// Whether the schedule includes this worker.
    pub fn covers(&self, worker: WorkerId) -> bool {
        self.first <= worker.0 && self.last.is_none_or(|last| worker.0 <= last)
    }

    /// The time since the latest repetition began.
    fn phase(&self, at: SimTime) -> u64 {
        self.every.map_or(at.0, |every| at.0 % every.0.max(1))
    }

    /// Whether its workers are present at `at`.
    pub fn is_present(&self, at: SimTime) -> bool {
        let phase = self.phase(at);
        match (self.join, self.leave) {
            (None, None) => true,
            (Some(join), None) => phase >= join.0,
            (None, Some(leave)) => phase < leave.0,
            (Some(join), Some(leave)) if join < leave => join.0 <= phase && phase < leave.0,
            (Some(join), Some(leave)) => phase < leave.0 || phase >= join.0,
        }
    }

    /// The next moment after `after` at which its workers may join or leave.
    pub fn next(&self, after: SimTime) -> Option<SimTime> {
        let (phase, begun) = (self.phase(after), after.0 - self.phase(after));
        let points = [self.join, self.leave].into_iter().flatten().map(|point| point.0);
        let ahead = |point: &u64| *point > phase && self.every.is_none_or(|every| *point < every.0);
        let here = points.filter(ahead).min().map(|point| begun.saturating_add(point));
        let again = self.every.map(|every| begun.saturating_add(every.0.max(1)));
        here.or(again).map(SimTime).filter(|&at| at < SimTime::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedule(join: Option<u64>, leave: Option<u64>, every: Option<u64>) -> Membership {
        let [join, leave, every] = [join, leave, every].map(|time| time.map(SimSpan));
        Membership { join, leave, every, ..Membership::default() }
    }

    #[test]
    fn tides_come_and_go_across_midnight() {
        let night = schedule(Some(22), Some(6), Some(24));
        let there: Vec<u64> = (0..48).filter(|&h| night.is_present(SimTime(h))).collect();
        let expected = (0..6).chain(22..30).chain(46..48);
        assert!(there.iter().copied().eq(expected), "{there:?}");
        let returning = schedule(Some(9), Some(5), None);
        let there: Vec<u64> = (0..12).filter(|&t| returning.is_present(SimTime(t))).collect();
        assert_eq!(there, [0, 1, 2, 3, 4, 9, 10, 11]);
    }

    #[test]
    fn it_says_which_workers_it_is_about() {
        let some = Membership { first: 2, last: Some(4), ..Membership::default() };
        let covered: Vec<u32> = (0..9).filter(|&w| some.covers(WorkerId(w))).collect();
        assert_eq!(covered, [2, 3, 4]);
        assert!(Membership::default().covers(WorkerId(1_000)));
    }

    proptest! {
        /// Nothing changes between two moments named by `next`.
        #[test]
        fn nothing_changes_in_between(
            join in proptest::option::of(0u64..40),
            leave in proptest::option::of(0u64..40),
            every in proptest::option::of(1u64..30),
        ) {
            let schedule = schedule(join, leave, every);
            let (mut at, mut there) = (SimTime(0), schedule.is_present(SimTime(0)));
            for t in 1..200 {
                let next = schedule.next(at);
                prop_assert!(next.is_none_or(|next| next > at));
                if next == Some(SimTime(t)) {
                    (at, there) = (SimTime(t), schedule.is_present(SimTime(t)));
                }
                prop_assert_eq!(schedule.is_present(SimTime(t)), there);
            }
        }
    }
}
