//! GBA, global batch aggregation: every batch handed out carries a token, the number of the update
//! that it belongs to. Each update is made of a fixed number of pushes. A push whose token is too
//! far behind counts as zero. The gradient of an embedding row is averaged over the pushes that
//! contain it.
//!
//! Su et al. (NeurIPS 2022), arXiv:2205.11048; the mechanism is reconstructed from secondary notes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Arrived, ClusterState, Decisions, Fit, Merge, Protocol, ProtocolConfig, ProtocolFacts, PushId,
    RowMean,
};
use crate::base::WorkerId;

/// The size of an update, and how far behind a token may be.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pushes to an update: global batch divided by local batch.
    #[schemars(range(min = 1, max = 100_000))]
    pub batches: u32,
    /// By how many updates a token may be behind: the paper's iota.
    pub late: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config { batches: 8, late: 3 }
    }
}

impl ProtocolConfig for Config {
    fn build(&self, workers: u32, shards: u32) -> Box<dyn Protocol> {
        let held = vec![Vec::new(); shards as usize];
        Box::new(Gba { config: *self, granted: 0, tokens: vec![0; workers as usize], held })
    }

    fn pushes_per_update(&self, _: u32) -> u32 {
        self.batches
    }

    fn facts(&self) -> ProtocolFacts {
        ProtocolFacts {
            discards: true,
            wants_whole_steps: false,
            never_waits: false,
            aborts: false,
            never_stale: false,
            bounds_age: false,
        }
    }

    fn fit(&self, _: u32) -> Fit {
        Fit::Works
    }
}

/// The working protocol.
#[derive(Clone, Debug)]
pub struct Gba {
    config: Config,
    granted: u64,
    /// Token of each worker's present step.
    tokens: Vec<u64>,
    /// What each shard has collected, with tokens.
    held: Vec<Vec<(WorkerId, PushId, u64)>>,
}

impl Protocol for Gba {
    fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
        self.tokens[worker.index()] = self.granted / u64::from(self.config.batches.max(1));
        self.granted += 1;
        decide.grant(worker);
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        let Arrived { push, worker, shard, .. } = arrived;
        let held = &mut self.held[shard.index()];
        held.push((worker, push, self.tokens[worker.index()]));
        if held.len() < self.config.batches.max(1) as usize {
            return;
        }
        held.sort_unstable();
        let update = cluster.versions[shard.index()];
        let in_time = |token: u64| update.saturating_sub(token) <= self.config.late;
        let mut members = Vec::with_capacity(held.len());
        for (_, push, token) in held.drain(..) {
            if in_time(token) {
                members.push(push);
            } else {
                decide.discard(shard, push);
            }
        }
        if !members.is_empty() {
            let merge = Merge { over: Some(self.config.batches), rows: RowMean::Contributors };
            decide.merge(shard, &members, merge);
        }
    }

    fn on_leave(
        &mut self,
        _: WorkerId,
        lost: Option<PushId>,
        _: &ClusterState<'_>,
        _: &mut Decisions,
    ) {
        self.held.iter_mut().for_each(|held| held.retain(|(_, push, _)| Some(*push) != lost));
    }
}

crate::persist!(Gba { config: fixed, granted: state, tokens: sized, held: sized });
