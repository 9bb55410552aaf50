//! How far apart trials of one setting end, and how much further than those of another setting.

use serde::Serialize;

use super::{Side, value};
use crate::metrics::measure::Measure;
use crate::results::outcome::OutcomeError;
use crate::results::statistics::{
    Estimate, FEWEST, Interval, correlation, deviation, mean, spread,
};

/// The spread of one figure over the trials of a side.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SpreadRow {
    /// The side.
    pub name: String,
    /// Finished trials that have the figure.
    pub trials: usize,
    /// Finished trials whose training broke; they are in the figures.
    pub broken: usize,
    /// Its mean.
    pub mean: Option<f64>,
    /// Its standard deviation.
    pub deviation: Option<f64>,
    /// Interval of the standard deviation.
    pub interval: Option<Interval>,
    /// Its standard deviation over the baseline's; `None` for the baseline itself.
    pub ratio: Option<Estimate>,
    /// Standard deviation of AUC over the evaluations of the last pass of a trial, on average. Only
    /// if the figure is the AUC at the end.
    pub within: Option<f64>,
    /// The comparison of both halves of the holdout. Only if the figure is the AUC at the end.
    pub halves: Option<Halves>,
}

/// The AUC of the same models on the two halves of a holdout. Differences between trials that
/// appear on both halves are quality. The rest is chance from the examples that are held out.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Halves {
    /// Correlation over the trials.
    pub correlation: f64,
    /// Standard deviation of what they share: the root of their covariance, 0 if that is negative.
    pub shared: f64,
}

/// The figure for which the two halves are compared.
const LAST_AUC: &str = "last.auc";

/// The spread of `measure` at every side; ratios are to the first.
///
/// # Errors
/// If a trial's files cannot be read.
pub fn spreads(sides: &[Side], measure: &Measure) -> Result<Vec<SpreadRow>, OutcomeError> {
    let is_last = measure.to_string() == LAST_AUC;
    let mut rows = Vec::new();
    let mut baseline: Option<Vec<f64>> = None;
    for side in sides {
        let values = side.done.iter().map(|done| value(done, measure));
        let values: Vec<f64> =
            values.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        let found = spread::of_deviation(&values);
        rows.push(SpreadRow {
            name: side.name.clone(),
            trials: values.len(),
            broken: side.broken().len(),
            mean: mean(&values),
            deviation: found.map(|found| found.0),
            interval: found.map(|found| found.1),
            ratio: baseline.as_ref().and_then(|first| spread::of_ratio(first, &values)),
            within: if is_last { within(side)? } else { None },
            halves: if is_last { halves(side)? } else { None },
        });
        baseline.get_or_insert(values);
    }
    Ok(rows)
}

/// How much AUC varies within the last pass of a trial; `None` with fewer than three evaluations.
fn within(side: &Side) -> Result<Option<f64>, OutcomeError> {
    let mut deviations = Vec::new();
    for done in &side.done {
        let evaluations = done.trial.evaluations()?;
        let Some(end) = evaluations.last().and_then(|last| last.passes) else { continue };
        let last = evaluations.iter().filter(|row| row.passes.is_some_and(|at| at > end - 1.0));
        let last: Vec<f64> = last.filter_map(|row| row.auc).collect();
        deviations.extend(deviation(&last).filter(|_| last.len() >= FEWEST));
    }
    Ok(mean(&deviations))
}

fn halves(side: &Side) -> Result<Option<Halves>, OutcomeError> {
    let (mut reporting, mut selection) = (Vec::new(), Vec::new());
    for done in &side.done {
        let evaluations = done.trial.evaluations()?;
        let last = evaluations.last().and_then(|last| last.auc.zip(last.selection_auc));
        if let Some((one, other)) = last {
            reporting.push(one);
            selection.push(other);
        }
    }
    // Without a selection half, both columns are of all examples.
    if reporting == selection {
        return Ok(None);
    }
    let shared = correlation::covariance(&reporting, &selection);
    let correlation = correlation::of_pairs(&reporting, &selection);
    Ok(correlation.zip(shared).map(|(correlation, covariance)| Halves {
        correlation,
        shared: covariance.max(0.0).sqrt(),
    }))
}
