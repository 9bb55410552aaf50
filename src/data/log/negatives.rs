//! Draws items that a user never touched.

use rand::RngExt;

use super::events::OrderedEvents;
use crate::base::Rng;

/// Rejected draws after which the untouched items are listed instead.
const TRIES: u32 = 64;

/// A user with at least one event per this many items has a bit per item: at most 16 bytes per
/// event, and one access instead of a search.
const DENSE: usize = 128;

/// The items that every user touched.
#[derive(Clone, Debug)]
struct Touched {
    /// The users' items; sorted for each user without bits.
    items: Vec<u32>,
    starts: Vec<usize>,
    /// Bits for all items, in words, for each user with bits.
    bits: Vec<u64>,
    /// Where a user's bits begin.
    first_bits: Vec<Option<usize>>,
    /// Number of words for one user's bits.
    words: usize,
}

/// The items that one user touched.
#[derive(Clone, Copy, Debug)]
enum Items<'a> {
    Sorted(&'a [u32]),
    Bits(&'a [u64]),
}

impl Touched {
    fn new(ordered: &OrderedEvents) -> Touched {
        let mut items = vec![0; ordered.len()];
        for (item, position) in ordered.items.iter().zip(&ordered.positions) {
            items[*position as usize] = *item;
        }
        let count = ordered.item_count() as usize;
        let words = count.div_ceil(64);
        let (mut bits, mut first_bits) = (Vec::new(), Vec::new());
        for bounds in ordered.starts.windows(2) {
            let items = &mut items[bounds[0]..bounds[1]];
            if items.len() * DENSE < count {
                items.sort_unstable();
                first_bits.push(None);
                continue;
            }
            let first = bits.len();
            first_bits.push(Some(first));
            bits.resize(first + words, 0);
            for item in items {
                bits[first + *item as usize / 64] |= 1 << (*item % 64);
            }
        }
        Touched { items, starts: ordered.starts.clone(), bits, first_bits, words }
    }

    fn of(&self, user: u32) -> Items<'_> {
        let user = user as usize;
        match self.first_bits[user] {
            Some(first) => Items::Bits(&self.bits[first..first + self.words]),
            None => Items::Sorted(&self.items[self.starts[user]..self.starts[user + 1]]),
        }
    }
}

impl Items<'_> {
    #[inline]
    fn has(self, item: u32) -> bool {
        match self {
            Items::Sorted(items) => items.binary_search(&item).is_ok(),
            Items::Bits(bits) => bits[item as usize / 64] >> (item % 64) & 1 == 1,
        }
    }
}

/// Draws negatives. Rejection and the list of untouched items give the same distribution.
#[derive(Clone, Debug)]
pub(crate) struct Sampler {
    items: u32,
    touched: Touched,
    /// Items of training events, from which popular items are drawn; empty for uniform draws.
    train_items: Vec<u32>,
    /// Weight of each item: 1, or its number of training events.
    weights: Vec<u32>,
}

impl Sampler {
    /// All untouched items are equally likely.
    pub(crate) fn uniform(ordered: &OrderedEvents) -> Sampler {
        let items = ordered.item_count();
        Sampler {
            items,
            touched: Touched::new(ordered),
            train_items: Vec::new(),
            weights: vec![1; items as usize],
        }
    }

    /// Untouched items in proportion to their number of occurrences in `train_items`.
    pub(crate) fn by_popularity(ordered: &OrderedEvents, train_items: Vec<u32>) -> Sampler {
        let mut weights = vec![0; ordered.item_count() as usize];
        train_items.iter().for_each(|item| weights[*item as usize] += 1);
        Sampler { train_items, weights, ..Sampler::uniform(ordered) }
    }

    /// An item that `user` never touched; `None` if none can be drawn.
    pub(crate) fn draw(&self, user: u32, rng: &mut Rng) -> Option<u32> {
        let touched = self.touched.of(user);
        let is_new = |item: &u32| !touched.has(*item);
        let by_popularity = !self.train_items.is_empty();
        for _ in 0..TRIES {
            let item = match by_popularity {
                true => self.train_items[rng.random_range(0..self.train_items.len())],
                false => rng.random_range(0..self.items),
            };
            if is_new(&item) {
                return Some(item);
            }
        }
        let weight = |item: &u32| u64::from(self.weights[*item as usize]);
        let total: u64 = (0..self.items).filter(is_new).map(|item| weight(&item)).sum();
        let mut rest = if total == 0 {
            return None;
        } else {
            rng.random_range(0..total)
        };
        (0..self.items).filter(is_new).find(|item| {
            let weight = weight(item);
            let found = rest < weight;
            rest = rest.saturating_sub(weight);
            found
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Purpose, Streams};
    use crate::data::log::events::Events;
    use crate::data::reading::stamp::Stamp;

    /// User 0 touched items 0..98 of 100; user 1 touched the last two, item 99 three times.
    fn ordered() -> OrderedEvents {
        let mut events = Events::new();
        for item in 0..98u32 {
            events.push("greedy".into(), item.to_string().as_str().into(), Stamp(i64::from(item)));
        }
        for (time, item) in [(200, "98"), (201, "99"), (202, "99"), (203, "99")] {
            events.push("other".into(), item.into(), Stamp(time));
        }
        OrderedEvents::new(events, false)
    }

    fn share_of_last(sampler: &Sampler) -> f64 {
        let streams = Streams::new(5);
        let draws = 4000;
        let last = (0..draws)
            .filter(|count| {
                let item = sampler.draw(0, &mut streams.rng(Purpose::Negative, 0, *count)).unwrap();
                assert!(item >= 98, "item {item} was touched");
                item == 99
            })
            .count();
        last as f64 / draws as f64
    }

    #[test]
    fn untouched_items_are_drawn_as_stated() {
        let ordered = ordered();
        assert!((share_of_last(&Sampler::uniform(&ordered)) - 0.5).abs() < 0.04);
        let popular = Sampler::by_popularity(&ordered, ordered.items.clone());
        assert!((share_of_last(&popular) - 0.75).abs() < 0.04);
    }

    #[test]
    fn bits_and_lists_hold_the_same_items() {
        let mut events = Events::new();
        for item in 0..700u32 {
            // Of 700 items, users 0 to 4 touch more than one in 128.
            let user = if item < 680 { item % 5 } else { item };
            events.push(
                user.to_string().as_str().into(),
                item.to_string().as_str().into(),
                Stamp(0),
            );
        }
        let ordered = OrderedEvents::new(events, false);
        let touched = Touched::new(&ordered);
        let lists = (0..25).filter(|user| matches!(touched.of(*user), Items::Sorted(_))).count();
        assert_eq!(lists, 20);
        for (event, user) in ordered.users.iter().enumerate() {
            for other in 0..25 {
                assert_eq!(touched.of(other).has(ordered.items[event]), other == *user);
            }
        }
    }

    #[test]
    fn a_user_who_touched_everything_has_no_negative() {
        let mut events = Events::new();
        events.push("u".into(), "a".into(), Stamp(1));
        events.push("u".into(), "b".into(), Stamp(2));
        let ordered = OrderedEvents::new(events, false);
        let mut rng = Streams::new(1).rng(Purpose::Negative, 0, 1);
        assert_eq!(Sampler::uniform(&ordered).draw(0, &mut rng), None);
    }
}
