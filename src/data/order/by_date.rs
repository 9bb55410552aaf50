//! The order of the log.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ExampleSequence, OrderConfig, OrderError, Pass, Walk};

/// As logged, the oldest day first. Every pass is the same.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}

impl OrderConfig for Config {
    fn check(&self) -> Result<(), OrderError> {
        Ok(())
    }

    fn walk(&self, _: Pass, _: &ExampleSequence, _: u64) -> Box<dyn Walk> {
        Box::new(ByDate)
    }
}

/// Places in the pass are places in the log.
#[derive(Debug)]
struct ByDate;

impl Walk for ByDate {
    fn feed(&mut self, window: &ExampleSequence, range: Range<u64>, ids: &mut Vec<u64>) {
        ids.extend(range.map(|index| window.id(index)));
    }
}
