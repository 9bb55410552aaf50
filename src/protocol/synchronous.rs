//! Synchronous (BSP): a strict barrier, one update per round.
//!
//! Each shard collects one push of every worker and applies their mean in the order of the workers.
//! So N workers with batch B make the same update as one worker with batch N x B. A worker may pull
//! again once every shard has closed the round. A round is one push of every worker that is present
//! when it is closed. If a worker leaves after it has pushed, its push takes part too.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fit;
use super::rounds::{RoundSize, RoundsConfig, Rules};

/// The strict barrier has no settings.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

impl RoundsConfig for Config {
    fn size(&self) -> RoundSize {
        RoundSize::Everybody
    }

    fn rules(&self) -> Rules {
        Rules { wait: true, fresh: false, abort: false }
    }

    fn fit(&self, workers: u32) -> Fit {
        match workers {
            1 => Fit::NoEffect { why: "one worker has nobody to wait for" },
            _ => Fit::Works,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ShardId, SimTime, WorkerId};
    use crate::protocol::{
        Arrived, ClusterState, Decision, Decisions, Merge, ProtocolConfig, PushId,
    };

    #[test]
    fn nobody_passes_before_all_have_pushed() {
        let mut barrier = Config {}.build(3, 1);
        let mut decide = Decisions::default();
        fn cluster(steps: &[u64]) -> ClusterState<'_> {
            ClusterState { now: SimTime(0), versions: &[0], steps }
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
