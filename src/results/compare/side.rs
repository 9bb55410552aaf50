//! One side of a comparison: trials that differ only in their seed.

use serde::Serialize;

use crate::metrics::measure::{Cost, Goal, Measure};
use crate::results::outcome::{OutcomeError, Point, Results, Settings, State, TrialOutcome};
use crate::results::summary::{Scalars, Summary};
use crate::results::tables::EvaluationRow;

/// Trials that differ only in their seed.
#[derive(Clone, PartialEq, Debug)]
pub struct Side {
    /// Its name.
    pub name: String,
    /// Finished trials, by seed.
    pub done: Vec<FinishedTrial>,
    /// Trials that blew up, stalled or failed, by seed.
    pub failed: Vec<FailedTrial>,
    /// Seeds of trials that are not done.
    pub to_do: Vec<u64>,
    /// The settings of one of its trials.
    pub settings: Settings,
}

/// A finished trial.
#[derive(Clone, PartialEq, Debug)]
pub struct FinishedTrial {
    /// Its seed.
    pub seed: u64,
    /// Its figures.
    pub scalars: Scalars,
    /// Its summary.
    pub summary: Summary,
    /// Where its series are.
    pub trial: TrialOutcome,
}

/// A trial without figures.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FailedTrial {
    /// Its seed.
    pub seed: u64,
    /// Whether a parameter blew up; otherwise it failed for another reason.
    pub blew_up: bool,
    /// What happened.
    pub reason: String,
}

/// A trial that finished with a model that had broken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BrokenTrial {
    /// Its seed.
    pub seed: u64,
    /// What happened, one sentence.
    pub what: String,
}

impl Side {
    /// Reads the trials of a point.
    ///
    /// # Errors If a file exists and cannot be read.
    pub fn load(results: &Results, point: &Point, name: &str) -> Result<Side, OutcomeError> {
        let mut side = Side {
            name: name.to_string(),
            done: Vec::new(),
            failed: Vec::new(),
            to_do: Vec::new(),
            settings: Settings::new(),
        };
        for trial in results.trials_of(point) {
            if side.settings.is_empty() {
                side.settings = trial.settings()?;
            }
            side.add(trial)?;
        }
        if side.settings.is_empty() {
            side.settings = point.settings.clone();
        }
        side.done.sort_by_key(|done| done.seed);
        side.failed.sort_by_key(|failed| failed.seed);
        side.to_do.sort_unstable();
        Ok(side)
    }

    fn add(&mut self, trial: &TrialOutcome) -> Result<(), OutcomeError> {
        let seed = trial.seed;
        match trial.state() {
            State::ToDo => self.to_do.push(seed),
            State::Failed => {
                if let Some(diagnosis) = trial.diagnosis()? {
                    let (blew_up, reason) = (diagnosis.blew_up, diagnosis.reason);
                    self.failed.push(FailedTrial { seed, blew_up, reason });
                }
            }
            State::Done => {
                let summary = trial.summary()?.unwrap_or_default();
                self.done.push(FinishedTrial::new(trial.clone(), summary));
            }
        }
        Ok(())
    }

    /// The finished trials whose training broke: their figures are there and mean little.
    pub fn broken(&self) -> Vec<BrokenTrial> {
        let broken = |done: &FinishedTrial| {
            let what = done.summary.broken_text()?;
            Some(BrokenTrial { seed: done.seed, what })
        };
        self.done.iter().filter_map(broken).collect()
    }

    /// The finished trial of a seed.
    pub fn of_seed(&self, seed: u64) -> Option<&FinishedTrial> {
        self.done.iter().find(|done| done.seed == seed)
    }
}

impl FinishedTrial {
    /// The trial with this summary.
    pub fn new(trial: TrialOutcome, summary: Summary) -> FinishedTrial {
        FinishedTrial { seed: trial.seed, scalars: summary.scalars(), summary, trial }
    }

    /// The names of its figures.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.scalars.iter().map(|(name, _)| name.to_string())
    }
}

/// A measure of a finished trial; `None` if it is not defined, or a goal was not reached.
///
/// # Errors
/// If the trial's series cannot be read.
pub fn value(done: &FinishedTrial, measure: &Measure) -> Result<Option<f64>, OutcomeError> {
    let reach = match measure {
        Measure::Scalar(name) => return Ok(done.scalars.get(name)),
        Measure::Reach(reach) => reach,
    };
    let evaluations = done.trial.evaluations()?;
    let Some(first) = first_to_meet(&evaluations, &reach.goal) else { return Ok(None) };
    Ok(match reach.cost {
        Cost::Time => Some(first.sim_s),
        Cost::WorkerTime => Some(f64::from(done.summary.workers) * first.sim_s),
        Cost::Examples => Some(first.examples as f64),
        Cost::Updates => Some(first.update as f64),
    })
}

/// The first evaluation at which the goal is met.
pub(super) fn first_to_meet<'a>(
    evaluations: &'a [EvaluationRow],
    goal: &Goal,
) -> Option<&'a EvaluationRow> {
    let mut best: Option<(f64, &EvaluationRow)> = None;
    evaluations.iter().find(|&evaluation| {
        // `summary.json` chooses the best step in the same way: the highest value on the selection
        // half, the first of equals, and its value on the other half.
        if let Some(score) = evaluation.selection_auc
            && best.is_none_or(|(highest, _)| score > highest)
        {
            best = Some((score, evaluation));
        }
        let watched = if goal.best { best.map(|(_, best)| best) } else { Some(evaluation) };
        let figure = watched.and_then(|watched| watched.figure(&goal.figure));
        figure.is_some_and(|figure| goal.is_met(figure))
    })
}
