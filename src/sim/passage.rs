//! Messages on their way: through links and processors, whatever their discipline.

use super::engine::Simulation;
use super::queue::{Event, Place};
use super::record::{Activity, Observer, Record};
use super::sharing::Onward;
use super::station::Station;
use crate::base::{ShardId, SimSpan, SimTime, WorkerId};

impl Simulation {
    /// Sends a message of `bytes` from a worker: `event` happens when it reaches the shard's link.
    pub(super) fn send(&mut self, worker: WorkerId, bytes: u64, event: Event) {
        let span = self.links.worker_time(bytes);
        let after = self.latency(worker);
        self.pass(Place::WorkerOut(worker), span, Onward { worker, event, after });
    }

    /// Takes a message that needs `span` through a place.
    pub(super) fn pass(&mut self, place: Place, span: SimSpan, onward: Onward) {
        let now = self.queue.now();
        let station = self.station(place);
        if station.is_shared() && !span.is_zero() {
            self.enter(place, span, 1.0, onward);
        } else {
            let done = station.serve(now, span);
            self.queue.schedule(done + onward.after, onward.worker, onward.event);
        }
    }

    /// Takes a request through the shard's link. Returns whether it may enter the processor's queue
    /// at once; otherwise `event` happens when it may. Where both are first come, first served, it
    /// may: nobody overtakes it on the link, and its service begins when it has passed.
    pub(super) fn receive(
        &mut self,
        worker: WorkerId,
        shard: ShardId,
        link: SimSpan,
        event: Event,
    ) -> bool {
        let at = &self.shards[shard.index()];
        if link.is_zero() || !(at.link_in.is_shared() || at.processor.is_shared()) {
            let now = self.queue.now();
            let at = &mut self.shards[shard.index()];
            at.received = at.link_in.serve(now, link);
            return true;
        }
        self.pass(Place::ShardIn(shard), link, Onward { worker, event, after: SimSpan::ZERO });
        false
    }

    /// Has a request served: `event` happens when it is.
    pub(super) fn process(
        &mut self,
        worker: WorkerId,
        shard: ShardId,
        (work, weight): (SimSpan, f64),
        event: Event,
        observer: &mut dyn Observer,
    ) {
        let now = self.queue.now();
        let at = &mut self.shards[shard.index()];
        if at.processor.is_shared() && !work.is_zero() {
            let onward = Onward { worker, event, after: SimSpan::ZERO };
            return self.enter(Place::Processor(shard), work, weight, onward);
        }
        let done = at.processor.serve(at.received.max(now), work);
        self.queue.schedule(done, worker, event);
        let from = SimTime(done.0.saturating_sub(work.0));
        service(worker, shard, event, (from, done), observer);
    }

    fn enter(&mut self, place: Place, work: SimSpan, weight: f64, onward: Onward) {
        let now = self.queue.now();
        let (at, turn) = self.station(place).enter(now, work, weight, onward);
        self.queue.schedule(at, onward.worker, Event::Departs(place, turn));
    }

    /// Somebody leaves a shared place, unless the departure is void.
    pub(super) fn departs(&mut self, place: Place, turn: u64, observer: &mut dyn Observer) {
        let now = self.queue.now();
        let Some((customer, next)) = self.station(place).leave(now, turn) else { return };
        let Onward { worker, event, after } = customer.onward;
        self.queue.schedule(now + after, worker, event);
        if let Some((at, turn)) = next {
            self.queue.schedule(at, worker, Event::Departs(place, turn));
        }
        if let Place::Processor(shard) = place {
            service(worker, shard, event, (customer.entered, now), observer);
        }
    }

    fn station(&mut self, place: Place) -> &mut Station {
        match place {
            Place::WorkerOut(worker) => &mut self.workers[worker.index()].link_out,
            Place::WorkerIn(worker) => &mut self.workers[worker.index()].link_in,
            Place::ShardIn(shard) => &mut self.shards[shard.index()].link_in,
            Place::Processor(shard) => &mut self.shards[shard.index()].processor,
            Place::ShardOut(shard) => &mut self.shards[shard.index()].link_out,
        }
    }
}

/// Tells of a service, which ends with `event`.
fn service(
    worker: WorkerId,
    shard: ShardId,
    event: Event,
    (from, to): (SimTime, SimTime),
    observer: &mut dyn Observer,
) {
    if to > from && observer.wants_timeline() {
        let pull = matches!(event, Event::PullServed(..));
        let activity = if pull { Activity::Pull } else { Activity::Push };
        observer.observe(&Record::Service { shard, worker, activity, from, to });
    }
}
