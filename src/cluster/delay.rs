//! Imposed staleness: delays in updates, drawn from a distribution instead of simulated.

#[cfg(test)]
mod new_part;

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Purpose, Rng, Streams};

/// Every gradient has exactly this staleness.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fixed {
    /// Staleness in updates.
    #[schemars(range(max = 1_000_000))]
    pub updates: u64,
}

/// Geometric staleness, as with memoryless workers: P(k) = p (1-p)^k with p = 1 / (1 + mean).
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Geometric {
    /// Mean staleness in updates; N-1 imitates N memoryless workers.
    #[schemars(range(min = 0.0, max = 100_000.0))]
    pub mean: f64,
}

/// Every staleness from `0` to `largest` is equally likely.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Uniform {
    /// Largest staleness in updates.
    #[schemars(range(max = 1_000_000))]
    pub largest: u64,
}

/// Staleness drawn from given weights.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Empirical {
    /// `weights[k]` is the relative frequency of staleness `k`.
    #[schemars(length(min = 1, max = 1_000_000))]
    pub weights: Vec<f64>,
}

crate::registry! {
    /// The distribution of an imposed staleness.
    pub enum DelayChoice: DelayConfig {
        /// Every gradient has the same staleness.
        "fixed" => Fixed(Fixed),
        /// Geometric, as with memoryless workers.
        "geometric" => Geometric(Geometric),
        /// Every staleness up to a largest one is equally likely.
        "uniform" => Uniform(Uniform),
        /// Drawn from given weights.
        "empirical" => Empirical(Empirical),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

/// The configuration of an imposed staleness.
pub trait DelayConfig {
    /// The largest staleness that occurs.
    fn largest(&self) -> u64;

    /// Mean staleness.
    fn mean(&self) -> f64;

    /// The staleness of update `update`, not yet limited to the number of updates made.
    fn draw(&self, update: u64, streams: Streams) -> u64;

    /// A setting with which nothing can be drawn, if there is one.
    fn unusable(&self) -> Option<Unusable>;
}

/// A setting of a law with which nothing can be drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unusable {
    /// The setting's key.
    pub setting: &'static str,
    /// The problem.
    pub why: &'static str,
    /// The possible settings.
    pub help: &'static str,
}

fn generator(update: u64, streams: Streams) -> Rng {
    streams.rng(Purpose::Delay, 0, update)
}

impl DelayConfig for Fixed {
    fn largest(&self) -> u64 {
        self.updates
    }

    fn mean(&self) -> f64 {
        self.updates as f64
    }

    fn draw(&self, _: u64, _: Streams) -> u64 {
        self.updates
    }

    fn unusable(&self) -> Option<Unusable> {
        None
    }
}

impl DelayConfig for Geometric {
    /// The law is cut where its tail is below 1e-12.
    fn largest(&self) -> u64 {
        (-12.0 * std::f64::consts::LN_10 / libm::log1p(-1.0 / (1.0 + self.mean.max(1e-9)))).ceil()
            as u64
    }

    fn mean(&self) -> f64 {
        self.mean
    }

    fn draw(&self, update: u64, streams: Streams) -> u64 {
        let u = 1.0 - generator(update, streams).random::<f64>();
        let k = libm::log(u) / libm::log1p(-1.0 / (1.0 + self.mean.max(1e-9)));
        (k as u64).min(self.largest())
    }

    fn unusable(&self) -> Option<Unusable> {
        None
    }
}

impl DelayConfig for Uniform {
    fn largest(&self) -> u64 {
        self.largest
    }

    fn mean(&self) -> f64 {
        self.largest as f64 / 2.0
    }

    fn draw(&self, update: u64, streams: Streams) -> u64 {
        generator(update, streams).random_range(0..=self.largest)
    }

    fn unusable(&self) -> Option<Unusable> {
        None
    }
}

impl DelayConfig for Empirical {
    fn largest(&self) -> u64 {
        self.weights.len().saturating_sub(1) as u64
    }

    fn mean(&self) -> f64 {
        let total: f64 = self.weights.iter().sum();
        let weighted = self.weights.iter().enumerate().map(|(k, weight)| k as f64 * weight);
        weighted.sum::<f64>() / total
    }

    fn draw(&self, update: u64, streams: Streams) -> u64 {
        let total: f64 = self.weights.iter().sum();
        let mut left = generator(update, streams).random::<f64>() * total;
        for (k, weight) in self.weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return k as u64;
            }
        }
        self.largest()
    }

    fn unusable(&self) -> Option<Unusable> {
        let total: f64 = self.weights.iter().sum();
        let why = if self.weights.iter().any(|weight| *weight < 0.0) {
            "holds a negative weight"
        } else if total > 0.0 && total.is_finite() {
            return None;
        } else {
            "needs a positive, finite sum"
        };
        let help = "one weight per delay of 0, 1, 2, ... updates, as in [1.0, 0.0, 3.0]";
        Some(Unusable { setting: "weights", why, help })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_geometric_delay_has_its_mean_and_variance() {
        let law = DelayChoice::Geometric(Geometric { mean: 7.0 });
        let n = 50_000;
        let draws: Vec<f64> = (0..n).map(|t| law.draw(t, Streams::new(3)) as f64).collect();
        let mean = draws.iter().sum::<f64>() / n as f64;
        let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / n as f64;
        assert!((mean - 7.0).abs() < 0.15 && (variance - 56.0).abs() < 3.0, "{mean} {variance}");
    }

    #[test]
    fn weights_are_respected() {
        let law = DelayChoice::Empirical(Empirical { weights: vec![1.0, 0.0, 3.0] });
        let n = 20_000;
        let twos = (0..n).filter(|&t| law.draw(t, Streams::new(1)) == 2).count();
        assert!((law.mean() - 1.5).abs() < 1e-12);
        assert!((0..n).all(|t| law.draw(t, Streams::new(1)) != 1));
        assert!((twos as f64 / n as f64 - 0.75).abs() < 0.02);
    }
}
