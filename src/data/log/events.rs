//! Interactions as they are read, and then ordered: by time, with dense ids, by user.

use rustc_hash::FxHashSet;

use super::missing::missing_text;
use super::vocabulary::{Numbering, Vocabulary};
use crate::data::reading::stamp::Stamp;
use crate::data::reading::text::Text;
use crate::data::{Ids, Remark};

const NO_CATEGORY: u32 = u32::MAX;

/// Interactions in the order of the files.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    user_names: Vocabulary,
    item_names: Vocabulary,
    category_names: Vocabulary,
    users: Vec<u32>,
    items: Vec<u32>,
    stamps: Vec<Stamp>,
    /// Code of the category per item code.
    category_of: Vec<u32>,
    /// The earliest time of rows that the user's own rule leaves out: days keep their numbers.
    pub(crate) earliest: Option<Stamp>,
    /// Whether the times are dates, and not mere numbers of days.
    pub(crate) has_dates: bool,
}

impl Events {
    /// No events.
    pub(crate) fn new() -> Events {
        Events {
            user_names: Vocabulary::new(0),
            item_names: Vocabulary::new(0),
            category_names: Vocabulary::new(0),
            users: Vec::new(),
            items: Vec::new(),
            stamps: Vec::new(),
            category_of: Vec::new(),
            earliest: None,
            has_dates: true,
        }
    }

    /// Notes the time of a row that is left out.
    pub(crate) fn leave_out(&mut self, stamp: Stamp) {
        self.earliest = Some(self.earliest.map_or(stamp, |earliest| earliest.min(stamp)));
    }

    /// Number of events.
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    /// Adds one event.
    pub(crate) fn push(&mut self, user: Text, item: Text, stamp: Stamp) {
        self.users.push(self.user_names.code(user));
        self.items.push(self.item_names.code(item));
        self.stamps.push(stamp);
        if self.category_of.len() < self.item_names.len() {
            self.category_of.push(NO_CATEGORY);
        }
    }

    /// Adds events: their times, and the cells in the columns of the user and of the item.
    #[inline(always)]
    pub(crate) fn extend<'t>(
        &mut self,
        stamps: &[Stamp],
        (user, item): (usize, usize),
        cell: impl Fn(usize, usize) -> Text<'t>,
    ) {
        let rows = stamps.len();
        self.stamps.extend_from_slice(stamps);
        self.user_names.codes(rows, |row| cell(row, user), |_, code| self.users.push(code));
        self.item_names.codes(rows, |row| cell(row, item), |_, code| self.items.push(code));
        self.category_of.resize(self.item_names.len(), NO_CATEGORY);
    }

    /// Sets the category of an item. Its first category that is not empty counts; items without
    /// events are ignored.
    pub(crate) fn set_category(&mut self, item: Text, category: Text) {
        if let Some(code) = self.item_names.get(item) {
            let slot = &mut self.category_of[code as usize];
            if *slot == NO_CATEGORY && !category.is_empty() {
                *slot = self.category_names.code(category);
            }
        }
    }

    /// Texts for empty cells among the ids of the columns `user` and `item`.
    pub(crate) fn remarks(&self, user: &str, item: &str) -> Vec<Remark> {
        let users = missing_text(user, &self.user_names, self.users.iter());
        let items = missing_text(item, &self.item_names, self.items.iter());
        users.into_iter().chain(items).collect()
    }

    /// Number of events that repeat an earlier one in user, item and time; `order` is by time.
    fn duplicates(&self, order: &[u32]) -> u64 {
        let mut at_once = Vec::new();
        let mut duplicates = 0;
        for events in order.chunk_by(|a, b| self.stamps[*a as usize] == self.stamps[*b as usize]) {
            if events.len() == 1 {
                continue;
            }
            at_once.clear();
            let pair = |event: usize| (self.users[event], self.items[event]);
            at_once.extend(events.iter().map(|event| pair(*event as usize)));
            at_once.sort_unstable();
            duplicates += at_once.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
        }
        duplicates
    }
}

/// Events in order of time (and of the files, at equal times).
///
/// Ids of users, items and categories are assigned by first occurrence in that order.
#[derive(Clone, Debug)]
pub(crate) struct OrderedEvents {
    pub(crate) users: Vec<u32>,
    pub(crate) items: Vec<u32>,
    pub(crate) stamps: Vec<Stamp>,
    /// Position of each event in the users' sequences, which are stored one after the other.
    pub(crate) positions: Vec<u32>,
    /// Where each user's sequence begins, and the end of the last.
    pub(crate) starts: Vec<usize>,
    /// For each position, the first position of the same user with the same time.
    pub(crate) same_stamp: Vec<u32>,
    /// Category of each item.
    pub(crate) category_of: Vec<u32>,
    /// Number of categories; at least one.
    pub(crate) categories: u32,
    /// Number of events, including dropped ones, that repeat another in user, item and time.
    pub(crate) duplicates: u64,
    /// The ids of users, items and categories, in the order of their rows.
    pub(crate) ids: [Option<Ids>; 3],
}

