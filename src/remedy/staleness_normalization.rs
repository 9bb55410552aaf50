//! Staleness normalization, after Liu & Zhao (AAAI 2021), "Asynchronous stochastic gradient descent
//! for extreme-scale recommender systems".
//!
//! The paper's formula could not be read. It is known that it normalises staleness, has one
//! parameter `k = 2`, and keeps thousands of workers stable. These are four readings of that. With
//! `mu` and `sigma` the running mean and deviation of the staleness at the shard:
//! - `s1`: `min(1, (mu / tau)^k)`, a power of relative staleness: ordinary pushes keep their step.
//! - `s2`: `tau^(-1/k)`.
//! - `s3`: 1 up to `mu + k sigma`, 0 beyond it.
//! - `s4`: `1 / (1 + log_k(1 + tau))`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Arrival;
use super::damping::{Damping, DampingConfig, DampingRule, FactorTarget, RowStalenessRule};
use super::state::{PerShard, Running};

/// The readings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// `min(1, (mu / tau)^k)`.
    #[default]
    S1,
    /// `tau^(-1/k)`.
    S2,
    /// 1 up to `mu + k sigma`, 0 beyond.
    S3,
    /// `1 / (1 + log_k(1 + tau))`.
    S4,
}

/// Which reading, its parameter, and where it acts.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which of the four readings.
    pub reading: Reading,
    /// The parameter; the paper uses 2.
    #[schemars(range(min = 1.000001, max = 1_000.0))]
    pub k: f64,
    /// Where the factor acts.
    pub position: FactorTarget,
    /// Which staleness counts for a row. Its mean is that of the pushes.
    pub rows: RowStalenessRule,
}

impl Default for Config {
    fn default() -> Config {
        let (position, rows) = (FactorTarget::default(), RowStalenessRule::default());
        Config { reading: Reading::S1, k: 2.0, position, rows }
    }
}

impl DampingConfig for Config {
    type Rule = StalenessNormalization;

    fn damping(&self) -> Damping<StalenessNormalization> {
        let rule =
            StalenessNormalization { reading: self.reading, k: self.k, seen: PerShard::default() };
        Damping::new(rule, self.position, self.rows)
    }
}

/// The rule.
#[derive(Debug)]
pub struct StalenessNormalization {
    reading: Reading,
    k: f64,
    seen: PerShard<Running>,
}

impl DampingRule for StalenessNormalization {
    fn arrive(&mut self, arrival: &Arrival) -> f64 {
        self.seen.at(arrival.shard).add(arrival.staleness as f64);
        self.factor(arrival, arrival.staleness as f64)
    }

    fn factor(&self, arrival: &Arrival, staleness: f64) -> f64 {
        let seen = self.seen.get(arrival.shard).copied().unwrap_or_default();
        match self.reading {
            _ if staleness <= 0.0 => 1.0,
            Reading::S1 => libm::pow(seen.mean() / staleness, self.k).min(1.0),
            Reading::S2 => libm::pow(staleness, -1.0 / self.k).min(1.0),
            Reading::S3 => {
                f64::from(u8::from(staleness <= seen.mean() + self.k * seen.deviation()))
            }
            Reading::S4 => 1.0 / (1.0 + libm::log1p(staleness) / libm::log(self.k)),
        }
    }
}

crate::persist!(StalenessNormalization { reading: fixed, k: fixed, seen: state });
