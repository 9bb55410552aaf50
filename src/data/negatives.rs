//! Drawing items that a user never touched.

use rand::RngExt;

use super::events::Timeline;
use crate::base::Rng;

/// Rejected draws after which the untouched items are listed instead.
const TRIES: u32 = 64;

/// Draws negatives; the distribution is that of the untouched items, whichever way they are found.
#[derive(Clone, Debug)]
pub(crate) struct Sampler {
    items: u32,
    /// The users' items, sorted within each user.
    touched: Vec<u32>,
    starts: Vec<usize>,
    /// Items of training events, from which popular ones are drawn; empty for uniform draws.
    train_items: Vec<u32>,
    /// Weight of each item: 1, or its training events.
    weights: Vec<u32>,
}

impl Sampler {
    /// All untouched items are equally likely.
    pub(crate) fn uniform(timeline: &Timeline) -> Sampler {
        let mut touched = vec![0; timeline.len()];
        for (item, position) in timeline.items.iter().zip(&timeline.positions) {
            touched[*position as usize] = *item;
        }
        for bounds in timeline.starts.windows(2) {
            touched[bounds[0]..bounds[1]].sort_unstable();
        }
        let items = timeline.item_count();
        Sampler {
            items,
            touched,
            starts: timeline.starts.clone(),
            train_items: Vec::new(),
            weights: vec![1; items as usize],
        }
    }

    /// Untouched items in proportion to their number of occurrences in `train_items`.
    pub(crate) fn by_popularity(timeline: &Timeline, train_items: Vec<u32>) -> Sampler {
        let mut weights = vec![0; timeline.item_count() as usize];
        train_items.iter().for_each(|item| weights[*item as usize] += 1);
        Sampler { train_items, weights, ..Sampler::uniform(timeline) }
    }

    /// An item that `user` never touched; `None` if there is none that could be drawn.
    pub(crate) fn draw(&self, user: u32, rng: &mut Rng) -> Option<u32> {
        let user = user as usize;
        let touched = &self.touched[self.starts[user]..self.starts[user + 1]];
        let is_new = |item: &u32| touched.binary_search(item).is_err();
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
    use crate::data::events::Events;
    use crate::data::stamp::Stamp;

    /// User 0 touched items 0..98 of 100; users 1 touched the last two, item 99 three times.
    fn timeline() -> Timeline {
        let mut events = Events::new();
        for item in 0..98u32 {
            events.push("greedy".into(), item.to_string().as_str().into(), Stamp(i64::from(item)));
        }
        for (time, item) in [(200, "98"), (201, "99"), (202, "99"), (203, "99")] {
            events.push("other".into(), item.into(), Stamp(time));
        }
        Timeline::new(events, false)
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
        let timeline = timeline();
        assert!((share_of_last(&Sampler::uniform(&timeline)) - 0.5).abs() < 0.04);
        let popular = Sampler::by_popularity(&timeline, timeline.items.clone());
        assert!((share_of_last(&popular) - 0.75).abs() < 0.04);
    }

    #[test]
    fn a_user_who_touched_everything_has_no_negative() {
        let mut events = Events::new();
        events.push("u".into(), "a".into(), Stamp(1));
        events.push("u".into(), "b".into(), Stamp(2));
        let timeline = Timeline::new(events, false);
        let mut rng = Streams::new(1).rng(Purpose::Negative, 0, 1);
        assert_eq!(Sampler::uniform(&timeline).draw(0, &mut rng), None);
    }
}
