//! Crash and repair: how long machines run, how long they are down, and what becomes of the work
//! that a crash interrupts.
//!
//! A machine runs for a random time of mean `every` and is then down for a time of mean `repair`,
//! again and again, with or without work: an alternating renewal process. So in the long run a
//! worker is present for the share MTBF / (MTBF + MTTR) of the time, whatever the laws. The k-th of
//! these times is a pure function of (seed, worker, k).

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::step_time::exponential;
use super::{LawError, StepTimeChoice, StepTimeLaw};
use crate::base::{Purpose, SimSpan, Streams};

/// What becomes of the examples of a step that is lost with its worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// They are dropped: no worker uses them in this pass.
    #[default]
    Drop,
    /// They return to the head of the shared queue: the next worker that asks gets them.
    Requeue,
    /// The same worker repeats them when it is back.
    Repeat,
}

/// What becomes of a push that is under way when its worker crashes or leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "OnTheWay")]
pub enum InFlightMessages {
    /// Parts that have not arrived at a shard are lost, and so are those that the protocol holds.
    #[default]
    Lost,
    /// It had left the machine completely, and arrives.
    Arrives,
}

/// Crashes of one machine class that differs from the others.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfClass {
    /// Name of the machine class.
    pub name: String,
    /// Mean time between failures of its machines.
    pub every: SimSpan,
    /// Mean time to repair, if it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<SimSpan>,
}

/// Random crashes of machines, and the fate of the work that any crash or sudden leave interrupts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Failures {
    /// Mean time between failures of a machine: from one repair to the next crash. When left out,
    /// only the classes named below crash at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<SimSpan>,
    /// Mean time to repair: from a crash until the worker starts again.
    pub repair: SimSpan,
    /// How the time between failures varies.
    pub law: StepTimeChoice,
    /// How the time to repair varies.
    pub repair_law: StepTimeChoice,
    /// What becomes of the examples of a lost step.
    pub lost: Lost,
    /// What becomes of a push that is under way.
    pub on_the_way: InFlightMessages,
    /// Machine classes that crash more or less often.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub class: Vec<OfClass>,
}

impl Default for Failures {
    fn default() -> Self {
        let memoryless = StepTimeChoice::Exponential(exponential::Config {});
        Failures {
            every: None,
            repair: SimSpan(600_000_000_000),
            law: memoryless.clone(),
            repair_law: memoryless,
            lost: Lost::default(),
            on_the_way: InFlightMessages::default(),
            class: Vec::new(),
        }
    }
}

impl Failures {
    /// Whether any machine crashes at random.
    pub fn is_random(&self) -> bool {
        self.every.is_some() || !self.class.is_empty()
    }

    /// The laws of the crashes of a machine of class `class`; `None` if it never crashes.
    ///
    /// # Errors
    /// If a trace cannot be read.
    pub fn process(&self, class: &str, folder: &Path) -> Result<Option<Process>, LawError> {
        let own = self.class.iter().find(|own| own.name == class);
        let Some(every) = own.map(|own| own.every).or(self.every) else { return Ok(None) };
        let repair = own.and_then(|own| own.repair).unwrap_or(self.repair);
        let (law, repair_law) = (self.law.build(folder)?, self.repair_law.build(folder)?);
        Ok(Some(Process { purpose: Purpose::Failure, every, repair, law, repair_law }))
    }
}

/// When a machine crashes and for how long: an alternating renewal process.
#[derive(Clone, Debug)]
pub struct Process {
    /// The purpose of its draws.
    pub(super) purpose: Purpose,
    pub(super) every: SimSpan,
    pub(super) repair: SimSpan,
    pub(super) law: Arc<dyn StepTimeLaw>,
    pub(super) repair_law: Arc<dyn StepTimeLaw>,
}

impl Process {
    /// How long machine `number` runs after its `count`-th repair, or from the start for 0.
    pub fn up_time(&self, number: u32, count: u64, streams: Streams) -> SimSpan {
        let draw = streams.draw(self.purpose, u64::from(number), 2 * count);
        // At least a nanosecond, so that the process advances.
        SimSpan(self.law.time(self.every, draw).0.max(1))
    }

    /// How long its `count`-th repair takes, counted from 0.
    pub fn down_time(&self, number: u32, count: u64, streams: Streams) -> SimSpan {
        let draw = streams.draw(self.purpose, u64::from(number), 2 * count + 1);
        SimSpan(self.repair_law.time(self.repair, draw).0.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_runs_for_its_share_of_the_time() {
        let (every, repair) = (Some(SimSpan(9 << 30)), SimSpan(1 << 30));
        let failures = Failures { every, repair, ..Failures::default() };
        let process = failures.process("", Path::new(".")).unwrap().unwrap();
        let streams = Streams::new(3);
        let sum = |of: &dyn Fn(u64) -> SimSpan| (0..20_000).map(|k| of(k).seconds()).sum::<f64>();
        let up = sum(&|k| process.up_time(7, k, streams));
        let down = sum(&|k| process.down_time(7, k, streams));
        assert!((up / (up + down) / 0.9 - 1.0).abs() < 0.005, "{}", up / (up + down));
    }

    #[test]
    fn a_class_has_its_own_times_and_others_none() {
        let of = OfClass { name: "spot".into(), every: SimSpan(1 << 30), repair: None };
        let failures = Failures { class: vec![of], ..Failures::default() };
        let process = |class| failures.process(class, Path::new(".")).unwrap();
        assert!(process("spot").is_some() && process("").is_none());
        assert!(failures.is_random() && !Failures::default().is_random());
    }
}
