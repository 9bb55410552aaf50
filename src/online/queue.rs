//! The queue of joined examples, from which workers take theirs.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::joiner::Emitted;
use super::lags::{EventTimes, Lags};
use crate::base::{SimSpan, SimTime};

/// The queue between the joiner and the workers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QueueSettings {
    /// The most examples that it holds, at least one step of them; any number when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub limit: Option<u64>,
    /// What happens to a new example when it is full.
    pub full: WhenFull,
}

/// What happens to a new example when the queue is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// The joiner stands still until there is room, and its clock with it: nothing is lost, and
    /// everything is late.
    #[default]
    Block,
    /// It takes the place of the oldest one.
    DropOldest,
    /// It is dropped.
    DropNewest,
}

/// What became of the examples of a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueCounts {
    /// Examples that were to enter.
    pub offered: u64,
    /// Examples that workers have taken.
    pub taken: u64,
    /// Positive examples dropped because it was full.
    pub dropped_positives: u64,
    /// Negative examples dropped because it was full.
    pub dropped_negatives: u64,
    /// The longest that it was.
    pub longest: u64,
    /// Lags of the examples taken, from the time of their request to the time taken.
    pub lags: Lags,
    /// How long the example that was taken last has been in it.
    pub last_wait: SimSpan,
}

impl QueueCounts {
    /// Examples dropped because it was full.
    pub fn dropped(&self) -> u64 {
        self.dropped_positives + self.dropped_negatives
    }
}

/// What a queue was like in an interval of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueInterval {
    /// The longest that it was.
    pub longest: u64,
    /// Lags of the examples taken.
    pub lags: Lags,
}

/// A queue of examples with a limit.
#[derive(Clone, Debug)]
pub struct ExampleQueue {
    limit: u64,
    full: WhenFull,
    list: VecDeque<Emitted>,
    counts: QueueCounts,
    interval: QueueInterval,
}

impl ExampleQueue {
    /// An empty queue.
    pub fn new(settings: QueueSettings) -> ExampleQueue {
        ExampleQueue {
            limit: settings.limit.unwrap_or(u64::MAX),
            full: settings.full,
            list: VecDeque::new(),
            counts: QueueCounts::default(),
            interval: QueueInterval::default(),
        }
    }

    /// Number of examples.
    pub fn len(&self) -> u64 {
        self.list.len() as u64
    }

    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The examples, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Emitted> {
        self.list.iter()
    }

    /// What became of its examples.
    pub fn counts(&self) -> &QueueCounts {
        &self.counts
    }

    /// Whether the next example must wait outside.
    pub fn is_blocked(&self) -> bool {
        self.full == WhenFull::Block && self.len() >= self.limit
    }

    /// Adds an example, or drops it or the oldest one.
    ///
    /// # Panics
    /// If the example must wait outside: a bug of the caller.
    pub fn push(&mut self, example: Emitted) {
        assert!(!self.is_blocked(), "an example enters a full queue");
        self.counts.offered += 1;
        let is_full = self.len() >= self.limit;
        let dropped = match self.full {
            WhenFull::DropOldest if is_full => {
                self.list.push_back(example);
                self.list.pop_front()
            }
            _ if is_full => Some(example),
            _ => {
                self.list.push_back(example);
                None
            }
        };
        match dropped {
            Some(dropped) if dropped.is_positive => self.counts.dropped_positives += 1,
            Some(_) => self.counts.dropped_negatives += 1,
            None => {}
        }
        self.counts.longest = self.counts.longest.max(self.len());
        self.interval.longest = self.interval.longest.max(self.len());
    }

    /// Moves up to `count` examples to `into`, the oldest first.
    pub fn take(&mut self, count: usize, now: SimTime, into: &mut Vec<Emitted>) {
        let count = count.min(self.list.len());
        let mut events = EventTimes::default();
        for example in self.list.drain(..count) {
            events.add(example.at);
            self.counts.last_wait = now.since(example.emitted);
            into.push(example);
        }
        self.counts.lags.add(events, now);
        self.interval.lags.add(events, now);
        self.counts.taken += count as u64;
    }

