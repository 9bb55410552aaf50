//! Groups with protocols of their own: one for the shards that hold only dense parameters, another
//! for those that hold rows.
//!
//! As in Persia (Lian et al. 2021, arXiv:2111.05897): rows are updated asynchronously, the dense
//! network synchronously. A worker reads each group when that group's protocol lets it, and
//! computes when it has both.

use super::{Arrived, ClusterState, Decision, Decisions, Protocol, PushId, Read};
use crate::base::{ShardId, WorkerId};

/// Two protocols side by side.
#[derive(Debug)]
pub struct Hybrid {
    dense: SubProtocol,
    sparse: SubProtocol,
    scratch: Decisions,
}

/// One protocol and its shards.
#[derive(Debug)]
struct SubProtocol {
    protocol: Box<dyn Protocol>,
    first: u32,
    end: u32,
}

impl Hybrid {
    /// `dense` for the first `dense_shards` of `shards` shards, `sparse` for the others. Each was
    /// built for the number of shards that it gets.
    pub fn new(
        dense: Box<dyn Protocol>,
        sparse: Box<dyn Protocol>,
        dense_shards: u32,
        shards: u32,
    ) -> Hybrid {
        Hybrid {
            dense: SubProtocol { protocol: dense, first: 0, end: dense_shards },
            sparse: SubProtocol { protocol: sparse, first: dense_shards, end: shards },
            scratch: Decisions::default(),
        }
    }

    fn part_of(&mut self, shard: ShardId) -> (&mut SubProtocol, &mut Decisions) {
        let part = if shard.0 < self.dense.end { &mut self.dense } else { &mut self.sparse };
        (part, &mut self.scratch)
    }
}

impl SubProtocol {
    fn inner(&self, shard: ShardId) -> ShardId {
        ShardId(shard.0 - self.first)
    }

    /// Asks the protocol about its own shards, and passes its decisions on.
    fn ask(
        &mut self,
        cluster: &ClusterState<'_>,
        (scratch, decide): (&mut Decisions, &mut Decisions),
        question: impl FnOnce(&mut dyn Protocol, &ClusterState<'_>, &mut Decisions),
    ) {
        let versions = &cluster.versions[self.first as usize..self.end as usize];
        question(self.protocol.as_mut(), &ClusterState { versions, ..*cluster }, scratch);
        let outer = |shard: ShardId| ShardId(shard.0 + self.first);
        for index in 0..scratch.len() {
            match scratch.get(index) {
                Decision::Grant(worker, Some(shard)) => decide.grant_shard(worker, outer(shard)),
                Decision::Grant(worker, None) => {
                    (self.first..self.end).for_each(|s| decide.grant_shard(worker, ShardId(s)));
                }
                Decision::Apply(shard, pushes, merge) => decide.merge(outer(shard), pushes, merge),
                Decision::Discard(shard, push) => decide.discard(outer(shard), push),
                Decision::Abort(worker) => decide.abort(worker),
            }
        }
        scratch.clear();
    }
}

impl Protocol for Hybrid {
    fn on_ready(&mut self, worker: WorkerId, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        for part in [&mut self.sparse, &mut self.dense] {
            part.ask(cluster, (&mut self.scratch, decide), |protocol, cluster, decide| {
                protocol.on_ready(worker, cluster, decide);
            });
        }
    }

    fn on_read(&mut self, read: Read, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        let (part, scratch) = self.part_of(read.shard);
        let read = Read { shard: part.inner(read.shard), ..read };
        part.ask(cluster, (scratch, decide), |protocol, cluster, decide| {
            protocol.on_read(read, cluster, decide);
        });
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        let (part, scratch) = self.part_of(arrived.shard);
        let arrived = Arrived { shard: part.inner(arrived.shard), ..arrived };
        part.ask(cluster, (scratch, decide), |protocol, cluster, decide| {
            protocol.on_push(arrived, cluster, decide);
        });
    }

    fn on_leave(
        &mut self,
        worker: WorkerId,
        lost: Option<PushId>,
        cluster: &ClusterState<'_>,
        decide: &mut Decisions,
    ) {
        for part in [&mut self.sparse, &mut self.dense] {
            part.ask(cluster, (&mut self.scratch, decide), |protocol, cluster, decide| {
                protocol.on_leave(worker, lost, cluster, decide);
            });
        }
    }

    fn on_join(&mut self, worker: WorkerId, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        for part in [&mut self.sparse, &mut self.dense] {
            part.ask(cluster, (&mut self.scratch, decide), |protocol, cluster, decide| {
                protocol.on_join(worker, cluster, decide);
            });
        }
    }
}

crate::persist!(SubProtocol { protocol: state, first: fixed, end: fixed });

crate::persist!(Hybrid { dense: state, sparse: state, scratch: fixed });
