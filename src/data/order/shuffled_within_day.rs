//! The days in order, the examples of each day shuffled.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bijection::Bijection;
use super::{Day, Timeline};

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

/// Appends the examples at the places `range` of a pass in which `key` gives the permutation of
/// each day.
pub(super) fn feed(
    days: &Timeline,
    key: impl Fn(&Day) -> u64,
    range: Range<u64>,
    ids: &mut Vec<u64>,
) {
    let mut next = range.start;
    while next < range.end {
        let (day, from) = days.locate(next);
        let to = day.examples.min(from + range.end - next);
        let fed = ids.len();
        ids.extend(from..to);
        let places = &mut ids[fed..];
        Bijection::new(day.examples, key(day)).apply_each(places);
        places.iter_mut().for_each(|place| *place += day.first);
        next += to - from;
    }
}
