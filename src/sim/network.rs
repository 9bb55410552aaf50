//! The network and its stations: messages pass links and processors of any discipline.

use serde::{Deserialize, Serialize};

use super::parts::Links;
use super::passage::Passage;
use super::queue::{Event, EventQueue, StationId};
use super::shard::Shard;
use super::sharing::Onward;
use super::station::Station;
use crate::base::{Purpose, ShardId, SimSpan, SimTime, Streams, WorkerId};
use crate::protocol::PushId;
use crate::server::sharding::Load;

/// The two kinds of requests to a shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) enum Request {
    /// For values.
    #[default]
    Pull,
    /// With a gradient.
    Push,
}

/// A request of a worker to a shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    /// Pull or push.
    pub request: Request,
    /// The step.
    pub push: PushId,
    /// The sender.
    pub worker: WorkerId,
    /// The receiver.
    pub shard: ShardId,
    /// The load of the shard in the step.
    pub load: Load,
}

/// A request that a processor serves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    /// The processor's shard.
    pub shard: ShardId,
    /// The worker of the request.
    pub worker: WorkerId,
    /// Pull or push.
    pub request: Request,
    /// When it begins.
    pub from: SimTime,
    /// When it ends.
    pub to: SimTime,
}

/// The two directions of a worker's link.
#[derive(Clone, Debug)]
struct WorkerLink {
    outward: Station,
    inward: Station,
    /// Number of messages sent or received, by which latencies are drawn.
    messages: u64,
}

/// Links, and the shards as stations.
#[derive(Debug)]
pub(super) struct NetworkState {
    links: Links,
    streams: Streams,
    /// By worker.
    lines: Vec<WorkerLink>,
    shards: Vec<Shard>,
}

impl NetworkState {
    /// An idle network.
    pub(super) fn new(
        links: Links,
        streams: Streams,
        workers: usize,
        shards: Vec<Shard>,
    ) -> NetworkState {
        let station = || Station::new(links.discipline);
        let line = WorkerLink { outward: station(), inward: station(), messages: 0 };
        NetworkState { streams, lines: vec![line; workers], shards, links }
    }

    /// The shards.
    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Sends a message of `bytes` from a worker: `event` happens when it reaches the shard's link.
    #[inline]
    pub(super) fn send(
        &mut self,
        queue: &mut EventQueue,
        worker: WorkerId,
        bytes: u64,
        event: Event,
    ) {
        let span = self.links.worker_time(bytes);
        let after = self.latency(worker);
        self.pass(queue, StationId::WorkerOut(worker), span, Onward { worker, event, after });
    }

    /// A request reaches the shard's link. Returns whether it enters the processor's queue at once;
    /// otherwise it enters after it has passed the link. It enters at once where link and processor
    /// are both first come, first served: no message overtakes it on the link, and its service
    /// starts when it has passed.
    #[inline]
    pub(super) fn arrive(&mut self, queue: &mut EventQueue, message: &Message) -> bool {
        let Message { request, push, worker, shard, load } = *message;
        let at = &mut self.shards[shard.index()];
        let (bytes, event) = match request {
            Request::Pull => {
                at.count_pull(load);
                (load.request_bytes(), Event::PullEnters(push, shard))
            }
            Request::Push => {
                at.count_push(load);
                (load.push_bytes(), Event::PushEnters(push, shard))
            }
        };
        let span = self.links.shard_time(bytes);
        if span.is_zero() || !(at.link_in.is_shared() || at.processor.is_shared()) {
            at.received = at.link_in.serve(queue.now(), span);
            return true;
        }
        let onward = Onward { worker, event, after: SimSpan::ZERO };
        self.pass(queue, StationId::ShardIn(shard), span, onward);
        false
    }

    /// A request enters the processor's queue. Returns its passage, whose end a shared processor
    /// does not know yet.
    #[inline]
    pub(super) fn enter(&mut self, queue: &mut EventQueue, message: &Message) -> Passage {
        let Message { request, push, worker, shard, load } = *message;
        let at = &mut self.shards[shard.index()];
        let entered = at.received.max(queue.now());
        let (work, weight, event) = match request {
            Request::Pull => {
                (at.pull_time(load, shard, self.streams), 1.0, Event::PullServed(push, shard))
            }
            Request::Push => {
                let work = at.push_time(load, shard, self.streams);
                (work, at.push_weight(), Event::PushServed(push, shard))
            }
        };
        if at.processor.is_shared() && !work.is_zero() {
            let onward = Onward { worker, event, after: SimSpan::ZERO };
            self.share(queue, StationId::Processor(shard), (work, weight), onward);
            return Passage { entered, work, ends: SimTime::MAX };
        }
        let ends = at.processor.serve(entered, work);
        queue.schedule(ends, worker, event);
        Passage { entered, work, ends }
    }

