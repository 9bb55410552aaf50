//! Examples of a live stream: workers take them as they come.
//!
//! A worker takes the examples of its step when it asks to pull, not when the protocol lets it: no
//! other worker may take the same ones meanwhile. They are prepared at once. Nothing is read further
//! ahead, since what is in the queue may still be dropped.

use std::collections::BTreeMap;

use super::prepare::{PendingStep, Preparing, Verdicts};
use super::step_data::StepData;
use super::workspace::ThreadWorkspace;
use crate::base::{Pool, SimTime, WorkerId};
use crate::online::{
    Arrived, Emitted, EventTimes, JoinerCounts, Lags, QueueCounts, QueueInterval, Stream,
    StreamCounts,
};

/// Examples that a worker has taken for a step that has not begun.
#[derive(Debug, Default)]
struct Reserved {
    examples: Vec<Emitted>,
    step: Option<PendingStep>,
}

/// A live stream, and what workers have taken of it.
#[derive(Debug)]
pub struct Live {
    stream: Stream,
    /// Examples of a step.
    examples: usize,
    reserved: BTreeMap<WorkerId, Reserved>,
    /// Requests since they were last taken, if a serving copy wants them.
    arrived: Option<Vec<Arrived>>,
    /// Examples of steps that have begun.
    supplied: u64,
    /// Examples lost with workers that had taken them for a step that never began.
    lost: u64,
    /// Lags of the examples in updates, from the time of their request to the update; and those of
    /// the present interval.
    updates: Lags,
    interval: Lags,
}

/// What a stream was like in an interval of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StreamInterval {
    /// The queue.
    pub queue: QueueInterval,
    /// Lags of the examples in updates, from the time of their request to the update.
    pub updates: Lags,
}

/// What a stream is like at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamLook {
    /// What became of the requests.
    pub requests: StreamCounts,
    /// What became of features and actions.
    pub joiner: JoinerCounts,
    /// What became of the examples of the queue.
    pub queue: QueueCounts,
    /// Examples that wait in the queue.
    pub waiting: u64,
    /// Whether the joiner stands still, because the queue is full.
    pub is_blocked: bool,
    /// What it was like since the last look.
    pub interval: StreamInterval,
}

impl Live {
    /// Steps of `examples` examples of a stream.
    pub(super) fn new(stream: Stream, examples: usize) -> Live {
        Live {
            stream,
            examples,
            reserved: BTreeMap::new(),
            arrived: None,
            supplied: 0,
            lost: 0,
            updates: Lags::default(),
            interval: Lags::default(),
        }
    }

    /// The stream, as far as it has been told the time.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Lags of the examples in updates so far, from the time of their request to the update.
    pub fn update_lags(&self) -> &Lags {
        &self.updates
    }

    /// Examples of steps that have begun.
    pub fn supplied(&self) -> u64 {
        self.supplied
    }

    /// Examples that workers have taken for a step that has not begun.
    pub fn reserved(&self) -> u64 {
        self.reserved.values().map(|reserved| reserved.examples.len() as u64).sum()
    }

    /// Examples lost with workers that had taken them for a step that never began.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Everything in the stream happens up to `now`.
    pub(super) fn advance(&mut self, now: SimTime) {
        let arrived = &mut self.arrived;
        self.stream.advance(now, |came| {
            if let Some(arrived) = arrived {
                arrived.push(came);
            }
        });
    }

    /// Keeps requests from now on, for [`take_arrived`](Self::take_arrived).
    pub(super) fn note_requests(&mut self) {
        self.arrived = Some(Vec::new());
    }

    /// The requests up to `now` since the last call.
    pub(super) fn take_arrived(&mut self, now: SimTime) -> Vec<Arrived> {
        self.advance(now);
        self.arrived.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Whether no worker will ever get another example.
    pub(super) fn is_exhausted(&self) -> bool {
        self.stream.is_over() && self.stream.queue().is_empty()
    }

    /// Whether the worker has the examples of its next step.
    pub(super) fn has_reserved(&self, worker: WorkerId) -> bool {
        self.reserved.contains_key(&worker)
    }

    /// Gives the worker the examples of its next step, if it has not got them and there are enough.
    /// Returns whether it has them.
    pub(super) fn reserve(
        &mut self,
        worker: WorkerId,
        preparing: &Preparing,
        pool: &mut Pool<ThreadWorkspace>,
        now: SimTime,
    ) -> bool {
        if self.has_reserved(worker) {
            return true;
        }
        self.advance(now);
        if !self.stream.has(self.examples) {
            return false;
        }
        let mut examples = Vec::with_capacity(self.examples);
        self.stream.take(self.examples, now, &mut examples);
        let step = Some(self.prepare(&examples, preparing, pool, now));
        self.reserved.insert(worker, Reserved { examples, step });
        true
    }

    fn prepare(
        &self,
        examples: &[Emitted],
        preparing: &Preparing,
        pool: &mut Pool<ThreadWorkspace>,
        now: SimTime,
    ) -> PendingStep {
        let requests = self.stream.requests();
        let ids = examples.iter().map(|example| requests.id(example.request)).collect();
        let verdicts = Verdicts::of(examples, self.stream.negatives());
        preparing.begin(ids, Some(verdicts), pool, now)
    }

    /// The worker loses the examples of a step that has not begun; returns their number.
    pub(super) fn unreserve(&mut self, worker: WorkerId) -> u64 {
        let lost = self.reserved.remove(&worker).map_or(0, |lost| lost.examples.len() as u64);
        self.lost += lost;
        lost
    }

    /// The batch of the worker's next step.
    ///
    /// # Panics
    /// If the worker has not taken its examples: a bug of the engine.
    pub(super) fn next(
        &mut self,
        worker: WorkerId,
        preparing: &Preparing,
        pool: &mut Pool<ThreadWorkspace>,
        now: SimTime,
    ) -> StepData {
        let reserved = self.reserved.remove(&worker);
        let Reserved { examples, step } = reserved.expect("a worker takes examples when it asks");
        self.supplied += examples.len() as u64;
        // It is not there if the run was loaded meanwhile.
        let step = step.unwrap_or_else(|| self.prepare(&examples, preparing, pool, now));
        pool.wait(step)
    }

    /// An update of all shards was made with these examples.
    pub(super) fn note_update(&mut self, events: EventTimes, now: SimTime) {
        self.updates.add(events, now);
        self.interval.add(events, now);
    }

    /// What the stream is like at `now`.
    pub(super) fn look(&mut self, now: SimTime) -> StreamLook {
        self.advance(now);
        let updates = std::mem::take(&mut self.interval);
        let interval = StreamInterval { queue: self.stream.end_interval(), updates };
        StreamLook {
            requests: *self.stream.counts(),
            joiner: *self.stream.joiner().counts(),
            queue: *self.stream.queue().counts(),
            waiting: self.stream.queue().len(),
            is_blocked: self.stream.is_blocked(),
            interval,
        }
    }

    /// Checks that every request is accounted for, and every example that workers have taken.
    ///
    /// # Panics
    /// If one is not: a bug of the program.
    pub(super) fn check(&self) {
        self.stream.check();
        let taken = self.stream.queue().counts().taken;
        let all = self.supplied + self.reserved() + self.lost;
        assert_eq!(taken, all, "an example was lost or made up");
    }
}

crate::persist!(Reserved { examples: state, step: emptied });
crate::persist!(Live {
    stream: state,
    examples: fixed,
    reserved: state,
    arrived: each,
    supplied: state,
    lost: state,
    updates: state,
    interval: state
});
