//! Shuffling through a buffer, as in input pipelines that cannot hold the log in memory.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ExampleSequence, OrderConfig, OrderError, Pass, Walk};
use crate::base::stream::mix;

/// A buffer of `size` examples is filled by date; each next example is drawn from it with equal
/// chances and replaced by the next one of the log. At the end of a pass the buffer becomes empty.
/// An example comes fewer than `size` places early, and may come arbitrarily late.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Examples in the buffer. 1 keeps the order by date; the size of the window is a full
    /// shuffle.
    #[schemars(range(min = 1))]
    pub size: u64,
    /// Shuffle again for every pass; `false` repeats the first pass.
    pub each_pass: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config { size: 10_000, each_pass: true }
    }
}

impl OrderConfig for Config {
    fn check(&self) -> Result<(), OrderError> {
        if self.size == 0 { Err(OrderError::EmptyBuffer) } else { Ok(()) }
    }

    fn walk(&self, pass: Pass, window: &ExampleSequence, from: u64) -> Box<dyn Walk> {
        Box::new(Reservoir::at(window, pass.key(self.each_pass, 0), self.size, from))
    }
}

/// The buffer during a pass.
#[derive(Debug)]
struct Reservoir {
    key: u64,
    /// Positions in the log of the waiting examples.
    waiting: Vec<u64>,
    /// Position of the next example to enter.
    entering: u64,
}

impl Reservoir {
    /// The buffer after `offset` examples of the pass have left it.
    fn at(days: &ExampleSequence, key: u64, size: u64, offset: u64) -> Reservoir {
        let filled = size.min(days.examples());
        let mut reservoir = Reservoir { key, waiting: (0..filled).collect(), entering: filled };
        for place in 0..offset {
            reservoir.draw(days, place);
        }
        reservoir
    }

    /// The example that leaves at a place of the pass; each draw is named by its place.
    fn draw(&mut self, days: &ExampleSequence, place: u64) -> u64 {
        let word = mix(self.key.wrapping_add((place + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let chosen = (u128::from(word) * self.waiting.len() as u128) >> 64;
        let chosen = chosen as usize;
        if self.entering < days.examples() {
            self.entering += 1;
            std::mem::replace(&mut self.waiting[chosen], self.entering - 1)
        } else {
            self.waiting.swap_remove(chosen)
        }
    }
}

impl Walk for Reservoir {
    fn feed(&mut self, window: &ExampleSequence, range: Range<u64>, ids: &mut Vec<u64>) {
        for place in range {
            let index = self.draw(window, place);
            ids.push(window.id(index));
        }
    }
}
