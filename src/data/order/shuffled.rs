//! All examples of the window shuffled together.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bijection::Bijection;
use super::{ExampleSequence, OrderConfig, OrderError, Pass, Walk};

/// All examples of the window shuffled together, across days.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Shuffle again for every pass; `false` repeats the first pass.
    pub each_pass: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config { each_pass: true }
    }
}

impl OrderConfig for Config {
    fn check(&self) -> Result<(), OrderError> {
        Ok(())
    }

    fn walk(&self, pass: Pass, window: &ExampleSequence, _: u64) -> Box<dyn Walk> {
        Box::new(Shuffled(Bijection::new(window.examples(), pass.key(self.each_pass, 0))))
    }
}

/// Maps places in the pass to places in the log.
#[derive(Debug)]
struct Shuffled(Bijection);

impl Walk for Shuffled {
    fn feed(&mut self, window: &ExampleSequence, range: Range<u64>, ids: &mut Vec<u64>) {
        let fed = ids.len();
        ids.extend(range);
        let places = &mut ids[fed..];
        self.0.apply_each(places);
        places.iter_mut().for_each(|place| *place = window.id(*place));
    }
}
