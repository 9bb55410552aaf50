//! Hinge damping: 1 up to a staleness of `from`, then `1 / (slope (tau - from) + 1)`.
//!
//! FedAsync (Xie et al. 2019, arXiv:1903.03934), reconstructed from memory: a = 10, b = 4.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Arrival;
use super::damping::{Damping, DampingConfig, DampingRule, FactorTarget, RowStalenessRule};

/// The two parameters, and where the factor acts.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Staleness up to which nothing changes: the paper's b.
    #[schemars(range(min = 0.0))]
    pub from: f64,
    /// Steepness beyond it: the paper's a; 0 changes nothing.
    #[schemars(range(min = 0.0))]
    pub slope: f64,
    /// Where the factor acts.
    pub position: FactorTarget,
    /// Which staleness counts for a row.
    pub rows: RowStalenessRule,
}

impl Default for Config {
    fn default() -> Config {
        let (position, rows) = (FactorTarget::default(), RowStalenessRule::default());
        Config { from: 4.0, slope: 10.0, position, rows }
    }
}

impl DampingConfig for Config {
    type Rule = Hinge;

    fn damping(&self) -> Damping<Hinge> {
        Damping::new(Hinge { from: self.from, slope: self.slope }, self.position, self.rows)
    }
}

/// The rule.
#[derive(Debug)]
pub struct Hinge {
    from: f64,
    slope: f64,
}

impl DampingRule for Hinge {
    fn arrive(&mut self, arrival: &Arrival) -> f64 {
        self.factor(arrival, arrival.staleness as f64)
    }

    fn factor(&self, _: &Arrival, staleness: f64) -> f64 {
        1.0 / (self.slope * (staleness - self.from).max(0.0) + 1.0)
    }
}

crate::persist!(Hinge { from: fixed, slope: fixed });
