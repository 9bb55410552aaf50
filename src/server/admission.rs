//! Admission of embedding rows: an id that has not been met often enough reads zeros and learns
//! nothing.
//!
//! DeepRec calls it a counter filter, XDL and Monolith admit by occurrence likewise. It keeps the
//! table small in a real system; here it is simulated for what it does to a model, and for what
//! becomes of the counts at a restart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When an embedding row is admitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Admission {
    /// Pushes that have the row's gradient and are thrown away for it; with the last of them the row
    /// gets its first weights.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub after: u32,
}

impl Default for Admission {
    fn default() -> Admission {
        Admission { after: 5 }
    }
}

/// The counts of one table, and the weights of the rows that are not admitted.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    after: u32,
    /// Pushes that each row has met, up to `after`.
    seen: Vec<u32>,
    /// What each row begins with when it is admitted, `dim` numbers a row.
    waiting: Vec<f32>,
}

impl Gate {
    /// Of a table whose rows begin with these weights; none is admitted.
    pub(super) fn new(admission: Admission, rows: usize, first: Vec<f32>) -> Gate {
        Gate { after: admission.after, seen: vec![0; rows], waiting: first }
    }

    /// Pushes that each row has met, up to the number that it needs.
    pub fn seen(&self) -> &[u32] {
        &self.seen
    }

    pub(super) fn set_seen(&mut self, seen: &[u32]) {
        let after = self.after;
        self.seen = seen.iter().map(|&seen| seen.min(after)).collect();
    }

    /// Whether the row is admitted.
    pub fn admits(&self, id: u32) -> bool {
        self.seen[id as usize] >= self.after
    }

    /// Counts a push that has the row. Returns whether it is admitted already, and else, if it is
    /// from now on, its first weights.
    pub(super) fn meets(&mut self, id: u32, dim: usize) -> (bool, Option<&[f32]>) {
        let at = id as usize;
        if self.seen[at] >= self.after {
            return (true, None);
        }
        self.seen[at] += 1;
        let begins = self.seen[at] == self.after;
        (false, begins.then(|| &self.waiting[at * dim..][..dim]))
    }

    /// What the row begins with.
    pub(super) fn first(&self, id: u32, dim: usize) -> &[f32] {
        &self.waiting[id as usize * dim..][..dim]
    }

    /// Takes over the count of a row and what it begins with.
    pub(super) fn take(&mut self, id: u32, from: &Gate, dim: usize) {
        let at = id as usize;
        self.seen[at] = from.seen[at];
        self.waiting[at * dim..][..dim].copy_from_slice(from.first(id, dim));
    }

    /// The row has met nothing, and is to begin with these weights.
    pub(super) fn forget(&mut self, id: u32, weights: &[f32]) {
        let at = id as usize;
        self.seen[at] = 0;
        self.waiting[at * weights.len()..][..weights.len()].copy_from_slice(weights);
    }
}

crate::persist!(Gate { after: fixed, seen: state, waiting: state });
