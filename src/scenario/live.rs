//! Where the examples of a run come from: an order of its window, or a live stream.

use std::path::Path;
use std::sync::Arc;

use super::build::Prepared;
use super::build_error::{BuildError, MOST_TIMES};
use super::estimate::ResourceEstimate;
use super::seeds::SeededPart;
use super::spec::Scenario;
use crate::base::{SimSpan, SimTime};
use crate::cluster::StepTimeChoice;
use crate::data::order::Order;
use crate::data::{DataSource, Day};
use crate::model::Model;
use crate::online::{Delay, Drawn, Emitted, Items, Online, Requests, Stream};
use crate::params::Table;
use crate::server::ParameterServer;
use crate::sim::Limits;
use crate::sim::feed::Feed;
use crate::sim::serving::settings::Way;
use crate::sim::serving::{Beside, Serving, ServingRoom};

/// Memory of features that wait for an action, and of what is known of a request for ever.
const PER_WAITING: u64 = 24;
const PER_REQUEST: u64 = 1;
/// Memory of what is known of a row of the serving copy, and of a scored request.
const PER_SERVED_ROW: u64 = 17;
const PER_SCORE: u64 = 38;
/// Memory of a stretch of time that has ended and that nobody was told of: many may end at once.
const PER_STRETCH: u64 = 200;
/// Memory of what is known of an item by which scored requests are divided.
const PER_ITEM: u64 = 12;
/// Memory of a number that a request has of its own.
const PER_OWN: u64 = 8;
/// Memory of a message on its way to the joiner.
const PER_MESSAGE: u64 = 32;

/// The work of a live stream beside that of its steps, as far as it determines the time of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamWork {
    /// Requests.
    pub requests: u64,
    /// Examples of earlier days that are read to know their items.
    pub earlier: u64,
    /// Requests that are scored.
    pub scored: u64,
    /// Copies that score them.
    pub copies: u64,
    /// Whether they are scored between any two updates, in small groups.
    pub by_update: bool,
    /// Whether there is a serving copy, which notes what is updated.
    pub serves: bool,
}

impl Scenario {
    /// The settings of the live stream, if the run has one: with an imposed staleness there is no
    /// time in which anything could come.
    pub(super) fn live(&self) -> Option<&Online> {
        self.online.as_ref().filter(|_| self.imposed_staleness.is_none())
    }

    /// The laws of the stream's delays and of messages to the serving copy, by their keys.
    pub(super) fn stream_laws(&self) -> Vec<(String, &StepTimeChoice)> {
        let Some(online) = self.live() else { return Vec::new() };
        let ways = self.serving.iter().flat_map(Serving::ways);
        let of_messages = ways.map(|way| (format!("serving.{}.lag.law", way.table), &way.lag.law));
        let of_stream = online.laws().into_iter().map(|(key, law)| (format!("online.{key}"), law));
        of_stream.chain(of_messages).collect()
    }

    /// Whether requests come when they came in the log.
    pub(super) fn follows_log(&self) -> bool {
        self.live().is_some_and(|online| online.arrivals.follows_log())
    }

    /// The work of the live stream beside that of its steps, if there is one.
    pub fn stream_work(&self, prepared: &Prepared) -> Option<StreamWork> {
        self.live()?;
        let examples = |days: &[Day]| days.iter().map(|day| day.examples).sum::<u64>();
        let requests = examples(&prepared.train);
        let serving = self.serving.as_ref().filter(|serving| serving.share > 0.0);
        let begins = prepared.train.first().map_or(0, |day| day.number);
        let days = prepared.source.days();
        let before = days.partition_point(|day| day.number < begins);
        let is_divided = self.item_field(prepared.source.as_ref()).is_ok_and(|found| found.is_ok());
        Some(StreamWork {
            requests,
            earlier: if is_divided { examples(&days[..before]) } else { 0 },
            scored: serving.map_or(0, |serving| (requests as f64 * serving.share) as u64),
            copies: serving.map_or(0, |serving| 1 + serving.beside.len() as u64),
            by_update: serving.is_some_and(|serving| {
                let every = serving.ways().map(|way| way.every);
                serving.has(Beside::Oracle) || every.contains(&Some(SimSpan::ZERO))
            }),
            serves: self.serving.is_some(),
        })
    }

    /// The requests of these days.
    fn requests(&self, source: &dyn DataSource, train: &[Day]) -> Result<Requests, BuildError> {
        let requests = Requests::new(train.to_vec());
        Ok(if self.follows_log() { requests.as_logged(source)? } else { requests })
    }

