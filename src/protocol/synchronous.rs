//! Synchronous (BSP): a strict barrier, one update per round.
//!
//! Each shard collects one push of every worker and applies their mean in the order of the
//! workers, so that N workers with batch B make the same update as one worker with batch N x B.
//! A worker may pull again once every shard has closed the round.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Arrived, Cluster, Decisions, Protocol, PushId};
use crate::base::WorkerId;

/// The strict barrier has no settings.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// The working protocol.
#[derive(Clone, Debug)]
pub struct Synchronous {
    /// Pushes of the open round, by shard and worker.
    rounds: Vec<Vec<Option<PushId>>>,
    /// How many pushes of the open round each shard has.
    arrived: Vec<usize>,
    /// Workers that asked and wait for the barrier.
    waiting: Vec<bool>,
}

impl Synchronous {
    /// A barrier for `workers` workers at each of `shards` shards.
    pub fn new(workers: u32, shards: u32) -> Synchronous {
        Synchronous {
            rounds: vec![vec![None; workers as usize]; shards as usize],
            arrived: vec![0; shards as usize],
            waiting: vec![false; workers as usize],
        }
    }

    /// Rounds closed by every shard, given their versions: one version per round.
    fn closed(cluster: &Cluster<'_>) -> u64 {
        cluster.versions.iter().copied().min().unwrap_or(0)
    }
}

impl Protocol for Synchronous {
    fn on_ready(&mut self, worker: WorkerId, cluster: &Cluster<'_>, decide: &mut Decisions) {
        if cluster.steps[worker.index()] <= Self::closed(cluster) {
            decide.grant(worker);
        } else {
            self.waiting[worker.index()] = true;
        }
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &Cluster<'_>, decide: &mut Decisions) {
        let shard = arrived.shard.index();
        let round = &mut self.rounds[shard];
        round[arrived.worker.index()] = Some(arrived.push);
        self.arrived[shard] += 1;
        if self.arrived[shard] < round.len() {
            return;
        }
        let pushes: Vec<PushId> = round.iter_mut().filter_map(Option::take).collect();
        self.arrived[shard] = 0;
        decide.apply(arrived.shard, &pushes);
        // This shard was the last to close the round if the others are already ahead of it.
        let version = cluster.versions[shard];
        let others = |(s, v): (usize, &u64)| s == shard || *v > version;
        if cluster.versions.iter().enumerate().all(others) {
            for (worker, waiting) in self.waiting.iter_mut().enumerate() {
                if std::mem::take(waiting) {
                    decide.grant(WorkerId(worker as u32));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ShardId, SimTime};
    use crate::protocol::{Decision, Merge};

    #[test]
    fn nobody_passes_before_all_have_pushed() {
        let mut barrier = Synchronous::new(3, 1);
        let mut decide = Decisions::default();
        fn cluster(steps: &[u64]) -> Cluster<'_> {
            Cluster { now: SimTime(0), versions: &[0], steps }
        }
        for (w, steps) in [(2u32, [0, 0, 1]), (0, [1, 0, 1])] {
            let arrived = Arrived {
                push: PushId(u64::from(w)),
                worker: WorkerId(w),
                shard: ShardId(0),
                step: 0,
                pulled: 0,
            };
            barrier.on_push(arrived, &cluster(&[0, 0, 0]), &mut decide);
            barrier.on_ready(WorkerId(w), &cluster(&steps), &mut decide);
        }
        assert!(decide.is_empty());
        let last =
            Arrived { push: PushId(1), worker: WorkerId(1), shard: ShardId(0), step: 0, pulled: 0 };
        barrier.on_push(last, &cluster(&[1, 0, 1]), &mut decide);
        let all = [PushId(0), PushId(1), PushId(2)];
        assert_eq!(decide.get(0), Decision::Apply(ShardId(0), &all, Merge::default()));
        assert_eq!(decide.get(1), Decision::Grant(WorkerId(0), None));
        assert_eq!(decide.get(2), Decision::Grant(WorkerId(2), None));
        assert_eq!(decide.len(), 3);
    }
}
