//! Dynamic stale-synchronous (DSSP): the allowed lead is between `lead` and `lead + extra`. When a
//! worker reaches the lower bound, the protocol grants further steps: as many as make the predicted
//! wait for the slowest worker shortest.
//!
//! Zhao et al. (ICDCS 2019); the controller is reconstructed from the abstract and from memory. It
//! predicts the next pushes of the worker and of the slowest worker from their last two, as two
//! arithmetic sequences. It picks the number of extra steps after which they are closest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clocks::Clocks;
use super::{
    Arrived, ClusterState, Decisions, Fit, Protocol, ProtocolConfig, ProtocolFacts, PushId,
};
use crate::base::{SimSpan, SimTime, WorkerId};

/// The range of the lead.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Lead that is always allowed.
    pub lead: u64,
    /// Most steps granted beyond it at a time.
    #[schemars(range(max = 10_000))]
    pub extra: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config { lead: 3, extra: 12 }
    }
}

impl ProtocolConfig for Config {
    fn build(&self, workers: u32, _: u32) -> Box<dyn Protocol> {
        Box::new(DynamicSsp {
            config: *self,
            clocks: Clocks::new(workers),
            credit: vec![0; workers as usize],
            last: vec![None; workers as usize],
        })
    }

    fn pushes_per_update(&self, _: u32) -> u32 {
        1
    }

    fn facts(&self) -> ProtocolFacts {
        ProtocolFacts {
            discards: false,
            wants_whole_steps: false,
            never_waits: false,
            aborts: false,
            never_stale: false,
            bounds_age: true,
        }
    }

    fn fit(&self, _: u32) -> Fit {
        Fit::Works
    }
}

/// The working protocol.
#[derive(Clone, Debug)]
pub struct DynamicSsp {
    config: Config,
    clocks: Clocks,
    /// Steps that each worker may still take beyond the lower bound.
    credit: Vec<u64>,
    /// When each worker's last push was complete, and how long after the push before it.
    last: Vec<Option<(SimTime, Option<SimSpan>)>>,
}

impl DynamicSsp {
    /// The number of extra steps after which `worker` waits for the slowest for the shortest time.
    fn best(&self, worker: WorkerId) -> u64 {
        let of = |w: WorkerId| match self.last[w.index()] {
            Some((at, Some(interval))) if !interval.is_zero() => Some((at.0, interval.0)),
            _ => None,
        };
        let (Some((at, interval)), Some((slow_at, slow))) =
            (of(worker), of(self.clocks.a_slowest()))
        else {
            return 0;
        };
        let wait = |extra: u64| {
            let own = u128::from(at) + u128::from(extra) * u128::from(interval);
            let behind = own.saturating_sub(u128::from(slow_at));
            let next = u128::from(slow_at) + behind.div_ceil(u128::from(slow)) * u128::from(slow);
            next - own.min(next)
        };
        (0..=self.config.extra).min_by_key(|&extra| wait(extra)).unwrap_or(0)
    }

    fn release(&mut self, decide: &mut Decisions) {
        while let Some(worker) = self.clocks.release(self.config.lead) {
            self.credit[worker.index()] = 0;
            decide.grant(worker);
        }
    }
}

impl Protocol for DynamicSsp {
    fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
        let w = worker.index();
        if self.clocks.lead(worker) <= self.config.lead {
            decide.grant(worker);
            return;
        }
        let most = self.config.lead.saturating_add(self.config.extra);
        if self.credit[w] == 0 && self.clocks.lead(worker) == self.config.lead + 1 {
            self.credit[w] = self.best(worker);
        }
        if self.credit[w] > 0 && self.clocks.lead(worker) <= most {
            self.credit[w] -= 1;
            decide.grant(worker);
        } else {
            self.clocks.wait(worker);
        }
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        decide.apply(arrived.shard, &[arrived.push]);
        let worker = arrived.worker;
        let (w, steps) = (worker.index(), cluster.steps[worker.index()]);
        if steps > arrived.step {
            let interval = self.last[w].map(|(before, _)| cluster.now.since(before));
            self.last[w] = Some((cluster.now, interval));
        }
        if self.clocks.set(worker, steps) {
            self.release(decide);
        }
    }

    fn on_leave(
        &mut self,
        worker: WorkerId,
        _: Option<PushId>,
        _: &ClusterState<'_>,
        decide: &mut Decisions,
    ) {
        self.clocks.leave(worker);
        (self.credit[worker.index()], self.last[worker.index()]) = (0, None);
        self.release(decide);
    }

    fn on_join(&mut self, worker: WorkerId, _: &ClusterState<'_>, _: &mut Decisions) {
        self.clocks.join(worker);
    }
}

crate::persist!(DynamicSsp { config: fixed, clocks: state, credit: state, last: state });
