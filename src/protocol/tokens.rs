//! Synchronous with tokens, as TensorFlow's and XDL's synchronisation really behaves. An update
//! takes the first `aggregate` fresh pushes. It then puts tokens with the number of the next update
//! into a queue: as many as there are workers, or pushes to an update if these are more. A worker
//! needs a token to go on, and tokens go to the first workers that ask. So a fast worker may
//! contribute twice to an update, and a slow one then finds no token.
//!
//! `tf.compat.v1.train.SyncReplicasOptimizer`: a push is as fresh as the token that it was made
//! with. The first step needs no token. If more pushes are aggregated than there are workers,
//! tokens for the difference are put into the queue at the start.
//!
//! No worker waits for one that has left. The token of a step that is lost with it goes back to the
//! head of the queue, and a fast worker contributes in its place. The same holds for a first step
//! that it never makes. (In TensorFlow the token stays lost until the worker is back, and the job
//! may hang.) A worker that joins begins at the current update, as TensorFlow's does when its
//! session begins, and needs no token for its first step.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Arrived, ClusterState, Decisions, Fit, Protocol, ProtocolConfig, ProtocolFacts, PushId,
};
use crate::base::{ShardId, WorkerId};

/// How many pushes are aggregated.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pushes to an update (`replicas_to_aggregate`). Fewer than the workers: the others are
    /// backups. More: fast workers contribute several times. As many as workers when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub aggregate: Option<u32>,
}

impl ProtocolConfig for Config {
    fn build(&self, workers: u32, shards: u32) -> Box<dyn Protocol> {
        let aggregate = self.aggregate.unwrap_or(workers).max(1);
        Box::new(Tokens {
            aggregate: aggregate as usize,
            tokens_per_update: u64::from(aggregate.max(workers)),
            tokens: (workers..aggregate).map(|_| 0).collect(),
            queue: VecDeque::new(),
            local: vec![None; workers as usize],
            joined: vec![false; workers as usize],
            held: vec![Vec::new(); shards as usize],
        })
    }

    fn pushes_per_update(&self, workers: u32) -> u32 {
        self.aggregate.unwrap_or(workers)
    }

    fn facts(&self) -> ProtocolFacts {
        ProtocolFacts {
            discards: true,
            wants_whole_steps: true,
            never_waits: false,
            aborts: false,
            never_stale: true,
            bounds_age: false,
        }
    }

    fn fit(&self, _: u32) -> Fit {
        Fit::Works
    }
}

/// The working protocol.
#[derive(Clone, Debug)]
pub struct Tokens {
    aggregate: usize,
    /// Number of tokens that an update hands out.
    tokens_per_update: u64,
    /// Tokens that are not taken yet; each is the number of an update.
    tokens: VecDeque<u64>,
    /// Workers that wait for a token.
    queue: VecDeque<WorkerId>,
    /// The token of each worker's present step; `None` before its first.
    local: Vec<Option<u64>>,
    /// Whether each worker has joined and not begun yet.
    joined: Vec<bool>,
    /// What each shard has collected.
    held: Vec<Vec<(WorkerId, PushId)>>,
}

impl Tokens {
    fn hand_out(&mut self, decide: &mut Decisions) {
        while let (Some(&worker), Some(&token)) = (self.queue.front(), self.tokens.front()) {
            self.queue.pop_front();
            self.tokens.pop_front();
            self.local[worker.index()] = Some(token);
            decide.grant(worker);
        }
    }

    fn update(&mut self, shard: ShardId, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        let held = &mut self.held[shard.index()];
        held.sort_unstable();
        let members: Vec<PushId> = held.drain(..).map(|(_, push)| push).collect();
        decide.apply(shard, &members);
        let version = cluster.versions[shard.index()];
        let ahead = |(s, v): (usize, &u64)| s == shard.index() || *v > version;
        if cluster.versions.iter().enumerate().all(ahead) {
            self.tokens.extend((0..self.tokens_per_update).map(|_| version + 1));
            self.hand_out(decide);
        }
    }
}

impl Protocol for Tokens {
    fn on_ready(&mut self, worker: WorkerId, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        if std::mem::take(&mut self.joined[worker.index()]) {
            self.local[worker.index()] = cluster.versions.iter().copied().min();
            decide.grant(worker);
        } else if self.local[worker.index()].is_some() {
            self.queue.push_back(worker);
            self.hand_out(decide);
        } else {
            self.local[worker.index()] = Some(0);
            decide.grant(worker);
        }
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        let Arrived { push, worker, shard, .. } = arrived;
        if self.local[worker.index()].unwrap_or(0) < cluster.versions[shard.index()] {
            decide.discard(shard, push);
            return;
        }
        self.held[shard.index()].push((worker, push));
        if self.held[shard.index()].len() >= self.aggregate {
            self.update(shard, cluster, decide);
        }
    }

    fn on_leave(
        &mut self,
        worker: WorkerId,
        lost: Option<PushId>,
        cluster: &ClusterState<'_>,
        decide: &mut Decisions,
    ) {
        self.joined[worker.index()] = false;
        self.queue.retain(|&waiting| waiting != worker);
        self.held.iter_mut().for_each(|held| held.retain(|(_, push)| Some(*push) != lost));
        let local = &mut self.local[worker.index()];
        if local.is_none() {
            // Its first step needs no token, but other workers count on its push.
            *local = cluster.versions.iter().copied().min();
            self.tokens.extend(*local);
        } else if lost.is_some() {
            local.iter().for_each(|&token| self.tokens.push_front(token));
        }
        self.hand_out(decide);
    }

    fn on_join(&mut self, worker: WorkerId, _: &ClusterState<'_>, _: &mut Decisions) {
        self.joined[worker.index()] = true;
    }
}

crate::persist!(Tokens {
    aggregate: fixed,
    tokens_per_update: fixed,
    tokens: state,
    queue: state,
    local: state,
    joined: state,
    held: state
});
