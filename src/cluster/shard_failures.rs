//! Failures of shards: when a shard crashes, when that is noticed, what workers do meanwhile, and
//! with which state the shard comes back.
//!
//! The times between failures and the times to repair are an alternating renewal process, as for
//! [workers](super::failures). The k-th of these times is a pure function of (seed, shard, k).

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::failures::Process;
use super::step_time::exponential;
use super::{LawError, StepTimeChoice};
use crate::base::{Purpose, ShardId, SimSpan, SimTime};

/// What workers do between the moment in which a failure is noticed and the return of the shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Meanwhile {
    /// Their requests to the shard wait until it is back.
    #[default]
    Block,
    /// A worker whose request meets the failed shard loses its step, as in a crash, and starts again
    /// when the shard is back. `cluster.failures.lost` says what becomes of its examples.
    Fail,
    /// They do without the shard: `reads` says what stands in for its values, and its part of every
    /// push is lost.
    GoOn,
}

/// What stands in for the values of a failed shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StandIn {
    /// The values that the worker had in its step before; zeros for rows that it did not have.
    #[default]
    Last,
    /// Zeros.
    Zeros,
}

/// The state with which a failed shard comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// The shard returns with its last checkpoint; the others keep their state.
    #[default]
    Partial,
    /// The job stops when the failure is noticed. When the shard is back, all shards return to the
    /// last common checkpoint, and all workers begin anew.
    All,
    /// A replica takes over, with the state of the shard a time of `lag` before the crash.
    Replica,
}

/// What becomes of the workers' position in the data when all shards return to a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Readers {
    /// They read on: examples since the checkpoint are not used again.
    #[default]
    GoOn,
    /// They return to the position at the checkpoint, and train on those examples again.
    Back,
}

/// How increments are laid over the full checkpoint before them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// All of them, in the order in which they were saved.
    #[default]
    InOrder,
    /// The last but one after the last: a fault that leaves older values in the rows of both.
    LastTwoSwapped,
    /// One of them, drawn at random, is missing: a fault that leaves older values in its rows.
    OneMissing,
}

impl Replay {
    /// Whether it is the default, which is left out of files.
    pub fn is_in_order(&self) -> bool {
        *self == Replay::InOrder
    }

    /// The name of the fault, if it is one.
    pub fn fault(self) -> Option<String> {
        let name = serde_json::to_value(self).ok()?.as_str()?.to_string();
        (!self.is_in_order()).then_some(name)
    }

    /// How many increments there must be for something to be wrong with them.
    pub fn needs(self) -> usize {
        match self {
            Replay::InOrder => 0,
            Replay::OneMissing => 1,
            Replay::LastTwoSwapped => 2,
        }
    }

    /// The order in which so many increments are laid, by their numbers from 0 on. `missing` chooses
    /// the one that is missing, if one is.
    pub fn order(self, increments: usize, missing: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..increments).collect();
        match self {
            Replay::InOrder => {}
            Replay::LastTwoSwapped if increments > 1 => order.swap(increments - 2, increments - 1),
            Replay::LastTwoSwapped => {}
            Replay::OneMissing if increments > 0 => {
                order.remove((missing % increments as u64) as usize);
            }
            Replay::OneMissing => {}
        }
        order
    }
}

/// The checkpoints that shards save, all at the same moments and in no time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShardCheckpoints {
    /// Time between two full checkpoints; "0s" for one after every update. When left out, a failed
    /// shard returns with the state that it had at the start of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<SimSpan>,
    /// Time between two increments, which hold the rows touched since the last one and all dense
    /// parameters. When left out, there are only full checkpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub increments: Option<SimSpan>,
    /// How increments are laid over the full checkpoint.
    pub replay: Replay,
    /// Whether checkpoints hold the optimizer state (slots and counters). Otherwise it begins anew
    /// in a shard that returns.
    pub slots: bool,
}

impl Default for ShardCheckpoints {
    fn default() -> Self {
        ShardCheckpoints { every: None, increments: None, replay: Replay::default(), slots: true }
    }
}

/// Random failures of one shard, where they differ from those of the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfShard {
    /// Number of the shard, counted from 0.
    pub shard: u32,
    /// Mean time between its failures.
    pub every: SimSpan,
    /// Mean time until it is back, if it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<SimSpan>,
}

/// A failure by script.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShardCrash {
    /// Number of the shard, counted from 0.
    pub shard: u32,
    /// When it crashes.
    pub at: SimSpan,
    /// Time until it is back; `repair` of the section when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<SimSpan>,
}

/// Failures of shards, and what they cost.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ShardFailures {
    /// Mean time between failures of a shard: from its return to its next crash. When left out,
    /// only the shards named below crash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<SimSpan>,
    /// Mean time to repair: from the crash until the shard, or its replica, serves again.
    pub repair: SimSpan,
    /// How the time between failures varies.
    pub law: StepTimeChoice,
    /// How the time to repair varies.
    pub repair_law: StepTimeChoice,
    /// Time from the crash until it is noticed. Before that, requests to the shard wait. A shard
    /// that is back is noticed too.
    pub noticed_after: SimSpan,
    /// What workers do from then on until the shard is back.
    pub meanwhile: Meanwhile,
    /// What they read with `meanwhile = "go_on"` in place of the values of the shard.
    pub reads: StandIn,
    /// With which state the shard comes back.
    pub recovery: Recovery,
    /// Where the workers read on with `recovery = "all"`.
    pub readers: Readers,
    /// How far the replica of `recovery = "replica"` is behind: updates of this time are lost with
    /// the shard. "0s": the replica is synchronous, and nothing is lost.
    pub lag: SimSpan,
    /// The checkpoints that shards save, for `recovery = "partial"` and `"all"`.
    pub checkpoint: ShardCheckpoints,
    /// Shards that crash more or less often.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shard: Vec<OfShard>,
    /// Crashes by script.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event: Vec<ShardCrash>,
}

