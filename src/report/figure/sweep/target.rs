//! The measures that points have, and the time that they need to reach a target quality.

use super::gather::{SweepPoint, SweepTrial};
use super::measures::{BEST_AUC, MEASURES, TrialMeasure};
use crate::metrics::scalar::FigureRange;
use crate::report::figure::interval::{self, SeedMean};
use crate::results::outcome::State;

/// The measures that at least one trial has.
pub fn known(points: &[SweepPoint]) -> Vec<TrialMeasure> {
    let has = |measure: &TrialMeasure| {
        let mut trials = points.iter().flat_map(|point| &point.trials);
        trials.any(|trial| trial.values[measure.index()].is_some())
    };
    MEASURES.into_iter().filter(has).collect()
}

/// The target AUC: the AUC that half of the points reach at their best, rounded down to three
/// decimals. `None` if no point has an AUC.
pub fn target(points: &[SweepPoint]) -> Option<f64> {
    let means = points.iter().filter_map(|point| point.seed_mean(&BEST_AUC));
    let mut means: Vec<f64> = means.map(|value| value.mean).collect();
    means.sort_by(f64::total_cmp);
    let middle = means.get(means.len().checked_sub(1)? / 2)?;
    Some((middle * 1e3).floor() / 1e3)
}

/// The simulated seconds until a trial first had this AUC, interpolated between evaluations.
pub fn time_to(trial: &SweepTrial, target: f64) -> Option<f64> {
    let mut before: Option<(f64, f64)> = None;
    for evaluation in &trial.evaluations {
        let now = (evaluation.sim_s, evaluation.quality[0]);
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

/// Mean and interval of the time to `target` over the seeds that reach it, and their number.
pub fn times_to(point: &SweepPoint, target: f64) -> (Option<SeedMean>, usize) {
    let done = point.trials.iter().filter(|trial| trial.state == State::Done);
    let times: Vec<f64> = done.filter_map(|trial| time_to(trial, target)).collect();
    (interval::of_mean(&times, FigureRange::Positive), times.len())
}

#[cfg(test)]
mod tests {
    use super::super::gather::TrialEvaluation;
    use super::super::measures::MEASURES;
    use super::*;

    fn trial(values: &[(f64, f64)]) -> SweepTrial {
        let evaluation = |(sim_s, auc): &(f64, f64)| TrialEvaluation {
            examples: sim_s * 100.0,
            sim_s: *sim_s,
            quality: [*auc, f64::NAN, f64::NAN],
        };
        SweepTrial {
            id: String::new(),
            seed: 1,
            state: State::Done,
            reason: None,
            broken: None,
            values: vec![None; MEASURES.len()],
            evaluations: values.iter().map(evaluation).collect(),
            served: Vec::new(),
        }
    }

    #[test]
    fn the_time_to_a_quality_lies_between_evaluations() {
        let trial = trial(&[(0.0, 0.5), (1.0, 0.6), (2.0, 0.7), (3.0, 0.65)]);
        assert!((time_to(&trial, 0.65).unwrap() - 1.5).abs() < 1e-12);
        assert_eq!(time_to(&trial, 0.4), Some(0.0));
        assert_eq!(time_to(&trial, 0.71), None);
    }
}