    /// Values leave a shard for a worker.
    #[inline]
    pub(super) fn answer(&mut self, queue: &mut EventQueue, message: &Message) {
        let Message { push, worker, shard, load, .. } = *message;
        let span = self.links.shard_time(load.value_bytes());
        let (event, after) = (Event::PullReturns(push, shard), self.latency(worker));
        self.pass(queue, StationId::ShardOut(shard), span, Onward { worker, event, after });
    }

    /// Values reach a worker's link. Returns when they will have passed it; if the link is shared,
    /// an event follows instead.
    #[inline]
    pub(super) fn take_in(&mut self, queue: &mut EventQueue, message: &Message) -> Option<SimTime> {
        let Message { push, worker, shard, load, .. } = *message;
        let span = self.links.worker_time(load.value_bytes());
        let inward = &mut self.lines[worker.index()].inward;
        if !inward.is_shared() || span.is_zero() {
            return Some(inward.serve(queue.now(), span));
        }
        let onward = Onward { worker, event: Event::PullPasses(push, shard), after: SimSpan::ZERO };
        self.pass(queue, StationId::WorkerIn(worker), span, onward);
        None
    }

    /// Sends a message that needs `span` through a station.
    #[inline]
    fn pass(&mut self, queue: &mut EventQueue, id: StationId, span: SimSpan, onward: Onward) {
        let station = self.station(id);
        if station.is_shared() && !span.is_zero() {
            self.share(queue, id, (span, 1.0), onward);
        } else {
            let done = station.serve(queue.now(), span);
            queue.schedule(done + onward.after, onward.worker, onward.event);
        }
    }

    fn share(
        &mut self,
        queue: &mut EventQueue,
        id: StationId,
        (work, weight): (SimSpan, f64),
        onward: Onward,
    ) {
        let (at, turn) = self.station(id).enter(queue.now(), work, weight, onward);
        queue.schedule(at, onward.worker, Event::Departs(id, turn));
    }

    /// A message leaves a shared station, unless the departure is void. Returns the service that ends
    /// with it.
    pub(super) fn depart(
        &mut self,
        queue: &mut EventQueue,
        id: StationId,
        turn: u64,
    ) -> Option<Service> {
        let now = queue.now();
        let (customer, next) = self.station(id).leave(now, turn)?;
        let Onward { worker, event, after } = customer.onward;
        queue.schedule(now + after, worker, event);
        if let Some((at, turn)) = next {
            queue.schedule(at, worker, Event::Departs(id, turn));
        }
        let StationId::Processor(shard) = id else { return None };
        let is_pull = matches!(event, Event::PullServed(..));
        let request = if is_pull { Request::Pull } else { Request::Push };
        Some(Service { shard, worker, request, from: customer.entered, to: now })
    }

    fn station(&mut self, id: StationId) -> &mut Station {
        match id {
            StationId::WorkerOut(worker) => &mut self.lines[worker.index()].outward,
            StationId::WorkerIn(worker) => &mut self.lines[worker.index()].inward,
            StationId::ShardIn(shard) => &mut self.shards[shard.index()].link_in,
            StationId::Processor(shard) => &mut self.shards[shard.index()].processor,
            StationId::ShardOut(shard) => &mut self.shards[shard.index()].link_out,
        }
    }

    /// Latency of the worker's next message, in either direction.
    #[inline]
    pub(super) fn latency(&mut self, worker: WorkerId) -> SimSpan {
        let line = &mut self.lines[worker.index()];
        line.messages += 1;
        let draw = self.streams.draw(Purpose::Network, u64::from(worker.0), line.messages);
        self.links.latency(draw)
    }

    /// The shard crashes: forgets the requests that it has received and not served, and returns
    /// those of them that no event in the queue names.
    pub(super) fn crash(&mut self, shard: ShardId, now: SimTime) -> Vec<Event> {
        self.shards[shard.index()].crash(now)
    }

    /// Forgets every message under way.
    pub(super) fn clear(&mut self, now: SimTime) {
        self.shards.iter_mut().for_each(|shard| shard.clear(now));
        for line in &mut self.lines {
            line.outward.clear(now);
            line.inward.clear(now);
        }
    }
}

crate::persist_plain!(Request);
crate::persist!(WorkerLink { outward: state, inward: state, messages: state });
crate::persist!(NetworkState { links: fixed, streams: fixed, lines: each, shards: each });
