//! Asynchronous (ASP, "Downpour"): every push is applied as it arrives, and no worker waits.
//!
//! Dean et al. (2012), "Large scale distributed deep networks". With one shard and no latency, mean
//! staleness is N-1, for any step times and for equal or unequal workers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrived, ClusterState, Decisions, Fit, Protocol, ProtocolConfig, ProtocolFacts};
use crate::base::WorkerId;

/// Asynchronous updates have no settings.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl ProtocolConfig for Config {
    fn build(&self, _: u32, _: u32) -> Box<dyn Protocol> {
        Box::new(Asynchronous)
    }

    fn pushes_per_update(&self, _: u32) -> u32 {
        1
    }

    fn facts(&self) -> ProtocolFacts {
        ProtocolFacts {
            discards: false,
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
pub struct Asynchronous;

impl Protocol for Asynchronous {
    fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
        decide.grant(worker);
    }

    fn on_push(&mut self, arrived: Arrived, _: &ClusterState<'_>, decide: &mut Decisions) {
        decide.apply(arrived.shard, &[arrived.push]);
    }
}

crate::persist!(Asynchronous {});
