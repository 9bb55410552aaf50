//! An order that only tests know: by date, unless it is forbidden.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{OrderConfig, OrderError, Pass, Timeline, Walk, by_date};

/// Whether it can be used.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// It cannot.
    pub forbidden: bool,
}

impl OrderConfig for Config {
    fn check(&self) -> Result<(), OrderError> {
        if self.forbidden { Err(OrderError::EmptyBuffer) } else { Ok(()) }
    }

    fn walk(&self, pass: Pass, window: &Timeline, from: u64) -> Box<dyn Walk> {
        by_date::Config {}.walk(pass, window, from)
    }
}
