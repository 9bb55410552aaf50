//! Scripted events: one event of one worker at one moment, for an experiment or to replay an
//! incident.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Machine;
use crate::base::{SimSpan, SimTime, WorkerId};

/// An event of one worker. Exactly one of `sleep_batches`, `sleep`, `crash` and `slowdown` says
/// which.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scripted {
    /// Number of the worker, counted from 0.
    pub worker: u32,
    /// When it happens.
    pub at: SimSpan,
    /// The worker stands still for the mean time of this many batches on its machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub sleep_batches: Option<u32>,
    /// The worker stands still for this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sleep: Option<SimSpan>,
    /// The worker crashes, and is back after this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash: Option<SimSpan>,
    /// The worker's machine becomes this many times slower, for the time given by `lasting`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 1_000_000.0))]
    pub slowdown: Option<f64>,
    /// How long a slowdown lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasting: Option<SimSpan>,
}

/// A time in which a machine is slower or stands still.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spell {
    /// Its first moment.
    pub from: SimTime,
    /// The first moment after it.
    pub until: SimTime,
    /// How many times longer everything takes; infinite if the machine stands still.
    pub factor: f64,
}

impl Scripted {
    /// The worker that the event concerns.
    pub fn worker(&self) -> WorkerId {
        WorkerId(self.worker)
    }

    /// When it happens.
    pub fn time(&self) -> SimTime {
        SimTime::ZERO + self.at
    }

    /// How long the worker sleeps, if a batch takes `base` on an ordinary machine.
    pub fn sleeps(&self, machine: &Machine, base: SimSpan) -> Option<SimSpan> {
        let batches = |count: u32| machine.mean(base).times(u64::from(count));
        self.sleep.or(self.sleep_batches.map(batches)).filter(|span| !span.is_zero())
    }

    /// The effect on the pace of the worker's machine.
    pub fn spell(&self, machine: &Machine, base: SimSpan) -> Option<Spell> {
        let (span, factor) = match (self.sleeps(machine, base), self.slowdown, self.lasting) {
            (Some(span), _, _) => (span, f64::INFINITY),
            (None, Some(factor), Some(lasting)) => (lasting, factor),
            _ => return None,
        };
        let from = self.time();
        Some(Spell { from, until: from + span, factor }).filter(|spell| spell.until > spell.from)
    }
}
