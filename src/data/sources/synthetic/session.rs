//! Generated search sessions: the user, the time, the category, and the shown items.

use super::config::Config;
use super::draws::{Draws, Latent};
use super::shop::Shop;
use super::users::{HistoryEvent, Users};
use crate::base::{Purpose, Streams};

/// A shown item that is already on the page is drawn again, at most this many times.
const REDRAWS: u32 = 8;
/// Words of a session's stream before the first place on the page, and per place.
const HEAD_WORDS: u64 = 8;
const PLACE_WORDS: u64 = 16;

/// Users, shop and sessions: everything except the clicks.
#[derive(Clone, Debug)]
pub(super) struct World {
    streams: Streams,
    users: Users,
    shop: Shop,
    rows_per_day: u64,
    sessions_per_day: u64,
    impressions: u64,
    focus: f64,
}

/// The place of an example in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LogPlace {
    /// 0-based day.
    pub(super) day: u32,
    /// Number of its session within the day.
    pub(super) of_day: u64,
    /// Number of its session in the log.
    pub(super) session: u64,
    /// Position on the page.
    pub(super) position: u32,
}

/// One session; its memory is reused from session to session.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    /// Number of the session in the log; `None` before the first use.
    number: Option<u64>,
    /// 0-based day.
    pub(super) day: u32,
    /// Instant in days since the log began.
    pub(super) time: f64,
    /// The user who searches.
    pub(super) user: u32,
    /// The user's taste at the time.
    pub(super) taste: Latent,
    /// The user's recent events, the newest first.
    pub(super) events: Vec<HistoryEvent>,
    /// The category searched for, and its trend at the time.
    pub(super) category: u32,
    pub(super) trend: f32,
    /// Draws of the places on the page.
    places: Option<Draws>,
    /// Slots shown so far, from the top of the page.
    slots: Vec<u32>,
}

impl World {
    /// The world that a configuration describes.
    pub(super) fn new(config: &Config, streams: Streams) -> World {
        World {
            streams,
            users: Users::new(config, streams),
            shop: Shop::new(config, streams),
            rows_per_day: config.rows_per_day,
            sessions_per_day: config.sessions_per_day(),
            impressions: u64::from(config.impressions_per_session),
            focus: config.session_focus,
        }
    }

    /// The shop.
    pub(super) fn shop(&self) -> &Shop {
        &self.shop
    }

    /// The place of an example in the log.
    pub(super) fn place(&self, id: u64) -> LogPlace {
        let (day, row) = (id / self.rows_per_day, id % self.rows_per_day);
        let of_day = row / self.impressions;
        LogPlace {
            day: day as u32,
            of_day,
            session: day * self.sessions_per_day + of_day,
            position: (row % self.impressions) as u32,
        }
    }

    /// Day and number within the day of a session.
    pub(super) fn day_of(&self, session: u64) -> (u32, u64) {
        ((session / self.sessions_per_day) as u32, session % self.sessions_per_day)
    }

    /// Impressions of a session, given its number within its day; the last one may be short.
    pub(super) fn shown_in(&self, of_day: u64) -> u32 {
        self.impressions.min(self.rows_per_day - of_day * self.impressions) as u32
    }

    /// Makes `session` the session with this number, without the trend of its category; `false` if
    /// it already is.
    pub(super) fn enter(&self, number: u64, session: &mut Session) -> bool {
        if session.number == Some(number) {
            return false;
        }
        let (day, of_day) = self.day_of(number);
        let draws = Draws::new(self.streams.key(Purpose::Session, u64::from(day), of_day));
        let mut head = draws;
        session.number = Some(number);
        session.day = day;
        session.time = f64::from(day) + of_day as f64 / self.sessions_per_day as f64;
        session.user = self.users.draw(&mut head);
        let mut user = self.users.user(session.user, &self.shop);
        session.taste = user.taste(session.time);
        session.category = user.category(session.time, &mut head);
        user.history(session.day, &mut session.events);
        session.places = Some(draws.skip(HEAD_WORDS));
        session.slots.clear();
        true
    }

    /// The item at a position on the page of a session that was entered.
    pub(super) fn shown(&self, session: &mut Session, position: u32) -> u32 {
        let places = session.places.expect("a session is entered before it is read");
        while session.slots.len() <= position as usize {
            let place = session.slots.len() as u64;
            let mut draws = places.skip(place * PLACE_WORDS);
            let focused = draws.unit() < self.focus;
            let word = draws.word();
            let category =
                if focused { session.category } else { self.shop.popular_category(word) };
            let mut slot = self.shop.draw_slot(category, &mut draws);
            for _ in 0..REDRAWS {
                if !session.slots.contains(&slot) {
                    break;
                }
                slot = self.shop.draw_slot(category, &mut draws);
            }
            session.slots.push(slot);
        }
        let slot = session.slots[position as usize];
        self.shop.item_on(slot, i64::from(session.day))
    }

    /// The uniform number that decides about the click on an impression.
    pub(super) fn click_draw(&self, session: u64, position: u32) -> f64 {
        self.streams.uniform(Purpose::Impression, session, u64::from(position))
    }
}
