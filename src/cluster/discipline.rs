//! The order of service when several messages wait at a link or a shard.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a link or a processor is divided among the messages that use it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Discipline {
    /// One at a time, in order of arrival.
    #[default]
    FirstCome,
    /// All at once: each of n gets one n-th of the speed.
    ProcessorSharing,
}

impl Discipline {
    /// Whether it is the default, which is left out of files.
    pub fn is_first_come(&self) -> bool {
        *self == Discipline::FirstCome
    }
}
