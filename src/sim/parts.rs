//! Everything that a simulated cluster consists of. A scenario builds it; a library user can build
//! it without one, with their own parts.

use std::sync::Arc;

use super::progress::Limits;
use super::save::Save;
use super::session::Watch;
use super::work::Work;
use crate::base::{Bandwidth, Draw, SimSpan, SimTime, Streams};
use crate::cluster::{
    Churn, Discipline, Machine, Routine, ShardFailurePlan, ShardService, StepTimeLaw,
};
use crate::protocol::Protocol;

/// The parts of a run on a simulated cluster.
#[derive(Debug)]
pub struct Parts {
    /// The source of random draws.
    pub streams: Streams,
    /// One machine per worker.
    pub machines: Vec<Machine>,
    /// When each worker starts.
    pub starts: Vec<SimTime>,
    /// Workers that join, leave and crash.
    pub churn: Churn,
    /// Shards that fail.
    pub shard_failures: ShardFailurePlan,
    /// Mean compute time of a batch on a machine of slowdown 1.
    pub compute: SimSpan,
    /// The steps of workers.
    pub routine: Routine,
    /// Number of shards.
    pub shards: u32,
    /// The network.
    pub links: Links,
    /// Service times of the shards.
    pub service: ShardService,
    /// How service times vary; constant if `None`.
    pub service_law: Option<Arc<dyn StepTimeLaw>>,
    /// Which workers may read, and which pushes become an update.
    pub protocol: Box<dyn Protocol>,
    /// The work of the run.
    pub work: Work,
    /// When the run ends.
    pub limits: Limits,
    /// The measurements.
    pub watch: Watch,
    /// How checkpoints are saved.
    pub save: Save,
}

/// The network with its laws built.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// One-way latency.
    pub latency: SimSpan,
    /// How it varies; constant if `None`.
    pub jitter: Option<Arc<dyn StepTimeLaw>>,
    /// Link of each worker.
    pub worker: Option<Bandwidth>,
    /// Link of each shard.
    pub shard: Option<Bandwidth>,
    /// How messages share a link.
    pub discipline: Discipline,
}

impl Links {
    /// Latency of one message.
    pub fn latency(&self, draw: Draw) -> SimSpan {
        match &self.jitter {
            Some(jitter) => jitter.time(self.latency, draw),
            None => self.latency,
        }
    }

    /// Time on a worker's link.
    pub fn worker_time(&self, bytes: u64) -> SimSpan {
        self.worker.map_or(SimSpan::ZERO, |bandwidth| bandwidth.time(bytes))
    }

    /// Time on a shard's link.
    pub fn shard_time(&self, bytes: u64) -> SimSpan {
        self.shard.map_or(SimSpan::ZERO, |bandwidth| bandwidth.time(bytes))
    }
}