impl Default for ShardFailures {
    fn default() -> Self {
        let memoryless = StepTimeChoice::Exponential(exponential::Config {});
        ShardFailures {
            every: None,
            repair: SimSpan(600_000_000_000),
            law: memoryless.clone(),
            repair_law: memoryless,
            noticed_after: SimSpan::ZERO,
            meanwhile: Meanwhile::default(),
            reads: StandIn::default(),
            recovery: Recovery::default(),
            readers: Readers::default(),
            lag: SimSpan::ZERO,
            checkpoint: ShardCheckpoints::default(),
            shard: Vec::new(),
            event: Vec::new(),
        }
    }
}

impl ShardFailures {
    /// Whether any shard crashes at random.
    pub fn is_random(&self) -> bool {
        self.every.is_some() || !self.shard.is_empty()
    }

    /// Whether no shard ever fails.
    pub fn is_none(&self) -> bool {
        !self.is_random() && self.event.is_empty()
    }

    /// Whether shards save checkpoints.
    pub fn saves(&self) -> bool {
        !self.is_none() && self.recovery != Recovery::Replica
    }

    /// Whether workers keep the view of their last step, to read from it.
    pub fn keeps_views(&self) -> bool {
        let goes_on = self.recovery != Recovery::All && self.meanwhile == Meanwhile::GoOn;
        !self.is_none() && goes_on && self.reads == StandIn::Last
    }

    /// The failures of `shards` shards.
    ///
    /// # Errors
    /// If a trace cannot be read.
    pub fn plan(&self, shards: u32, folder: &Path) -> Result<ShardFailurePlan, LawError> {
        let process = |shard: u32| {
            let own = self.shard.iter().find(|own| own.shard == shard);
            let Some(every) = own.map(|own| own.every).or(self.every) else { return Ok(None) };
            let repair = own.and_then(|own| own.repair).unwrap_or(self.repair);
            let (law, repair_law) = (self.law.build(folder)?, self.repair_law.build(folder)?);
            let purpose = Purpose::ShardFailure;
            Ok(Some(Process { purpose, every, repair, law, repair_law }))
        };
        let processes = match self.is_random() {
            true => (0..shards).map(process).collect::<Result<_, LawError>>()?,
            false => Vec::new(),
        };
        let crash = |event: &ShardCrash| {
            let span = event.repair.unwrap_or(self.repair);
            (SimTime::ZERO + event.at, ShardId(event.shard), span)
        };
        Ok(ShardFailurePlan {
            processes,
            crashes: self.event.iter().map(crash).collect(),
            how: self.clone(),
        })
    }
}

/// Failures of shards with their laws built.
#[derive(Clone, Debug, Default)]
pub struct ShardFailurePlan {
    /// The random failures of each shard; empty if there are none.
    pub processes: Vec<Option<Process>>,
    /// Failures by script: when, of which shard, and for how long.
    pub crashes: Vec<(SimTime, ShardId, SimSpan)>,
    /// What happens then.
    pub how: ShardFailures,
}

impl ShardFailurePlan {
    /// Whether no shard ever fails.
    pub fn is_none(&self) -> bool {
        self.processes.iter().all(Option::is_none) && self.crashes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Streams;

    #[test]
    fn a_shard_has_its_own_times_and_others_those_of_all() {
        let own = OfShard { shard: 1, every: SimSpan(1 << 20), repair: None };
        let mut failures = ShardFailures { shard: vec![own], ..ShardFailures::default() };
        let plan = failures.plan(3, Path::new(".")).unwrap();
        let has: Vec<bool> = plan.processes.iter().map(Option::is_some).collect();
        assert_eq!(has, [false, true, false]);
        failures.every = Some(SimSpan(1 << 40));
        let plan = failures.plan(3, Path::new(".")).unwrap();
        let mean = |shard: u32| {
            let process = plan.processes[shard as usize].as_ref().unwrap();
            let up = |k| process.up_time(shard, k, Streams::new(1)).0 as f64;
            (0..20_000).map(up).sum::<f64>() / 20_000.0
        };
        for (shard, expected) in [(0, 40), (1, 20), (2, 40)] {
            assert!((mean(shard) / f64::from(expected).exp2() - 1.0).abs() < 0.03);
        }
    }

    #[test]
    fn a_script_uses_the_repair_of_the_section_unless_it_has_its_own() {
        let text =
            "repair = '5s'\nevent = [{ shard = 3, at = '60s' }, { at = '1s', repair = '0s' }]";
        let failures: ShardFailures = toml::from_str(text).unwrap();
        let plan = failures.plan(4, Path::new(".")).unwrap();
        let second = 1_000_000_000;
        assert_eq!(plan.crashes[0], (SimTime(60 * second), ShardId(3), SimSpan(5 * second)));
        assert_eq!(plan.crashes[1], (SimTime(second), ShardId(0), SimSpan::ZERO));
        assert!(!plan.is_none() && ShardFailurePlan::default().is_none());
    }
}
