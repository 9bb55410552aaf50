//! The figures by which points are compared, and the quality that all are timed to.

use super::gather::{Point, Trial};
use crate::report::html::figure::Unit;
use crate::report::html::interval::{self, Interval};
use crate::report::html::number::{figure, percent, time};
use crate::results::outcome::State;

/// A figure of a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::report::html) struct Measure {
    /// Its name for people.
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
pub(in crate::report::html) const BEST_AUC: Measure = measure("best AUC", "best.auc", Unit::Number);
/// What a trial costs where machines are paid by time.
pub(in crate::report::html) const COST: Measure =
    measure("cost, worker-seconds", "worker_s", Unit::Count);
/// The virtual clock at the end.
pub(in crate::report::html) const SIM_TIME: Measure =
    measure("simulated time", "sim_s", Unit::Time);

/// All of them, in the order of tables.
pub(in crate::report::html) const MEASURES: [Measure; 8] = [
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
    pub(in crate::report::html) fn index(&self) -> usize {
        MEASURES.iter().position(|other| other == self).unwrap_or(0)
    }
}

/// Those that some trial has.
pub(in crate::report::html) fn known(points: &[Point]) -> Vec<Measure> {
    let has = |measure: &Measure| {
        let mut trials = points.iter().flat_map(|point| &point.trials);
        trials.any(|trial| trial.values[measure.index()].is_some())
    };
    MEASURES.into_iter().filter(has).collect()
}

/// A value as its axis would write it.
pub(in crate::report::html) fn written(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Time => time(value),
        Unit::Percent => percent(value),
        Unit::Number | Unit::Count => figure(value),
    }
}

/// A mean with half its interval, where there are several values; a dash without any.
pub(in crate::report::html) fn plus_minus(interval: Option<Interval>) -> String {
    match interval {
        None => "–".to_string(),
        Some(interval) if !interval.known => figure(interval.mean),
        Some(interval) => with_half(interval.mean, interval.half()),
    }
}

/// Both with as many decimals as show two digits of the half.
fn with_half(mean: f64, half: f64) -> String {
    if !(1e-6..1e6).contains(&half) {
        return format!("{} ± {}", figure(mean), figure(half));
    }
    let decimals = (1 - half.log10().floor() as i32).clamp(0, 8) as usize;
    format!("{mean:.decimals$} ± {half:.decimals$}")
}

/// The AUC that every point is timed to: what half of the points reach at their best, cut off
/// behind the third decimal. `None` if none has an AUC.
pub(in crate::report::html) fn target(points: &[Point]) -> Option<f64> {
    let means = points.iter().filter_map(|point| point.interval(&BEST_AUC));
    let mut means: Vec<f64> = means.map(|interval| interval.mean).collect();
    means.sort_by(f64::total_cmp);
    let middle = means.get(means.len().checked_sub(1)? / 2)?;
    Some((middle * 1e3).floor() / 1e3)
}

/// The simulated seconds until a trial first had this AUC, between evaluations on a straight line.
pub(in crate::report::html) fn time_to(trial: &Trial, target: f64) -> Option<f64> {
    let mut before: Option<(f64, f64)> = None;
    for step in &trial.steps {
        let now = (step.sim_s, step.quality[0]);
        if now.1 >= target {
            let Some((left, low)) = before.filter(|before| before.1 < target) else {
                return Some(now.0);
            };
            return Some(left + (now.0 - left) * (target - low) / (now.1 - low));
        }
        before = Some(now).filter(|now| now.1.is_finite());
    }
    None
}

/// Mean and interval of the time to `target` over the seeds that reach it, and how many do.
pub(in crate::report::html) fn times_to(point: &Point, target: f64) -> (Option<Interval>, usize) {
    let done = point.trials.iter().filter(|trial| trial.state == State::Done);
    let times: Vec<f64> = done.filter_map(|trial| time_to(trial, target)).collect();
    (interval::of_mean(&times), times.len())
}

#[cfg(test)]
mod tests {
    use super::super::gather::Step;
    use super::*;

    fn trial(values: &[(f64, f64)]) -> Trial {
        let step = |(sim_s, auc): &(f64, f64)| Step {
            examples: sim_s * 100.0,
            sim_s: *sim_s,
            quality: [*auc, f64::NAN, f64::NAN],
        };
        Trial {
            id: String::new(),
            seed: 1,
            state: State::Done,
            reason: None,
            values: vec![None; MEASURES.len()],
            steps: values.iter().map(step).collect(),
        }
    }

    #[test]
    fn the_time_to_a_quality_lies_between_evaluations() {
        let trial = trial(&[(0.0, 0.5), (1.0, 0.6), (2.0, 0.7), (3.0, 0.65)]);
        assert!((time_to(&trial, 0.65).unwrap() - 1.5).abs() < 1e-12);
        assert_eq!(time_to(&trial, 0.4), Some(0.0));
        assert_eq!(time_to(&trial, 0.71), None);
    }

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
