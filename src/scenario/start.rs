//! Configuration of checkpoints: which are written, and which one a run starts from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cluster::shard_failures::Replay;
use crate::server::RowsFound;
use crate::sim::checkpoint::MissingState;
use crate::sim::{Every, Restart, Save};

/// Starts training from a checkpoint instead of from random first values.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Start {
    /// A checkpoint file, relative to this scenario: one that a run has written into
    /// `checkpoints/`, or any safetensors file whose tensors have the names and shapes of this
    /// model.
    pub from: String,
    /// How the rows of tables are found in it.
    #[serde(skip_serializing_if = "RowsFound::is_by_id")]
    #[schemars(extend("x-default" = Start::default().rows))]
    pub rows: RowsFound,
    /// How the increments up to this one are laid over their full checkpoint, if `from` is an
    /// increment.
    #[serde(skip_serializing_if = "Replay::is_in_order")]
    #[schemars(extend("x-default" = Start::default().replay))]
    pub replay: Replay,
    /// What becomes of optimizer state (slots) and counters that the checkpoint does not have.
    pub missing: MissingState,
    /// What becomes of each part of the checkpoint. No checkpoint has the views of workers.
    pub restart: Restart,
}

/// Which checkpoints are written into `checkpoints/` of the results folder, as safetensors.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Saving")]
pub struct CheckpointSaving {
    /// `best.safetensors`: at the evaluation with the best AUC on the selection half of the
    /// holdout.
    pub best: bool,
    /// `last.safetensors`: when the run ends. It does not include gradients in flight.
    pub last: bool,
    /// `update-N.safetensors`, this often. N is the number of updates when it was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Every>,
    /// After each full checkpoint of `every`, so many of the next are increments:
    /// `update-N.increment.safetensors`, with the rows that have changed since the file before it,
    /// and all dense parameters. 0: all are full.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(extend("x-default" = CheckpointSaving::default().increments))]
    #[schemars(range(max = 1_000_000))]
    pub increments: u32,
    /// Whether increments have tombstones: rows that were evicted. Without them such a row stays
    /// with whoever lays the increments.
    #[serde(skip_serializing_if = "is_true")]
    #[schemars(extend("x-default" = CheckpointSaving::default().tombstones))]
    pub tombstones: bool,
    /// What is listed of the ids of rows.
    #[serde(skip_serializing_if = "ListedIds::is_values")]
    #[schemars(extend("x-default" = CheckpointSaving::default().ids))]
    pub ids: ListedIds,
    /// `average.safetensors`, at the end: the average of weights and moving statistics over states
    /// of the run. These are the states of `every`, if that is given, else those of all evaluations
    /// after the first update. Slots and counters are those of the last instant: they belong
    /// together, and counters have no average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average: Option<Average>,
    /// How the simulated job saves checkpoints: how long it takes, which workers wait, and when
    /// each piece is saved.
    #[serde(skip_serializing_if = "Save::is_default")]
    pub save: Save,
}

impl Default for CheckpointSaving {
    fn default() -> CheckpointSaving {
        CheckpointSaving {
            best: false,
            last: false,
            every: None,
            increments: 0,
            tombstones: true,
            ids: ListedIds::default(),
            average: None,
            save: Save::default(),
        }
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_true(value: &bool) -> bool {
    *value
}

/// What a checkpoint lists of the ids of its rows. A run finds rows in either.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListedIds {
    /// Their texts, as the log has them, and a hash of 64 bits of each.
    #[default]
    Values,
    /// The hashes alone: smaller files, which do not say what the ids are.
    Hashes,
}

impl ListedIds {
    /// Whether it is the default, which is left out of files.
    pub fn is_values(&self) -> bool {
        *self == ListedIds::Values
    }
}

/// Which states are averaged, and how.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Average {
    /// This many of the last states, equally weighted. As many copies of the weights are held in memory.
    Last(#[schemars(range(min = 1, max = 1_000))] u32),
    /// All of them: the weight of each is that of the next one times this number. This is an
    /// exponential moving average, without a bias towards the first values. One copy is held in
    /// memory.
    Decay(#[schemars(range(min = 0.0, max = 0.999_999))] f64),
}

impl Default for Average {
    fn default() -> Average {
        Average::Last(5)
    }
}

impl Average {
    /// Copies of the weights that it holds at most, including the one that is being added.
    pub fn copies(self) -> u64 {
        match self {
            Average::Last(most) => u64::from(most) + 1,
            Average::Decay(_) => 2,
        }
    }
}
