//! A part for tests only: asynchronous, and with the facts that its settings list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::asynchronous::Asynchronous;
use super::{Fit, Protocol, ProtocolConfig, ProtocolFacts};

/// What the protocol says of itself.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The facts that hold.
    pub is: Vec<String>,
    /// Pushes to an update.
    pub pushes: u32,
}

impl ProtocolConfig for Config {
    fn build(&self, _: u32, _: u32) -> Box<dyn Protocol> {
        Box::new(Asynchronous)
    }

    fn pushes_per_update(&self, _: u32) -> u32 {
        self.pushes
    }

    fn facts(&self) -> ProtocolFacts {
        let is = |fact: &str| self.is.iter().any(|own| own == fact);
        ProtocolFacts {
            discards: is("discards"),
            wants_whole_steps: is("wants_whole_steps"),
            never_waits: is("never_waits"),
            aborts: is("aborts"),
            never_stale: is("never_stale"),
            bounds_age: is("bounds_age"),
        }
    }

    fn fit(&self, workers: u32) -> Fit {
        match workers {
            1 => Fit::NoEffect { why: "it is new" },
            2 => Fit::NeverFull { setting: "pushes", why: "two are too few".to_string() },
            _ => Fit::Works,
        }
    }
}
