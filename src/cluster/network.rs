//! Links and shards: the time that a message takes on its way and at its destination.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Discipline, StepTimeChoice};
use crate::base::{Bandwidth, SimSpan};

/// The network between workers and shards. Everything is off by default: messages take no time.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// One-way latency of every message.
    pub latency: SimSpan,
    /// How the latency varies from message to message; constant when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<StepTimeChoice>,
    /// Link of each worker, one direction; unlimited when left out. Messages queue on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_bandwidth: Option<Bandwidth>,
    /// Link of each shard, one direction; unlimited when left out. Messages queue on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard_bandwidth: Option<Bandwidth>,
    /// How messages share a link: one after the other, or all at once.
    #[serde(skip_serializing_if = "Discipline::is_first_come")]
    pub discipline: Discipline,
}

/// Service times of a shard, and the order of service when several requests wait.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShardService {
    /// Time to answer a pull, whatever its size.
    pub pull_fixed: SimSpan,
    /// Time per embedding row read.
    pub pull_per_row: SimSpan,
    /// Time to take in a push, whatever its size.
    pub push_fixed: SimSpan,
    /// Time per embedding row updated.
    pub push_per_row: SimSpan,
    /// Time per KiB of dense parameters read or updated.
    pub per_kib: SimSpan,
    /// How service times vary; constant when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub law: Option<StepTimeChoice>,
    /// Whether requests are served one after the other, or all at once like threads that share a
    /// processor.
    #[serde(skip_serializing_if = "Discipline::is_first_come")]
    pub discipline: Discipline,
    /// Cores of the shard's processor. A request is served by one of them; under
    /// `processor_sharing` n requests share them, and none gets more than one. There, a fraction is
    /// what others leave: with 1.5 cores one request has full speed, and two have three quarters.
    #[serde(skip_serializing_if = "is_one")]
    #[schemars(range(min = 1, max = 1_024))]
    pub cores: f64,
    /// Under `processor_sharing`: the share of a push, relative to that of a pull.
    #[serde(skip_serializing_if = "is_one")]
    #[schemars(range(min = 0.001, max = 1_000.0))]
    pub push_weight: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(value: &f64) -> bool {
    *value == 1.0
}

impl Default for ShardService {
    fn default() -> Self {
        ShardService {
            pull_fixed: SimSpan::ZERO,
            pull_per_row: SimSpan::ZERO,
            push_fixed: SimSpan::ZERO,
            push_per_row: SimSpan::ZERO,
            per_kib: SimSpan::ZERO,
            law: None,
            discipline: Discipline::default(),
            cores: 1.0,
            push_weight: 1.0,
        }
    }
}

impl ShardService {
    /// Whether requests take no time.
    pub fn is_free(&self) -> bool {
        let times = [self.pull_fixed, self.pull_per_row, self.push_fixed, self.push_per_row];
        times.iter().chain([&self.per_kib]).all(|time| time.is_zero())
    }

    /// Mean service time of a pull of `rows` rows and `dense_bytes` bytes of dense parameters.
    pub fn pull(&self, rows: u64, dense_bytes: u64) -> SimSpan {
        self.pull_fixed + self.pull_per_row.times(rows) + self.dense(dense_bytes)
    }

    /// Mean service time of a push of the same size.
    pub fn push(&self, rows: u64, dense_bytes: u64) -> SimSpan {
        self.push_fixed + self.push_per_row.times(rows) + self.dense(dense_bytes)
    }

    fn dense(&self, bytes: u64) -> SimSpan {
        let span = u128::from(self.per_kib.0) * u128::from(bytes) / 1024;
        SimSpan(u64::try_from(span).unwrap_or(u64::MAX))
    }
}
