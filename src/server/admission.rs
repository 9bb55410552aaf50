//! Admission of embedding rows: an id that has not occurred often enough reads zeros and learns
//! nothing.
//!
//! DeepRec calls it a counter filter; XDL and Monolith also admit by occurrence. In a real system
//! it keeps the table small. Here it is simulated for its effect on a model, and for what happens
//! to the counts at a restart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::bloom::BloomFilter;
use super::bloom::CountingFilter;
pub use super::sliding::SlidingFilter;
use super::sliding::SlidingFilters;
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::base::stream::unit;
use crate::base::{Purpose, Streams};

/// When an embedding row is admitted.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Admission {
    /// Pushes with the row's gradient that are not applied to it; with the last of them the row
    /// gets its initial weights.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub after: u32,
    /// What counts as an occurrence of a row.
    #[serde(skip_serializing_if = "Occurrences::is_pushes")]
    #[schemars(extend("x-default" = Admission::default().counts))]
    pub counts: Occurrences,
    /// How it is decided that there were so many.
    #[serde(skip_serializing_if = "AdmittedBy::is_count")]
    #[schemars(extend("x-default" = Admission::default().by))]
    pub by: AdmittedBy,
    /// What becomes of the gradient of the push that admits a row.
    #[serde(skip_serializing_if = "FirstGradient::is_lost")]
    #[schemars(extend("x-default" = Admission::default().first_gradient))]
    pub first_gradient: FirstGradient,
}

impl Default for Admission {
    fn default() -> Admission {
        Admission {
            after: 5,
            counts: Occurrences::default(),
            by: AdmittedBy::default(),
            first_gradient: FirstGradient::default(),
        }
    }
}

/// What counts as an occurrence of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Occurrences {
    /// A push with the row's gradient, as in Monolith.
    #[default]
    Pushes,
    /// A pull of the row, as in DeepRec: the pull that admits it reads the initial weights already,
    /// and the row learns from the push of this step on. Gradients of steps that had read zeros are
    /// applied too, if the row is admitted by the time they arrive.
    Lookups,
}

impl Occurrences {
    /// Whether it is the default, which is left out of files.
    pub fn is_pushes(&self) -> bool {
        *self == Occurrences::Pushes
    }
}

/// How admission decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdmittedBy {
    /// An exact count per id.
    #[default]
    Count,
    /// By chance: each push admits with a probability of 1 in `after`, as Monolith's probabilistic
    /// filter does for ids that occur once in a push.
    Chance,
    /// By chance, with a probability of `1 - 0.05^(1 / after)`: 95 % of the ids are in after `after`
    /// pushes. Monolith's other probabilistic filter.
    EqualChance,
    /// By a counting Bloom filter: other ids count too, if they share all counters of an id.
    Bloom(BloomFilter),
    /// By a ring of filters with counts of 4 bits, of which the oldest is emptied when many distinct
    /// ids have occurred, as Monolith's sliding filter.
    Sliding(SlidingFilter),
}

impl AdmittedBy {
    /// Whether it is the default, which is left out of files.
    pub fn is_count(&self) -> bool {
        *self == AdmittedBy::Count
    }

    /// The probability that a push admits a row, if it is a matter of chance.
    pub fn chance(&self, after: u32) -> Option<f64> {
        match self {
            AdmittedBy::Chance => Some(1.0 / f64::from(after.max(1))),
            AdmittedBy::EqualChance => Some(1.0 - libm::pow(0.05, 1.0 / f64::from(after.max(1)))),
            AdmittedBy::Count | AdmittedBy::Bloom(_) | AdmittedBy::Sliding(_) => None,
        }
    }
}

/// What becomes of the gradient of the push that admits a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FirstGradient {
    /// It is lost: the row learns from the next push on.
    #[default]
    Lost,
    /// It is applied to the initial weights, although it was computed from zeros, as in Monolith.
    Applied,
}

impl FirstGradient {
    /// Whether it is the default, which is left out of files.
    pub fn is_lost(&self) -> bool {
        *self == FirstGradient::Lost
    }
}

