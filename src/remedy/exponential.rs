//! Exponential damping: a factor `exp(-beta tau)` (AdaSGD).
//!
//! Damaskinos et al. (2020), FLeet, arXiv:2006.07273. When `beta` is left out it follows the
//! stream: `exp(-beta h) = 1 / (h + 1)` at `h`, half of a high percentile of the staleness so far.
//! The similarity boost of the paper needs label histograms and is left out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Arrival;
use super::damping::{Damping, DampingConfig, DampingRule, FactorTarget, RowStalenessRule};
use super::state::PerShard;
use crate::metrics::Histogram;

/// The rate of decay, and where the factor acts.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Decay per update of staleness; 0 changes nothing. Found from the stream when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 100.0))]
    pub beta: Option<f64>,
    /// Percentile of the staleness so far from which `beta` is found, as a share.
    #[schemars(range(min = 0.5, max = 1.0))]
    pub percentile: f64,
    /// Where the factor acts.
    pub position: FactorTarget,
    /// Which staleness counts for a row.
    pub rows: RowStalenessRule,
}

impl Default for Config {
    fn default() -> Config {
        let (position, rows) = (FactorTarget::default(), RowStalenessRule::default());
        Config { beta: None, percentile: 0.997, position, rows }
    }
}

impl DampingConfig for Config {
    type Rule = ExponentialDamping;

    fn damping(&self) -> Damping<ExponentialDamping> {
        let rule = ExponentialDamping { config: *self, seen: PerShard::default() };
        Damping::new(rule, self.position, self.rows)
    }
}

/// The rule.
#[derive(Debug)]
pub struct ExponentialDamping {
    config: Config,
    seen: PerShard<Histogram>,
}

impl DampingRule for ExponentialDamping {
    fn arrive(&mut self, arrival: &Arrival) -> f64 {
        if self.config.beta.is_none() {
            self.seen.at(arrival.shard).add(arrival.staleness);
        }
        self.factor(arrival, arrival.staleness as f64)
    }

    fn factor(&self, arrival: &Arrival, staleness: f64) -> f64 {
        let high = || self.seen.get(arrival.shard)?.quantile(self.config.percentile);
        let beta = self.config.beta.unwrap_or_else(|| {
            let half = high().unwrap_or(0) as f64 / 2.0;
            if half > 0.0 { libm::log1p(half) / half } else { 0.0 }
        });
        libm::exp(-beta * staleness)
    }
}

crate::persist!(ExponentialDamping { config: fixed, seen: state });
