//! The figures by which points are compared.

use crate::report::figure::axis::Unit;
use crate::report::figure::interval::Interval;
use crate::report::figure::number::figure;

/// A figure of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    /// Its name for readers.
    pub name: &'static str,
    /// Its name in [`crate::metrics::scalar`].
    pub scalar: &'static str,
    /// How it is written on an axis.
    pub unit: Unit,
}

const fn measure(name: &'static str, scalar: &'static str, unit: Unit) -> Measure {
    Measure { name, scalar, unit }
}

/// AUC at the best step.
pub const BEST_AUC: Measure = measure("best AUC", "best.auc", Unit::Number);
/// What a trial costs if machines are paid by time.
pub const COST: Measure = measure("cost, worker-seconds", "worker_s", Unit::Count);
/// The virtual clock at the end.
pub const SIM_TIME: Measure = measure("simulated time", "sim_s", Unit::Time);

/// All of them, in the order of tables.
pub const MEASURES: [Measure; 8] = [
    BEST_AUC,
    measure("best session AUC", "best.session_auc", Unit::Number),
    measure("best log-loss", "best.log_loss", Unit::Number),
    SIM_TIME,
    COST,
    measure("examples per simulated second", "examples_per_sim_s", Unit::Count),
    measure("mean staleness", "staleness.mean", Unit::Number),
    measure("mean gap", "gap_mean", Unit::Number),
];

impl Measure {
    /// Its place in [`MEASURES`].
    pub fn index(&self) -> usize {
        MEASURES.iter().position(|other| other == self).unwrap_or(0)
    }
}

/// A mean with half of its interval, if it has one; a dash for `None`.
pub fn plus_minus(interval: Option<Interval>) -> String {
    match interval {
        None => "–".to_string(),
        Some(interval) if !interval.known => figure(interval.mean),
        Some(interval) => with_half(interval.mean, interval.half()),
    }
}

/// Both numbers, with as many decimals as two significant digits of `half` need.
fn with_half(mean: f64, half: f64) -> String {
    if !(1e-6..1e6).contains(&half) {
        return format!("{} ± {}", figure(mean), figure(half));
    }
    let decimals = (1 - half.log10().floor() as i32).clamp(0, 8) as usize;
    format!("{mean:.decimals$} ± {half:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_written_with_two_digits() {
        let interval =
            |mean, half| Interval { mean, low: mean - half, high: mean + half, known: true };
        assert_eq!(plus_minus(Some(interval(0.75643, 0.00213))), "0.7564 ± 0.0021");
        assert_eq!(plus_minus(Some(interval(123.456, 31.2))), "123 ± 31");
        assert_eq!(plus_minus(Some(Interval { known: false, ..interval(3.0, 0.0) })), "3");
        assert_eq!(plus_minus(None), "–");
    }
}
