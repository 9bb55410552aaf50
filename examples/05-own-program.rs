//! A program like `straggler`, with parts of our own: a protocol, a remedy and a step-time law that
//! scenario files name, and that all commands know.
//!
//!     cargo run --example 05-own-program -- run examples/05-own-program.toml
//!     cargo run --example 05-own-program -- explain optimizer
//!
//! Everything else works as in the built-in program: sweeps, resume, report, compare, export.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use straggler::base::{Draw, SimSpan, WorkerId};
use straggler::cluster::{LawError, StepTimeChoice, StepTimeConfig, StepTimeLaw};
use straggler::protocol::{
    Arrived, ClusterState, Decisions, Fit, Protocol, ProtocolChoice, ProtocolConfig, ProtocolFacts,
    PushId,
};
use straggler::remedy::damping::{
    Damping, DampingConfig, DampingRule, FactorTarget, RowStalenessRule,
};
use straggler::remedy::{Arrival, RemedyChoice};

// ---- A protocol ----

/// The settings of `protocol = { kind = "merge_pushes", pushes = 4 }`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct MergePushes {
    /// Pushes that make an update.
    #[schemars(range(min = 1, max = 1000))]
    pushes: u32,
}

impl Default for MergePushes {
    fn default() -> Self {
        MergePushes { pushes: 4 }
    }
}

impl ProtocolConfig for MergePushes {
    fn build(&self, _workers: u32, shards: u32) -> Box<dyn Protocol> {
        let held = vec![Vec::new(); shards as usize];
        Box::new(Merging { pushes: self.pushes as usize, held })
    }

    fn pushes_per_update(&self, _workers: u32) -> u32 {
        self.pushes
    }

    fn facts(&self) -> ProtocolFacts {
        ProtocolFacts {
            discards: false,
            wants_whole_steps: false,
            never_waits: true,
            aborts: false,
            never_stale: false,
            bounds_age: false,
        }
    }

    fn fit(&self, _workers: u32) -> Fit {
        Fit::Works
    }
}

/// The protocol at work: each shard makes an update of every few pushes; nobody waits.
#[derive(Debug)]
struct Merging {
    pushes: usize,
    /// What has arrived since the last update, by shard.
    held: Vec<Vec<PushId>>,
}

// Settings are `fixed`; what changes is `state`, and is saved with a run.
straggler::persist!(Merging { pushes: fixed, held: state });

impl Protocol for Merging {
    fn on_ready(&mut self, worker: WorkerId, _: &ClusterState<'_>, decide: &mut Decisions) {
        decide.grant(worker);
    }

    fn on_push(&mut self, arrived: Arrived, _: &ClusterState<'_>, decide: &mut Decisions) {
        let held = &mut self.held[arrived.shard.index()];
        held.push(arrived.push);
        if held.len() == self.pushes {
            decide.apply(arrived.shard, held);
            held.clear();
        }
    }
}

// ---- A remedy ----

/// The settings of `[[remedy]] kind = "cut_off"`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct CutOff {
    /// The greatest staleness at which a gradient still has its full weight.
    free: f64,
}

impl Default for CutOff {
    fn default() -> Self {
        CutOff { free: 8.0 }
    }
}

impl DampingConfig for CutOff {
    type Rule = Cutting;

    fn damping(&self) -> Damping<Cutting> {
        let rule = Cutting { free: self.free };
        Damping::new(rule, FactorTarget::Step, RowStalenessRule::Push)
    }
}

/// The remedy at work: an older gradient counts as much less as it is older.
#[derive(Debug)]
struct Cutting {
    free: f64,
}

straggler::persist!(Cutting { free: fixed });

impl DampingRule for Cutting {
    fn arrive(&mut self, arrival: &Arrival) -> f64 {
        self.factor(arrival, arrival.staleness as f64)
    }

    fn factor(&self, _: &Arrival, staleness: f64) -> f64 {
        if staleness > self.free { self.free / staleness } else { 1.0 }
    }
}

// ---- A step-time law ----

/// The settings of `cluster.compute.law = { kind = "pauses", every = 10, times = 5 }`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Pauses {
    /// Each worker pauses at one of so many steps.
    #[schemars(range(min = 1))]
    every: u64,
    /// Such a step takes so many times as long.
    #[schemars(range(min = 1))]
    times: u64,
}

impl Default for Pauses {
    fn default() -> Self {
        Pauses { every: 10, times: 5 }
    }
}

impl StepTimeConfig for Pauses {
    fn build(&self, _folder: &Path) -> Result<Arc<dyn StepTimeLaw>, LawError> {
        Ok(Arc::new(*self))
    }

    fn scales(&self) -> bool {
        true
    }
}

impl StepTimeLaw for Pauses {
    fn time(&self, base: SimSpan, draw: Draw) -> SimSpan {
        // A pure function of the worker (`entity`) and its step (`count`).
        let pauses = (draw.count + draw.entity) % self.every == self.every - 1;
        if pauses { base.times(self.times) } else { base }
    }
}

fn main() -> ExitCode {
    straggler::cli::main_with(|| {
        ProtocolChoice::register::<MergePushes>(
            "merge_pushes",
            "An update of every few pushes; nobody waits.",
        )?;
        RemedyChoice::register::<CutOff>(
            "cut_off",
            "Full weight up to a staleness, then less in proportion.",
        )?;
        StepTimeChoice::register::<Pauses>(
            "pauses",
            "Every step takes its base time; some take several times as long.",
        )
    })
}
