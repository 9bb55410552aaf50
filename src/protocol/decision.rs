//! What a protocol is told, and what it may decide.
//!
//! A pull and a push are split per shard and arrive at each shard on their own, so a protocol
//! decides per shard, as the shards of a real parameter server do; only the permission to pull is
//! given for all shards at once. With one shard this is the textbook interface.

use std::fmt::Debug;
use std::ops::Range;

use crate::base::{ShardId, SimTime, WorkerId};

/// One step of one worker, from its pull to its last apply or discard; numbered in the order of
/// the grants.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PushId(pub u64);

/// The part of a push that has arrived at one shard. Arriving is not applying.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrived {
    /// The push it is part of.
    pub push: PushId,
    /// Whose it is.
    pub worker: WorkerId,
    /// Where it arrived.
    pub shard: ShardId,
    /// Number of steps that the worker had finished before this one.
    pub step: u64,
    /// Version of the shard that the worker had read.
    pub pulled: u64,
}

/// What a protocol may know of the cluster.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'a> {
    /// The virtual clock.
    pub now: SimTime,
    /// Updates applied so far, by shard.
    pub versions: &'a [u64],
    /// Steps finished so far, by worker: pushes that all shards have taken in.
    pub steps: &'a [u64],
}

/// One decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision<'a> {
    /// The worker, which asked, may pull.
    Grant(WorkerId),
    /// The parts of these pushes that the shard holds become one update, in this order.
    Apply(ShardId, &'a [PushId]),
    /// The part of this push that the shard holds is thrown away.
    Discard(ShardId, PushId),
}

/// Decisions in the order in which they will be carried out.
#[derive(Clone, Default, Debug)]
pub struct Decisions {
    list: Vec<Entry>,
    pushes: Vec<PushId>,
}

#[derive(Clone, Debug)]
enum Entry {
    Grant(WorkerId),
    Apply(ShardId, Range<usize>),
    Discard(ShardId, PushId),
}

impl Decisions {
    /// Lets `worker` pull.
    pub fn grant(&mut self, worker: WorkerId) {
        self.list.push(Entry::Grant(worker));
    }

    /// Makes one update of the shard out of these pushes.
    pub fn apply(&mut self, shard: ShardId, pushes: &[PushId]) {
        let start = self.pushes.len();
        self.pushes.extend_from_slice(pushes);
        self.list.push(Entry::Apply(shard, start..self.pushes.len()));
    }

    /// Throws away what the shard holds of `push`.
    pub fn discard(&mut self, shard: ShardId, push: PushId) {
        self.list.push(Entry::Discard(shard, push));
    }

    /// Number of decisions.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nothing was decided.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The decision at `index`.
    pub fn get(&self, index: usize) -> Decision<'_> {
        match &self.list[index] {
            Entry::Grant(worker) => Decision::Grant(*worker),
            Entry::Apply(shard, range) => Decision::Apply(*shard, &self.pushes[range.clone()]),
            Entry::Discard(shard, push) => Decision::Discard(*shard, *push),
        }
    }

    /// Forgets all decisions.
    pub fn clear(&mut self) {
        self.list.clear();
        self.pushes.clear();
    }
}

/// Who may read now, and which pushes become an update?
///
/// The engine carries decisions out in order. It refuses, as a bug of the protocol, to apply or
/// discard the same part twice or to grant a worker that did not ask.
pub trait Protocol: Send + Debug {
    /// `worker` asks to pull: it has just begun, or all shards have taken in its last push.
    fn on_ready(&mut self, worker: WorkerId, cluster: &Cluster<'_>, decide: &mut Decisions);

    /// Part of a push has arrived at a shard.
    fn on_push(&mut self, arrived: Arrived, cluster: &Cluster<'_>, decide: &mut Decisions);
}
