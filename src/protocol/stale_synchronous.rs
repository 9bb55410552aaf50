//! Stale-synchronous (SSP): a worker may be at most `lead` steps ahead of the slowest.
//!
//! Ho et al. (2013), "More effective distributed ML via a stale synchronous parallel parameter
//! server"; reconstructed from memory. There are two variants. By the *workers' clocks*, a worker
//! that has finished `c` steps may begin the next if `c - min c_q <= lead`. By the *rows' clocks*,
//! it may read a row once that row is fresh enough: once it contains every update of the steps
//! before `c - lead`, of all workers. It is not known beforehand which rows a worker will touch. So
//! the rows of a shard share one clock: the step up to which the shard has received the pushes of
//! every worker. A step waits shard by shard: it reads a fast shard while a slow one still catches
//! up.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clocks::Clocks;
use super::{
    Arrived, ClusterState, Decisions, Fit, Protocol, ProtocolConfig, ProtocolFacts, PushId,
};
use crate::base::{ShardId, WorkerId};

/// When pushes become updates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Updates")]
pub enum UpdateTiming {
    /// Each as it arrives.
    #[default]
    OnArrival,
    /// The mean of one push of every worker, when all have finished the same step. With `lead = 0`
    /// this is the synchronous protocol.
    ByClock,
}

/// Which clock decides whether a read is fresh enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The workers': a step begins when the slowest worker has finished, at every shard, the steps
    /// that the lead requires.
    #[default]
    Worker,
    /// The rows', which is their shard's: a shard is read when it has itself received the pushes of
    /// those steps. With one shard nothing differs.
    Row,
}

/// How far ahead a worker may be.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Steps that a worker may be ahead of the slowest.
    pub lead: u64,
    /// When pushes become updates.
    pub updates: UpdateTiming,
    /// Which clock decides whether a read is fresh enough.
    pub clock: Clock,
}

impl Default for Config {
    fn default() -> Config {
        Config { lead: 3, updates: UpdateTiming::default(), clock: Clock::default() }
    }
}

impl ProtocolConfig for Config {
    fn build(&self, workers: u32, shards: u32) -> Box<dyn Protocol> {
        Box::new(StaleSynchronous {
            config: *self,
            workers: workers as usize,
            clocks: Clocks::new(workers),
            heard: vec![Clocks::new(workers); shards as usize],
            held: vec![BTreeMap::new(); shards as usize],
        })
    }

