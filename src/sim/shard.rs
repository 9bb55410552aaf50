//! A simulated shard: two links and one processor, each first come, first served.

use std::sync::Arc;

use super::station::Station;
use crate::base::{Purpose, ShardId, SimSpan, SimTime, Streams};
use crate::cluster::{ShardService, StepTimeLaw};
use crate::server::sharding::Load;

/// One shard as a queueing system. Its parameters lie in the parameter server.
#[derive(Clone, Debug)]
pub struct Shard {
    service: ShardService,
    law: Option<Arc<dyn StepTimeLaw>>,
    /// Its link, inward.
    pub link_in: Station,
    /// Its link, outward.
    pub link_out: Station,
    /// What serves pulls and pushes.
    pub processor: Station,
    requests: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
}

impl Shard {
    /// An idle shard.
    pub fn new(service: ShardService, law: Option<Arc<dyn StepTimeLaw>>) -> Shard {
        Shard {
            service,
            law,
            link_in: Station::default(),
            link_out: Station::default(),
            processor: Station::default(),
            requests: 0,
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    /// Takes in a pull request; returns when its service begins and ends. `link` is its time on the
    /// inward link.
    pub fn serve_pull(
        &mut self,
        now: SimTime,
        link: SimSpan,
        load: Load,
        shard: ShardId,
        streams: Streams,
    ) -> (SimTime, SimTime) {
        self.bytes_in = self.bytes_in.saturating_add(load.request_bytes());
        self.bytes_out = self.bytes_out.saturating_add(load.value_bytes());
        let span = self.service.pull(load.rows, load.dense_bytes);
        self.serve(now, link, span, shard, streams)
    }

    /// Takes in a push; returns when its service begins and ends.
    pub fn serve_push(
        &mut self,
        now: SimTime,
        link: SimSpan,
        load: Load,
        shard: ShardId,
        streams: Streams,
    ) -> (SimTime, SimTime) {
        self.bytes_in = self.bytes_in.saturating_add(load.push_bytes());
        let span = self.service.push(load.rows, load.dense_bytes);
        self.serve(now, link, span, shard, streams)
    }

    fn serve(
        &mut self,
        now: SimTime,
        link: SimSpan,
        span: SimSpan,
        shard: ShardId,
        streams: Streams,
    ) -> (SimTime, SimTime) {
        self.requests += 1;
        let span = match &self.law {
            Some(law) => {
                let count = self.requests;
                law.time(span, streams.draw(Purpose::Service, u64::from(shard.0), count))
            }
            None => span,
        };
        let received = self.link_in.serve(now, link);
        let done = self.processor.serve(received, span);
        (SimTime(done.0.saturating_sub(span.0)), done)
    }
}
