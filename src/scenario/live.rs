//! Where the examples of a run come from: an order of its window, or a live stream.

use std::path::Path;
use std::sync::Arc;

use super::build::Prepared;
use super::build_error::BuildError;
use super::estimate::ResourceEstimate;
use super::seeds::SeededPart;
use super::spec::Scenario;
use crate::base::SimTime;
use crate::data::order::Order;
use crate::data::{DataSource, Day};
use crate::model::Model;
use crate::online::{Emitted, Online, Requests, Stream};
use crate::sim::Limits;
use crate::sim::feed::Feed;

/// Memory of features that wait for an action, and of what is known of a request for ever.
const PER_WAITING: u64 = 24;
const PER_REQUEST: u64 = 1;
/// Memory of a message on its way to the joiner.
const PER_MESSAGE: u64 = 32;

impl Scenario {
    /// The settings of the live stream, if the run has one: with an imposed staleness there is no
    /// time in which anything could come.
    pub(super) fn live(&self) -> Option<&Online> {
        self.online.as_ref().filter(|_| self.imposed_staleness.is_none())
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
            let (requests, log) = (Arc::new(Requests::new(train)), Arc::clone(&source));
            let streams = self.scenario.streams(SeededPart::Data);
            let stream = Stream::new(online, requests, log, folder, streams)?;
            return Ok(Feed::live(source, model, stream, examples));
        }
        let streams = self.scenario.streams(SeededPart::Order);
        let order = Box::new(Order::new(self.train.order.clone(), train, streams)?.cursor());
        let feed = Feed::new(source, model, order, examples, self.train.sharing, workers);
        Ok(feed.with_last_batch(self.train.last_batch))
    }

    /// When the last request of the live stream of these days comes, if there is a stream and any
    /// request comes; found by drawing them all.
    pub(super) fn last_request(&self, train: &[Day]) -> Option<SimTime> {
        let streams = self.scenario.streams(SeededPart::Data);
        self.live()?.last_request(&Arc::new(Requests::new(train.to_vec())), streams)
    }

    /// About when the live stream of these days is over.
    pub(super) fn stream_end(&self, train: &[Day]) -> Option<SimTime> {
        let (online, last) = (self.live()?, self.last_request(train)?);
        Some(last + online.join.window).filter(|end| *end < SimTime::MAX).or(Some(last))
    }

    /// The limits of the run with this estimate.
    pub fn limits_of(&self, estimate: &ResourceEstimate) -> Limits {
        Limits { stream: estimate.stream_end, ..self.stop_limits(estimate.window.max(1)) }
    }

    /// Memory of the live stream, if there is one.
    pub(super) fn stream_bytes(&self, prepared: &Prepared) -> u64 {
        let Some(online) = self.live() else { return 0 };
        let requests: u64 = prepared.train.iter().map(|day| day.examples).sum();
        let seconds = self.last_request(&prepared.train).map_or(0.0, SimTime::seconds);
        // At most as many as come in so much time, with some room for times of many requests.
        let within = |span: f64| {
            let share = if seconds > 0.0 { (1.5 * span / seconds).min(1.0) } else { 1.0 };
            (requests as f64 * share) as u64
        };
        let waiting = within(online.join.window.seconds());
        let on_way = within(online.features.delay.mean.seconds())
            .saturating_add(within(online.actions.delay.mean.seconds()));
        // Without a limit it holds everything, if workers take nothing.
        let queue = online.queue.limit.unwrap_or(u64::MAX).min(requests);
        let example = size_of::<Emitted>() as u64;
        [PER_REQUEST * requests, PER_WAITING * waiting, PER_MESSAGE * on_way, example * queue]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}
