//! The clock and the queue of future events.
//!
//! Events are totally ordered by (nanosecond, event class, worker, sequence number). At equal
//! times, reads come before writes: a worker without latency has pulled again before the next push
//! of the same instant is applied.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use crate::base::{ShardId, SimTime, WorkerId};
use crate::protocol::PushId;

/// A link or a processor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum StationId {
    /// A worker's outgoing link.
    WorkerOut(WorkerId),
    /// A worker's incoming link.
    WorkerIn(WorkerId),
    /// A shard's incoming link.
    ShardIn(ShardId),
    /// The processor of a shard's requests.
    Processor(ShardId),
    /// A shard's outgoing link.
    ShardOut(ShardId),
}

/// An event of the workers' lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Life {
    /// The run starts: absent workers are counted out.
    Opens,
    /// A worker's machine crashes.
    Fails(WorkerId),
    /// It is repaired.
    Repaired(WorkerId),
    /// The crash of this number in the script.
    Crashes(u32),
    /// The worker is back from a scripted crash.
    Recovers(WorkerId),
    /// The workers of this schedule join or leave.
    ScheduleChanges(u32),
    /// The sleep of this number in the script begins.
    Sleeps(u32),
    /// A worker's sleep ends, unless a longer one has started.
    Wakes(WorkerId),
    /// A worker that has waited for updates starts, if it has not yet.
    Begins(WorkerId),
    /// The last push of an absent worker has arrived: the worker may return.
    LastPushArrives(WorkerId),
}

/// An event of the shards' lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum ShardLife {
    /// A shard crashes.
    Fails(ShardId),
    /// It is repaired.
    Repaired(ShardId),
    /// The crash of this number in the script.
    Crashes(u32),
    /// The shard is back from a scripted crash.
    Recovers(ShardId),
    /// The failure of this number is noticed, unless the shard is back.
    Noticed(ShardId, u64),
}

/// A step of a save, and the number of the save.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Saves {
    /// The time to wait for workers is over.
    TimesOut(u32),
    /// The piece of this number in the plan is copied.
    Copies(u32, u32),
    /// Everything is written.
    Ends(u32),
}

/// An event at an instant. The order of the variants is the order at equal times. Events of a step
/// name the step: if it has been aborted, they have no effect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Event {
    /// A worker joins, leaves, crashes or sleeps: before all other events.
    Life(Life),
    /// A shard crashes or comes back: before what workers and other shards do.
    Shards(ShardLife),
    /// An event of a save.
    Saves(Saves),
    /// Something happens in the live stream for which workers wait.
    Stream,
    /// The worker is free for its next step, if this life of it has not ended.
    Ready(WorkerId, u32),
    /// It asks the protocol for permission to pull, in this life of it.
    Asks(WorkerId, u32),
    /// A message leaves a shared station, if no other has entered or left it since this turn.
    Departs(StationId, u64),
    /// A pull request reaches a shard.
    PullArrives(PushId, ShardId),
    /// It has passed the shard's link.
    PullEnters(PushId, ShardId),
    /// The shard reads the values.
    PullServed(PushId, ShardId),
    /// The values reach the worker.
    PullReturns(PushId, ShardId),
    /// They have passed the worker's link, which is shared.
    PullPasses(PushId, ShardId),
    /// The last value has passed the worker's link.
    ComputeStarts(PushId),
    /// The worker has its gradient and sends it.
    ComputeEnds(PushId),
    /// A push reaches a shard.
    PushArrives(PushId, ShardId),
    /// It has passed the shard's link.
    PushEnters(PushId, ShardId),
    /// The shard has taken the push in.
    PushServed(PushId, ShardId),
}

impl Default for Event {
    /// The first event of a run.
    fn default() -> Event {
        Event::Life(Life::Opens)
    }
}

impl Event {
    /// Whether a worker or a shard comes or goes.
    pub(super) fn is_life(&self) -> bool {
        matches!(self, Event::Life(_) | Event::Shards(_))
    }

    /// Class and worker as one number, which orders events at equal times.
    fn rank(self, worker: WorkerId) -> u64 {
        let class = match self {
            Event::Life(_) | Event::Shards(_) => 0,
            Event::Saves(_) => 1,
            Event::Stream => 2,
            Event::Ready(..) => 3,
            Event::Asks(..) => 4,
            Event::Departs(..) => 5,
            Event::PullArrives(..) => 6,
            Event::PullEnters(..) => 7,
            Event::PullServed(..) => 8,
            Event::PullReturns(..) => 9,
            Event::PullPasses(..) => 10,
            Event::ComputeStarts(_) => 11,
            Event::ComputeEnds(_) => 12,
            Event::PushArrives(..) => 13,
            Event::PushEnters(..) => 14,
            Event::PushServed(..) => 15,
        };
        class << 32 | u64::from(worker.0)
    }
}

