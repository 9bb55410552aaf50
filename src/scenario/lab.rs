//! Configuration of the restart lab: where a run is forked, and which restarts are tried there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sim::Save;
use crate::sim::restart::{ClockAt, DataAt, InFlight, Kept, Restart, SlotsAt, WorkersAt};

/// What `straggler lab restart` does. It runs the scenario up to a fork. From there it runs once
/// for every arm, always with the same random draws.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Lab {
    /// Where the run is forked.
    pub fork: Fork,
    /// Updates that every arm makes after the fork.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub updates: u64,
    /// Updates after the fork within which the depth of a drop is measured.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub early: u64,
    /// Evaluations of every arm after the fork; they are denser near the fork.
    #[schemars(range(min = 2, max = 10_000))]
    pub points: u32,
    /// Numbers of workers; one and that of the scenario when left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<u32>,
    /// Seeds, counted from that of the scenario. Depths are medians with exact intervals; nine seeds
    /// are the fewest with which one of the ten effects of four factors can be told from chance.
    #[schemars(range(min = 1, max = 10_000))]
    pub seeds: u32,
    /// What the factorial varies: each factor is kept in half of the arms, and lost in the others.
    /// Up to four make a full factorial; five to eight a fraction of it with sixteen arms, in which
    /// no main effect is confounded with an interaction of two.
    pub factors: Vec<Factor>,
    /// How the checkpoint is saved in arms that lose the factor `save`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save: Option<Save>,
    /// Further arms, with restarts that you define.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arm: Vec<CustomArm>,
    /// An arm counts as recovered from the first evaluation after which it is never further than
    /// this below the run without a restart.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub recovered_within: f64,
}

impl Default for Lab {
    fn default() -> Lab {
        Lab {
            fork: Fork::Best,
            updates: 2_000,
            early: 300,
            points: 24,
            workers: Vec::new(),
            seeds: 10,
            factors: vec![Factor::Workers, Factor::Slots, Factor::Counters, Factor::Data],
            save: None,
            arm: Vec::new(),
            recovered_within: 0.001,
        }
    }
}

/// Where a run is forked.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fork {
    /// At the evaluation with the best AUC on the selection half of the holdout.
    #[default]
    Best,
    /// After this many updates.
    Updates(#[schemars(range(min = 1))] u64),
    /// After this many passes over the window.
    Passes(#[schemars(range(min = 0.0, max = 1e9))] f64),
}

/// Something that a restart keeps or loses.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// The workers' views, and the gradients in flight. If lost, all workers pull the server's
    /// parameters anew: their views coalesce.
    Workers,
    /// The examples of gradients in flight: lost, instead of trained on again. Has no effect in
    /// arms that keep the workers.
    InFlight,
    /// The optimizer state: set to its first values.
    Slots,
    /// The updates that the optimizer has counted: from zero.
    Counters,
    /// The place in the data: a new pass in a new order.
    Data,
    /// The place in the data: the same sequence from its start.
    Replay,
    /// Moving statistics of the model: at their first values.
    Moving,
    /// The clocks of the schedule: from zero.
    Clock,
    /// What remedies remember: nothing.
    Remedies,
    /// How often rows have been met, where rows are admitted: from zero.
    Admission,
    /// Whether the checkpoint is taken at one instant. If lost, it is saved as `lab.save` says,
    /// while training goes on.
    Save,
}

impl Factor {
    /// The word in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Factor::Workers => "workers",
            Factor::InFlight => "in_flight",
            Factor::Slots => "slots",
            Factor::Counters => "counters",
            Factor::Data => "data",
            Factor::Replay => "replay",
            Factor::Moving => "moving",
            Factor::Clock => "clock",
            Factor::Remedies => "remedies",
            Factor::Admission => "admission",
            Factor::Save => "save",
        }
    }

    /// Makes `restart` lose the factor. `save` is how checkpoints are saved that are not of one
    /// instant.
    pub fn lose(self, restart: &mut Restart, save: Option<&Save>) {
        match self {
            Factor::Workers => restart.workers = WorkersAt::Anew,
            Factor::InFlight => restart.in_flight = InFlight::Drop,
            Factor::Slots => restart.slots = SlotsAt::Zero,
            Factor::Counters => restart.counters = Kept::Reset,
            Factor::Data => restart.data = DataAt::Reshuffle,
            Factor::Replay => restart.data = DataAt::Replay,
            Factor::Moving => restart.moving = Kept::Reset,
            Factor::Clock => restart.clock = ClockAt::Reset,
            Factor::Remedies => restart.remedies = Kept::Reset,
            Factor::Admission => restart.admission = Kept::Reset,
            Factor::Save => restart.save = save.cloned(),
        }
    }
}

/// An arm with a restart that you define.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Arm")]
pub struct CustomArm {
    /// What it is called in tables and pictures.
    #[schemars(length(min = 1, max = 60))]
    pub label: String,
    /// What becomes of each part of the job.
    pub restart: Restart,
}
