//! Steps in flight: begun, and not yet applied, discarded or lost.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::base::{ShardId, SimSpan, SimTime, WorkerId};
use crate::online::EventTimes;
use crate::protocol::PushId;
use crate::server::sharding::Load;

use super::cargo::Cargo;
use super::network::{Message, Request};
use super::passage::Passage;
use super::step_data::StepData;
use super::work::Work;
use super::worker::Worker;

/// A version that has not been read yet.
const UNREAD: u64 = u64::MAX;

/// The stage of a step at one shard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
enum PartStage {
    /// The protocol has not granted it yet.
    #[default]
    Closed,
    /// It may be read.
    Granted,
    /// It was read; the push has not arrived.
    Read,
    /// The push has arrived and awaits the protocol's decision.
    Arrived,
    /// The push was applied or discarded.
    Landed,
}

/// The part of a step at one shard.
#[derive(Clone, Copy, Debug, Default)]
struct FlightPart {
    stage: PartStage,
    /// Version that was read.
    version: u64,
    /// Whether the step pushes to the shard.
    writes: bool,
    /// The passage of its request that is not answered yet; empty before the request has entered
    /// the shard's queue.
    passage: Passage,
    /// Whether the shard lost it in a crash: it will have no effect.
    lost: bool,
}

/// One step in flight.
#[derive(Debug)]
pub struct Flight {
    /// Its number.
    pub push: PushId,
    /// Its worker.
    pub worker: WorkerId,
    /// Steps that the worker had begun before.
    pub step: u64,
    /// When the first shard was read.
    pub first_read: SimTime,
    /// Whether the worker is still in the step before.
    pub ahead: bool,
    /// When the worker has, or will have, all data that a step ahead reads.
    pub passed: Option<SimTime>,
    /// Messages that the worker waits for.
    pub outstanding: u32,
    /// The passage of the request that was answered last: the one that the worker waited for.
    answered: Passage,
    /// The load of each shard.
    pub loads: Vec<Load>,
    parts: Vec<FlightPart>,
    /// Shards granted, shards read, shards that have landed.
    granted: usize,
    read: usize,
    landed: usize,
    /// Shards to which it pushes.
    written: usize,
    /// Shards that have discarded their part.
    pub discarded: u32,
    /// Sum over shards of the staleness at their apply.
    pub staleness: u64,
    /// Sum over shards of the squared distance between view and server just before their apply,
    /// if it is measured.
    pub apart: f64,
    /// Examples that its push stands for.
    pub examples: u64,
    /// Their ids, if examples are followed.
    pub ids: Vec<u64>,
    /// When their requests came, if they come from a live stream.
    pub events: EventTimes,
    /// Whether the worker has sent its push.
    pub sent: bool,
    /// Clock lag, set when all shards have taken in the push.
    pub clock_lag: u64,
    /// Its data, when gradients are computed.
    pub cargo: Option<Box<Cargo>>,
}

impl Flight {
    fn reset(&mut self, push: PushId, worker: WorkerId, step: u64, shards: u32) {
        let part = FlightPart { version: UNREAD, writes: true, ..FlightPart::default() };
        self.parts.clear();
        self.parts.resize(shards as usize, part);
        self.ids.clear();
        let (parts, loads) = (std::mem::take(&mut self.parts), std::mem::take(&mut self.loads));
        let ids = std::mem::take(&mut self.ids);
        *self =
            Flight { push, worker, step, parts, loads, ids, written: shards as usize, ..empty() };
    }

    /// Excludes a shard from the push: the worker keeps that part.
    pub fn exclude(&mut self, shard: ShardId) {
        self.parts[shard.index()].writes = false;
        self.written -= 1;
    }

    /// Notes that the protocol lets the shard be read; returns whether it was closed before.
    pub fn grant(&mut self, shard: ShardId) -> bool {
        let part = &mut self.parts[shard.index()];
        let closed = part.stage == PartStage::Closed;
        if closed {
            part.stage = PartStage::Granted;
            self.granted += 1;
        }
        closed
    }

    /// Notes that a shard was read at `version`.
    pub fn read(&mut self, shard: ShardId, version: u64, now: SimTime) {
        if self.read == 0 {
            self.first_read = now;
        }
        self.read += 1;
        let part = &mut self.parts[shard.index()];
        debug_assert_eq!(part.stage, PartStage::Granted);
        part.stage = PartStage::Read;
        part.version = version;
    }

    /// Notes that the request to a shard has entered its queue. The time for which it has waited for
    /// a failed shard counts too.
    pub(super) fn enter(&mut self, shard: ShardId, mut passage: Passage) {
        let own = &mut self.parts[shard.index()].passage;
        if own.is_stuck() {
            passage.entered = own.entered;
        }
        *own = passage;
    }