    /// The serving copy of a new server, if there is one. Files are searched relative to `folder`.
    pub(super) fn serving_room(
        &self,
        server: &ParameterServer,
        folder: &Path,
    ) -> Result<Option<ServingRoom>, BuildError> {
        let Some(serving) = self.serving.as_ref().filter(|_| self.live().is_some()) else {
            return Ok(None);
        };
        let streams = self.scenario.streams(SeededPart::Data);
        let first = (server, server.moving().to_vec());
        Ok(Some(ServingRoom::new(serving, first, folder, streams)?))
    }

    /// Memory of the serving copy, if there is one: weights and lives of its rows, and the scores.
    pub(super) fn serving_bytes(&self, prepared: &Prepared) -> u64 {
        let Some(serving) = self.serving.as_ref().filter(|_| self.live().is_some()) else {
            return 0;
        };
        let layout = prepared.model.layout();
        let rows: u64 = layout.tables.iter().map(|table| u64::from(table.rows)).sum();
        let numbers = |table: &Table| u64::from(table.rows) * table.dim as u64;
        let numbers = layout.tables.iter().map(numbers).sum::<u64>()
            + (layout.dense_len() + layout.moving_len()) as u64;
        let copies = 1 + u64::from(serving.has(Beside::Batch));
        let requests: u64 = prepared.train.iter().map(|day| day.examples).sum();
        let scored = (requests as f64 * serving.share) as u64;
        let scores = PER_SCORE + 4 * (1 + serving.beside.len() as u64);
        let messages = self.message_bytes(serving, prepared, numbers);
        let schema = prepared.source.schema();
        // A name that the log does not have was refused before.
        let field = self.item_field(prepared.source.as_ref()).ok().and_then(Result::ok);
        let items = field.map_or(0, |field| schema.spaces[schema.fields[field].space].rows);
        (4 * numbers * copies + PER_SERVED_ROW * rows + PER_ITEM * u64::from(items))
            .saturating_add(messages)
            .saturating_add(self.stretches(serving, prepared).saturating_mul(PER_STRETCH))
            .saturating_add(scored.saturating_mul(scores))
    }

    /// Stretches of time of `served.csv` until the last example is emitted, delays at their mean.
    fn stretches(&self, serving: &Serving, prepared: &Prepared) -> u64 {
        let last = prepared.last_request.map_or(0.0, SimTime::seconds);
        let late = self.live().map_or(0.0, |online| {
            let delays = online.actions.delay.mean.seconds() + online.features.delay.mean.seconds();
            delays + online.join.window.seconds().min(last + delays)
        });
        ((last + late) / serving.every.seconds().max(1e-9)) as u64
    }

