//! The last dense gradients that shards had from each worker, for remedies that apply them again.

use crate::base::{ShardId, WorkerId};
use crate::params::{Gradient, Layout};
use crate::server::Sharding;

/// The last dense gradients that each worker pushed to each shard.
#[derive(Debug, Default)]
pub(super) struct LastPushes {
    by_worker: Vec<LastPush>,
}

#[derive(Clone, Debug, Default)]
struct LastPush {
    dense: Vec<f32>,
    moving: Vec<f32>,
    /// By shard: the version of the parameters of the gradient.
    read: Vec<Option<u64>>,
}

impl LastPushes {
    /// Whether the shard has had a push of the worker.
    pub(super) fn has(&self, worker: WorkerId, shard: ShardId) -> bool {
        let last = self.by_worker.get(worker.index());
        last.and_then(|last| last.read.get(shard.index())).is_some_and(Option::is_some)
    }

    /// Keeps the shard's part of a gradient whose parameters were read at version `read`.
    pub(super) fn keep(
        &mut self,
        (layout, sharding): (&Layout, &Sharding),
        (worker, shard, read): (WorkerId, ShardId, u64),
        gradient: &Gradient,
    ) {
        if self.by_worker.len() <= worker.index() {
            self.by_worker.resize(worker.index() + 1, LastPush::default());
        }
        let last = &mut self.by_worker[worker.index()];
        last.dense.resize(gradient.dense.len(), 0.0);
        last.moving.resize(gradient.moving.len(), 0.0);
        last.read.resize(sharding.shards() as usize, None);
        last.read[shard.index()] = Some(read);
        sharding.copy_blocks(
            layout,
            shard,
            (&gradient.dense, &gradient.moving),
            (&mut last.dense, &mut last.moving),
        );
    }

    /// Overwrites the shard's part of a gradient with the last one; returns its read version.
    pub(super) fn recall(
        &self,
        (layout, sharding): (&Layout, &Sharding),
        (worker, shard): (WorkerId, ShardId),
        gradient: &mut Gradient,
    ) -> Option<u64> {
        let last = self.by_worker.get(worker.index())?;
        let read = (*last.read.get(shard.index())?)?;
        sharding.copy_blocks(
            layout,
            shard,
            (&last.dense, &last.moving),
            (&mut gradient.dense, &mut gradient.moving),
        );
        Some(read)
    }
}

crate::persist!(LastPush { dense: state, moving: state, read: state });
crate::persist!(LastPushes { by_worker: state });