/// The future events, the earliest first; at equal times by class, worker, order of scheduling.
#[derive(Clone, Debug, Default)]
pub struct EventQueue {
    now: SimTime,
    scheduled: u64,
    heap: BinaryHeap<Reverse<(SimTime, u64, u64, Event)>>,
}

impl EventQueue {
    /// The time of the last event taken.
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// Number of future events.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether there are no future events.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Adds an event of `worker`.
    ///
    /// # Panics
    /// If `at` lies in the past: a bug of the simulator.
    pub fn schedule(&mut self, at: SimTime, worker: WorkerId, event: Event) {
        assert!(at >= self.now, "{event:?} scheduled for {at}, before {}", self.now);
        self.heap.push(Reverse((at, event.rank(worker), self.scheduled, event)));
        self.scheduled += 1;
    }

    /// Adds an event of the workers' lives, unless its time is infinite.
    pub fn plan(&mut self, at: SimTime, life: Life) {
        if at < SimTime::MAX {
            self.schedule(at, WorkerId(0), Event::Life(life));
        }
    }

    /// Adds an event of the shards' lives, unless its time is infinite.
    pub fn plan_shard(&mut self, at: SimTime, life: ShardLife) {
        if at < SimTime::MAX {
            self.schedule(at, WorkerId(0), Event::Shards(life));
        }
    }

    /// Whether an event is left that is none of the lives of workers and shards.
    pub fn has_steps(&self) -> bool {
        self.heap.iter().any(|Reverse((.., event))| !event.is_life())
    }

    /// Removes the events of steps and keeps those of the lives of workers and shards.
    pub fn forget_steps(&mut self) {
        let stays = |event: &Event| event.is_life();
        self.heap.retain(|Reverse((.., event))| stays(event));
    }

    /// Removes the events of the requests that a shard has received and not served; returns them in
    /// their order.
    pub fn take_requests(&mut self, shard: ShardId) -> Vec<Event> {
        let is_here = |event: &Event| match *event {
            Event::PullEnters(_, at)
            | Event::PullServed(_, at)
            | Event::PushEnters(_, at)
            | Event::PushServed(_, at) => at == shard,
            Event::Departs(StationId::ShardIn(at) | StationId::Processor(at), _) => at == shard,
            _ => false,
        };
        let all = std::mem::take(&mut self.heap).into_vec();
        let (mut here, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|Reverse((.., event))| is_here(event));
        self.heap = BinaryHeap::from(others);
        here.sort_by(|one, other| other.cmp(one));
        here.into_iter().map(|Reverse((.., event))| event).collect()
    }

    /// When the next event happens.
    pub fn next_time(&self) -> Option<SimTime> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next event and sets the clock to its time.
    pub fn pop(&mut self) -> Option<(SimTime, Event)> {
        let Reverse((at, _, _, event)) = self.heap.pop()?;
        self.now = at;
        Some((at, event))
    }
}

crate::persist_plain!(Event);
crate::persist!(EventQueue { now: state, scheduled: state, heap: state });

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_come_before_writes_at_the_same_instant() {
        let mut queue = EventQueue::default();
        let (p, s) = (PushId(7), ShardId(0));
        queue.schedule(SimTime(5), WorkerId(1), Event::PushServed(p, s));
        queue.schedule(SimTime(5), WorkerId(0), Event::PullServed(p, s));
        queue.schedule(SimTime(5), WorkerId(9), Event::Ready(WorkerId(9), 0));
        let order: Vec<Event> = std::iter::from_fn(|| queue.pop().map(|(_, e)| e)).collect();
        let expected =
            [Event::Ready(WorkerId(9), 0), Event::PullServed(p, s), Event::PushServed(p, s)];
        assert_eq!(order, expected);
    }

    proptest! {
        #[test]
        fn events_come_out_in_order_and_none_is_lost(
            times in proptest::collection::vec((0u64..50, 0u32..5), 1..200),
        ) {
            let mut queue = EventQueue::default();
            for &(at, w) in &times {
                queue.schedule(SimTime(at), WorkerId(w), Event::Ready(WorkerId(w), 0));
            }
            let out: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
            prop_assert_eq!(out.len(), times.len());
            prop_assert!(out.windows(2).all(|pair| pair[0] <= pair[1]));
        }
    }
}