    /// Memory of the messages that are under way to the serving copy: dense parameters whole, and of
    /// rows those of the requests that came meanwhile, but no message can hold more than all.
    fn message_bytes(&self, serving: &Serving, prepared: &Prepared, numbers: u64) -> u64 {
        let layout = prepared.model.layout();
        let end = prepared.last_request.map_or(0.0, SimTime::seconds);
        let requests: u64 = prepared.train.iter().map(|day| day.examples).sum();
        let width: u64 = layout.tables.iter().map(|table| 8 + 4 * table.dim as u64).sum();
        let dense = 4 * (layout.dense_len() + layout.moving_len()) as u64;
        let bytes = |way: &Way<'_>| {
            let every = way.every.map_or(f64::INFINITY, SimSpan::seconds);
            // A message that is lost again and again is sent so often on average.
            let again = way
                .retry
                .map_or(0.0, |retry| retry.seconds() * way.lost / (1.0 - way.lost).max(0.01));
            let travels = (way.lag.mean.seconds() + again).min(end);
            // With some room: lags are drawn.
            let under_way = 1.0 + 2.0 * travels / every;
            let share = if end > 0.0 { (1.5 * travels / end).min(1.0) } else { 1.0 };
            let bytes = match way.table {
                "dense" => dense as f64 * under_way,
                _ => (requests * width) as f64 * share + 4.0 * numbers as f64,
            };
            bytes.min(u64::MAX as f64) as u64
        };
        let ways = serving.ways();
        let bytes = ways.iter().filter(|way| way.has_messages()).map(bytes);
        bytes.fold(0, u64::saturating_add)
    }

    /// What supplies `workers` workers with examples of these days. Files are searched relative to
    /// `folder`.
    pub(super) fn feed(
        &self,
        source: &Arc<dyn DataSource>,
        model: &Arc<dyn Model>,
        train: Vec<Day>,
        workers: u32,
        folder: &Path,
    ) -> Result<Feed, BuildError> {
        let (source, model) = (Arc::clone(source), Arc::clone(model));
        let examples = self.examples_per_step() as usize;
        if let Some(online) = self.live() {
            let requests = Arc::new(self.requests(source.as_ref(), &train)?);
            let log = Arc::clone(&source);
            let streams = self.scenario.streams(SeededPart::Data);
            let items = self.item_field(source.as_ref())?.ok().map(|field| {
                Items::before(&requests, source.as_ref(), field, online.arrivals.speed())
            });
            let stream = Stream::new(online, requests, log, folder, streams)?.with_items(items);
            return Ok(Feed::live(source, model, stream, examples));
        }
        let streams = self.scenario.streams(SeededPart::Order);
        let order = Box::new(Order::new(self.train.order.clone(), train, streams)?.cursor());
        let feed = Feed::new(source, model, order, examples, self.train.sharing, workers);
        Ok(feed.with_last_batch(self.train.last_batch))
    }

    /// When the last request of the live stream of these days of a log comes, if there is a stream and any
    /// request comes; found by drawing them all.
    ///
    /// # Errors
    /// If the clock of the log goes backwards, a column does not say what it should, or the clock of
    /// the simulation ends before the last request.
    fn last_request(
        &self,
        source: &dyn DataSource,
        train: &[Day],
    ) -> Result<Option<SimTime>, BuildError> {
        let Some(live) = self.live() else { return Ok(None) };
        let requests = Arc::new(self.requests(source, train)?);
        live.check_columns(&requests, source)?;
        let Drawn { last, missing } =
            live.draw_all(&requests, self.scenario.streams(SeededPart::Data));
        if missing > 0 {
            return Err(BuildError::Endless { missing, all: requests.len() });
        }
        Ok(last)
    }

    /// About when the live stream is over.
    pub(super) fn stream_end(&self, prepared: &Prepared) -> Option<SimTime> {
        let (online, last) = (self.live()?, prepared.last_request?);
        Some(last + online.join.window).filter(|end| *end < SimTime::MAX).or(Some(last))
    }

    /// Checks the live stream of these days of a log, if there is one. Returns when its last request
    /// comes.
    ///
    /// # Errors
    /// If not all requests can come, an interval begins too often, or the log lacks a column.
    pub(super) fn check_stream(
        &self,
        source: &dyn DataSource,
        train: &[Day],
    ) -> Result<Option<SimTime>, BuildError> {
        let last = self.last_request(source, train)?;
        self.check_intervals(last)?;
        // Whether there are items is told later, with the remarks.
        self.item_field(source).map(|_| last)
    }

    /// Checks that nothing is to be done so often during the stream that the run would hardly end.
    ///
    /// # Errors
    /// If an interval of the serving copy begins more than [`MOST_TIMES`] times.
    fn check_intervals(&self, last: Option<SimTime>) -> Result<(), BuildError> {
        let (Some(online), Some(serving)) = (self.live(), &self.serving) else { return Ok(()) };
        let Some(last) = last else { return Ok(()) };
        let late = online.join.window.seconds()
            + online.actions.delay.mean.seconds()
            + online.features.delay.mean.seconds();
        let end = last.seconds() + late;
        let ways = serving.ways().map(|way| (format!("serving.{}.every", way.table), way.every));
        let rows = ("serving.every".to_string(), Some(serving.every));
        for (key, every) in ways.into_iter().chain([rows]) {
            let Some(every) = every.filter(|every| !every.is_zero()) else { continue };
            let times = end / every.seconds();
            if times > MOST_TIMES {
                return Err(BuildError::Crowded { key, every, times, end: last });
            }
        }
        Ok(())
    }

    /// The limits of the run with this estimate.
    pub fn limits_of(&self, estimate: &ResourceEstimate) -> Limits {
        Limits { stream: estimate.stream_end, ..self.stop_limits(estimate.window.max(1)) }
    }

    /// Memory of the live stream, if there is one.
    pub(super) fn stream_bytes(&self, prepared: &Prepared) -> u64 {
        let Some(online) = self.live() else { return 0 };
        let requests: u64 = prepared.train.iter().map(|day| day.examples).sum();
        let seconds = prepared.last_request.map_or(0.0, SimTime::seconds);
        // At most as many as come in so much time, with some room for times of many requests.
        let within = |span: f64| {
            let share = if seconds > 0.0 { (1.5 * span / seconds).min(1.0) } else { 1.0 };
            (requests as f64 * share) as u64
        };
        let waiting = within(online.join.window.seconds());
        // Delays that each request has of its own may be of any length.
        let on_way = |delay: &Delay| match delay.column {
            Some(_) => requests,
            None => within(delay.mean.seconds()),
        };
        let on_way = on_way(&online.features.delay).saturating_add(on_way(&online.actions.delay));
        let per_request = PER_REQUEST + PER_OWN * online.own_columns();
        // Without a limit it holds everything, if workers take nothing.
        let queue = online.queue.limit.unwrap_or(u64::MAX).min(requests);
        let example = size_of::<Emitted>() as u64;
        [per_request * requests, PER_WAITING * waiting, PER_MESSAGE * on_way, example * queue]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}
