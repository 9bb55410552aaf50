//! The order of the log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As logged, the oldest day first. Every pass is the same.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}