impl OrderedEvents {
    /// Sorts and numbers `events`, fewer than 2^32; with `first_only`, a user's later events with
    /// an item are dropped.
    pub(crate) fn new(events: Events, first_only: bool) -> OrderedEvents {
        let mut order: Vec<u32> = (0..events.len() as u32).collect();
        if !events.stamps.is_sorted() {
            order.sort_by_key(|event| events.stamps[*event as usize]);
        }
        let duplicates = events.duplicates(&order);
        if first_only {
            let mut seen = FxHashSet::default();
            let pair = |event: usize| (events.users[event], events.items[event]);
            order.retain(|event| seen.insert(pair(*event as usize)));
        }
        let mut user_ids = Numbering::new(events.user_names.len(), 0);
        let mut item_ids = Numbering::new(events.item_names.len(), 0);
        let mut category_ids = Numbering::new(events.category_names.len() + 1, 0);
        let unknown = events.category_names.len() as u32;
        let mut ordered = OrderedEvents {
            users: Vec::with_capacity(order.len()),
            items: Vec::with_capacity(order.len()),
            stamps: order.iter().map(|event| events.stamps[*event as usize]).collect(),
            positions: Vec::with_capacity(order.len()),
            starts: Vec::new(),
            same_stamp: Vec::new(),
            category_of: Vec::new(),
            categories: 0,
            duplicates,
            ids: Default::default(),
        };
        for event in order.into_iter().map(|event| event as usize) {
            ordered.users.push(user_ids.id(events.users[event]));
            let item = item_ids.id(events.items[event]);
            ordered.items.push(item);
            if item as usize == ordered.category_of.len() {
                let code = events.category_of[events.items[event] as usize];
                ordered.category_of.push(category_ids.id(code.min(unknown)));
            }
        }
        ordered.categories = category_ids.rows().max(1);
        let Events { user_names, item_names, category_names, .. } = &events;
        ordered.ids = [
            user_names.ids(Some(&user_ids)),
            item_names.ids(Some(&item_ids)),
            category_names.ids(Some(&category_ids)),
        ];
        ordered.lay_out(user_ids.rows() as usize);
        ordered
    }

    /// Number of events.
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    /// Number of users.
    pub(crate) fn user_count(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    /// Number of items.
    pub(crate) fn item_count(&self) -> u32 {
        self.category_of.len() as u32
    }

    fn lay_out(&mut self, users: usize) {
        let mut starts = vec![0; users + 1];
        for user in &self.users {
            starts[*user as usize + 1] += 1;
        }
        for user in 0..users {
            starts[user + 1] += starts[user];
        }
        let mut next = starts.clone();
        self.same_stamp = vec![0; self.len()];
        let mut last = vec![None; users];
        for (user, stamp) in self.users.iter().zip(&self.stamps) {
            let user = *user as usize;
            let position = next[user];
            next[user] += 1;
            self.positions.push(position as u32);
            let same = last[user] == Some(*stamp);
            self.same_stamp[position] =
                if same { self.same_stamp[position - 1] } else { position as u32 };
            last[user] = Some(*stamp);
        }
        self.starts = starts;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_keep_the_order_of_the_files() {
        let mut events = Events::new();
        for (user, item, time) in
            [("u", "c", 2), ("v", "a", 1), ("u", "b", 1), ("u", "a", 2), ("u", "a", 2)]
        {
            events.push(user.into(), item.into(), Stamp(time));
        }
        events.set_category("a".into(), "x".into());
        events.set_category("a".into(), "later word".into());
        events.set_category("never seen".into(), "y".into());
        let ordered = OrderedEvents::new(events.clone(), false);
        assert_eq!(
            (ordered.duplicates, OrderedEvents::new(events.clone(), true).duplicates),
            (1, 1)
        );
        assert_eq!(ordered.users, [0, 1, 1, 1, 1]);
        assert_eq!(ordered.items, [0, 1, 2, 0, 0]);
        assert_eq!(ordered.positions, [0, 1, 2, 3, 4]);
        assert_eq!(ordered.starts, [0, 1, 5]);
        assert_eq!(ordered.same_stamp, [0, 1, 2, 2, 2]);
        assert_eq!((ordered.category_of, ordered.categories), (vec![0, 1, 1], 2));
        assert_eq!(OrderedEvents::new(events, true).items, [0, 1, 2, 0]);
    }
}
