//! Examples of a window in an order, pass after pass: cut into batches and read ahead.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::prepare::{PendingStep, Preparing};
use super::step_data::StepData;
use super::workspace::ThreadWorkspace;
use crate::base::{Persist, Pool, SimTime, WorkerId};
use crate::data::Cursor;
use crate::data::order::Position;

/// How the examples reach the workers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExampleSharing {
    /// Every worker takes the next batch of one shared queue.
    #[default]
    Queue,
    /// The k-th batch belongs to worker k modulo N, regardless of its speed.
    Fixed,
}

/// What becomes of the last batch of a pass, if the examples left do not fill it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LastBatch {
    /// It is filled with the first examples of the next pass, so that all batches have the same
    /// size: a run of one pass over 300 examples in batches of 16 trains on 304.
    #[default]
    Full,
    /// It is short, and so is the step with it (with `worker.batches` above 1, a step ends with
    /// it): the run trains on 300. It takes the time of a full one.
    Short,
}

impl LastBatch {
    /// Whether it is filled.
    pub fn is_full(&self) -> bool {
        *self == LastBatch::Full
    }
}

/// An endless stream of example ids, pass after pass.
pub trait ExampleOrder: Persist + Send + Debug {
    /// Appends the next `count` ids.
    fn take(&mut self, count: usize, ids: &mut Vec<u64>);

    /// The position of the next id.
    fn position(&self) -> Position;

    /// Moves to a position in the stream.
    fn seek(&mut self, to: Position);

    /// Ids in a pass.
    fn window(&self) -> u64;
}

impl ExampleOrder for Cursor {
    fn take(&mut self, count: usize, ids: &mut Vec<u64>) {
        self.next(count, ids);
    }

    fn position(&self) -> Position {
        Cursor::position(self)
    }

    fn seek(&mut self, to: Position) {
        Cursor::seek(self, to);
    }

    fn window(&self) -> u64 {
        self.order().examples()
    }
}

/// A batch that was drawn.
#[derive(Debug, Default)]
struct DrawnBatch {
    /// Where it begins.
    from: Position,
    ids: Vec<u64>,
    /// The batch itself, once reading has started.
    step: Option<PendingStep>,
}

/// The batches of an order of examples.
#[derive(Debug)]
pub(super) struct Ordered {
    order: Box<dyn ExampleOrder>,
    /// Examples of a step.
    examples: usize,
    pub(super) last_batch: LastBatch,
    /// Batches drawn and not supplied yet, in the order of the stream.
    ahead: VecDeque<DrawnBatch>,
    /// Batches drawn for workers that have not asked yet; empty with a shared queue.
    queues: Vec<VecDeque<Vec<u64>>>,
    /// Returned batches, for the next worker that asks.
    returned: VecDeque<Vec<u64>>,
    /// Batches that their own workers are to repeat.
    repeats: BTreeMap<WorkerId, VecDeque<Vec<u64>>>,
    drawn: u64,
}

impl Ordered {
    /// Steps of `examples` examples in the given order.
    pub(super) fn new(
        order: Box<dyn ExampleOrder>,
        examples: usize,
        sharing: ExampleSharing,
        workers: u32,
    ) -> Ordered {
        let queues = match sharing {
            ExampleSharing::Queue => Vec::new(),
            ExampleSharing::Fixed => vec![VecDeque::new(); workers as usize],
        };
        Ordered {
            order,
            examples,
            last_batch: LastBatch::default(),
            ahead: VecDeque::new(),
            queues,
            returned: VecDeque::new(),
            repeats: BTreeMap::new(),
            drawn: 0,
        }
    }

    fn draw(&mut self) -> DrawnBatch {
        let from = self.order.position();
        let mut ids = Vec::with_capacity(self.examples);
        let left = usize::try_from(self.order.window() - from.offset).unwrap_or(usize::MAX);
        let count = match self.last_batch {
            LastBatch::Full => self.examples,
            LastBatch::Short => self.examples.min(left),
        };
        self.order.take(count, &mut ids);
        self.drawn += 1;
        DrawnBatch { from, ids, step: None }
    }

