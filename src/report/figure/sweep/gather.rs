//! The trials of a sweep by points, with the figures and the short series that its page needs.

use super::measures::{MEASURES, TrialMeasure};
use crate::metrics::scalar;
use crate::report::error::ReportError;
use crate::report::figure::grid::evenly;
use crate::report::figure::interval::{self, SeedMean};
use crate::results::outcome::{Results, Settings, State, TrialOutcome, broke, setting_text};
use crate::results::tables::{EvaluationRow, ServedCopy, ServedRow};
use serde_json::Value;

/// The most evaluations kept of one trial.
const MOST_EVALUATIONS: usize = 200;

/// The figures that are shown over the course of a trial: name in an evaluation, name for readers.
pub const FOLLOWED: [(&str, &str); 3] =
    [("auc", "AUC"), ("session_auc", "session AUC"), ("log_loss", "log-loss")];

/// A point: trials that differ only in their seed.
#[derive(Clone, Debug)]
pub struct SweepPoint {
    /// The text that distinguishes it from the other points.
    pub label: String,
    /// The settings that the sweep gives it.
    pub settings: Settings,
    /// Its trials.
    pub trials: Vec<SweepTrial>,
}

/// One trial.
#[derive(Clone, Debug)]
pub struct SweepTrial {
    /// Its name in the plan.
    pub id: String,
    /// Its seed.
    pub seed: u64,
    /// Whether it is done, failed or still to do.
    pub state: State,
    /// Why it has no figures, if it failed.
    pub reason: Option<String>,
    /// What is wrong with its model, if its training broke.
    pub broken: Option<String>,
    /// Its figures, one for each of [`MEASURES`].
    pub values: Vec<Option<f64>>,
    /// Its evaluations, thinned.
    pub evaluations: Vec<TrialEvaluation>,
    /// What its serving copy served, thinned; empty if it has none.
    pub served: Vec<TrialServed>,
}

/// One evaluation of the server's parameters.
#[derive(Clone, Copy, Debug)]
pub struct TrialEvaluation {
    /// Examples trained on before it.
    pub examples: f64,
    /// Simulated seconds before it.
    pub sim_s: f64,
    /// The figures of [`FOLLOWED`]; NaN if not defined.
    pub quality: [f64; FOLLOWED.len()],
}

/// What a trial's serving copy served in a stretch of time.
#[derive(Clone, Copy, Debug)]
pub struct TrialServed {
    /// Simulated seconds at its end.
    pub sim_s: f64,
    /// AUC.
    pub auc: Option<f64>,
    /// Log-loss.
    pub log_loss: Option<f64>,
    /// Mean time that rows were behind, seconds.
    pub row_lag_s: Option<f64>,
    /// Share of the requests that met a row that was behind.
    pub stale: Option<f64>,
}

impl SweepPoint {
    /// Number of trials in a state.
    pub fn count(&self, state: State) -> usize {
        self.trials.iter().filter(|trial| trial.state == state).count()
    }

    /// Number of trials whose training broke.
    pub fn broken(&self) -> usize {
        self.trials.iter().filter(|trial| trial.broken.is_some()).count()
    }

    /// How many of its trials broke, in words; `None` if none did.
    pub fn broke(&self) -> Option<String> {
        broke(self.broken(), self.count(State::Done))
    }

    /// Mean and interval of a measure over the trials that are done.
    pub fn seed_mean(&self, measure: &TrialMeasure) -> Option<SeedMean> {
        let values = self.trials.iter().filter_map(|trial| trial.values[measure.index()]);
        interval::of_mean(&values.collect::<Vec<f64>>(), scalar::range(measure.scalar))
    }

    /// The series of the trials: position and figure of each evaluation.
    pub fn curves(
        &self,
        figure: usize,
        position: fn(&TrialEvaluation) -> f64,
    ) -> Vec<Vec<(f64, f64)>> {
        let curve = |trial: &SweepTrial| {
            let points = trial
                .evaluations
                .iter()
                .map(|evaluation| (position(evaluation), evaluation.quality[figure]));
            points.filter(|point| point.1.is_finite()).collect::<Vec<_>>()
        };
        let done = self.trials.iter().filter(|trial| trial.state == State::Done);
        done.map(curve).filter(|curve| !curve.is_empty()).collect()
    }

    /// A setting as text; a dash if the point does not have it.
    pub fn setting(&self, key: &str) -> String {
        self.settings.get(key).map_or_else(|| "–".to_string(), setting_text)
    }

    /// Whether the sweep file names it: its label says more than its settings do.
    pub fn is_named(&self) -> bool {
        let says = |key: &String| self.label.split(' ').any(|word| speaks_of(word, key));
        !self.label.is_empty() && (self.settings.is_empty() || !self.settings.keys().all(says))
    }

    /// The text that distinguishes it from points with other values of other keys than `key`: its
    /// name without the part about `key` or, if it has no name, its other settings.
    pub fn besides(&self, key: &str, keys: &[String]) -> String {
        if self.is_named() {
            let others = self.label.split(' ').filter(|word| !speaks_of(word, key));
            return others.collect::<Vec<_>>().join(" ");
        }
        let others = keys.iter().filter(|other| *other != key);
        let named = others.map(|k| format!("{}={}", short_key(k, keys), self.setting(k)));
        named.collect::<Vec<_>>().join(" ")
    }

