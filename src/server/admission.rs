//! Admission of embedding rows: an id that has not occurred often enough reads zeros and learns
//! nothing.
//!
//! DeepRec calls it a counter filter; XDL and Monolith also admit by occurrence. In a real system
//! it keeps the table small. Here it is simulated for its effect on a model, and for what happens
//! to the counts at a restart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When an embedding row is admitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Admission {
    /// Pushes with the row's gradient that are not applied to it; with the last of them the row
    /// gets its initial weights.
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
pub struct AdmissionGate {
    after: u32,
    /// Pushes with each row, counted up to `after`.
    seen: Vec<u32>,
    /// The weights that each row gets when it is admitted, `dim` numbers per row.
    waiting: Vec<f32>,
}

impl AdmissionGate {
    /// For a table whose rows start with these weights; none is admitted.
    pub(super) fn new(admission: Admission, rows: usize, first: Vec<f32>) -> AdmissionGate {
        AdmissionGate { after: admission.after, seen: vec![0; rows], waiting: first }
    }

    /// Pushes with each row, counted up to the number that it needs.
    pub fn seen(&self) -> &[u32] {
        &self.seen
    }

    pub(super) fn set_seen(&mut self, seen: &[u32]) {
        let after = self.after;
        self.seen = seen.iter().map(|&seen| seen.min(after)).collect();
    }

    pub(super) fn set_seen_of(&mut self, id: u32, seen: u32) {
        self.seen[id as usize] = seen;
    }

    /// Whether the row is admitted.
    pub fn is_admitted(&self, id: u32) -> bool {
        self.seen[id as usize] >= self.after
    }

    /// Counts a push with the row. Returns whether it was admitted before, and its initial weights
    /// if this push admits it.
    pub(super) fn count_push(&mut self, id: u32, dim: usize) -> (bool, Option<&[f32]>) {
        let at = id as usize;
        if self.seen[at] >= self.after {
            return (true, None);
        }
        self.seen[at] += 1;
        let begins = self.seen[at] == self.after;
        (false, begins.then(|| &self.waiting[at * dim..][..dim]))
    }

    /// The initial weights of the row.
    pub(super) fn first(&self, id: u32, dim: usize) -> &[f32] {
        &self.waiting[id as usize * dim..][..dim]
    }

    /// Copies the count and the initial weights of a row.
    pub(super) fn copy_from(&mut self, id: u32, from: &AdmissionGate, dim: usize) {
        let at = id as usize;
        self.seen[at] = from.seen[at];
        self.waiting[at * dim..][..dim].copy_from_slice(from.first(id, dim));
    }

    /// Resets the count of the row, and sets its initial weights.
    pub(super) fn forget(&mut self, id: u32, weights: &[f32]) {
        let at = id as usize;
        self.seen[at] = 0;
        self.waiting[at * weights.len()..][..weights.len()].copy_from_slice(weights);
    }
}

crate::persist!(AdmissionGate { after: fixed, seen: state, waiting: state });
