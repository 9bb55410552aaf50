//! The order in which workers get the examples of a training window.
//!
//! A *pass* visits every example of the window exactly once. An [`Order`] says which example comes
//! at which place of which pass; a [`Cursor`] moves through it. The stream of examples has no gaps:
//! after a pass the next one begins, and a batch that does not fit into the rest of a pass takes
//! its remaining examples from the next one.
//!
//! No permutation is stored, so a window of any size needs no memory for it: full shuffles are
//! keyed [bijections](bijection), and only the shuffle buffer has a buffer.

pub mod bijection;
pub mod by_date;
#[cfg(test)]
mod new_part;
pub mod shuffle_buffer;
pub mod shuffled;
pub mod shuffled_within_day;

use std::fmt::Debug;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Day;
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::base::{Purpose, Streams, counted};

crate::registry! {
    /// The order in which workers get the examples of the window.
    pub enum OrderChoice: OrderConfig {
        /// As logged, the oldest day first: every pass repeats the history.
        "by_date" => ByDate(by_date::Config),
        /// The days in order, the examples of each day shuffled.
        "shuffled_within_day" => ShuffledWithinDay(shuffled_within_day::Config),
        /// A buffer is filled by date, and each next example is drawn from it at random.
        "shuffle_buffer" => ShuffleBuffer(shuffle_buffer::Config),
        /// All examples of the window shuffled together.
        "shuffled" => Shuffled(shuffled::Config),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

impl Default for OrderChoice {
    fn default() -> OrderChoice {
        OrderChoice::Shuffled(shuffled::Config::default())
    }
}

/// The configuration of an order.
pub trait OrderConfig {
    /// Refuses invalid settings.
    ///
    /// # Errors
    /// If a setting is invalid.
    fn check(&self) -> Result<(), OrderError>;

    /// A walk through a pass over a window, starting at the `from`-th example of the pass.
    fn walk(&self, pass: Pass, window: &ExampleSequence, from: u64) -> Box<dyn Walk>;
}

/// A walk through one pass.
pub trait Walk: Send + Debug {
    /// Appends the examples at the places `range` of the pass, which are the next ones.
    fn feed(&mut self, window: &ExampleSequence, range: Range<u64>, ids: &mut Vec<u64>);
}

/// One pass, from which the keys of its permutations are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    number: u64,
    streams: Streams,
}

impl Pass {
    /// Key of the permutation number `part`; the same for all passes unless `each_pass`.
    pub fn key(self, each_pass: bool, part: u64) -> u64 {
        let number = if each_pass { self.number } else { 0 };
        self.streams.key(Purpose::Order, number, part)
    }
}

/// Why there is no order of examples.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum OrderError {
    /// The window has no examples.
    #[error(
        "the window has no examples: {}, all of them empty; choose other days",
        counted(*days, "day", "days")
    )]
    EmptyWindow {
        /// Days in the window.
        days: usize,
    },
    /// A shuffle buffer of size 0.
    #[error("shuffle_buffer: size = 0 holds no example; 1 keeps the order by date")]
    EmptyBuffer,
}

/// A place in the stream of examples.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Position {
    /// 0-based number of the pass.
    pub pass: u64,
    /// Examples of the pass before this one; fewer than the examples of the window.
    pub offset: u64,
}

/// The examples of a window, one after the other, which every order policy permutes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExampleSequence {
    days: Vec<Day>,
    /// Number of examples before each day, and before the end.
    starts: Vec<u64>,
}

/// An order policy applied to a window.
#[derive(Clone, Debug)]
pub struct Order {
    choice: OrderChoice,
    sequence: ExampleSequence,
    streams: Streams,
}

/// A position that moves through the stream of examples.
#[derive(Debug)]
pub struct Cursor {
    order: Order,
    position: Position,
    /// The walk through the current pass, once it has begun.
    walk: Option<Box<dyn Walk>>,
}

impl ExampleSequence {
    /// The examples of these days, in the given order.
    pub fn new(days: Vec<Day>) -> ExampleSequence {
        let ends = days.iter().scan(0, |end, day| {
            *end += day.examples;
            Some(*end)
        });
        let starts = std::iter::once(0).chain(ends).collect();
        ExampleSequence { days, starts }
    }

    /// Examples in the window.
    pub fn examples(&self) -> u64 {
        self.starts[self.days.len()]
    }

    /// The id of the `index`-th example.
    pub fn id(&self, index: u64) -> u64 {
        let (day, place) = self.locate(index);
        day.first + place
    }

    /// The day of the `index`-th example, and its place in the day.
    pub fn locate(&self, index: u64) -> (&Day, u64) {
        // The last day that starts at or before the index; days without examples are skipped.
        let day = self.starts.partition_point(|&start| start <= index) - 1;
        (&self.days[day], index - self.starts[day])
    }
}

impl Order {
    /// The order `choice` over the days of a window, in the given order.
    ///
    /// # Errors
    /// If the window has no examples, or the choice is invalid.
    pub fn new(
        choice: OrderChoice,
        window: Vec<Day>,
        streams: Streams,
    ) -> Result<Order, OrderError> {
        let sequence = ExampleSequence::new(window);
        if sequence.examples() == 0 {
            return Err(OrderError::EmptyWindow { days: sequence.days.len() });
        }
        choice.check()?;
        Ok(Order { choice, sequence, streams })
    }

    /// Examples in one pass.
    pub fn examples(&self) -> u64 {
        self.sequence.examples()
    }

    /// A cursor at the first example of the first pass.
    pub fn cursor(self) -> Cursor {
        Cursor { order: self, position: Position::default(), walk: None }
    }
}

impl Cursor {
    /// The order that it moves through.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// The position of the next example.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Appends the next `count` example ids to `ids` and advances.
    pub fn next(&mut self, count: usize, ids: &mut Vec<u64>) {
        let mut left = count as u64;
        while left > 0 {
            let from = self.position.offset;
            let to = self.order.examples().min(from + left);
            self.feed(from..to, ids);
            left -= to - from;
            self.position.offset = to;
            if to == self.order.examples() {
                self.position = Position { pass: self.position.pass + 1, offset: 0 };
                self.walk = None;
            }
        }
    }

    /// Moves to a position in the stream, forwards or backwards. The examples after it are the same
    /// as if the cursor had advanced there. This takes no time, except with a shuffle buffer, whose
    /// pass is repeated from its beginning.
    ///
    /// # Panics
    /// If the offset is not inside a pass.
    pub fn seek(&mut self, position: Position) {
        assert!(
            position.offset < self.order.examples(),
            "offset {} in a pass of {} examples",
            position.offset,
            self.order.examples()
        );
        self.position = position;
        self.walk = None;
    }

    /// Appends the examples at the places `range` of the current pass.
    fn feed(&mut self, range: Range<u64>, ids: &mut Vec<u64>) {
        let Order { choice, sequence, streams } = &self.order;
        let pass = Pass { number: self.position.pass, streams: *streams };
        let walk = self.walk.get_or_insert_with(|| choice.walk(pass, sequence, range.start));
        walk.feed(sequence, range, ids);
    }
}

impl Persist for Cursor {
    /// The position is the whole state: the pass of a shuffle buffer is repeated on loading.
    fn save(&self, out: &mut Saver<'_>) {
        (self.position.pass, self.position.offset).save(out);
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        let mut place = (0, 0);
        place.load(from)?;
        let (pass, offset) = place;
        if offset >= self.order.examples() {
            return Err(from.wrong("a place behind the end of a pass"));
        }
        self.seek(Position { pass, offset });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
