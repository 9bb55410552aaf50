//! Measures of a run that users compare or expect, as they write them: a figure (`best.auc`), or
//! the cost of reaching a quality (`time_to(best.auc>=0.73)`).

use std::fmt;
use std::str::FromStr;

use super::scalar::{self, Better, FigureRange};

/// One number of a run.
#[derive(Clone, PartialEq, Debug)]
pub enum Measure {
    /// A figure of the whole run, by name.
    Scalar(String),
    /// The cost until a quality was reached.
    Reach(Reach),
}

/// The cost until a quality was first reached.
#[derive(Clone, PartialEq, Debug)]
pub struct Reach {
    /// The kind of cost.
    pub cost: Cost,
    /// The quality.
    pub goal: Goal,
}

/// A kind of cost, counted until a quality is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cost {
    /// Simulated seconds.
    Time,
    /// Simulated seconds times workers.
    WorkerTime,
    /// Examples trained on.
    Examples,
    /// Updates applied.
    Updates,
}

impl Measure {
    /// Which values it can have.
    pub fn range(&self) -> FigureRange {
        match self {
            Measure::Scalar(name) => scalar::range(name),
            Measure::Reach(_) => FigureRange::Positive,
        }
    }
}

impl Cost {
    const NAMES: &[(&str, Cost)] = &[
        ("time_to", Cost::Time),
        ("worker_time_to", Cost::WorkerTime),
        ("examples_to", Cost::Examples),
        ("updates_to", Cost::Updates),
    ];

    fn name(self) -> &'static str {
        Cost::NAMES.iter().find(|(_, cost)| *cost == self).map_or("", |(name, _)| name)
    }
}

/// A quality to be reached.
#[derive(Clone, PartialEq, Debug)]
pub struct Goal {
    /// Whether the figure is that of the best step so far, chosen on the selection half of the
    /// holdout, instead of that of each evaluation.
    pub best: bool,
    /// Which figure of an evaluation, such as `auc`.
    pub figure: String,
    /// Whether the figure has to rise to the bound (`>=`) or fall to it (`<=`).
    pub rise: bool,
    /// The bound.
    pub bound: f64,
}

/// Figures of an evaluation that a goal can name.
pub const FIGURES: &[&str] =
    &["auc", "session_auc", "log_loss", "normalised_entropy", "calibration"];

impl Goal {
    /// Whether a figure has reached it.
    pub fn is_met(&self, figure: f64) -> bool {
        if self.rise { figure >= self.bound } else { figure <= self.bound }
    }
}

/// A text that is not a measure.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{text:?} is no metric: {reason}")]
pub struct MeasureError {
    /// The text.
    pub text: String,
    /// The reason.
    pub reason: String,
}

impl Measure {
    /// Which direction is good.
    pub fn better(&self) -> Better {
        match self {
            Measure::Scalar(name) => scalar::find(name).map_or(Better::Neither, |s| s.better),
            Measure::Reach(_) => Better::Lower,
        }
    }

    /// Whether it depends on the holdout, and so cannot be compared between different holdouts.
    pub fn is_quality(&self) -> bool {
        match self {
            Measure::Scalar(name) => scalar::is_quality(name),
            Measure::Reach(_) => true,
        }
    }

    /// Whether it depends on the requests that a serving copy scored.
    pub fn is_served(&self) -> bool {
        matches!(self, Measure::Scalar(name) if name.starts_with("served."))
    }

    /// Whether this version knows it. Files of another version may contain others.
    pub fn is_known(&self) -> bool {
        match self {
            Measure::Scalar(name) => scalar::find(name).is_some(),
            Measure::Reach(_) => true,
        }
    }
}

impl FromStr for Measure {
    type Err = MeasureError;

    fn from_str(text: &str) -> Result<Measure, MeasureError> {
        let wrong = |reason: &str| MeasureError { text: text.into(), reason: reason.into() };
        let text = text.trim();
        let Some((name, rest)) = text.split_once('(') else {
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            return match !text.is_empty() && text.chars().all(plain) {
                true => Ok(Measure::Scalar(text.to_string())),
                false => Err(wrong("a name such as best.auc, or time_to(best.auc>=0.73)")),
            };
        };
        let cost = Cost::NAMES.iter().find(|(known, _)| *known == name.trim());
        let Some((_, cost)) = cost else {
            return Err(wrong("known are time_to, worker_time_to, examples_to and updates_to"));
        };
        let goal = rest.trim_end().strip_suffix(')').ok_or_else(|| wrong("a bracket is open"))?;
        let goal = goal.parse().map_err(|reason: String| wrong(&reason))?;
        Ok(Measure::Reach(Reach { cost: *cost, goal }))
    }
}

impl FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Goal, String> {
        let shape = || "a goal is a figure, `>=` or `<=`, and a number".to_string();
        let (rise, (name, bound)) = match (text.split_once(">="), text.split_once("<=")) {
            (Some(parts), _) => (true, parts),
            (None, Some(parts)) => (false, parts),
            (None, None) => return Err(shape()),
        };
        let bound: f64 = bound.trim().parse().map_err(|_| shape())?;
        if !bound.is_finite() {
            return Err(shape());
        }
        let name = name.trim();
        let (best, figure) = match name.strip_prefix("best.") {
            Some(figure) => (true, figure),
            None => (false, name),
        };
        if !FIGURES.contains(&figure) {
            return Err(format!("{name:?} is no figure of an evaluation: {}", FIGURES.join(", ")));
        }
        Ok(Goal { best, figure: figure.to_string(), rise, bound })
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Measure::Scalar(name) => out.write_str(name),
            Measure::Reach(Reach { cost, goal }) => write!(out, "{}({goal})", cost.name()),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let best = if self.best { "best." } else { "" };
        let sign = if self.rise { ">=" } else { "<=" };
        write!(out, "{best}{}{sign}{}", self.figure, self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn measures_read_as_they_are_written() {
        for text in ["best.auc", "time_to(best.auc>=0.73)", "examples_to(log_loss<=0.4)"] {
            let measure: Measure = text.parse().unwrap();
            assert_eq!(measure.to_string(), text);
            assert!(measure.is_quality() && measure.is_known());
        }
        let spaced: Measure = " time_to( auc >= .5 ) ".parse().unwrap();
        assert_eq!(spaced.to_string(), "time_to(auc>=0.5)");
        let Measure::Reach(reach) = spaced else { panic!("a reach") };
        assert!(reach.goal.is_met(0.5) && !reach.goal.is_met(0.49));
        assert_eq!("sim_s".parse::<Measure>().unwrap().better(), Better::Lower);
    }

    #[test]
    fn what_is_no_measure_is_told_why() {
        for (text, part) in [
            ("", "a name such as"),
            ("best auc", "a name such as"),
            ("time_too(auc>=1)", "known are time_to"),
            ("time_to(auc>=1", "a bracket is open"),
            ("time_to(auc>1)", "a goal is"),
            ("time_to(auc>=nan)", "a goal is"),
            ("time_to(best.acu>=0.7)", "\"best.acu\" is no figure"),
        ] {
            let error = text.parse::<Measure>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            if let Ok(measure) = text.parse::<Measure>() {
                prop_assert_eq!(measure.to_string().parse::<Measure>(), Ok(measure));
            }
        }
    }
}