    /// What it was like since the last call; the next interval begins.
    pub fn end_interval(&mut self) -> QueueInterval {
        let next = QueueInterval { longest: self.len(), ..QueueInterval::default() };
        std::mem::replace(&mut self.interval, next)
    }

    /// Checks that no example was lost.
    ///
    /// # Panics
    /// If one was: a bug of the program.
    pub fn check(&self) {
        let counts = &self.counts;
        assert_eq!(counts.offered, self.len() + counts.taken + counts.dropped(), "{counts:?}");
        assert!(self.len() <= self.limit, "{} examples in a queue of {}", self.len(), self.limit);
    }
}

crate::persist!(QueueCounts {
    offered: state,
    taken: state,
    dropped_positives: state,
    dropped_negatives: state,
    longest: state,
    lags: state,
    last_wait: state
});
crate::persist!(QueueInterval { longest: state, lags: state });
crate::persist!(ExampleQueue {
    limit: fixed,
    full: fixed,
    list: state,
    counts: state,
    interval: state
});

#[cfg(test)]
mod tests {
    use super::*;

    fn example(request: u64) -> Emitted {
        let at = SimTime(request);
        Emitted {
            request,
            at,
            emitted: at,
            is_positive: request.is_multiple_of(2),
            ..Emitted::default()
        }
    }

    fn left(full: WhenFull, limit: Option<u64>) -> (Vec<u64>, QueueCounts) {
        let mut queue = ExampleQueue::new(QueueSettings { limit, full });
        for request in 0..7 {
            if !queue.is_blocked() {
                queue.push(example(request));
            }
            queue.check();
        }
        let mut taken = Vec::new();
        queue.take(2, SimTime(10), &mut taken);
        queue.take(100, SimTime(20), &mut taken);
        queue.check();
        (taken.iter().map(|example| example.request).collect(), queue.counts)
    }

    #[test]
    fn a_full_queue_drops_the_oldest_or_the_newest_or_lets_them_wait() {
        let (taken, counts) = left(WhenFull::DropOldest, Some(3));
        assert_eq!(taken, [4, 5, 6]);
        assert_eq!((counts.dropped_positives, counts.dropped_negatives), (2, 2));
        let (taken, counts) = left(WhenFull::DropNewest, Some(3));
        assert_eq!(taken, [0, 1, 2]);
        assert_eq!((counts.dropped_positives, counts.dropped_negatives), (2, 2));
        let (taken, counts) = left(WhenFull::Block, Some(3));
        assert_eq!((taken, counts.offered), (vec![0, 1, 2], 3));
        let (taken, counts) = left(WhenFull::DropOldest, None);
        assert_eq!((taken.len(), counts.dropped(), counts.longest), (7, 0, 7));
    }

    #[test]
    fn the_lag_counts_from_the_event_to_the_time_taken() {
        let (_, counts) = left(WhenFull::Block, Some(3));
        // 0 and 1 are taken at 10, and 2 at 20.
        assert_eq!((counts.lags.examples, counts.lags.longest), (3, SimSpan(18)));
        assert!((counts.lags.mean().unwrap() - (10.0 + 9.0 + 18.0) * 1e-9 / 3.0).abs() < 1e-18);
    }

    #[test]
    fn an_interval_begins_with_what_is_there() {
        let mut queue = ExampleQueue::new(QueueSettings::default());
        (0..5).for_each(|request| queue.push(example(request)));
        queue.take(3, SimTime(10), &mut Vec::new());
        let first = queue.end_interval();
        assert_eq!((first.longest, first.lags.longest), (5, SimSpan(10)));
        queue.take(1, SimTime(10), &mut Vec::new());
        let second = queue.end_interval();
        assert_eq!((second.longest, second.lags.longest), (2, SimSpan(7)));
        assert_eq!(queue.end_interval(), QueueInterval { longest: 1, ..QueueInterval::default() });
        assert_eq!(queue.counts().lags.examples, 4);
    }
}
