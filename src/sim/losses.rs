//! What updates mean for shards that fail: what is saved before them, and which pushes have an
//! effect.

use super::training::Training;
use super::updates::Updates;
use crate::base::ShardId;
use crate::protocol::PushId;

impl Updates<'_> {
    /// Before an update of a shard from these pushes: saves what is due, and returns the pushes that
    /// take effect, or `None` if all do. A shard that is down applies nothing, and what it held when
    /// it crashed is lost.
    pub(super) fn with_effect(&mut self, shard: ShardId, pushes: &[PushId]) -> Option<Vec<PushId>> {
        if !self.outages.is_possible() {
            return None;
        }
        let (now, versions) = (self.queue.now(), self.coordinator.versions());
        self.outages.save_due(shard, (now, versions), self.session.work.training(), false);
        let is_down = self.outages.is_down(shard);
        let (mut effective, mut examples, mut lost) = (Vec::new(), 0, 0);
        for &push in pushes {
            let flight = self.flights.get(push);
            if is_down || flight.has_lost(shard) {
                lost += flight.examples;
                // Its loss is recorded all the same.
                if let (Some(cargo), Some(training)) =
                    (&mut flight.cargo, self.session.work.training_mut())
                {
                    training.finish(cargo);
                }
            } else {
                examples += flight.examples;
                effective.push(push);
            }
        }
        if self.outages.has_lag() && !effective.is_empty() {
            self.note_way_back(shard, &effective);
        }
        self.outages.count_update(shard, !effective.is_empty(), (examples, lost));
        (effective.len() < pushes.len()).then_some(effective)
    }

    /// Notes what the update will change, for a replica that does not have it yet.
    fn note_way_back(&mut self, shard: ShardId, pushes: &[PushId]) {
        let Updates { queue, flights, coordinator, session, outages, .. } = self;
        for &push in pushes {
            if let (Some(cargo), Some(training)) =
                (&mut flights.get(push).cargo, session.work.training_mut())
            {
                training.finish(cargo);
            }
        }
        let training: Option<&Training> = session.work.training();
        let cargoes = pushes.iter().filter_map(|&push| flights.peek(push)?.cargo.as_ref());
        let batches: Vec<_> = cargoes.map(|cargo| cargo.lookups()).collect();
        let present = (queue.now(), coordinator.version(shard));
        outages.note_update(shard, present, training, &batches);
    }
}
