//! A part for tests only: always half the rate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Moment, ScheduleConfig};

/// This part has no settings.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

impl ScheduleConfig for Config {
    fn factor(&self, _: Moment) -> f64 {
        0.5
    }
}
