//! Power damping: a factor `(1 + tau)^-exponent`.
//!
//! With exponent 0.5 the weight of FedBuff (Nguyen et al. 2021, arXiv:2106.06639) and the
//! polynomial of FedAsync (Xie et al. 2019, arXiv:1903.03934).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Arrival;
use super::damping::{Damping, DampingConfig, DampingRule, FactorTarget, RowStalenessRule};

/// The exponent, and where the factor acts.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The exponent; 0 changes nothing.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub exponent: f64,
    /// Where the factor acts.
    pub position: FactorTarget,
    /// Which staleness counts for a row.
    pub rows: RowStalenessRule,
}

impl Default for Config {
    fn default() -> Config {
        let (position, rows) = (FactorTarget::default(), RowStalenessRule::default());
        Config { exponent: 0.5, position, rows }
    }
}

impl DampingConfig for Config {
    type Rule = Power;

    fn damping(&self) -> Damping<Power> {
        Damping::new(Power { exponent: self.exponent }, self.position, self.rows)
    }
}

/// The rule.
#[derive(Debug)]
pub struct Power {
    exponent: f64,
}

impl DampingRule for Power {
    fn arrive(&mut self, arrival: &Arrival) -> f64 {
        self.factor(arrival, arrival.staleness as f64)
    }

    fn factor(&self, _: &Arrival, staleness: f64) -> f64 {
        libm::pow(1.0 + staleness, -self.exponent)
    }
}

crate::persist!(Power { exponent: fixed });
