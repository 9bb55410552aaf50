//! Whether a run meets the expectations of its scenario: `expect.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::metrics::measure::Measure;
use crate::results::compare::{FinishedTrial, value};
use crate::results::json;
use crate::results::outcome::{OutcomeError, Results, State, TrialOutcome};
use crate::results::summary::Summary;
use crate::scenario::expect::Expectation;

/// The file in the results folder; absent without expectations.
pub const FILE: &str = "expect.json";

/// One expectation and its result.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Checked {
    /// The figure.
    pub metric: String,
    /// What was expected, as in `above 0.7`.
    pub wanted: String,
    /// The value; `None` if it is not defined, or a goal was not reached.
    pub value: Option<f64>,
    /// Whether it is as expected.
    pub holds: bool,
    /// Why that was expected.
    pub reason: String,
    /// Why the value is not defined, if the run knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undefined: Option<String>,
}

/// Checks the expectations of a run whose series are in `folder` and whose summary is to be
/// written.
///
/// # Errors
/// If a series cannot be read.
pub fn check(
    expectations: &[Expectation],
    summary: Summary,
    folder: &Path,
) -> Result<Vec<Checked>, OutcomeError> {
    let trial = TrialOutcome::of_run(folder, summary.seed);
    let done = FinishedTrial::new(trial, summary.clone());
    let check = |expectation: &Expectation| {
        let measure = expectation.metric.parse::<Measure>().ok();
        let value = match measure {
            Some(measure) => value(&done, &measure)?,
            None => None,
        };
        Ok(Checked {
            metric: expectation.metric.clone(),
            wanted: expectation.wanted(),
            value,
            holds: value.is_some_and(|value| expectation.holds(value)),
            reason: expectation.reason.clone(),
            undefined: match value {
                Some(_) => None,
                None => summary.why_undefined(&expectation.metric).map(String::from),
            },
        })
    };
    expectations.iter().map(check).collect()
}

/// The checked expectations of a finished run; empty without expectations.
///
/// # Errors If the file exists and cannot be read.
pub fn read(folder: &Path) -> Result<Vec<Checked>, OutcomeError> {
    Ok(json::read(&folder.join(FILE))?.unwrap_or_default())
}

/// The trials that do not meet their expectations, by name, and what failed in each.
///
/// # Errors
/// As [`read`].
pub fn failing(results: &Results) -> Result<Vec<(String, String)>, OutcomeError> {
    let mut failing = Vec::new();
    for trial in results.trials.iter().filter(|trial| trial.state() == State::Done) {
        let checked = read(&trial.folder)?;
        let complaints: Vec<String> =
            checked.iter().filter(|checked| !checked.holds).map(Checked::complaint).collect();
        if !complaints.is_empty() {
            failing.push((trial.id.clone(), complaints.join("; ")));
        }
    }
    Ok(failing)
}

impl Checked {
    /// What failed, in one line.
    fn complaint(&self) -> String {
        let Checked { metric, wanted, .. } = self;
        match self.value {
            Some(value) => format!("{metric} is {value}, expected {wanted}"),
            None => {
                let why = self.undefined.as_ref().map_or(String::new(), |why| format!(" ({why})"));
                format!("{metric} is not defined{why}, expected {wanted}")
            }
        }
    }
}
