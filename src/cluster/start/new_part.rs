//! A start that only tests know: all workers but the chief wait for some updates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SimTime, StartConfig, Streams, WorkerId};

/// For how many.
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
