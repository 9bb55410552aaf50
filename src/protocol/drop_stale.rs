//! Asynchronous, but a push that is more than `bound` updates old is discarded when it arrives.
//!
//! TensorFlow's `DropStaleGradientOptimizer(staleness = bound)`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrived, ClusterState, Decisions, Fit, Protocol, ProtocolConfig, ProtocolFacts};
use crate::base::WorkerId;

/// How old a push may be.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Largest staleness that is applied.
    pub bound: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config { bound: 100 }
    }
}

impl ProtocolConfig for Config {
    fn build(&self, _: u32, _: u32) -> Box<dyn Protocol> {
        Box::new(DropStale { bound: self.bound })
    }

    fn pushes_per_update(&self, _: u32) -> u32 {
        1
    }

    fn facts(&self) -> ProtocolFacts {
        ProtocolFacts {
            discards: true,
            wants_whole_steps: false,
            never_waits: true,
            aborts: false,
            never_stale: false,
            bounds_age: false,
        }
    }

    fn fit(&self, _: u32) -> Fit {
        Fit::Works
    }
}

/// The working protocol: it remembers nothing.
#[derive(Clone, Copy, Debug)]
pub struct DropStale {
    bound: u64,
}

impl Protocol for DropStale {
    fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
        decide.grant(worker);
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        let Arrived { push, shard, pulled, .. } = arrived;
        if cluster.versions[shard.index()] - pulled > self.bound {
            decide.discard(shard, push);
        } else {
            decide.apply(shard, &[push]);
        }
    }
}

crate::persist!(DropStale { bound: fixed });
