//! Configuration of checkpoints: which are written, and which one a run starts from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sim::checkpoint::Missing;
use crate::sim::{Every, Restart, Save};

/// Starts training from a checkpoint instead of from random first values.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Start {
    /// A checkpoint file, relative to this scenario: one that a run has written into `checkpoints/`,
    /// or any safetensors file whose tensors have the names and shapes of this model.
    pub from: String,
    /// What becomes of the optimizer's slots and counters that the checkpoint does not have.
    pub missing: Missing,
    /// What becomes of each part that it has. What workers held is in no checkpoint.
    pub restart: Restart,
}

/// Which checkpoints are written into `checkpoints/` of the results folder, as safetensors.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Saving {
    /// `best.safetensors`: at the evaluation with the best AUC on the selection half of the holdout.
    pub best: bool,
    /// `last.safetensors`: when the run ends, gradients in flight not among it.
    pub last: bool,
    /// `update-N.safetensors`, this often. N is the number of updates when it was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Every>,
    /// How the simulated job saves them: in which time, with whom held up, and which piece when.
    #[serde(skip_serializing_if = "Save::is_default")]
    pub save: Save,
}
