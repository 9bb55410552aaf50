//! What an update rule is.

use std::fmt::Debug;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nn::kernels::{Rows, finite};

/// One slot: optimizer memory with one number per weight.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Slot {
    /// Name in checkpoints and docs, such as `m`.
    pub name: &'static str,
    /// First value.
    pub init: f32,
}

/// Whose updates a bias correction counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Updates of the server (TensorFlow's LazyAdam, PyTorch's SparseAdam).
    #[default]
    Global,
    /// Updates of this table or dense block (DeepRec's AdamAsync).
    Variable,
    /// Updates of this row (Monolith's Adam); for dense blocks the same as `variable`.
    Row,
}

/// What happens to the rows that a gradient does not touch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowSemantics {
    /// Nothing: weights and slots of untouched rows stay as they are.
    #[default]
    Lazy,
    /// They are updated with a zero gradient, as a dense parameter would be. Costs a pass over
    /// every table at every update.
    Dense,
}

/// When an update happens: its learning rate and the counters that a rule may read.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tick {
    /// Learning rate after schedule and remedies.
    pub rate: f32,
    /// Updates of the server so far, this one included (first update: 1).
    pub global: u64,
    /// Updates of this table or block so far, this one included.
    pub variable: u64,
    /// Updates of this row so far, this one included; for a block the same as `variable`.
    pub row: u64,
}

impl Tick {
    /// The counter of the given scope.
    pub fn count(&self, scope: Scope) -> u64 {
        match scope {
            Scope::Global => self.global,
            Scope::Variable => self.variable,
            Scope::Row => self.row,
        }
    }
}

/// An update rule for one row or one dense block.
pub trait Optimizer: Send + Sync + Debug {
    /// The slots it wants, each with one number per weight. Their first values may depend on the
    /// rule's configuration.
    fn slots(&self) -> &[Slot];

    /// What happens to untouched rows.
    fn rows(&self) -> RowSemantics {
        RowSemantics::Lazy
    }

    /// Updates `weights` in place. `slots` holds the slots one after the other, each as long as
    /// `weights`.
    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick);

    /// Updates several rows of a table in place, each as [`update`](Self::update) does; `counts`
    /// are their [`Tick::row`]s. Returns whether their weights stayed finite. A rule overrides this
    /// to compute once what the rows share.
    fn update_rows(&self, rows: &mut Rows<'_>, counts: &[u32], tick: &Tick) -> bool {
        let mut fine = true;
        rows.each(|weights, slots, gradient, i| {
            let tick = Tick { row: u64::from(counts[i]), ..*tick };
            self.update(weights, slots, gradient, &tick);
            fine &= finite(weights);
        });
        fine
    }
}

/// `amount / root`, and zero where the root is zero: with an epsilon of zero, a weight that never
/// had a gradient takes no step. NaN stays NaN.
pub(super) fn ratio(amount: f32, root: f32) -> f32 {
    if root == 0.0 { 0.0 } else { amount / root }
}