    /// A setting as a number.
    pub fn number(&self, key: &str) -> Option<f64> {
        self.settings.get(key).and_then(Value::as_f64)
    }
}

/// Whether a word of a label is about a key, as `workers=10` is about `cluster.workers`.
fn speaks_of(word: &str, key: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| key == name || key.ends_with(&format!(".{name}")))
}

/// Reads all trials of a folder. The folder of a run is one point with one trial.
pub fn gather(results: &Results) -> Result<Vec<SweepPoint>, ReportError> {
    results
        .points
        .iter()
        .map(|point| {
            let trials = results.trials_of(point).map(trial).collect::<Result<_, _>>()?;
            Ok(SweepPoint { label: point.label.clone(), settings: point.settings.clone(), trials })
        })
        .collect()
}

fn trial(outcome: &TrialOutcome) -> Result<SweepTrial, ReportError> {
    let scalars = outcome.scalars()?.unwrap_or_default();
    let rows = match outcome.state() {
        State::Done => outcome.evaluations()?,
        _ => Vec::new(),
    };
    let evaluations = evenly(rows.len(), MOST_EVALUATIONS).map(|index| evaluation(&rows[index]));
    Ok(SweepTrial {
        id: outcome.id.clone(),
        seed: outcome.seed,
        state: outcome.state(),
        broken: outcome.broken()?.map(|broken| broken.to_string()),
        reason: outcome.diagnosis()?.map(|diagnosis| diagnosis.reason),
        values: MEASURES.iter().map(|measure| scalars.get(measure.scalar)).collect(),
        evaluations: evaluations.collect(),
        served: served(outcome)?,
    })
}

fn served(outcome: &TrialOutcome) -> Result<Vec<TrialServed>, ReportError> {
    if outcome.state() != State::Done {
        return Ok(Vec::new());
    }
    let mut rows = outcome.rows::<ServedRow>()?.into_vec();
    rows.retain(|row| row.copy == ServedCopy::Serving);
    let of = |row: &ServedRow| TrialServed {
        sim_s: row.to_s,
        auc: row.auc,
        log_loss: row.log_loss,
        row_lag_s: row.row_lag_s,
        stale: row.stale,
    };
    Ok(evenly(rows.len(), MOST_EVALUATIONS).map(|index| of(&rows[index])).collect())
}

fn evaluation(row: &EvaluationRow) -> TrialEvaluation {
    let quality = FOLLOWED.map(|(name, _)| row.figure(name).unwrap_or(f64::NAN));
    TrialEvaluation { examples: row.examples as f64, sim_s: row.sim_s, quality }
}

/// The keys whose values differ between points; all keys if there is only one point.
pub fn swept(points: &[SweepPoint]) -> Vec<String> {
    let mut keys: Vec<&String> = points.iter().flat_map(|point| point.settings.keys()).collect();
    keys.sort();
    keys.dedup();
    let varies = |key: &&String| {
        let first = points.first().and_then(|point| point.settings.get(*key));
        points.len() == 1 || points.iter().any(|point| point.settings.get(*key) != first)
    };
    keys.into_iter().filter(varies).cloned().collect()
}

/// The last word of a key if no other of `keys` ends in it, otherwise the whole key.
pub fn short_key(key: &str, keys: &[String]) -> String {
    let last = |key: &str| key.rsplit('.').next().unwrap_or(key).to_string();
    let own = last(key);
    match keys.iter().filter(|other| last(other) == own).count() {
        0 | 1 if own != "kind" => own,
        _ => key.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_called_what_the_sweep_calls_them() {
        let point = |label: &str, settings: serde_json::Value| {
            let Value::Object(settings) = settings else { panic!("settings are a table") };
            let settings = settings.into_iter().collect();
            SweepPoint { label: label.to_string(), settings, trials: Vec::new() }
        };
        let keys = ["cluster.workers", "optimizer.beta1"].map(String::from);
        let both = serde_json::json!({"cluster.workers": 10, "optimizer.beta1": 0.5});
        let plain = point("workers=10 beta1=0.5", both.clone());
        assert_eq!((plain.is_named(), plain.besides(&keys[0], &keys)), (false, "beta1=0.5".into()));
        let zipped = point("workers=10 gentle", both);
        assert_eq!((zipped.is_named(), zipped.besides(&keys[0], &keys)), (true, "gentle".into()));
        assert_eq!(zipped.besides(&keys[1], &keys), "workers=10 gentle");
        let listed = point("barrier", serde_json::json!({"protocol.kind": "synchronous"}));
        assert_eq!((listed.is_named(), listed.besides(&keys[0], &keys)), (true, "barrier".into()));
        let bare = point("plain", serde_json::json!({}));
        assert_eq!((bare.is_named(), bare.besides(&keys[0], &keys)), (true, "plain".into()));
        assert!(!point("", serde_json::json!({})).is_named());
    }
}
