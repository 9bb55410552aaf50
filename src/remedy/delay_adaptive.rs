//! Delay-adaptive steps: full steps up to the concurrency, smaller ones beyond it.
//!
//! Mishchenko et al. (2022), arXiv:2206.07638: `n / max(n, tau)`. Koloskova, Stich, Jaggi (2022),
//! arXiv:2206.08307: the full rate `eta` up to the concurrency, beyond it
//! `min(eta, 1 / (4 L tau))`, where `L` is the smoothness of the loss.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Arrival;
use super::damping::{Damping, DampingConfig, DampingRule, FactorTarget, RowStalenessRule};

/// The concurrency, the form, and where the factor acts.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Staleness up to which steps are full; the number of workers when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub concurrency: Option<u32>,
    /// Smoothness L of the loss, for Koloskova's form; Mishchenko's when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub smoothness: Option<f64>,
    /// Where the factor acts.
    pub position: FactorTarget,
    /// Which staleness counts for a row.
    pub rows: RowStalenessRule,
}

impl DampingConfig for Config {
    type Rule = DelayAdaptive;

    fn damping(&self) -> Damping<DelayAdaptive> {
        Damping::new(DelayAdaptive { config: *self }, self.position, self.rows)
    }
}

/// The rule.
#[derive(Debug)]
pub struct DelayAdaptive {
    config: Config,
}

impl DampingRule for DelayAdaptive {
    fn arrive(&mut self, arrival: &Arrival) -> f64 {
        self.factor(arrival, arrival.staleness as f64)
    }

    fn factor(&self, arrival: &Arrival, staleness: f64) -> f64 {
        let n = f64::from(self.config.concurrency.unwrap_or(arrival.workers));
        match self.config.smoothness {
            None => n / n.max(staleness),
            Some(_) if staleness <= n => 1.0,
            Some(l) => {
                let rate = f64::from(arrival.dense_rate);
                (1.0 / (4.0 * l * staleness)).min(rate) / rate.max(f64::MIN_POSITIVE)
            }
        }
    }
}

crate::persist!(DelayAdaptive { config: fixed });
