//! Stale-synchronous (SSP): a worker may be at most `lead` steps ahead of the slowest.
//!
//! Ho et al. (2013), "More effective distributed ML via a stale synchronous parallel parameter
//! server"; reconstructed from memory. A worker that has finished `c` steps may begin the next if
//! `c - min c_q <= lead`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clocks::Clocks;
use super::{Arrived, Cluster, Decisions, Protocol, PushId};
use crate::base::WorkerId;

/// When pushes become updates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Updates {
    /// Each as it arrives.
    #[default]
    OnArrival,
    /// The mean of one push of every worker, when all have finished the same step. With `lead = 0`
    /// this is the synchronous protocol.
    ByClock,
}

/// How far ahead a worker may be.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Steps that a worker may be ahead of the slowest.
    pub lead: u64,
    /// When pushes become updates.
    pub updates: Updates,
}

impl Default for Config {
    fn default() -> Config {
        Config { lead: 3, updates: Updates::default() }
    }
}

/// The working protocol.
#[derive(Clone, Debug)]
pub struct StaleSynchronous {
    config: Config,
    workers: usize,
    clocks: Clocks,
    /// Pushes of clocks that are not complete, by shard and clock.
    held: Vec<BTreeMap<u64, Vec<(WorkerId, PushId)>>>,
}

impl StaleSynchronous {
    /// A bounded lead for `workers` workers and `shards` shards.
    pub fn new(config: Config, workers: u32, shards: u32) -> StaleSynchronous {
        StaleSynchronous {
            config,
            workers: workers as usize,
            clocks: Clocks::new(workers),
            held: vec![BTreeMap::new(); shards as usize],
        }
    }

    fn by_clock(&mut self, arrived: Arrived, decide: &mut Decisions) {
        let held = &mut self.held[arrived.shard.index()];
        let members = held.entry(arrived.step).or_default();
        members.push((arrived.worker, arrived.push));
        if members.len() == self.workers {
            members.sort_unstable();
            let pushes: Vec<PushId> = members.iter().map(|(_, push)| *push).collect();
            held.remove(&arrived.step);
            decide.apply(arrived.shard, &pushes);
        }
    }
}

impl Protocol for StaleSynchronous {
    fn on_ready(&mut self, worker: WorkerId, _: &Cluster<'_>, decide: &mut Decisions) {
        if self.clocks.lead(worker) <= self.config.lead {
            decide.grant(worker);
        } else {
            self.clocks.wait(worker);
        }
    }

    fn on_push(&mut self, arrived: Arrived, cluster: &Cluster<'_>, decide: &mut Decisions) {
        match self.config.updates {
            Updates::OnArrival => decide.apply(arrived.shard, &[arrived.push]),
            Updates::ByClock => self.by_clock(arrived, decide),
        }
        let worker = arrived.worker;
        if self.clocks.set(worker, cluster.steps[worker.index()]) {
            while let Some(worker) = self.clocks.release(self.config.lead) {
                decide.grant(worker);
            }
        }
    }
}
