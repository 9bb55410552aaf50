//! Scripted events: what happens to one worker at one moment, as in an experiment or on a day that
//! is to be lived through again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Machine;
use crate::base::{SimSpan, SimTime, WorkerId};

/// Something that happens to a worker. Exactly one of `sleep_batches`, `sleep`, `crash` and
/// `slowdown` says what.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scripted {
    /// To which worker; workers are counted from 0.
    pub worker: u32,
    /// When.
    pub at: SimSpan,
    /// It stands still for as long as so many batches take on its machine on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub sleep_batches: Option<u32>,
    /// It stands still for so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sleep: Option<SimSpan>,
    /// It crashes, and is back after so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash: Option<SimSpan>,
    /// Its machine becomes so many times slower, for the time given by `lasting`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.001, max = 1_000_000.0))]
    pub slowdown: Option<f64>,
    /// How long a slowdown lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasting: Option<SimSpan>,
}

/// A time in which a machine is slower, or stands still.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spell {
    /// Its first moment.
    pub from: SimTime,
    /// The first moment after it.
    pub until: SimTime,
    /// How many times longer everything takes; infinite where the machine stands still.
    pub factor: f64,
}

impl Scripted {
    /// Whose event it is.
    pub fn worker(&self) -> WorkerId {
        WorkerId(self.worker)
    }

    /// When it happens.
    pub fn time(&self) -> SimTime {
        SimTime::ZERO + self.at
    }

    /// For how long the worker sleeps, a batch taking `base` on an ordinary machine.
    pub fn sleeps(&self, machine: &Machine, base: SimSpan) -> Option<SimSpan> {
        let batches = |count: u32| machine.mean(base).times(u64::from(count));
        self.sleep.or(self.sleep_batches.map(batches)).filter(|span| !span.is_zero())
    }

    /// What it does to the pace of the worker's machine.
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
