//! A law of staleness for tests only: one update, unless it is forbidden.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DelayConfig, Streams, Unusable};

/// Whether it is refused.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// It is refused.
    pub forbidden: bool,
}

impl DelayConfig for Config {
    fn largest(&self) -> u64 {
        1
    }

    fn mean(&self) -> f64 {
        1.0
    }

    fn draw(&self, _: u64, _: Streams) -> u64 {
        1
    }

    fn unusable(&self) -> Option<Unusable> {
        let unusable = Unusable { setting: "forbidden", why: "is set", help: "leave it out" };
        self.forbidden.then_some(unusable)
    }
}
