//! Seeds of the parts of a run: which draws change with each of them, and which stay.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Seeds of single parts of a run, if they are not `scenario.seed`. With them trials may differ in
/// one part alone, as several trainings on the same log do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeedOf {
    /// Of the log, where it is generated or its negatives are drawn, and of the halves of the
    /// holdout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<u64>,
    /// Of the first weights, and of those that begin anew at a start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<u64>,
    /// Of the order of the examples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<u64>,
    /// Of the cluster: machines, step times, failures, imposed staleness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<u64>,
}

impl SeedOf {
    /// Whether no part has a seed of its own.
    pub fn is_empty(&self) -> bool {
        *self == SeedOf::default()
    }
}

/// A part of a run that draws.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SeededPart {
    /// The log, and the halves of its holdout.
    Data,
    /// The first weights.
    Weights,
    /// The order of the examples.
    Order,
    /// Machines, step times, failures.
    Cluster,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::spec::About;

    #[test]
    fn a_part_without_a_seed_has_that_of_the_scenario() {
        let about: About = toml::from_str("seed = 7\nseed_of = { data = 1, order = 0 }").unwrap();
        let parts = [SeededPart::Data, SeededPart::Weights, SeededPart::Order, SeededPart::Cluster];
        assert_eq!(parts.map(|part| about.seed_of(part)), [1, 7, 0, 7]);
        assert!(About::default().seed_of.is_empty() && !about.seed_of.is_empty());
    }
}
