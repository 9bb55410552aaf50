//! Steps that do without a shard that has failed: something stands in for its values, and its part
//! of the push is lost. For the protocol the shard was read, and has the push.

use super::coordinator::Notice;
use super::journey::Journey;
use super::passage::Passage;
use super::queue::Event;
use crate::base::{ShardId, SimSpan, WorkerId};
use crate::cluster::shard_failures::StandIn;
use crate::protocol::{PushId, Read};

impl Journey<'_> {
    /// The worker does without the values of a shard. Returns the notice for the protocol.
    pub(super) fn pull_without(
        &mut self,
        push: PushId,
        shard: ShardId,
        reads: StandIn,
    ) -> Option<Notice> {
        let now = self.queue.now();
        let flight = self.flights.find(push)?;
        let (worker, version) = (flight.worker, self.coordinator.version(shard));
        flight.enter(shard, Passage { entered: now, work: SimSpan::ZERO, ends: now });
        flight.read(shard, version, now);
        if flight.writes(shard) {
            self.books.read(shard, 0);
        }
        let complete = flight.is_complete();
        if let (Some(cargo), Some(training)) = (&mut flight.cargo, self.session.work.training()) {
            training.stand_in(cargo, shard, reads);
        }
        if complete && !self.plan.routine.prefetch {
            self.compute(push);
        }
        self.workers[worker.index()].held[shard.index()] = version;
        self.queue.schedule(now, worker, Event::PullPasses(push, shard));
        Some(Notice::Read(Read { push, worker, shard, version }))
    }

    /// The part of a push for a shard is lost. Returns the notice for the protocol, and the worker
    /// if this ends its step.
    pub(super) fn push_without(
        &mut self,
        push: PushId,
        shard: ShardId,
    ) -> Option<(Notice, Option<WorkerId>)> {
        let now = self.queue.now();
        let flight = self.flights.find(push)?;
        flight.lose_part(shard);
        flight.enter(shard, Passage { entered: now, work: SimSpan::ZERO, ends: now });
        self.push_served(push, shard)
    }
}
