//! A generated e-commerce search log, day by day, whose ground truth is known.
//!
//! Every example is a pure function of (configuration, seed, id): any id can be read at any time,
//! and a log of 10^9 rows takes no more memory than one of 10^7. The tables in memory (users,
//! brands and category directions) are smaller than a model of the log; sessions of a shorter log
//! are kept after they were generated (`pages.rs`).
//!
//! Ids count impressions in the order of time: `id = day x rows_per_day + row`. Rows come in
//! sessions of `impressions_per_session`, from the top of the page down. A session has a user
//! (drawn by activity), an instant, a category (mostly one of the user's favourites at the time),
//! and items drawn by popularity; few items appear twice in a session. Tastes, item quality and
//! category trends drift (`drift.rs`); items are replaced (`shop.rs`); the history contains the
//! user's own events before the day began (`users.rs`). The click probability is the logistic
//! function of a weighted sum of effects (`truth.rs`), scaled to the requested best possible AUC
//! (`calibrate.rs`).

mod alias;
mod bayes;
mod calibrate;
mod config;
mod draws;
mod drift;
mod logistic;
mod pages;
mod sample;
mod session;
mod shop;
mod truth;
mod users;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use bayes::Bayes;
pub use config::{Config, MAX_ITEM_IDS, MAX_ROWS, SyntheticError, Weights};

use bayes::ExampleOutcome;
use calibrate::{Calibration, calibrate};
use pages::{Pages, SessionPage};
use session::{LogPlace, Session, World};
use shop::Item;
use truth::Truth;

use super::{OpenContext, SourceConfig};
use crate::base::Streams;
use crate::data::{
    Batch, DataError, DataSource, Day, ExampleInfo, Field, History, HistoryColumn, IdSpace, Schema,
};

/// The fields, in the order of the schema; each has its own id space of the same name and index.
const FIELDS: [&str; 5] = ["user", "item", "category", "brand", "position"];
const ITEM: usize = 1;
const CATEGORY: usize = 2;

/// A generated log; see the [module](self).
#[derive(Debug)]
pub struct Synthetic {
    config: Config,
    world: World,
    truth: Truth,
    calibration: Calibration,
    schema: Schema,
    days: Vec<Day>,
    streams: Streams,
    /// Sessions that have been generated, unless the log is too long to keep them.
    pages: Option<Pages>,
    /// The scores of the truth on the sessions that the log is calibrated on.
    on_sample: Bayes,
}

/// One impression: the shown item and the chance of a click.
struct Impression {
    session: u64,
    position: u32,
    item: u32,
    probability: f64,
}

/// The data of one example that a model may see, besides the history.
struct VisibleExample {
    id: u64,
    place: LogPlace,
    user: u32,
    item: u32,
    clicked: bool,
}

impl SourceConfig for Config {
    fn draws(&self) -> bool {
        true
    }

    fn open(&self, context: &OpenContext<'_>) -> Result<Arc<dyn DataSource>, DataError> {
        Ok(Arc::new(Synthetic::new(self, context.streams)?))
    }
}

impl Synthetic {
    /// Prepares the log that `config` and the seed of `streams` describe.
    ///
    /// # Errors
    /// If a number is out of its range, the log exceeds the limits, or the AUC cannot be met.
    pub fn new(config: &Config, streams: Streams) -> Result<Synthetic, SyntheticError> {
        config.check()?;
        let world = World::new(config, streams);
        let truth = Truth::new(config, streams, &world);
        let mut log = Synthetic {
            config: config.clone(),
            schema: schema(config),
            days: days(config),
            pages: Pages::of(config),
            calibration: Calibration { scale: 1.0, shift: 0.0 },
            streams,
            on_sample: Bayes::of(Vec::new()),
            world,
            truth,
        };
        let sample = log.sample(&log.sample_sessions());
        log.calibration = calibrate(&sample.impressions, config)?;
        log.on_sample = log.settle(&sample);
        Ok(log)
    }

