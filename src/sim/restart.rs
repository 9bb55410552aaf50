//! A restart: the job ends and starts again from a checkpoint. Separate switches say what is kept
//! and what is lost, so that rival explanations of the effect of a restart on a model can be told
//! apart. A restart that keeps everything has no effect.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::save::Save;
use crate::cluster::StartChoice;
use crate::optimizer::schedule::Horizon;
use crate::params::Layout;
use crate::protocol::Protocol;
use crate::remedy::Remedies;
use crate::server::{Selection, UnknownName};

/// What happens to each part of a job at a restart.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Restart {
    /// What the workers hold: the parameters that each has pulled, and its current step.
    pub workers: WorkersAt,
    /// The gradients that are in flight, if the workers start with a new pull.
    pub in_flight: InFlight,
    /// The optimizer state (slots): moments, sums of squares.
    pub slots: SlotsAt,
    /// The updates that the optimizer has counted, by which it corrects young moments. State kept
    /// and counters reset: it over-corrects moments at first, then makes smaller steps for a while.
    pub counters: Kept,
    /// The counts of pushes, if rows are admitted. After a reset, rows read zeros until they have
    /// occurred often enough again; then they get their weights back.
    pub admission: Kept,
    /// Moving statistics of the model, such as those of Dice and batch normalization.
    pub moving: Kept,
    /// The memory of remedies.
    pub remedies: Kept,
    /// Which examples come next.
    pub data: DataAt,
    /// The clocks of the learning-rate schedule and of update rules that discount by period.
    pub clock: ClockAt,
    /// Parameters to re-initialise, by name: a layer (`mlp.0`), a table (`item`), the last layers
    /// (`last`, `last.2`), `dense`, `embeddings` or `all`. Their optimizer state is re-initialised too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reinit: Vec<String>,
    /// All weights are multiplied by this (Ash & Adams 2020).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub shrink: f64,
    /// Freshly drawn initial weights times this are added to all weights.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub perturb: f64,
    /// How the checkpoint for the restart was saved (lab only): the job continues until the save is
    /// done. If left out, it is saved at one instant and in no time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save: Option<Save>,
    /// When the workers start, counted from the restart.
    pub start: StartChoice,
    /// Over this length after the restart the learning rate grows from zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<Horizon>,
    /// For this length after the restart the learning rate is zero: the optimizer state
    /// fills, weights stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Horizon>,
}

/// What workers hold after a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkersAt {
    /// Nothing: each pulls the server's parameters. So their views coalesce.
    #[default]
    Anew,
    /// What they held: each continues with its own view, which only a simulator can do.
    Keep,
}

/// What happens to gradients in flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InFlight {
    /// They are lost, and so are their examples.
    #[default]
    Drop,
    /// They are lost; their examples are trained on again.
    Requeue,
    /// They arrive and are applied before the checkpoint is taken: workers finish their current
    /// step, and start no new one.
    Apply,
}

/// What happens to the optimizer state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlotsAt {
    /// They are in the checkpoint.
    #[default]
    Keep,
    /// They are lost and get their initial values. If the counters are kept, a bias correction
    /// treats the state as settled. If the counters are lost as well, the optimizer starts new, as
    /// when only weights are restored.
    Zero,
}

/// Whether something is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// It is in the checkpoint.
    #[default]
    Keep,
    /// It is reset.
    Reset,
}

/// Which examples follow a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataAt {
    /// Those that would have followed; if a run starts from a checkpoint of another window, a pass
    /// over its own.
    #[default]
    Continue,
    /// A new pass over the window, in a new permutation if the order permutes.
    Reshuffle,
    /// The same sequence as from the start of the job.
    Replay,
}

/// What happens to the schedule's clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockAt {
    /// They continue.
    #[default]
    Continue,
    /// They start at zero.
    Reset,
}

impl Default for Restart {
    fn default() -> Restart {
        Restart {
            workers: WorkersAt::Anew,
            in_flight: InFlight::Drop,
            slots: SlotsAt::Keep,
            counters: Kept::Keep,
            admission: Kept::Keep,
            moving: Kept::Keep,
            remedies: Kept::Reset,
            data: DataAt::Continue,
            clock: ClockAt::Continue,
            reinit: Vec::new(),
            shrink: 1.0,
            perturb: 0.0,
            save: None,
            start: StartChoice::default(),
            warm_up: None,
            frozen: None,
        }
    }
}

impl Restart {
    /// The restart that keeps everything, and so has no effect.
    pub fn nothing_lost() -> Restart {
        Restart { workers: WorkersAt::Keep, remedies: Kept::Keep, ..Restart::default() }
    }

    /// The parameters to re-initialise.
    ///
    /// # Errors
    /// A name that the model does not have.
    pub fn selection(&self, layout: &Layout) -> Result<Selection, UnknownName> {
        Selection::of(layout, &self.reinit)
    }
}

/// New parts of the job, which the engine cannot build itself.
#[derive(Debug)]
pub struct Fresh {
    /// The protocol.
    pub protocol: Box<dyn Protocol>,
    /// The remedies.
    pub remedies: Remedies,
}
