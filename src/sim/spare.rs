//! Omitted messages, for a remedy that spares the network: pulls of dense parameters that a worker
//! does without, and pushes that a shard replaces by the last one.

use super::journey::Journey;
use crate::base::{Purpose, ShardId, WorkerId};
use crate::protocol::PushId;
use crate::server::sharding::Load;

impl Journey<'_> {
    /// Whether the worker does without a pull from a shard of dense parameters in its step `step`.
    pub(super) fn spares_pull(&self, worker: WorkerId, step: u64, shard: ShardId) -> bool {
        let Some(training) = self.session.work.training() else { return false };
        training.may_spare_pull(worker)
            && self.chance(worker, 2 * step, shard) >= training.chances(shard).pull
    }

    /// Decides which parts of a push are not sent to the shards. The shards are told nevertheless.
    pub(super) fn spare_pushes(&mut self, push: PushId) {
        let Some(training) = self.session.work.training() else { return };
        let flight = self.flights.get(push);
        let (worker, step) = (flight.worker, flight.step);
        let mut spared = Vec::new();
        for shard in self.shards() {
            let alone = self.plan.dense_alone[shard.index()];
            if alone && training.may_spare_push(worker, shard) {
                let chance = training.chances(shard).push;
                if self.chance(worker, 2 * step + 1, shard) >= chance {
                    spared.push(shard);
                }
            }
        }
        let flight = self.flights.get(push);
        for &shard in &spared {
            flight.loads[shard.index()] = Load::default();
        }
        if let Some(cargo) = &mut flight.cargo {
            cargo.spared = spared;
        }
    }

    fn chance(&self, worker: WorkerId, occasion: u64, shard: ShardId) -> f64 {
        let occasion = 2 * self.workers[worker.index()].draw_of(0) + occasion;
        let count = occasion * self.network.shards().len() as u64 + u64::from(shard.0);
        self.plan.streams.uniform(Purpose::Transmission, u64::from(worker.0), count)
    }
}
