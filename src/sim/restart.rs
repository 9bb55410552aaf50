//! A restart: the job ends, and begins again from a checkpoint. What is kept and what is lost are
//! switches, each on its own, so that rival explanations of what a restart does to a model can be
//! told apart. A restart that keeps everything is none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::save::Save;
use crate::cluster::StartChoice;
use crate::optimizer::schedule::Horizon;
use crate::params::Layout;
use crate::protocol::Protocol;
use crate::remedy::Remedies;
use crate::server::{Selection, UnknownName};

/// What becomes of each part of a job at a restart.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Restart {
    /// What the workers hold: the parameters that each has pulled, and the step that it is in.
    pub workers: WorkersAt,
    /// The gradients that are in flight, if the workers begin anew.
    pub in_flight: InFlight,
    /// The optimizer's slots: moments, sums of squares.
    pub slots: SlotsAt,
    /// The updates that the optimizer has counted, by which it corrects young moments. Slots kept
    /// and counters reset: large corrections of moments that need none, smaller steps for a while.
    pub counters: Kept,
    /// How often rows have been met, where rows are admitted: reset, they read zeros until they have
    /// been met often enough again, and have their weights back then.
    pub admission: Kept,
    /// Moving statistics of the model, such as those of Dice and batch normalization.
    pub moving: Kept,
    /// What remedies remember.
    pub remedies: Kept,
    /// Which examples come next.
    pub data: DataAt,
    /// The clocks of the learning-rate schedule and of update rules that discount by period.
    pub clock: ClockAt,
    /// Parameters that begin anew, by name: a layer (`mlp.0`), a table (`item`), the last layers
    /// (`last`, `last.2`), `dense`, `embeddings` or `all`. Their slots begin anew with them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reinit: Vec<String>,
    /// All weights are multiplied by this (Ash & Adams 2020).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub shrink: f64,
    /// Freshly drawn first weights times this are added to all weights.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub perturb: f64,
    /// How the checkpoint was saved that the job restarts from (lab only): the job goes on until it
    /// is. At one instant and in no time, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save: Option<Save>,
    /// When the workers begin, counted from the restart.
    pub start: StartChoice,
    /// Over this length after the restart the learning rate grows from zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<Horizon>,
    /// For this length after the restart the learning rate is zero: slots fill, weights stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Horizon>,
}

/// What workers hold after a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkersAt {
    /// Nothing: each pulls the server's parameters anew. So their views coalesce.
    #[default]
    Anew,
    /// What they held: each goes on with its own view, as only a simulator can have it.
    Keep,
}

/// What becomes of gradients in flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InFlight {
    /// They are lost, and so are their examples.
    #[default]
    Drop,
    /// They are lost; their examples are trained on again.
    Requeue,
    /// They arrive and are applied before the checkpoint is taken: workers begin no new step, and
    /// finish the one they are in.
    Apply,
}

/// What becomes of the optimizer's slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlotsAt {
    /// They are in the checkpoint.
    #[default]
    Keep,
    /// They are lost, and have their first values. If the counters are kept, a bias correction
    /// believes that they have settled; if these are lost as well, the optimizer begins anew, as
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
    /// It begins anew.
    Reset,
}

/// Which examples follow a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataAt {
    /// Those that would have followed; where a run starts from a checkpoint of another window, a
    /// pass over its own.
    #[default]
    Continue,
    /// A new pass over the window, in a new permutation where the order permutes.
    Reshuffle,
    /// The very sequence that the job was fed from its start.
    Replay,
}

/// What becomes of the schedule's clocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockAt {
    /// They go on.
    #[default]
    Continue,
    /// They begin at zero.
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
    /// The restart that keeps everything, which is none at all.
    pub fn nothing_lost() -> Restart {
        Restart { workers: WorkersAt::Keep, remedies: Kept::Keep, ..Restart::default() }
    }

    /// The parameters that begin anew.
    ///
    /// # Errors
    /// A name that the model does not have.
    pub fn selection(&self, layout: &Layout) -> Result<Selection, UnknownName> {
        Selection::of(layout, &self.reinit)
    }
}

/// Parts of the job as it begins anew, which the engine cannot make itself.
#[derive(Debug)]
pub struct Fresh {
    /// The protocol.
    pub protocol: Box<dyn Protocol>,
    /// The remedies.
    pub remedies: Remedies,
}
