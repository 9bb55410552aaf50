//! The figures by which points are compared.

use crate::report::figure::axis::AxisUnit;
use crate::report::figure::interval::SeedMean;
use crate::report::figure::number::figure;
use crate::results::statistics::Interval;

/// A figure of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialMeasure {
    /// Its name for readers.
    pub name: &'static str,
    /// Its name in [`crate::metrics::scalar`].
    pub scalar: &'static str,
    /// How it is written on an axis.
    pub unit: AxisUnit,
}

const fn measure(name: &'static str, scalar: &'static str, unit: AxisUnit) -> TrialMeasure {
    TrialMeasure { name, scalar, unit }
}

/// AUC at the best step.
pub const BEST_AUC: TrialMeasure = measure("best AUC", "best.auc", AxisUnit::Number);
/// What a trial costs if machines are paid by time.
pub const COST: TrialMeasure = measure("cost, worker-seconds", "worker_s", AxisUnit::Count);
/// The virtual clock at the end.
pub const SIM_TIME: TrialMeasure = measure("simulated time", "sim_s", AxisUnit::Time);

/// All of them, in the order of tables.
pub const MEASURES: [TrialMeasure; 10] = [
    BEST_AUC,
    measure("best session AUC", "best.session_auc", AxisUnit::Number),
    measure("best log-loss", "best.log_loss", AxisUnit::Number),
    SIM_TIME,
    COST,
    measure("examples per simulated second", "examples_per_sim_s", AxisUnit::Count),
    measure("mean staleness", "staleness.mean", AxisUnit::Number),
    measure("mean gap", "gap_mean", AxisUnit::Number),
    measure("embedding rows at the end", "tables.rows", AxisUnit::Count),
    measure("updates lost by shards", "shard_failures.updates_lost", AxisUnit::Count),
];

/// How much longer one side of an interval may be, in halves, for `±`.
const LOPSIDED: f64 = 0.1;

impl TrialMeasure {
    /// Its place in [`MEASURES`].
    pub fn index(&self) -> usize {
        MEASURES.iter().position(|other| other == self).unwrap_or(0)
    }
}

/// A mean with half of its interval, or with both ends where they are not equally far; a dash for
/// `None`.
pub fn plus_minus(seed_mean: Option<SeedMean>) -> String {
    match seed_mean {
        None => "–".to_string(),
        Some(SeedMean { mean, interval: None }) => figure(mean),
        Some(SeedMean { mean, interval: Some(interval) }) => {
            let (below, above) = (mean - interval.low, interval.high - mean);
            match (above - below).abs() <= LOPSIDED * interval.half() {
                true => with_half(mean, interval.half()),
                false => with_ends(mean, interval, below),
            }
        }
    }
}

fn with_half(mean: f64, half: f64) -> String {
    match decimals(half) {
        Some(decimals) => format!("{mean:.decimals$} ± {half:.decimals$}"),
        None => format!("{} ± {}", figure(mean), figure(half)),
    }
}

fn with_ends(mean: f64, Interval { low, high }: Interval, side: f64) -> String {
    match decimals(side) {
        Some(decimals) => format!("{mean:.decimals$} [{low:.decimals$}, {high:.decimals$}]"),
        None => format!("{} [{}, {}]", figure(mean), figure(low), figure(high)),
    }
}

/// As many decimals as two significant digits of an uncertainty need.
fn decimals(uncertainty: f64) -> Option<usize> {
    let is_usual = (1e-6..1e6).contains(&uncertainty);
    is_usual.then(|| (1 - uncertainty.log10().floor() as i32).clamp(0, 8) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_written_with_two_digits() {
        let known = |mean, half| {
            let interval = Interval { low: mean - half, high: mean + half };
            Some(SeedMean { mean, interval: Some(interval) })
        };
        assert_eq!(plus_minus(known(0.75643, 0.00213)), "0.7564 ± 0.0021");
        assert_eq!(plus_minus(known(123.456, 31.2)), "123 ± 31");
        assert_eq!(plus_minus(Some(SeedMean { mean: 3.0, interval: None })), "3");
        assert_eq!(plus_minus(None), "–");
        let skewed = SeedMean { mean: 0.4, interval: Some(Interval { low: 0.13, high: 2.6 }) };
        assert_eq!(plus_minus(Some(skewed)), "0.40 [0.13, 2.60]");
    }
}
