//! Comparing results: differences pair by pair of seeds, their uncertainty, and a verdict.
//!
//! The same seed means the same random draws on both sides. So the difference of a pair varies much
//! less by chance than each of its values. Trials that failed or broke are named and never averaged away. A
//! verdict corrects for the number of questions asked at once.

mod comparable;
mod differences;
pub mod gate;
mod naming;
pub mod pareto;
mod row;
mod side;
pub mod spread;

use serde::Serialize;

use super::outcome::{OutcomeError, Settings};
use super::statistics::holm;
use crate::metrics::measure::Measure;
use crate::metrics::scalar::SCALARS;

pub use differences::{Difference, differences};
pub use naming::told_apart;
pub use row::{ComparisonRow, Verdict};
pub use side::{BrokenTrial, FailedTrial, FinishedTrial, Side, value};

/// How values of two sides go together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// Those of the same seed.
    Seed,
    /// Not at all.
    None,
}

/// How intervals are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Student's t.
    T,
    /// The bootstrap, BCa.
    Bootstrap,
}

/// What to compare, and how.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// The figures; those of [`DEFAULT_MEASURES`] that are defined when empty.
    pub measures: Vec<Measure>,
    /// Figures in addition to these.
    pub also: Vec<Measure>,
    /// How values go together.
    pub pairing: Pairing,
    /// How intervals are made.
    pub method: Method,
    /// Differences up to this size do not matter; for the figure of that name, or for all others.
    pub practical: Vec<(Option<String>, f64)>,
    /// Compares results even if they do not mean the same.
    pub force: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            measures: Vec::new(),
            also: Vec::new(),
            pairing: Pairing::Seed,
            method: Method::T,
            practical: Vec::new(),
            force: false,
        }
    }
}

impl Options {
    /// The size up to which a difference of this figure does not matter.
    fn practical(&self, measure: &Measure) -> f64 {
        let name = measure.to_string();
        let own = self.practical.iter().find(|(of, _)| of.as_ref() == Some(&name));
        let all = || self.practical.iter().find(|(of, _)| of.is_none());
        own.or_else(all).map_or(0.0, |(_, size)| *size)
    }
}

/// The figures that are compared when none are asked for.
pub const DEFAULT_MEASURES: &[&str] =
    &["best.auc", "served.auc", "best.log_loss", "examples_per_sim_s", "staleness.mean"];

/// The outcome of a comparison.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Comparison {
    /// The side that the others are compared with.
    pub baseline: Compared,
    /// The others.
    pub others: Vec<Compared>,
    /// One row per other and figure, in that order.
    pub rows: Vec<ComparisonRow>,
    /// How values went together.
    pub pairing: Pairing,
    /// How intervals were made.
    pub method: Method,
    /// Number of questions that verdicts are corrected for, after Holm.
    pub questions: usize,
    /// Further remarks.
    pub notes: Vec<String>,
}

/// One side, as it went into a comparison.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// What distinguishes it from the other sides, in words, if that is short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The seeds of its finished trials.
    pub seeds: Vec<u64>,
    /// Its trials that blew up, stalled or failed.
    pub failed: Vec<FailedTrial>,
    /// Its finished trials whose training broke; their figures are compared, and mean little.
    pub broken: Vec<BrokenTrial>,
    /// The seeds of trials that are not done.
    pub to_do: Vec<u64>,
    /// The settings in which it differs from the baseline.
    pub differs: Vec<Difference>,
    /// How many settings there are.
    pub settings: usize,
}

