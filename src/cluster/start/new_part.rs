//! A start for tests only: all workers except the chief wait for some updates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SimTime, StartConfig, Streams, WorkerId};

/// How many updates they wait for.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Updates.
    pub updates: u64,
}

impl StartConfig for Config {
    fn at(&self, _: WorkerId, _: u32, _: Streams) -> SimTime {
        SimTime::ZERO
    }

    fn after_updates(&self, worker: WorkerId) -> Option<(u64, Option<SimTime>)> {
        (self.updates > 0 && worker.0 > 0).then_some((self.updates, None))
    }
}
