//! What a protocol is told, and what it may decide.
//!
//! A pull and a push are split per shard and arrive at each shard on their own. So a protocol
//! decides per shard, as the shards of a real parameter server do. With one shard this is the
//! textbook interface. A shard that holds only one parameter group lets that group have a protocol
//! of its own.

use serde::{Deserialize, Serialize};

use std::fmt::Debug;
use std::ops::Range;

use crate::base::{Persist, ShardId, SimTime, WorkerId};

/// One step of one worker, from its pull to its last apply or discard; numbered in the order of
/// the grants.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct PushId(pub u64);

crate::persist!(PushId(inner: state));

/// The part of a push that has arrived at one shard. Arriving is not applying.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrived {
    /// The push that this is a part of.
    pub push: PushId,
    /// The worker that sent it.
    pub worker: WorkerId,
    /// The shard where it arrived.
    pub shard: ShardId,
    /// Number of steps that the worker had begun before this one.
    pub step: u64,
    /// Version of the shard that the worker had read.
    pub pulled: u64,
}

/// A shard has read its values for a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Read {
    /// The step.
    pub push: PushId,
    /// The worker that reads.
    pub worker: WorkerId,
    /// The shard that was read.
    pub shard: ShardId,
    /// The version of the shard.
    pub version: u64,
}

/// What a protocol may know of the cluster.
#[derive(Clone, Copy, Debug)]
pub struct ClusterState<'a> {
    /// The virtual clock.
    pub now: SimTime,
    /// Updates applied so far, by shard.
    pub versions: &'a [u64],
    /// Steps finished so far, by worker: pushes that all shards have taken in.
    pub steps: &'a [u64],
}

/// How the pushes of one update become one gradient. Each push is weighted by its number of
/// examples.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Merge {
    /// What the sum of the pushes is divided by. `None` gives the mean of the merged pushes. A
    /// larger number counts discarded pushes as zeros; 1 gives the sum.
    pub over: Option<u32>,
    /// What the gradient of an embedding row is divided by.
    pub rows: RowMean,
}

/// What the merged gradient of an embedding row is the mean over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RowMean {
    /// All pushes of the update, as for dense parameters.
    #[default]
    Pushes,
    /// The pushes that contain the row (GBA, Su et al. 2022).
    Contributors,
}

/// One decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision<'a> {
    /// The worker, which has asked, may begin its step and pull: from this shard, or from all
    /// shards that it was not granted yet.
    Grant(WorkerId, Option<ShardId>),
    /// The parts of these pushes that have arrived at the shard become one update, in this order.
    Apply(ShardId, &'a [PushId], Merge),
    /// The part of this push that has arrived at the shard is discarded.
    Discard(ShardId, PushId),
    /// The worker's unfinished step is aborted.
    Abort(WorkerId),
}

/// Decisions in the order in which they will be carried out.
#[derive(Clone, Default, Debug)]
pub struct Decisions {
    list: Vec<DecisionEntry>,
    pushes: Vec<PushId>,
}

#[derive(Clone, Debug)]
enum DecisionEntry {
    Grant(WorkerId, Option<ShardId>),
    Apply(ShardId, Range<usize>, Merge),
    Discard(ShardId, PushId),
    Abort(WorkerId),
}

impl Decisions {
    /// Lets `worker` pull from every shard.
    pub fn grant(&mut self, worker: WorkerId) {
        self.list.push(DecisionEntry::Grant(worker, None));
    }

    /// Lets `worker` pull from one shard. Its step begins with the first shard granted; it
    /// computes when it has read all.
    pub fn grant_shard(&mut self, worker: WorkerId, shard: ShardId) {
        self.list.push(DecisionEntry::Grant(worker, Some(shard)));
    }

    /// Makes one update of the shard out of the mean of these pushes.
    pub fn apply(&mut self, shard: ShardId, pushes: &[PushId]) {
        self.merge(shard, pushes, Merge::default());
    }

    /// Makes one update of the shard out of these pushes, merged as `merge` says.
    pub fn merge(&mut self, shard: ShardId, pushes: &[PushId], merge: Merge) {
        let start = self.pushes.len();
        self.pushes.extend_from_slice(pushes);
        self.list.push(DecisionEntry::Apply(shard, start..self.pushes.len(), merge));
    }

    /// Discards the part of `push` that has arrived at the shard.
    pub fn discard(&mut self, shard: ShardId, push: PushId) {
        self.list.push(DecisionEntry::Discard(shard, push));
    }

    /// Aborts the current step of `worker`, unless its push has arrived at every shard. Nothing
    /// happens if it has, or if the worker waits. What shards have applied stays applied. All other
    /// parts are lost, held ones too, and the protocol must forget them. The worker hears of it
    /// after one latency, and asks again.
    pub fn abort(&mut self, worker: WorkerId) {
        self.list.push(DecisionEntry::Abort(worker));
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
            DecisionEntry::Grant(worker, shard) => Decision::Grant(*worker, *shard),
            DecisionEntry::Apply(shard, range, merge) => {
                Decision::Apply(*shard, &self.pushes[range.clone()], *merge)
            }
            DecisionEntry::Discard(shard, push) => Decision::Discard(*shard, *push),
            DecisionEntry::Abort(worker) => Decision::Abort(*worker),
        }
    }

    /// Forgets all decisions.
    pub fn clear(&mut self) {
        self.list.clear();
        self.pushes.clear();
    }
}

/// Decides which worker may read now, and which pushes become an update.
///
/// The engine carries decisions out in order. It treats three decisions as a bug of the protocol:
/// about a part that has not arrived, applying or discarding the same part twice, and granting a
/// worker that did not ask.
pub trait Protocol: Persist + Send + Debug {
    /// `worker` asks to pull: it has just begun, or all shards have taken in its last push, or it
    /// has heard that its step was aborted.
    fn on_ready(&mut self, worker: WorkerId, cluster: &ClusterState<'_>, decide: &mut Decisions);

    /// A shard has read its values for a step.
    fn on_read(&mut self, _read: Read, _cluster: &ClusterState<'_>, _decide: &mut Decisions) {}

    /// Part of a push has arrived at a shard.
    fn on_push(&mut self, arrived: Arrived, cluster: &ClusterState<'_>, decide: &mut Decisions);

    /// `worker` has left, or is absent from the start: until [`on_join`](Self::on_join) it does not
    /// ask, and no worker must wait for it. What it has asked for is forgotten. `lost` is the step
    /// that was aborted with it. As with [`Decisions::abort`], what shards have applied of that
    /// step stays applied. All other parts are lost, held ones too, and the protocol must forget
    /// them. Pushes that all shards have taken in stay valid, and a push on its way may still
    /// arrive.
    fn on_leave(
        &mut self,
        _worker: WorkerId,
        _lost: Option<PushId>,
        _cluster: &ClusterState<'_>,
        _decide: &mut Decisions,
    ) {
    }

    /// `worker` is present again, or for the first time, and will ask. Nothing of it is on its way.
    fn on_join(&mut self, _worker: WorkerId, _cluster: &ClusterState<'_>, _decide: &mut Decisions) {
    }
}
