//! Ringmaster: a gradient that is `bound` updates old or older is discarded; optionally it is broken
//! off as soon as it has become so old.
//!
//! Ringmaster ASGD, arXiv:2501.16168: `bound = max(1, ceil(sigma^2 / epsilon))`. Without a bound it
//! is the asynchronous protocol.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrived, Cluster, Decisions, Protocol, Read};
use crate::base::WorkerId;

/// How old a gradient may be.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Staleness from which a gradient is not applied: the paper's R.
    #[schemars(range(min = 1))]
    pub bound: u64,
    /// Whether a running step is broken off when it has become so old.
    pub abort: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config { bound: 16, abort: true }
    }
}

/// The working protocol.
#[derive(Clone, Debug)]
pub struct Ringmaster {
    config: Config,
    shards: u32,
    /// Of each running step: the oldest version that it has read, and at how many shards its push
    /// has arrived.
    running: Vec<Option<(u64, u32)>>,
}

impl Ringmaster {
    /// A bound on the age of the steps of `workers` workers at `shards` shards.
    pub fn new(config: Config, workers: u32, shards: u32) -> Ringmaster {
        Ringmaster { config, shards, running: vec![None; workers as usize] }
    }
}

impl Protocol for Ringmaster {
    fn on_ready(&mut self, worker: WorkerId, _: &Cluster<'_>, decide: &mut Decisions) {
        self.running[worker.index()] = None;
        decide.grant(worker);
    }

    fn on_read(&mut self, read: Read, _: &Cluster<'_>, _: &mut Decisions) {
        let state = self.running[read.worker.index()].get_or_insert((read.version, 0));
        state.0 = state.0.min(read.version);
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &Cluster<'_>, decide: &mut Decisions) {
        let Arrived { push, worker, shard, pulled, .. } = arrived;
        let running = &mut self.running[worker.index()];
        if let Some((_, parts)) = running {
            *parts += 1;
            if *parts == self.shards {
                *running = None;
            }
        }
        let version = cluster.versions[shard.index()];
        if version - pulled >= self.config.bound {
            decide.discard(shard, push);
            return;
        }
        decide.apply(shard, &[push]);
        if !self.config.abort {
            return;
        }
        for (w, running) in self.running.iter_mut().enumerate() {
            if running
                .is_some_and(|(read, _)| (version + 1).saturating_sub(read) >= self.config.bound)
            {
                *running = None;
                decide.abort(WorkerId(w as u32));
            }
        }
    }
}