    /// The configuration of the log.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The scores of a model that knows the truth, on the examples `ids` with their labels.
    ///
    /// # Panics
    /// If an id is not in the log.
    pub fn bayes(&self, ids: &[u64]) -> Bayes {
        let mut outcomes = Vec::with_capacity(ids.len());
        self.each(ids, |shown| {
            outcomes.push(ExampleOutcome {
                session: shown.session,
                probability: shown.probability,
                clicked: self.clicked(&shown),
            });
        });
        Bayes::of(outcomes)
    }

    /// Generates the impressions `ids` one after the other. Neighbours of one session share its
    /// preparation; the result does not depend on it.
    fn each(&self, ids: &[u64], mut use_it: impl FnMut(Impression)) {
        let mut session = Session::default();
        for &id in ids {
            let LogPlace { session: number, position, .. } = self.place(id);
            use_it(self.impression(number, position, &mut session));
        }
    }

    /// The place of an example in the log.
    fn place(&self, id: u64) -> LogPlace {
        assert!(id < self.config.rows(), "example {id} is not in the log");
        self.world.place(id)
    }

    /// The impression at a position of a session.
    fn impression(&self, number: u64, position: u32, session: &mut Session) -> Impression {
        let (effects, mut shown) = self.show(number, position, session);
        shown.probability = self.truth.probability(effects, session.day, self.calibration);
        shown
    }

    /// The impression at a position of a session and the sum of the effects on its click; its
    /// probability is not yet known.
    fn show(&self, number: u64, position: u32, session: &mut Session) -> (f64, Impression) {
        if self.world.enter(number, session) {
            self.truth.enter(&self.world, session);
        }
        let item = self.world.shown(session, position);
        let effects = |item: &Item| self.truth.effects(&self.world, session, item, position);
        let effects = self.world.shop().item(item, effects);
        (effects, Impression { session: number, position, item, probability: f64::NAN })
    }

    fn clicked(&self, shown: &Impression) -> bool {
        self.world.click_draw(shown.session, shown.position) < shown.probability
    }

    /// Reads examples whose sessions are not kept.
    fn read_anew(&self, ids: &[u64], batch: &mut Batch) {
        let mut session = Session::default();
        for &id in ids {
            let place = self.place(id);
            let shown = self.impression(place.session, place.position, &mut session);
            let clicked = self.clicked(&shown);
            let example =
                VisibleExample { id, place, user: session.user, item: shown.item, clicked };
            self.push(&example, session.events.iter().map(|e| [e.item, e.category]), batch);
        }
    }

    /// Reads examples whose sessions are kept.
    fn read_kept(&self, ids: &[u64], pages: &Pages, batch: &mut Batch) {
        let place = |&id| {
            let place = self.place(id);
            (id, place, pages.page(place.day, place.of_day))
        };
        let places: Vec<_> = ids.iter().map(place).collect();
        // First all words are read without work in between, so that accesses to distant memory
        // overlap.
        let look =
            |place: &LogPlace, page: SessionPage<'_>| (page.user(), page.shown(place.position));
        let mut kept: Vec<_> = places.iter().map(|(_, place, page)| look(place, *page)).collect();
        let mut scratch = Session::default();
        for ((_, place, page), kept) in places.iter().zip(&mut kept) {
            if kept.0.is_none() {
                self.keep(place, *page, &mut scratch);
                *kept = look(place, *page);
            }
        }
        for ((id, place, page), (user, (item, clicked))) in places.into_iter().zip(kept) {
            let user = user.expect("it is kept by now");
            self.push(&VisibleExample { id, place, user, item, clicked }, page.events(), batch);
        }
    }

    /// Generates the session of a place and keeps it.
    fn keep(&self, place: &LogPlace, page: SessionPage<'_>, scratch: &mut Session) {
        for position in 0..self.world.shown_in(place.of_day) {
            let shown = self.impression(place.session, position, scratch);
            page.keep_shown(position, shown.item, self.clicked(&shown));
        }
        page.keep_events(&scratch.events);
        page.open(scratch.user);
    }