/// A filter that counts ids, more or less well.
#[derive(Clone, Debug)]
enum Filter {
    Bloom(CountingFilter),
    Sliding(SlidingFilters),
}

impl Filter {
    fn of(by: AdmittedBy) -> Option<Filter> {
        match by {
            AdmittedBy::Bloom(filter) => Some(Filter::Bloom(CountingFilter::new(filter))),
            AdmittedBy::Sliding(filter) => Some(Filter::Sliding(SlidingFilters::new(filter))),
            AdmittedBy::Count | AdmittedBy::Chance | AdmittedBy::EqualChance => None,
        }
    }

    fn count(&mut self, id: u64) -> u32 {
        match self {
            Filter::Bloom(filter) => filter.count(id),
            Filter::Sliding(filter) => filter.count(id),
        }
    }
}

impl Persist for Filter {
    fn save(&self, out: &mut Saver<'_>) {
        match self {
            Filter::Bloom(filter) => filter.save(out),
            Filter::Sliding(filter) => filter.save(out),
        }
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        match self {
            Filter::Bloom(filter) => filter.load(from),
            Filter::Sliding(filter) => filter.load(from),
        }
    }
}

/// The counts of one table, and the weights of the rows that are not admitted.
#[derive(Clone, Debug)]
pub struct AdmissionGate {
    admission: Admission,
    /// Pushes with each row, counted up to `after`; at `after` the row is admitted.
    seen: Vec<u32>,
    /// The weights that each row gets when it is admitted, `dim` numbers per row.
    waiting: Vec<f32>,
    filter: Option<Filter>,
    /// Draws so far.
    draws: u64,
    /// Rows admitted before they had occurred often enough.
    too_early: u64,
    /// The table, and the draws of chance.
    drawn: (u64, Streams),
}

impl AdmissionGate {
    /// For a table whose rows start with these weights; none is admitted. `table` is its number.
    pub(super) fn new(
        admission: Admission,
        rows: usize,
        first: Vec<f32>,
        (table, streams): (u64, Streams),
    ) -> AdmissionGate {
        AdmissionGate {
            admission,
            seen: vec![0; rows],
            waiting: first,
            filter: Filter::of(admission.by),
            draws: 0,
            too_early: 0,
            drawn: (table, streams),
        }
    }

    /// Pushes with each row, counted up to the number that it needs.
    pub fn seen(&self) -> &[u32] {
        &self.seen
    }

    /// Rows admitted before they had occurred often enough: by chance, or because other ids share
    /// their counters.
    pub fn too_early(&self) -> u64 {
        self.too_early
    }

    pub(super) fn set_seen(&mut self, seen: &[u32]) {
        let after = self.admission.after;
        self.seen = seen.iter().map(|&seen| seen.min(after)).collect();
    }

    pub(super) fn set_seen_of(&mut self, id: u32, seen: u32) {
        self.seen[id as usize] = seen.min(self.admission.after);
    }

    /// Whether the row is admitted.
    pub fn is_admitted(&self, id: u32) -> bool {
        self.seen[id as usize] >= self.admission.after
    }

    /// Whether pulls are counted.
    pub(super) fn counts_lookups(&self) -> bool {
        self.admission.counts == Occurrences::Lookups
    }

    /// Counts a push with the row, if pushes are counted. Returns whether the row learns from it,
    /// and its initial weights if this push admits it.
    pub(super) fn count_push(&mut self, id: u32, dim: usize) -> (bool, Option<&[f32]>) {
        match self.counts_lookups() {
            true => (self.is_admitted(id), None),
            false => self.count(id, dim),
        }
    }

