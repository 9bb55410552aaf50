//! Generated users: their activity, their taste at an instant, and their earlier events.

use super::alias::{Alias, power_weights};
use super::config::Config;
use super::draws::{Draws, FACTORS, Latent, Normal};
use super::drift::{Blend, Drift};
use super::shop::Shop;
use crate::base::{Purpose, Streams};

/// Rank offset of the activity power law: the most active users are not arbitrarily active.
const ACTIVITY_OFFSET: f64 = 10.0;
/// Own events (bought, viewed) per search session of a user, on average.
const EVENTS_PER_SESSION: f64 = 2.0;
/// Accounts are up to this old, in days, when the log begins; a new account has a short history.
const OLDEST_ACCOUNT: f64 = 60.0;
/// Chance that a search or event is outside the user's favourite categories.
const WHIM: f64 = 0.1;
/// Weight of each of two favourite categories in a taste; the rest is the user's own.
const FAVOURITE_WEIGHT: f32 = 0.6;

/// Words of the stream of knots reserved for one knot, and of the history for one event.
const WORDS: u64 = 16;

/// All users, as functions of their number.
#[derive(Clone, Debug)]
pub(super) struct Users {
    streams: Streams,
    activity: Alias,
    /// Events per day of each user.
    rates: Vec<f32>,
    drift: Drift,
    history_length: u64,
}

/// One event of a history.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct HistoryEvent {
    /// The item, by id.
    pub(super) item: u32,
    /// Its category.
    pub(super) category: u32,
    /// Its time, in days since the log began; negative before that.
    pub(super) time: f64,
}

/// One user, for queries about any instant.
#[derive(Debug)]
pub(super) struct User<'a> {
    users: &'a Users,
    shop: &'a Shop,
    /// Events per day.
    rate: f64,
    /// Age of the account, in days, when the log begins.
    age: f64,
    /// Shift of the knots of the user's taste.
    phase: f64,
    knots: Draws,
    events: Draws,
    /// The favourite categories at the last two knots used, by parity of the knot: moving forward
    /// in time needs no more.
    favourites: [(i64, [u32; 2]); 2],
}

impl Users {
    /// The users that a configuration describes.
    pub(super) fn new(config: &Config, streams: Streams) -> Users {
        let weights = power_weights(config.users, ACTIVITY_OFFSET, config.user_exponent);
        let per_day = config.sessions_per_day() as f64 * EVENTS_PER_SESSION;
        let total: f64 = weights.iter().sum();
        Users {
            streams,
            activity: Alias::new(&weights),
            rates: weights.iter().map(|w| (w / total * per_day) as f32).collect(),
            drift: Drift::new(config.taste_half_life_days),
            history_length: u64::from(config.history_length),
        }
    }

    /// The user of the next search.
    pub(super) fn draw(&self, draws: &mut Draws) -> u32 {
        self.activity.draw(draws)
    }

    /// The user with this number, in a given shop.
    pub(super) fn user<'a>(&'a self, number: u32, shop: &'a Shop) -> User<'a> {
        let who = u64::from(number);
        let mut draws = Draws::new(self.streams.key(Purpose::User, who, 0));
        User {
            users: self,
            shop,
            rate: f64::from(self.rates[number as usize]),
            age: draws.unit() * OLDEST_ACCOUNT,
            phase: draws.unit(),
            knots: Draws::new(self.streams.key(Purpose::Drift, who, 0)),
            events: Draws::new(self.streams.key(Purpose::History, who, 0)),
            favourites: [(i64::MIN, [0; 2]); 2],
        }
    }
}

impl User<'_> {
    /// The user's taste at an instant: unit variance per factor over users and time.
    pub(super) fn taste(&mut self, time: f64) -> Latent {
        let blend = self.users.drift.blend(self.phase, time);
        let before = self.taste_at_knot(blend.knot, self.shop.normal());
        let after = self.taste_at_knot(blend.knot + 1, self.shop.normal());
        std::array::from_fn(|i| blend.of(before[i], after[i]))
    }

    /// The category that the user searches or uses at an instant.
    pub(super) fn category(&mut self, time: f64, draws: &mut Draws) -> u32 {
        let blend = self.users.drift.blend(self.phase, time);
        self.category_at(blend, draws)
    }

    /// The user's last events before `day` began (0-based), newest first, up to the longest
    /// history.
    pub(super) fn history(&mut self, day: u32, events: &mut Vec<HistoryEvent>) {
        events.clear();
        // The `number`-th event is somewhere in the `number`-th of equal intervals since the user
        // joined; the day may begin inside the last interval.
        let begun = (self.rate * (f64::from(day) + self.age)) as u64;
        let oldest = begun.saturating_sub(self.users.history_length);
        for number in (oldest..=begun).rev() {
            let mut draws = self.events.skip(number.wrapping_mul(WORDS));
            let time = (number as f64 + draws.unit()) / self.rate - self.age;
            if time >= f64::from(day) {
                continue;
            }
            let category = self.category(time, &mut draws);
            let slot = self.shop.draw_slot(category, &mut draws);
            events.push(HistoryEvent {
                item: self.shop.item_on(slot, time.floor() as i64),
                category,
                time,
            });
        }
        events.truncate(self.users.history_length as usize);
    }

    fn category_at(&mut self, blend: Blend, draws: &mut Draws) -> u32 {
        let knot = blend.choose(draws.unit());
        let whim = draws.unit() < WHIM;
        let word = draws.word();
        if whim {
            self.shop.popular_category(word)
        } else {
            self.favourites_at(knot)[(word >> 63) as usize]
        }
    }

    /// Two different categories, popular ones more often.
    fn favourites_at(&mut self, knot: i64) -> [u32; 2] {
        let (of, favourites) = self.favourites[(knot & 1) as usize];
        if of == knot {
            return favourites;
        }
        let mut draws = self.knot_draws(knot).skip(2);
        let first = self.shop.popular_category(draws.word());
        let mut second = first;
        for _ in 0..WORDS - 4 {
            second = self.shop.popular_category(draws.word());
            if second != first {
                break;
            }
        }
        if second == first {
            second = (first + 1) % self.shop.categories();
        }
        self.favourites[(knot & 1) as usize] = (knot, [first, second]);
        [first, second]
    }

    /// The sum of the favourite categories' directions and of the user's own part.
    fn taste_at_knot(&mut self, knot: i64, normal: &Normal) -> Latent {
        let own_weight = (1.0 - 2.0 * FAVOURITE_WEIGHT * FAVOURITE_WEIGHT).sqrt();
        let [first, second] = self.favourites_at(knot).map(|c| self.shop.direction(c));
        let own = normal.latent(&mut self.knot_draws(knot));
        let mut taste = [0.0; FACTORS];
        for (i, value) in taste.iter_mut().enumerate() {
            *value = FAVOURITE_WEIGHT * (first[i] + second[i]) + own_weight * own[i];
        }
        taste
    }

    fn knot_draws(&self, knot: i64) -> Draws {
        self.knots.skip((knot as u64).wrapping_mul(WORDS))
    }
}
