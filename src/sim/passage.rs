//! The passage of a request through the processor of a shard, and how much of its worker's time it
//! took.

use crate::base::{SimSpan, SimTime};

/// A request's way through a processor: it waits in the queue, then it is served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Passage {
    /// When it enters the queue.
    pub entered: SimTime,
    /// The time that its service needs if nobody shares the processor.
    pub work: SimSpan,
    /// When its service ends; [`SimTime::MAX`] as long as a shared processor does not know it.
    pub ends: SimTime,
}

impl Passage {
    /// Whether it waits for a shard that has failed.
    pub(super) fn is_stuck(self) -> bool {
        self.ends == SimTime::MAX && self.work.is_zero()
    }

    /// When its service begins. In a shared processor, all that others add counts as queue.
    pub(super) fn begins(self) -> SimTime {
        SimTime(self.ends.0.saturating_sub(self.work.0)).max(self.entered)
    }

    /// The parts of the time between `from` and `to` in which it was in the queue, and in service.
    pub(super) fn within(self, from: SimTime, to: SimTime) -> (SimSpan, SimSpan) {
        let [entered, begins, ends] =
            [self.entered, self.begins(), self.ends].map(|at| at.clamp(from, to));
        (begins.since(entered), ends.since(begins))
    }
}

crate::persist!(Passage { entered: state, work: state, ends: state });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_cut_at_both_ends() {
        let passage = Passage { entered: SimTime(10), work: SimSpan(5), ends: SimTime(30) };
        let within = |from, to| {
            let (queued, served) = passage.within(SimTime(from), SimTime(to));
            (queued.0, served.0)
        };
        assert_eq!(within(0, 100), (15, 5));
        assert_eq!(within(12, 27), (13, 2));
        assert_eq!(within(26, 28), (0, 2));
        assert_eq!(within(30, 90), (0, 0));
        assert_eq!(within(0, 10), (0, 0));
    }

    #[test]
    fn a_service_without_an_end_is_queue_until_then() {
        let passage = Passage { entered: SimTime(10), work: SimSpan(5), ends: SimTime::MAX };
        assert_eq!(passage.within(SimTime(0), SimTime(50)), (SimSpan(40), SimSpan(0)));
    }
}
