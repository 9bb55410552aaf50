//! Ringmaster: a gradient that is at least `bound` updates old is discarded. Optionally its step is
//! aborted as soon as it is that old.
//!
//! Ringmaster ASGD, arXiv:2501.16168: `bound = max(1, ceil(sigma^2 / epsilon))`. Without a bound it
//! is the asynchronous protocol.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Arrived, ClusterState, Decisions, Fit, Protocol, ProtocolConfig, ProtocolFacts, PushId, Read,
};
use crate::base::WorkerId;

/// How old a gradient may be.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Staleness from which a gradient is not applied: the paper's R.
    #[schemars(range(min = 1))]
    pub bound: u64,
    /// Whether a running step is aborted as soon as it is that old.
    pub abort: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config { bound: 16, abort: true }
    }
}

impl ProtocolConfig for Config {
    fn build(&self, workers: u32, shards: u32) -> Box<dyn Protocol> {
        Box::new(Ringmaster {
            config: *self,
            read: vec![vec![None; workers as usize]; shards as usize],
        })
    }

    fn pushes_per_update(&self, _: u32) -> u32 {
        1
    }

    fn facts(&self) -> ProtocolFacts {
        ProtocolFacts {
            discards: true,
            wants_whole_steps: false,
            never_waits: !self.abort,
            aborts: self.abort,
            never_stale: false,
            bounds_age: false,
        }
    }

    fn fit(&self, _: u32) -> Fit {
        Fit::Works
    }
}

/// The working protocol.
#[derive(Clone, Debug)]
pub struct Ringmaster {
    config: Config,
    /// By shard and worker: the version that a step has read there, until its push has arrived or
    /// the worker has left.
    read: Vec<Vec<Option<u64>>>,
}

impl Protocol for Ringmaster {
    fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
        decide.grant(worker);
    }

    fn on_read(&mut self, read: Read, _: &ClusterState<'_>, _: &mut Decisions) {
        self.read[read.shard.index()][read.worker.index()] = Some(read.version);
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        let Arrived { push, worker, shard, pulled, .. } = arrived;
        self.read[shard.index()][worker.index()] = None;
        let version = cluster.versions[shard.index()];
        if version - pulled >= self.config.bound {
            decide.discard(shard, push);
            return;
        }
        decide.apply(shard, &[push]);
        if !self.config.abort {
            return;
        }
        for w in 0..self.read[shard.index()].len() {
            let too_old = |read: u64| (version + 1).saturating_sub(read) >= self.config.bound;
            if self.read[shard.index()][w].is_some_and(too_old) {
                self.read.iter_mut().for_each(|read| read[w] = None);
                decide.abort(WorkerId(w as u32));
            }
        }
    }

    fn on_leave(
        &mut self,
        worker: WorkerId,
        _: Option<PushId>,
        _: &ClusterState<'_>,
        _: &mut Decisions,
    ) {
        // The push may still be on its way. Its step is not aborted: no worker would begin anew.
        self.read.iter_mut().for_each(|read| read[worker.index()] = None);
    }
}

crate::persist!(Ringmaster { config: fixed, read: state });
