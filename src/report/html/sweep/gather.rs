//! The trials of a sweep, point by point, with the few figures and the short series that its page
//! needs of each.

use super::super::interval::{self, Interval};
use super::measures::{MEASURES, Measure};
use crate::experiment::outcome::{
    Evaluation, Results, Settings, State, TrialOutcome, setting_text,
};
use crate::report::error::ReportError;
use crate::report::html::grid::evenly;
use serde_json::Value;

/// Most evaluations kept of one trial.
const MOST_STEPS: usize = 200;

/// The figures that are followed over a trial: names in an evaluation, and for people.
pub(in crate::report::html) const FOLLOWED: [(&str, &str); 3] =
    [("auc", "AUC"), ("session_auc", "session AUC"), ("log_loss", "log-loss")];

/// Trials that differ in nothing but their seed.
#[derive(Clone, Debug)]
pub(in crate::report::html) struct Point {
    /// What distinguishes it.
    pub label: String,
    /// What the sweep sets.
    pub settings: Settings,
    /// Its trials.
    pub trials: Vec<Trial>,
}

/// One trial.
#[derive(Clone, Debug)]
pub(in crate::report::html) struct Trial {
    /// Its name in the plan.
    pub id: String,
    /// Its seed.
    pub seed: u64,
    /// How far it came.
    pub state: State,
    /// Why it has no figures.
    pub reason: Option<String>,
    /// Its figures, as many as there are [`MEASURES`].
    pub values: Vec<Option<f64>>,
    /// Its evaluations, thinned.
    pub steps: Vec<Step>,
}

/// One evaluation of the server's parameters.
#[derive(Clone, Copy, Debug)]
pub(in crate::report::html) struct Step {
    /// Examples before it.
    pub examples: f64,
    /// Simulated seconds before it.
    pub sim_s: f64,
    /// The figures of [`FOLLOWED`]; NaN where not defined.
    pub quality: [f64; FOLLOWED.len()],
}

impl Point {
    /// Number of trials in a state.
    pub(in crate::report::html) fn count(&self, state: State) -> usize {
        self.trials.iter().filter(|trial| trial.state == state).count()
    }

    /// Mean and interval of a measure over the trials that are done.
    pub(in crate::report::html) fn interval(&self, measure: &Measure) -> Option<Interval> {
        let values = self.trials.iter().filter_map(|trial| trial.values[measure.index()]);
        interval::of_mean(&values.collect::<Vec<f64>>())
    }

    /// The series of the trials: position and figure of each evaluation.
    pub(in crate::report::html) fn curves(
        &self,
        figure: usize,
        position: fn(&Step) -> f64,
    ) -> Vec<Vec<(f64, f64)>> {
        let curve = |trial: &Trial| {
            let points = trial.steps.iter().map(|step| (position(step), step.quality[figure]));
            points.filter(|point| point.1.is_finite()).collect::<Vec<_>>()
        };
        let done = self.trials.iter().filter(|trial| trial.state == State::Done);
        done.map(curve).filter(|curve| !curve.is_empty()).collect()
    }

    /// A setting as text; a dash where the point has none.
    pub(in crate::report::html) fn setting(&self, key: &str) -> String {
        self.settings.get(key).map_or_else(|| "–".to_string(), setting_text)
    }

    /// A setting as a number.
    pub(in crate::report::html) fn number(&self, key: &str) -> Option<f64> {
        self.settings.get(key).and_then(Value::as_f64)
    }
}

/// Reads all trials of a folder. That of a run is one point with one trial.
pub(in crate::report::html) fn gather(results: &Results) -> Result<Vec<Point>, ReportError> {
    results
        .points
        .iter()
        .map(|point| {
            let trials = results.trials_of(point).map(trial).collect::<Result<_, _>>()?;
            Ok(Point { label: point.label.clone(), settings: point.settings.clone(), trials })
        })
        .collect()
}

fn trial(outcome: &TrialOutcome) -> Result<Trial, ReportError> {
    let scalars = outcome.scalars()?.unwrap_or_default();
    let evaluations = match outcome.state() {
        State::Done => outcome.evaluations()?,
        _ => Vec::new(),
    };
    let steps = evenly(evaluations.len(), MOST_STEPS).map(|index| step(&evaluations[index]));
    Ok(Trial {
        id: outcome.id.clone(),
        seed: outcome.seed,
        state: outcome.state(),
        reason: outcome.diagnosis()?.map(|diagnosis| diagnosis.reason),
        values: MEASURES.iter().map(|measure| scalars.get(measure.scalar)).collect(),
        steps: steps.collect(),
    })
}

fn step(evaluation: &Evaluation) -> Step {
    let quality = FOLLOWED.map(|(name, _)| evaluation.figure(name).unwrap_or(f64::NAN));
    Step { examples: evaluation.examples as f64, sim_s: evaluation.sim_s, quality }
}

/// The keys whose values are not the same at every point; all keys of a sweep of one point.
pub(in crate::report::html) fn swept(points: &[Point]) -> Vec<String> {
    let mut keys: Vec<&String> = points.iter().flat_map(|point| point.settings.keys()).collect();
    keys.sort();
    keys.dedup();
    let varies = |key: &&String| {
        let first = points.first().and_then(|point| point.settings.get(*key));
        points.len() == 1 || points.iter().any(|point| point.settings.get(*key) != first)
    };
    keys.into_iter().filter(varies).cloned().collect()
}

/// A key without the tables that all of `keys` can do without: its last word where that is enough.
pub(in crate::report::html) fn short_key(key: &str, keys: &[String]) -> String {
    let last = |key: &str| key.rsplit('.').next().unwrap_or(key).to_string();
    let own = last(key);
    match keys.iter().filter(|other| last(other) == own).count() {
        0 | 1 if own != "kind" => own,
        _ => key.to_string(),
    }
}
