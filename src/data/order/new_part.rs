//! An order for tests only: by date, unless it is forbidden.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ExampleSequence, OrderConfig, OrderError, Pass, Walk, by_date};

/// Whether it is refused.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// It is refused.
    pub forbidden: bool,
}

impl OrderConfig for Config {
    fn check(&self) -> Result<(), OrderError> {
        if self.forbidden { Err(OrderError::EmptyBuffer) } else { Ok(()) }
    }

    fn walk(&self, pass: Pass, window: &ExampleSequence, from: u64) -> Box<dyn Walk> {
        by_date::Config {}.walk(pass, window, from)
    }
}
