//! All examples of the window shuffled together.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Timeline;
use super::bijection::Bijection;

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

/// Appends the examples at the places `range` of the pass with this key.
pub(super) fn feed(days: &Timeline, key: u64, range: Range<u64>, ids: &mut Vec<u64>) {
    let fed = ids.len();
    ids.extend(range);
    let places = &mut ids[fed..];
    Bijection::new(days.examples(), key).apply_each(places);
    places.iter_mut().for_each(|place| *place = days.id(*place));
}