    /// Appends one example, and item and category of its events, to a batch.
    fn push(
        &self,
        example: &VisibleExample,
        events: impl Iterator<Item = [u32; 2]>,
        batch: &mut Batch,
    ) {
        let VisibleExample { id, place, user, item, clicked } = *example;
        let (category, brand) = self.world.shop().item(item, |item| (item.category, item.brand));
        batch.labels.push(f32::from(u8::from(clicked)));
        batch.fields.extend([user, item, category, brand, place.position]);
        for event in events {
            batch.history.extend(event);
        }
        batch.history_offsets.push((batch.history.len() / 2) as u32);
        batch.info.push(ExampleInfo { id, day: place.day + 1, group: place.session });
    }
}

impl DataSource for Synthetic {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn days(&self) -> &[Day] {
        &self.days
    }

    fn read(&self, ids: &[u64], batch: &mut Batch) {
        batch.clear();
        match &self.pages {
            Some(pages) => self.read_kept(ids, pages, batch),
            None => self.read_anew(ids, batch),
        }
    }

    fn truth(&self, ids: &[u64]) -> Option<Vec<f64>> {
        let mut probabilities = Vec::with_capacity(ids.len());
        self.each(ids, |shown| probabilities.push(shown.probability));
        Some(probabilities)
    }

    fn bytes(&self) -> u64 {
        self.pages.as_ref().map_or(0, |_| Pages::bytes(&self.config))
    }

    fn facts(&self) -> Vec<(String, String)> {
        let config = &self.config;
        let bayes = &self.on_sample;
        let per_user = config.rows() as f64 / f64::from(config.users);
        let fact = |name: &str, value: String| (name.to_string(), value);
        vec![
            fact("rows", config.rows().to_string()),
            fact("days", config.days.to_string()),
            fact("sessions", (u64::from(config.days) * config.sessions_per_day()).to_string()),
            fact("users", config.users.to_string()),
            fact("impressions per user", format!("{per_user:.1}")),
            fact("items on offer", config.items.to_string()),
            fact("items over all days", config.item_ids().to_string()),
            fact("categories", config.categories.to_string()),
            fact("brands", config.brands.to_string()),
            fact("base rate", format!("{:.4}", bayes.base_rate)),
            fact("Bayes AUC asked for", format!("{:.4}", config.target_bayes_auc)),
            fact("Bayes AUC", format!("{:.4}", bayes.auc)),
            fact("Bayes session AUC", format!("{:.4}", bayes.session_auc)),
            fact("Bayes log-loss", format!("{:.4}", bayes.log_loss)),
            fact("Bayes figures from", format!("{} impressions", bayes.examples)),
        ]
    }
}

fn schema(config: &Config) -> Schema {
    let rows = [
        config.users,
        config.item_ids() as u32,
        config.categories,
        config.brands,
        config.impressions_per_session,
    ];
    let column = |field: usize| HistoryColumn { space: field, target: field };
    Schema {
        spaces: FIELDS
            .iter()
            .zip(rows)
            .map(|(name, rows)| IdSpace { name: name.to_string(), rows })
            .collect(),
        fields: FIELDS
            .iter()
            .enumerate()
            .map(|(space, name)| Field { name: name.to_string(), space })
            .collect(),
        history: (config.history_length > 0).then(|| History {
            max_len: config.history_length as usize,
            columns: vec![column(ITEM), column(CATEGORY)],
        }),
        numeric: Vec::new(),
        group: "session".to_string(),
    }
}

fn days(config: &Config) -> Vec<Day> {
    (0..config.days)
        .map(|day| Day {
            number: day + 1,
            first: u64::from(day) * config.rows_per_day,
            examples: config.rows_per_day,
        })
        .collect()
}
