//! Sessions that are kept after they were generated. The examples of a shuffled order come from
//! different sessions, and preparing a session costs more than showing one of its items.
//!
//! A session takes few bytes, since random access to a large table is slow: an event and its
//! category are one word, and only the number of a shown item is kept. Several threads may generate
//! the same session at the same time; they write the same numbers.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::config::{Config, MAX_CATEGORIES};
use super::shop::LISTED;
use super::users::HistoryEvent;

/// Sessions are kept if all sessions of the log take no more than this and all items are listed;
/// other logs are generated again at every reading.
const MOST_BYTES: u64 = 64 << 20;

/// Marks the missing events of a short history: no category has this number.
const NONE: u32 = u32::MAX;
/// Marks an item that was clicked; ids of items are smaller.
const CLICKED: u32 = 1 << 31;
/// The lower bits of an event are its item, the higher ones its category.
const ITEM_BITS: u32 = LISTED.trailing_zeros();
const _: () = assert!(LISTED.is_power_of_two() && MAX_CATEGORIES < u32::MAX >> ITEM_BITS);

/// The sessions of a log; those of a day are allocated when one of them is first needed.
#[derive(Debug)]
pub(super) struct Pages {
    days: Vec<OnceLock<Vec<AtomicU32>>>,
    sessions_per_day: u64,
    impressions: usize,
    events: usize,
}

/// The data of one session: its user, counted from one, or zero before it was generated; then the
/// user's events, and the items shown.
#[derive(Clone, Copy)]
pub(super) struct SessionPage<'a> {
    words: &'a [AtomicU32],
    events: usize,
}

impl Pages {
    /// Memory for the sessions of a log; `None` if they are not kept.
    pub(super) fn of(config: &Config) -> Option<Pages> {
        let kept = Pages::bytes(config) <= MOST_BYTES && config.item_ids() <= LISTED;
        kept.then(|| Pages {
            days: (0..config.days).map(|_| OnceLock::new()).collect(),
            sessions_per_day: config.sessions_per_day(),
            impressions: config.impressions_per_session as usize,
            events: config.history_length as usize,
        })
    }

    /// Bytes of all sessions of a log.
    pub(super) fn bytes(config: &Config) -> u64 {
        let words =
            1 + u64::from(config.history_length) + u64::from(config.impressions_per_session);
        4 * words * u64::from(config.days) * config.sessions_per_day()
    }

    /// The memory of a session of a day (0-based).
    pub(super) fn page(&self, day: u32, of_day: u64) -> SessionPage<'_> {
        let words = 1 + self.events + self.impressions;
        let of_days = self.days[day as usize].get_or_init(|| {
            let all = self.sessions_per_day as usize * words;
            std::iter::repeat_with(|| AtomicU32::new(0)).take(all).collect()
        });
        SessionPage { words: &of_days[of_day as usize * words..][..words], events: self.events }
    }
}

impl SessionPage<'_> {
    /// The user, if the session can be read.
    pub(super) fn user(self) -> Option<u32> {
        // This read also sees everything that was written before the user.
        self.words[0].load(Ordering::Acquire).checked_sub(1)
    }

    /// Keeps the item shown at a position.
    pub(super) fn keep_shown(self, position: u32, item: u32, clicked: bool) {
        let word = item | if clicked { CLICKED } else { 0 };
        self.shown_at(position).store(word, Ordering::Relaxed);
    }

    /// Marks the item at a position as clicked.
    pub(super) fn click(self, position: u32) {
        self.shown_at(position).fetch_or(CLICKED, Ordering::Relaxed);
    }

    /// Keeps the events, the newest first.
    pub(super) fn keep_events(self, events: &[HistoryEvent]) {
        let past = &self.words[1..=self.events];
        let words = events.iter().map(|event| event.category << ITEM_BITS | event.item);
        for (word, event) in past.iter().zip(words.chain(std::iter::repeat(NONE))) {
            word.store(event, Ordering::Relaxed);
        }
    }

    /// Sets the user, after everything else was written: from now on the session can be read.
    pub(super) fn open(self, user: u32) {
        self.words[0].store(user + 1, Ordering::Release);
    }

    /// The item at a position, and whether it was clicked; meaningless before the session can be
    /// read.
    pub(super) fn shown(self, position: u32) -> (u32, bool) {
        let word = self.shown_at(position).load(Ordering::Relaxed);
        (word & !CLICKED, word & CLICKED != 0)
    }

    fn shown_at(&self, position: u32) -> &AtomicU32 {
        &self.words[1 + self.events + position as usize]
    }

    /// Item and category of the user's events, the newest first.
    pub(super) fn events(self) -> impl Iterator<Item = [u32; 2]> {
        let past = self.words[1..=self.events].iter().map(|word| word.load(Ordering::Relaxed));
        let parts = |event| [event & (LISTED as u32 - 1), event >> ITEM_BITS];
        past.take_while(|&event| event != NONE).map(parts)
    }
}
