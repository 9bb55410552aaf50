//! The interface of an update rule.

use std::fmt::Debug;
use std::hint::select_unpredictable;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schedule::Moment;
use crate::nn::kernels::{UpdatedRows, all_finite};

/// One slot: optimizer memory beside the weights.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Slot {
    /// Name in checkpoints and docs, such as `m`.
    pub name: &'static str,
    /// First value.
    pub init: f32,
    /// How many numbers it has.
    pub per: Per,
}

/// What a slot has one number for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Per {
    /// Every weight.
    Weight,
    /// Every row of a table, and every dense block.
    Row,
}

impl Slot {
    /// How many numbers the slot has beside a row or block of `weights` weights.
    pub fn len(&self, weights: usize) -> usize {
        match self.per {
            Per::Weight => weights,
            Per::Row => 1,
        }
    }

    /// How many numbers all `slots` have beside a row or block of `weights` weights.
    pub fn all(slots: &[Slot], weights: usize) -> usize {
        slots.iter().map(|slot| slot.len(weights)).sum()
    }

    /// Sets the `memory` of a row or block of `weights` weights to its first values.
    pub fn begin(slots: &[Slot], weights: usize, mut memory: &mut [f32]) {
        for slot in slots {
            let (values, rest) = memory.split_at_mut(slot.len(weights));
            values.fill(slot.init);
            memory = rest;
        }
    }
}

/// Which updates a bias correction counts.
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
    /// Nothing: weights and optimizer state of untouched rows stay as they are.
    #[default]
    Lazy,
    /// They are updated with a zero gradient, as a dense parameter would be. Costs a pass over
    /// every table at every update.
    Dense,
}

/// When an update happens: its learning rate, and the counters and clocks that a rule may read.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Tick {
    /// Learning rate after schedule and remedies.
    pub rate: f32,
    /// Updates of the server so far, this one included (first update: 1).
    pub global: u64,
    /// Updates of this table or block so far, this one included.
    pub variable: u64,
    /// Updates of this row so far, this one included; for a block the same as `variable`.
    pub row: u64,
    /// Versions of the shard applied since the gradient's parameters were read. For several merged
    /// gradients it is their mean.
    pub staleness: f64,
    /// How far training has come with this update.
    pub progress: Moment,
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
    /// The slots that the rule needs. Their first values may depend on the rule's configuration.
    fn slots(&self) -> &[Slot];

    /// What happens to untouched rows.
    fn rows(&self) -> RowSemantics {
        RowSemantics::Lazy
    }

    /// Whether a worker that pulls takes the first slot along. The slot must have one number per
    /// weight. [`update_since`](Self::update_since) gets it back with the gradient.
    fn carries_slots(&self) -> bool {
        false
    }

    /// Updates `weights` in place. `slots` holds the slots one after the other.
    fn update(&self, weights: &mut [f32], slots: &mut [f32], gradient: &[f32], tick: &Tick);

    /// As [`update`](Self::update), for a rule that [carries slots](Self::carries_slots). `then` is
    /// the value of the first slot when the gradient's parameters were read.
    fn update_since(
        &self,
        weights: &mut [f32],
        slots: &mut [f32],
        gradient: &[f32],
        then: &[f32],
        tick: &Tick,
    ) {
        let _ = then;
        self.update(weights, slots, gradient, tick);
    }

    /// Updates several rows of a table in place, each as [`update`](Self::update) does; `counts`
    /// are their [`Tick::row`]s. Returns whether their weights stayed finite. A rule overrides this
    /// to compute once what the rows share.
    fn update_rows(&self, rows: &mut UpdatedRows<'_>, counts: &[u32], tick: &Tick) -> bool {
        let mut fine = true;
        rows.each(|weights, slots, gradient, i| {
            let tick = Tick { row: u64::from(counts[i]), ..*tick };
            self.update(weights, slots, gradient, &tick);
            fine &= all_finite(weights);
        });
        fine
    }
}

/// `amount / root`, and zero where the root is zero: with an epsilon of zero, a weight that never
/// had a gradient takes no step. NaN stays NaN.
pub(super) fn ratio(amount: f32, root: f32) -> f32 {
    if root == 0.0 { 0.0 } else { amount / root }
}

/// `base^exponent` by repeated squaring: the same bits on every platform.
pub(super) fn power(base: f64, mut exponent: u64) -> f64 {
    let (mut square, mut result) = (base, 1.0);
    while exponent > 0 {
        // The lowest bits of a counter are hard to predict, so nothing branches on them.
        result *= select_unpredictable(exponent & 1 == 1, square, 1.0);
        square *= square;
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_right() {
        assert_eq!((power(0.9, 0), power(0.5, 3), power(0.0, 5)), (1.0, 0.125, 0.0));
        assert!((power(0.999, 12_345) / 0.999f64.powi(12_345) - 1.0).abs() < 1e-12);
        assert_eq!(power(0.999, u64::MAX), 0.0);
    }

    #[test]
    fn slots_per_row_take_one_number() {
        let slot = |init, per| Slot { name: "", init, per };
        let slots = [slot(1.0, Per::Weight), slot(2.0, Per::Row), slot(3.0, Per::Weight)];
        let mut memory = vec![0.0; Slot::all(&slots, 2)];
        Slot::begin(&slots, 2, &mut memory);
        assert_eq!(memory, [1.0, 1.0, 2.0, 3.0, 3.0]);
    }
}
