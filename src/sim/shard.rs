//! A simulated shard: two links and one processor.

use std::sync::Arc;

use super::queue::Event;
use super::station::Station;
use crate::base::{Purpose, ShardId, SimSpan, SimTime, Streams};
use crate::cluster::{Discipline, ShardService, StepTimeLaw};
use crate::server::sharding::Load;

/// One shard as a queueing system. The parameter server holds its parameters.
#[derive(Clone, Debug)]
pub struct Shard {
    service: ShardService,
    law: Option<Arc<dyn StepTimeLaw>>,
    /// Its incoming link.
    pub link_in: Station,
    /// Its outgoing link.
    pub link_out: Station,
    /// The processor of pulls and pushes.
    pub processor: Station,
    /// When the last request had passed the incoming link.
    pub(super) received: SimTime,
    requests: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Embedding rows read by pulls.
    pub rows_read: u64,
    /// Embedding rows written by pushes.
    pub rows_written: u64,
}

impl Shard {
    /// An idle shard, with links of this discipline.
    pub fn new(
        service: ShardService,
        law: Option<Arc<dyn StepTimeLaw>>,
        links: Discipline,
    ) -> Shard {
        Shard {
            processor: Station::with_cores(service.discipline, service.cores),
            service,
            law,
            link_in: Station::new(links),
            link_out: Station::new(links),
            received: SimTime::ZERO,
            requests: 0,
            bytes_in: 0,
            bytes_out: 0,
            rows_read: 0,
            rows_written: 0,
        }
    }

    /// Forgets every current request.
    pub(super) fn clear(&mut self, now: SimTime) {
        for station in [&mut self.link_in, &mut self.link_out, &mut self.processor] {
            station.clear(now);
        }
    }

    /// Removes the requests that it has received and not served; returns the events of those that
    /// shared stations hold. Answers that it has sent are on their way.
    pub(super) fn crash(&mut self, now: SimTime) -> Vec<Event> {
        self.received = now;
        let stations = [&mut self.processor, &mut self.link_in].into_iter();
        stations.flat_map(|station| station.evict(now)).collect()
    }

    /// Counts the traffic of a pull.
    pub fn count_pull(&mut self, load: Load) {
        self.bytes_in = self.bytes_in.saturating_add(load.request_bytes());
        self.bytes_out = self.bytes_out.saturating_add(load.value_bytes());
        self.rows_read = self.rows_read.saturating_add(load.rows);
    }

    /// Counts the traffic of a push.
    pub fn count_push(&mut self, load: Load) {
        self.bytes_in = self.bytes_in.saturating_add(load.push_bytes());
        self.rows_written = self.rows_written.saturating_add(load.rows);
    }

    /// Service time of the next request, a pull.
    pub fn pull_time(&mut self, load: Load, shard: ShardId, streams: Streams) -> SimSpan {
        self.draw(self.service.pull(load.rows, load.dense_bytes), shard, streams)
    }

    /// Service time of the next request, a push.
    pub fn push_time(&mut self, load: Load, shard: ShardId, streams: Streams) -> SimSpan {
        self.draw(self.service.push(load.rows, load.dense_bytes), shard, streams)
    }

    /// The weight of a push when a shared processor divides itself; a pull has weight 1.
    pub fn push_weight(&self) -> f64 {
        self.service.push_weight
    }

    fn draw(&mut self, span: SimSpan, shard: ShardId, streams: Streams) -> SimSpan {
        self.requests += 1;
        match &self.law {
            Some(law) => {
                let count = self.requests;
                law.time(span, streams.draw(Purpose::Service, u64::from(shard.0), count))
            }
            None => span,
        }
    }
}

crate::persist!(Shard {
    service: fixed,
    law: fixed,
    link_in: state,
    link_out: state,
    processor: state,
    received: state,
    requests: state,
    bytes_in: state,
    bytes_out: state,
    rows_read: state,
    rows_written: state
});