/// Results that cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// Their files cannot be read.
    #[error(transparent)]
    Outcome(#[from] OutcomeError),
    /// A figure that none of them has.
    #[error("no trial has the metric {name:?}")]
    Unknown {
        /// Its name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// Their figures do not mean the same.
    #[error("these results cannot be compared:{}\n--force compares them all the same", list(.0))]
    NotComparable(Vec<String>),
    /// Pairs were asked for, and there are none.
    #[error("{0} and {1} have no seed in common; --pair none compares them without pairing")]
    NoPairs(String, String),
    /// No trial is finished on one side.
    #[error("{0} has no finished trial")]
    Empty(String),
}

fn list(reasons: &[String]) -> String {
    reasons.iter().map(|reason| format!("\n  {reason}")).collect()
}

/// Compares each of `others` with `baseline`.
///
/// # Errors
/// If files cannot be read, figures are unknown, or the results do not mean the same.
pub fn compare(
    baseline: &Side,
    others: &[Side],
    options: &Options,
) -> Result<Comparison, CompareError> {
    let measures = measures(baseline, others, options)?;
    let figures = comparable::Figures {
        quality: measures.iter().any(Measure::is_quality),
        served: measures.iter().any(Measure::is_served),
    };
    let reasons = comparable::objections(baseline, others, figures);
    if !reasons.is_empty() && !options.force {
        return Err(CompareError::NotComparable(reasons));
    }
    let no_pairs =
        |other: &&Side| baseline.done.iter().all(|done| other.of_seed(done.seed).is_none());
    if options.pairing == Pairing::Seed
        && let Some(other) = others.iter().find(no_pairs)
        && !(baseline.done.is_empty() || other.done.is_empty())
    {
        return Err(CompareError::NoPairs(baseline.name.clone(), other.name.clone()));
    }
    let mut rows = Vec::new();
    for (index, other) in others.iter().enumerate() {
        for measure in &measures {
            rows.push(ComparisonRow::new(index, baseline, other, measure, options)?);
        }
    }
    let questions = correct(&mut rows);
    let mut notes: Vec<String> =
        reasons.into_iter().map(|reason| format!("compared by force: {reason}")).collect();
    notes.extend(comparable::remarks(baseline, others));
    let settings: Vec<&Settings> =
        std::iter::once(baseline).chain(others).map(|side| &side.settings).collect();
    let words = told_apart(&settings).unwrap_or_default();
    let compared = |place: usize, side: &Side| Compared {
        name: side.name.clone(),
        words: words.get(place).cloned(),
        seeds: side.done.iter().map(|done| done.seed).collect(),
        failed: side.failed.clone(),
        broken: side.broken(),
        to_do: side.to_do.clone(),
        differs: differences(&baseline.settings, &side.settings),
        settings: side.settings.len(),
    };
    Ok(Comparison {
        baseline: compared(0, baseline),
        others: others.iter().enumerate().map(|(i, side)| compared(i + 1, side)).collect(),
        rows,
        pairing: options.pairing,
        method: options.method,
        questions,
        notes,
    })
}

/// Corrects the p-values for the number of questions and gives the verdicts; returns that number.
fn correct(rows: &mut [ComparisonRow]) -> usize {
    let asked: Vec<usize> = (0..rows.len()).filter(|index| rows[*index].p.is_some()).collect();
    let p: Vec<f64> = asked.iter().filter_map(|index| rows[*index].p).collect();
    for (index, adjusted) in asked.iter().zip(holm::adjust(&p)) {
        rows[*index].adjusted_p = Some(adjusted);
    }
    for row in rows.iter_mut() {
        row.judge(p.len());
    }
    p.len()
}

/// The figures to compare: those asked for, each known to some trial, or the default ones.
fn measures(
    baseline: &Side,
    others: &[Side],
    options: &Options,
) -> Result<Vec<Measure>, CompareError> {
    let all = || std::iter::once(baseline).chain(others);
    for side in all() {
        if side.done.is_empty() && side.failed.is_empty() {
            return Err(CompareError::Empty(side.name.clone()));
        }
    }
    let defined = |name: &str| {
        let mut done = all().flat_map(|side| &side.done);
        done.any(|done| done.scalars.get(name).is_some())
    };
    let mut wanted = options.measures.clone();
    if wanted.is_empty() {
        let default = DEFAULT_MEASURES.iter().filter(|name| defined(name));
        wanted.extend(default.map(|name| Measure::Scalar(name.to_string())));
    }
    for measure in &options.also {
        if !wanted.contains(measure) {
            wanted.push(measure.clone());
        }
    }
    let is_unknown = |measure: &&Measure| match measure {
        Measure::Scalar(name) => !measure.is_known() && !defined(name),
        Measure::Reach(_) => false,
    };
    match wanted.iter().find(is_unknown) {
        None => Ok(wanted),
        Some(measure) => {
            let defined = all().flat_map(|side| &side.done).flat_map(FinishedTrial::names);
            let mut known: Vec<String> =
                SCALARS.iter().map(|scalar| scalar.name.to_string()).chain(defined).collect();
            known.sort();
            known.dedup();
            Err(CompareError::Unknown { name: measure.to_string(), known })
        }
    }
}

#[cfg(test)]
mod tests;