    /// Position of the next batch that no worker has; batches read ahead do not count.
    pub(super) fn position(&self) -> Position {
        self.ahead.front().map_or_else(|| self.order.position(), |drawn| drawn.from)
    }

    /// Examples of a pass.
    pub(super) fn window(&self) -> u64 {
        self.order.window()
    }

    /// Moves to a position in the stream, and forgets all batches drawn before.
    pub(super) fn seek(&mut self, to: Position) {
        self.order.seek(to);
        self.ahead.clear();
        self.returned.clear();
        self.repeats.clear();
        self.queues.iter_mut().for_each(VecDeque::clear);
        self.drawn = 0;
    }

    /// Puts examples back to the head of the queue: the next worker that asks gets them.
    pub(super) fn requeue(&mut self, examples: &[u64]) {
        self.returned.extend(examples.chunks(self.examples.max(1)).map(<[u64]>::to_vec));
    }

    /// Keeps examples for `worker`, which repeats them before it takes new ones.
    pub(super) fn repeat(&mut self, worker: WorkerId, examples: &[u64]) {
        let batches = examples.chunks(self.examples.max(1)).map(<[u64]>::to_vec);
        self.repeats.entry(worker).or_default().extend(batches);
    }

    /// Examples that were returned or are to be repeated, and have not been supplied again.
    pub(super) fn outstanding(&self) -> u64 {
        let all = self.returned.iter().chain(self.repeats.values().flatten());
        all.map(|batch| batch.len() as u64).sum()
    }

    /// Examples that `worker` must take before new ones.
    fn next_repeated(&mut self, worker: WorkerId) -> Option<Vec<u64>> {
        if let Some(batches) = self.repeats.get_mut(&worker) {
            let batch = batches.pop_front();
            if batches.is_empty() {
                self.repeats.remove(&worker);
            }
            return batch;
        }
        self.returned.pop_front()
    }

    /// The next batch for `worker`.
    pub(super) fn next(
        &mut self,
        worker: WorkerId,
        preparing: &Preparing,
        pool: &mut Pool<ThreadWorkspace>,
        now: SimTime,
    ) -> StepData {
        if let Some(ids) = self.next_repeated(worker) {
            let step = preparing.begin(ids, None, pool, now);
            return pool.wait(step);
        }
        if !self.queues.is_empty() {
            let ids = self.next_fixed(worker);
            let step = preparing.begin(ids, None, pool, now);
            return pool.wait(step);
        }
        // One batch in reserve for every thread except the calling one.
        for reserve in 0..pool.threads() {
            if reserve == self.ahead.len() {
                let drawn = self.draw();
                self.ahead.push_back(drawn);
            }
            if self.ahead[reserve].step.is_none() {
                let ids = self.ahead[reserve].ids.clone();
                self.ahead[reserve].step = Some(preparing.begin(ids, None, pool, now));
            }
        }
        let first = self.ahead.pop_front().and_then(|drawn| drawn.step);
        pool.wait(first.expect("just begun"))
    }

    fn next_fixed(&mut self, worker: WorkerId) -> Vec<u64> {
        while self.queues[worker.index()].is_empty() {
            let owner = (self.drawn % self.queues.len() as u64) as usize;
            let drawn = self.draw();
            self.queues[owner].push_back(drawn.ids);
        }
        self.queues[worker.index()].pop_front().expect("just filled")
    }
}

crate::persist!(DrawnBatch { from: state, ids: state, step: emptied });
crate::persist_plain!(Position);

crate::persist!(Ordered {
    order: state,
    examples: fixed,
    last_batch: fixed,
    ahead: state,
    queues: state,
    returned: state,
    repeats: state,
    drawn: state
});