    /// Counts an occurrence of the row. Returns whether the row learns from it, and its initial
    /// weights if it admits the row.
    pub(super) fn count(&mut self, id: u32, dim: usize) -> (bool, Option<&[f32]>) {
        let (at, after) = (id as usize, self.admission.after);
        if self.seen[at] >= after {
            return (true, None);
        }
        let occurred = self.seen[at] + 1;
        let begins = match (self.admission.by.chance(after), &mut self.filter) {
            (Some(chance), _) => {
                let (table, streams) = self.drawn;
                self.draws += 1;
                unit(streams.key(Purpose::Admission, table, self.draws)) < chance
            }
            (None, Some(filter)) => filter.count(u64::from(id)) >= after,
            (None, None) => occurred >= after,
        };
        self.too_early += u64::from(begins && occurred < after);
        // A row that has bad luck waits on, however often it occurs.
        self.seen[at] = if begins { after } else { occurred.min(after - 1) };
        let applied = self.admission.first_gradient == FirstGradient::Applied;
        (begins && applied, begins.then(|| &self.waiting[at * dim..][..dim]))
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

crate::persist!(AdmissionGate {
    admission: fixed,
    seen: sized,
    waiting: sized,
    filter: each,
    draws: state,
    too_early: state,
    drawn: fixed
});

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(admission: Admission, rows: usize, seed: u64) -> AdmissionGate {
        AdmissionGate::new(admission, rows, vec![1.0; rows], (0, Streams::new(seed)))
    }

    /// Pushes until each row is admitted.
    fn pushes(mut gate: AdmissionGate) -> Vec<u32> {
        let until = |gate: &mut AdmissionGate, id| {
            (1..).find(|_| gate.count_push(id, 1).1.is_some()).expect("admitted at last")
        };
        (0..gate.seen.len() as u32).map(|id| until(&mut gate, id)).collect()
    }

    #[test]
    fn chances_are_those_of_the_formulas() {
        let rows = 20_000;
        let mean = |of: &[u32]| of.iter().map(|&n| f64::from(n)).sum::<f64>() / of.len() as f64;
        for after in [1, 4, 7] {
            let by = |by| pushes(gate(Admission { after, by, ..Admission::default() }, rows, 3));
            assert!(by(AdmittedBy::Count).iter().all(|&n| n == after));
            // The first success of independent trials: 1 / p on average.
            let (unequal, n) = (by(AdmittedBy::Chance), f64::from(after));
            assert!((mean(&unequal) - n).abs() < 0.04 * n, "{}", mean(&unequal));
            let equal = by(AdmittedBy::EqualChance);
            let within = equal.iter().filter(|&&n| n <= after).count() as f64 / rows as f64;
            assert!((within - 0.95).abs() < 0.006, "{within}");
        }
        assert_eq!(AdmittedBy::Chance.chance(7), Some(1.0 / 7.0));
    }

    #[test]
    fn a_filter_never_admits_too_late_and_at_times_too_early() {
        let filter = |counters, bits| {
            let by = AdmittedBy::Bloom(BloomFilter { counters, hashes: 3, bits });
            gate(Admission { after: 4, by, ..Admission::default() }, 2000, 1)
        };
        assert!(pushes(filter(4_000_000, 16)).iter().all(|&n| n == 4), "room for all");
        let crowded = pushes(filter(4000, 16));
        assert!(crowded.iter().all(|&n| n <= 4) && crowded.iter().any(|&n| n < 4));
        let mut gate = filter(4000, 16);
        (0..2000).for_each(|id| while gate.count_push(id, 1).1.is_none() {});
        assert_eq!(gate.too_early(), crowded.iter().filter(|&&n| n < 4).count() as u64);
    }

    #[test]
    fn four_bits_never_count_to_sixteen() {
        let by = AdmittedBy::Bloom(BloomFilter { counters: 1000, hashes: 2, bits: 4 });
        for (after, admitted) in [(15, true), (16, false)] {
            let mut gate = gate(Admission { after, by, ..Admission::default() }, 1, 1);
            assert_eq!((0..100).any(|_| gate.count_push(0, 1).1.is_some()), admitted);
        }
    }

    #[test]
    fn the_push_that_admits_is_lost_or_applied() {
        let of = |first_gradient| {
            let mut gate =
                gate(Admission { after: 2, first_gradient, ..Admission::default() }, 1, 1);
            [0; 3].map(|_| gate.count_push(0, 1).0)
        };
        assert_eq!(of(FirstGradient::Lost), [false, false, true]);
        assert_eq!(of(FirstGradient::Applied), [false, true, true]);
    }
}