    /// Notes that the request to a shard waits, since the shard has failed.
    pub(super) fn wait(&mut self, shard: ShardId, now: SimTime) {
        let own = &mut self.parts[shard.index()].passage;
        let entered = if *own == Passage::default() { now } else { own.entered };
        *own = Passage { entered, work: SimSpan::ZERO, ends: SimTime::MAX };
    }

    /// Whether the shard is asked for nothing.
    pub(super) fn asks_nothing(&self, shard: ShardId) -> bool {
        self.loads[shard.index()] == Load::default()
    }

    /// Notes that the part of a shard will have no effect.
    pub(super) fn lose_part(&mut self, shard: ShardId) {
        self.parts[shard.index()].lost = true;
    }

    /// Notes that the shard has lost its part, if it has taken it in and not applied it.
    pub(super) fn lose_arrived(&mut self, shard: ShardId) {
        let part = &mut self.parts[shard.index()];
        part.lost |= part.stage == PartStage::Arrived;
    }

    /// Whether the part of a shard will have no effect.
    pub(super) fn has_lost(&self, shard: ShardId) -> bool {
        self.parts[shard.index()].lost
    }

    /// Notes that a shard has served the request.
    pub(super) fn served(&mut self, shard: ShardId, now: SimTime) {
        self.parts[shard.index()].passage.ends = now;
    }

    /// Notes that the worker has the answer of a shard.
    pub(super) fn answer(&mut self, shard: ShardId) {
        self.outstanding -= 1;
        self.answered = std::mem::take(&mut self.parts[shard.index()].passage);
    }

    /// Whether the worker is busy with it: it is neither ahead nor taken in everywhere.
    pub(super) fn is_awaited(&self) -> bool {
        !self.ahead && (!self.sent || self.outstanding > 0)
    }

    /// The passage of the request that the worker waits for: of several without an answer the one
    /// that is served last, otherwise the one that was answered last.
    pub(super) fn awaited(&self) -> Passage {
        let open = self.parts.iter().map(|part| part.passage);
        let open = open.filter(|_| self.outstanding > 0).max_by_key(|passage| passage.ends);
        open.unwrap_or(self.answered)
    }

    /// Notes that the push has arrived at a shard.
    pub fn arrive(&mut self, shard: ShardId) {
        self.parts[shard.index()].stage = PartStage::Arrived;
    }

    /// Notes that the shard has applied or discarded its part.
    ///
    /// # Panics
    /// If no part awaits a decision: a bug of the protocol.
    pub fn land(&mut self, shard: ShardId) {
        let (push, part) = (self.push, &mut self.parts[shard.index()]);
        assert!(
            part.stage != PartStage::Landed,
            "the protocol decided twice on {push:?} at {shard}"
        );
        let arrived = part.stage == PartStage::Arrived;
        assert!(arrived, "the protocol decided on {push:?} before it had arrived at {shard}");
        part.stage = PartStage::Landed;
        self.landed += 1;
    }

    /// The version of the shard that was read, if it was.
    pub fn version(&self, shard: ShardId) -> Option<u64> {
        Some(self.parts[shard.index()].version).filter(|&version| version != UNREAD)
    }

    /// Whether the step pushes to the shard.
    pub fn writes(&self, shard: ShardId) -> bool {
        self.parts[shard.index()].writes
    }

    /// Number of shards to which it pushes.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Whether its part at this shard has been read and is neither applied nor discarded yet.
    pub fn holds(&self, shard: ShardId) -> bool {
        let part = &self.parts[shard.index()];
        part.writes && matches!(part.stage, PartStage::Read | PartStage::Arrived)
    }

    /// Whether the shards were read at different versions.
    pub fn is_mixed(&self) -> bool {
        self.parts.windows(2).any(|pair| pair[0].version != pair[1].version)
    }

    /// Whether no event concerns it until it gets a grant or a decision.
    pub fn is_at_rest(&self) -> bool {
        let moves = |part: &FlightPart| match part.stage {
            PartStage::Granted => true,
            PartStage::Read => part.writes,
            PartStage::Closed | PartStage::Arrived | PartStage::Landed => false,
        };
        self.is_complete() && self.ahead || !self.parts.iter().any(moves)
    }

    /// Whether every shard has been granted.
    pub fn is_granted(&self) -> bool {
        self.granted == self.parts.len()
    }

    /// Whether every shard has been read.
    pub fn is_complete(&self) -> bool {
        self.read == self.parts.len()
    }

    /// Whether every shard has applied or discarded its part.
    pub fn is_landed(&self) -> bool {
        self.landed == self.written
    }
}

impl Flight {
    /// The message of its request to a shard.
    pub(super) fn message(&self, request: Request, shard: ShardId) -> Message {
        let (push, worker, load) = (self.push, self.worker, self.loads[shard.index()]);
        Message { request, push, worker, shard, load }
    }
}

