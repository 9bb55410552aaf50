//! Updates made of so many pushes: what barriers, backup workers, buffers and the K-family have in
//! common.
//!
//! Each shard collects pushes and makes an update of the first `size` of them, in the order of the
//! workers, so that the order of arrival does not show in the sums. Variants differ in three ways:
//! whether a worker waits until its push has been applied, what happens to a push from an older
//! point, and whether the others are broken off when a round is closed.

use super::{Arrived, Cluster, Decisions, Protocol, PushId};
use crate::base::{ShardId, WorkerId};

/// The three ways in which protocols of this family differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// A worker may pull again only when every shard has applied its push.
    pub wait: bool,
    /// A push that was computed on an older version of the shard is discarded.
    pub fresh: bool,
    /// When every shard has closed a round, steps under way are broken off.
    pub abort: bool,
}

/// The working protocol.
#[derive(Clone, Debug)]
pub struct Rounds {
    size: usize,
    rules: Rules,
    /// What each shard has collected.
    held: Vec<Vec<(WorkerId, PushId)>>,
    workers: Vec<State>,
    /// The pushes of the update under way.
    pushes: Vec<PushId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Shards that hold a part of a push of this worker.
    held: u32,
    /// Whether it has asked and was not granted yet.
    asking: bool,
    /// Its latest push, and at how many shards it has arrived.
    latest: Option<(PushId, u32)>,
}

impl Rounds {
    /// Updates of `size` pushes (one at least) for `workers` workers and `shards` shards.
    pub fn new(size: u64, workers: u32, shards: u32, rules: Rules) -> Rounds {
        Rounds {
            size: size.max(1) as usize,
            rules,
            held: vec![Vec::new(); shards as usize],
            workers: vec![State::default(); workers as usize],
            pushes: Vec::new(),
        }
    }

    fn close(&mut self, shard: ShardId, cluster: &Cluster<'_>, decide: &mut Decisions) {
        let mut members = std::mem::take(&mut self.held[shard.index()]);
        members.sort_unstable();
        self.pushes.clear();
        self.pushes.extend(members.iter().map(|(_, push)| *push));
        decide.apply(shard, &self.pushes);
        // This shard was the last to close the round if the others are already ahead of it.
        let version = cluster.versions[shard.index()];
        let ahead = |(s, v): (usize, &u64)| s == shard.index() || *v > version;
        let last = cluster.versions.iter().enumerate().all(ahead);
        // First, or it would break off what is granted below.
        if last && self.rules.abort {
            (0..self.workers.len() as u32).for_each(|w| self.abort(WorkerId(w), decide));
        }
        for (worker, _) in members.drain(..) {
            let state = &mut self.workers[worker.index()];
            state.held -= 1;
            if state.held == 0 && std::mem::take(&mut state.asking) {
                decide.grant(worker);
            }
        }
        // Its memory goes on.
        self.held[shard.index()] = members;
    }

    /// Breaks off the worker's step, if its push has not arrived everywhere.
    fn abort(&mut self, worker: WorkerId, decide: &mut Decisions) {
        let state = &mut self.workers[worker.index()];
        let whole = self.held.len() as u32;
        if let Some((lost, _)) = state.latest.take_if(|(_, arrived)| *arrived < whole) {
            for held in &mut self.held {
                let before = held.len();
                held.retain(|(_, push)| *push != lost);
                state.held -= (before - held.len()) as u32;
            }
        }
        decide.abort(worker);
    }
}

impl Protocol for Rounds {
    fn on_ready(&mut self, worker: WorkerId, _: &Cluster<'_>, decide: &mut Decisions) {
        let state = &mut self.workers[worker.index()];
        if self.rules.wait && state.held > 0 {
            state.asking = true;
        } else {
            decide.grant(worker);
        }
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &Cluster<'_>, decide: &mut Decisions) {
        let Arrived { push, worker, shard, pulled, .. } = arrived;
        let state = &mut self.workers[worker.index()];
        match &mut state.latest {
            Some((latest, parts)) if *latest == push => *parts += 1,
            latest => *latest = Some((push, 1)),
        }
        if self.rules.fresh && pulled < cluster.versions[shard.index()] {
            decide.discard(shard, push);
            return;
        }
        state.held += 1;
        self.held[shard.index()].push((worker, push));
        if self.held[shard.index()].len() >= self.size {
            self.close(shard, cluster, decide);
        }
    }
}
