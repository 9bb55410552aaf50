//! The days in order, the examples of each day shuffled.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bijection::Bijection;
use super::{ExampleSequence, OrderConfig, OrderError, Pass, Walk};

/// The days in order, the examples of each day shuffled, as in a job that shuffles one day's file
/// at a time.
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

    fn walk(&self, pass: Pass, _: &ExampleSequence, _: u64) -> Box<dyn Walk> {
        Box::new(ShuffledWithinDay { pass, each_pass: self.each_pass })
    }
}

/// The pass determines the permutation of each day.
#[derive(Debug)]
struct ShuffledWithinDay {
    pass: Pass,
    each_pass: bool,
}

impl Walk for ShuffledWithinDay {
    fn feed(&mut self, window: &ExampleSequence, range: Range<u64>, ids: &mut Vec<u64>) {
        let mut next = range.start;
        while next < range.end {
            let (day, from) = window.locate(next);
            let to = day.examples.min(from + range.end - next);
            let fed = ids.len();
            ids.extend(from..to);
            let places = &mut ids[fed..];
            let key = self.pass.key(self.each_pass, u64::from(day.number));
            Bijection::new(day.examples, key).apply_each(places);
            places.iter_mut().for_each(|place| *place += day.first);
            next += to - from;
        }
    }
}