fn empty() -> Flight {
    Flight {
        push: PushId(0),
        worker: WorkerId(0),
        step: 0,
        first_read: SimTime::ZERO,
        ahead: false,
        passed: None,
        outstanding: 0,
        answered: Passage::default(),
        loads: Vec::new(),
        parts: Vec::new(),
        granted: 0,
        read: 0,
        landed: 0,
        written: 0,
        discarded: 0,
        staleness: 0,
        apart: 0.0,
        examples: 0,
        ids: Vec::new(),
        events: EventTimes::default(),
        sent: false,
        clock_lag: 0,
        cargo: None,
    }
}

/// All flights, by number and in order of their grants.
#[derive(Debug, Default)]
pub struct Flights {
    first: u64,
    list: VecDeque<Option<Box<Flight>>>,
    count: usize,
    /// Landed flights, to be reused.
    #[expect(clippy::vec_box, reason = "boxes go to the list and back without copying a flight")]
    spare: Vec<Box<Flight>>,
}

impl Flights {
    /// Number of flights.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Begins the step numbered `step` of a worker.
    pub fn begin(&mut self, worker: WorkerId, step: u64, shards: u32) -> &mut Flight {
        let push = PushId(self.first + self.list.len() as u64);
        let mut flight = self.spare.pop().unwrap_or_else(|| Box::new(empty()));
        flight.reset(push, worker, step, shards);
        self.list.push_back(Some(flight));
        self.count += 1;
        self.list.back_mut().and_then(Option::as_mut).expect("just put there")
    }

    /// The flight with this number, unless it has landed or was aborted.
    pub fn find(&mut self, push: PushId) -> Option<&mut Flight> {
        let at = push.0.checked_sub(self.first)? as usize;
        self.list.get_mut(at)?.as_deref_mut()
    }

    /// The passage of the request that a worker waits for, or has waited for last; looked up only
    /// for one that pulls or pushes.
    pub(super) fn awaited(&self, worker: &Worker) -> Passage {
        let current = worker.flight.filter(|_| worker.exchanges());
        current.and_then(|push| self.peek(push)).map_or(worker.awaited, Flight::awaited)
    }

    /// The same, for reading.
    pub(super) fn peek(&self, push: PushId) -> Option<&Flight> {
        let at = push.0.checked_sub(self.first)? as usize;
        self.list.get(at)?.as_deref()
    }

    /// The flight with this number.
    ///
    /// # Panics
    /// If there is none.
    pub fn get(&mut self, push: PushId) -> &mut Flight {
        self.find(push).unwrap_or_else(|| panic!("{push:?} is not in flight"))
    }

    /// Removes the flight with this number and returns it.
    ///
    /// # Panics
    /// If there is none.
    pub fn remove(&mut self, push: PushId) -> Box<Flight> {
        let at = (push.0 - self.first) as usize;
        let flight = self.list[at].take().expect("a flight that has landed cannot land again");
        while matches!(self.list.front(), Some(None)) {
            self.list.pop_front();
            self.first += 1;
        }
        self.count -= 1;
        flight
    }

    /// Takes back the memory of a flight that is over. `keeps` says whether workers keep anything
    /// from step to step.
    pub(super) fn recycle(&mut self, mut flight: Box<Flight>, work: &mut Work, keeps: bool) {
        if let (Some(cargo), Some(training)) = (flight.cargo.take(), work.training_mut()) {
            training.recycle(*cargo, keeps);
        }
        self.spare.push(flight);
    }

    /// The complete views of the workers' current steps.
    pub(super) fn views(&self) -> impl Iterator<Item = (WorkerId, &StepData)> {
        self.iter()
            .filter(|flight| flight.is_complete() && !flight.ahead)
            .filter_map(|flight| Some((flight.worker, flight.cargo.as_ref()?.view()?)))
    }

    /// All flights in order, for writing.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Flight> {
        self.list.iter_mut().flatten().map(Box::as_mut)
    }

    /// All flights in order.
    pub fn iter(&self) -> impl Iterator<Item = &Flight> {
        self.list.iter().flatten().map(Box::as_ref)
    }
}

crate::persist_plain!(PartStage);
crate::persist!(FlightPart {
    stage: state,
    version: state,
    writes: state,
    passage: state,
    lost: state
});
crate::persist!(Flight {
    push: state,
    worker: state,
    step: state,
    first_read: state,
    ahead: state,
    passed: state,
    outstanding: state,
    answered: state,
    loads: state,
    parts: state,
    granted: state,
    read: state,
    landed: state,
    written: state,
    discarded: state,
    staleness: state,
    apart: state,
    examples: state,
    ids: state,
    events: state,
    sent: state,
    clock_lag: state,
    cargo: state
});

impl Default for Flight {
    fn default() -> Flight {
        empty()
    }
}

crate::persist!(Flights { first: state, list: state, count: state, spare: scratch });