    fn pushes_per_update(&self, workers: u32) -> u32 {
        match self.updates {
            UpdateTiming::OnArrival => 1,
            UpdateTiming::ByClock => workers,
        }
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
pub struct StaleSynchronous {
    config: Config,
    workers: usize,
    clocks: Clocks,
    /// By shard: the clocks of the pushes that it has received.
    heard: Vec<Clocks>,
    /// Pushes of clocks that are not complete, by shard and clock.
    held: Vec<BTreeMap<u64, Vec<(WorkerId, PushId)>>>,
}

impl StaleSynchronous {
    /// The clocks that count at a shard.
    fn clocks_at(&self, shard: ShardId) -> &Clocks {
        match self.config.clock {
            Clock::Worker => &self.clocks,
            Clock::Row => &self.heard[shard.index()],
        }
    }

    fn collect_by_clock(&mut self, arrived: Arrived, decide: &mut Decisions) {
        let clock = self.clocks_at(arrived.shard).of(arrived.worker);
        let members = self.held[arrived.shard.index()].entry(clock).or_default();
        members.push((arrived.worker, arrived.push));
        if self.is_due(arrived.shard, clock) {
            self.apply(arrived.shard, clock, decide);
        }
    }

    /// Whether the shard holds a push of this clock from every worker that can still send one.
    fn is_due(&self, shard: ShardId, clock: u64) -> bool {
        let members = &self.held[shard.index()][&clock];
        let clocks = self.clocks_at(shard);
        if clocks.is_complete() {
            return members.len() == self.workers;
        }
        // The workers at this clock or before, which have not pushed here.
        let expected = clocks.up_to(clock);
        let here = |worker: WorkerId| clocks.is_present(worker) && clocks.of(worker) == clock;
        members.len() >= expected
            && members.iter().filter(|(worker, _)| here(*worker)).count() == expected
    }

    fn apply(&mut self, shard: ShardId, clock: u64, decide: &mut Decisions) {
        let mut members = self.held[shard.index()].remove(&clock).unwrap_or_default();
        members.sort_unstable();
        let pushes: Vec<PushId> = members.iter().map(|(_, push)| *push).collect();
        decide.apply(shard, &pushes);
    }

    /// Applies the updates that need to wait for no worker any more.
    fn apply_due(&mut self, decide: &mut Decisions) {
        for shard in (0..self.held.len() as u32).map(ShardId) {
            let clocks: Vec<u64> = self.held[shard.index()].keys().copied().collect();
            for clock in clocks {
                if self.is_due(shard, clock) {
                    self.apply(shard, clock, decide);
                }
            }
        }
    }

    fn release(&mut self, decide: &mut Decisions) {
        while let Some(worker) = self.clocks.release(self.config.lead) {
            decide.grant(worker);
        }
    }
}

impl StaleSynchronous {
    /// Lets `worker` read every shard that is fresh enough for it. It waits for the other shards.
    fn read_rows(&mut self, worker: WorkerId, decide: &mut Decisions) {
        let lead = self.config.lead;
        if self.heard.iter().all(|heard| heard.lead(worker) <= lead) {
            return decide.grant(worker);
        }
        for (shard, heard) in (0..).map(ShardId).zip(&mut self.heard) {
            if heard.lead(worker) <= lead {
                decide.grant_shard(worker, shard);
            } else {
                heard.wait(worker);
            }
        }
    }

    /// A shard has received a worker's push, which may make the shard fresh enough for others.
    fn note_arrival(&mut self, arrived: Arrived, decide: &mut Decisions) {
        // The clock is not the number of the step, since lost steps do not count.
        if self.heard[arrived.shard.index()].advance(arrived.worker) {
            self.release_at(arrived.shard, decide);
        }
    }

    /// Lets waiting workers read a shard for which it is now fresh enough.
    fn release_at(&mut self, shard: ShardId, decide: &mut Decisions) {
        while let Some(worker) = self.heard[shard.index()].release(self.config.lead) {
            decide.grant_shard(worker, shard);
        }
    }
}

impl Protocol for StaleSynchronous {
    fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
        if self.config.clock == Clock::Row {
            self.read_rows(worker, decide);
        } else if self.clocks.lead(worker) <= self.config.lead {
            decide.grant(worker);
        } else {
            self.clocks.wait(worker);
        }
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &ClusterState<'_>, decide: &mut Decisions) {
        match self.config.updates {
            UpdateTiming::OnArrival => decide.apply(arrived.shard, &[arrived.push]),
            UpdateTiming::ByClock => self.collect_by_clock(arrived, decide),
        }
        if self.config.clock == Clock::Row {
            return self.note_arrival(arrived, decide);
        }
        let worker = arrived.worker;
        if self.clocks.set(worker, cluster.steps[worker.index()]) {
            self.release(decide);
        }
    }

    fn on_leave(
        &mut self,
        worker: WorkerId,
        lost: Option<PushId>,
        _: &ClusterState<'_>,
        decide: &mut Decisions,
    ) {
        self.clocks.leave(worker);
        self.heard.iter_mut().for_each(|heard| heard.leave(worker));
        for held in &mut self.held {
            held.values_mut().for_each(|members| members.retain(|(_, push)| Some(*push) != lost));
            held.retain(|_, members| !members.is_empty());
        }
        self.apply_due(decide);
        self.release(decide);
        (0..self.heard.len() as u32).for_each(|shard| self.release_at(ShardId(shard), decide));
    }

    fn on_join(&mut self, worker: WorkerId, _: &ClusterState<'_>, _: &mut Decisions) {
        self.clocks.join(worker);
        self.heard.iter_mut().for_each(|heard| heard.join(worker));
    }
}

crate::persist!(StaleSynchronous {
    config: fixed,
    workers: fixed,
    clocks: state,
    heard: each,
    held: state
});
