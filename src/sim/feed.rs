//! Which worker gets which examples: those of a window in an order, or those of a live stream.

use std::sync::Arc;

use super::cargo::Buffers;
use super::live_feed::Live;
use super::ordered_feed::Ordered;
use super::prepare::Preparing;
use super::step_data::StepData;
use super::workspace::ThreadWorkspace;
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::base::{Pool, SimTime, WorkerId};
use crate::data::DataSource;
use crate::data::order::Position;
use crate::model::Model;
use crate::online::Stream;
use crate::server::Sharding;

pub use super::ordered_feed::{ExampleOrder, ExampleSharing, LastBatch};

/// Supplies the examples of steps.
#[derive(Debug)]
pub struct Feed {
    preparing: Preparing,
    /// Examples of a step.
    examples: usize,
    supply: Supply,
}

/// Where examples come from.
#[derive(Debug)]
enum Supply {
    /// An order of a window, pass after pass.
    Ordered(Box<Ordered>),
    /// A stream, which ends.
    Live(Box<Live>),
}

impl Feed {
    /// Steps of `examples` examples in the given order.
    pub fn new(
        source: Arc<dyn DataSource>,
        model: Arc<dyn Model>,
        order: Box<dyn ExampleOrder>,
        examples: usize,
        sharing: ExampleSharing,
        workers: u32,
    ) -> Feed {
        let ordered = Ordered::new(order, examples, sharing, workers);
        Feed::of(source, model, examples, Supply::Ordered(Box::new(ordered)))
    }

    /// Steps of `examples` examples of a live stream of this log.
    pub fn live(
        source: Arc<dyn DataSource>,
        model: Arc<dyn Model>,
        stream: Stream,
        examples: usize,
    ) -> Feed {
        Feed::of(source, model, examples, Supply::Live(Box::new(Live::new(stream, examples))))
    }

    fn of(
        source: Arc<dyn DataSource>,
        model: Arc<dyn Model>,
        examples: usize,
        supply: Supply,
    ) -> Feed {
        let buffers = Buffers::default();
        let preparing = Preparing { source, model, buffers, sharding: None };
        Feed { preparing, examples, supply }
    }

    /// Fills the last batch of a pass, or not.
    pub fn with_last_batch(mut self, last_batch: LastBatch) -> Feed {
        if let Supply::Ordered(ordered) = &mut self.supply {
            ordered.last_batch = last_batch;
        }
        self
    }

    /// Divides the rows of its steps among these shards.
    pub(super) fn divide_among(&mut self, sharding: Sharding) {
        self.preparing.sharding = Some(Arc::new(sharding));
    }

    /// Takes the memory of its steps from `buffers`.
    pub(super) fn use_buffers(&mut self, buffers: Buffers) {
        self.preparing.buffers = buffers;
    }

    /// Number of examples in a full step.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// The log.
    pub fn source(&self) -> &Arc<dyn DataSource> {
        &self.preparing.source
    }

    /// The live stream, if examples come from one.
    pub fn stream(&self) -> Option<&Live> {
        match &self.supply {
            Supply::Ordered(_) => None,
            Supply::Live(live) => Some(live),
        }
    }

    /// The same, for writing.
    pub(super) fn stream_mut(&mut self) -> Option<&mut Live> {
        match &mut self.supply {
            Supply::Ordered(_) => None,
            Supply::Live(live) => Some(live),
        }
    }

    /// Position of the next batch that no worker has; batches read ahead do not count. Of a live
    /// stream: the number of requests so far.
    pub fn position(&self) -> Position {
        match &self.supply {
            Supply::Ordered(ordered) => ordered.position(),
            Supply::Live(live) => Position { pass: 0, offset: live.stream().counts().requests },
        }
    }

    /// Examples of a pass.
    pub fn window(&self) -> u64 {
        match &self.supply {
            Supply::Ordered(ordered) => ordered.window(),
            Supply::Live(live) => live.stream().requests().len(),
        }
    }

    /// Moves to a position in the stream, and forgets all batches drawn before. A live stream does
    /// not come back: it goes on.
    pub fn seek(&mut self, to: Position) {
        if let Supply::Ordered(ordered) = &mut self.supply {
            ordered.seek(to);
        }
    }

    /// Puts examples back to the head of the queue: the next worker that asks gets them. Those of a
    /// live stream are lost.
    pub fn requeue(&mut self, examples: &[u64]) {
        if let Supply::Ordered(ordered) = &mut self.supply {
            ordered.requeue(examples);
        }
    }

    /// Keeps examples for `worker`, which repeats them before it takes new ones. Those of a live
    /// stream are lost.
    pub fn repeat(&mut self, worker: WorkerId, examples: &[u64]) {
        if let Supply::Ordered(ordered) = &mut self.supply {
            ordered.repeat(worker, examples);
        }
    }

    /// Examples that were returned or are to be repeated, and have not been supplied again.
    pub fn outstanding(&self) -> u64 {
        match &self.supply {
            Supply::Ordered(ordered) => ordered.outstanding(),
            Supply::Live(_) => 0,
        }
    }

    /// Gives the worker the examples of its next step, if they come from a live stream and there are
    /// enough. Returns whether it has them: always if they come from a log.
    pub(super) fn reserve(
        &mut self,
        worker: WorkerId,
        pool: &mut Pool<ThreadWorkspace>,
        now: SimTime,
    ) -> bool {
        match &mut self.supply {
            Supply::Ordered(_) => true,
            Supply::Live(live) => live.reserve(worker, &self.preparing, pool, now),
        }
    }

    /// The next batch for `worker`, which has reserved it.
    pub fn next(
        &mut self,
        worker: WorkerId,
        pool: &mut Pool<ThreadWorkspace>,
        now: SimTime,
    ) -> StepData {
        match &mut self.supply {
            Supply::Ordered(ordered) => ordered.next(worker, &self.preparing, pool, now),
            Supply::Live(live) => live.next(worker, &self.preparing, pool, now),
        }
    }
}

impl Persist for Supply {
    fn save(&self, out: &mut Saver<'_>) {
        match self {
            Supply::Ordered(ordered) => ordered.save(out),
            Supply::Live(live) => live.save(out),
        }
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        match self {
            Supply::Ordered(ordered) => ordered.load(from),
            Supply::Live(live) => live.load(from),
        }
    }
}

crate::persist!(Feed { preparing: fixed, examples: fixed, supply: state });
