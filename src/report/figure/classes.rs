//! One order of machine classes for all figures of a run, so that each class has one colour.

use crate::results::RunResults;
use std::collections::BTreeMap;

/// The machine classes of a run, the fastest first; equally fast classes are in order of their
/// names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes(Vec<String>);

impl Classes {
    /// The classes that the tables of the run name.
    pub fn of(run: &RunResults) -> Classes {
        let mut fastest: BTreeMap<&str, f64> = BTreeMap::new();
        for row in run.workers.rows().unwrap_or_default() {
            let slowdown = row.slowdown.filter(|s| s.is_finite()).unwrap_or(1.0);
            let known = fastest.entry(&row.class).or_insert(slowdown);
            *known = known.min(slowdown);
        }
        // A run that is not finished has no workers.csv yet.
        for row in run.timeline.rows().unwrap_or_default() {
            fastest.entry(&row.class).or_insert(f64::INFINITY);
        }
        for row in run.staleness.rows().unwrap_or_default() {
            fastest.entry(&row.class).or_insert(f64::INFINITY);
        }
        let mut order: Vec<(&str, f64)> = fastest.into_iter().collect();
        order.sort_by(|a, b| a.1.total_cmp(&b.1));
        Classes(order.into_iter().map(|(name, _)| name.to_string()).collect())
    }

    /// The position of a class in the order.
    pub fn place(&self, class: &str) -> usize {
        self.0.iter().position(|name| name == class).unwrap_or(self.0.len())
    }
}
