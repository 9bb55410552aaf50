//! What a scenario expects of its own run: `[[expect]]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::{Loaded, Problem, suggest};
use super::rules::{CONFLICT, UNUSABLE};
use super::spec::Scenario;
use crate::metrics::measure::Measure;
use crate::metrics::scalar::{self, SCALARS};

/// One expectation, checked at the end of the run.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Expectation {
    /// The figure, such as `best.auc`, `staleness.mean` or `time_to(best.auc>=0.73)`.
    pub metric: String,
    /// It has to be above this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// It has to be below this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// It has to lie between these two numbers, or on one of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<Vec<f64>>,
    /// Why that is expected.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Expectation {
    /// Whether a value is as expected.
    pub fn holds(&self, value: f64) -> bool {
        self.above.is_none_or(|bound| value > bound)
            && self.below.is_none_or(|bound| value < bound)
            && self.between.as_deref().is_none_or(|ends| match ends {
                [low, high] => (*low..=*high).contains(&value),
                _ => false,
            })
    }

    /// What is expected, as in `above 0.7`.
    pub fn wanted(&self) -> String {
        match (self.above, self.below, self.between.as_deref()) {
            (Some(bound), ..) => format!("above {bound}"),
            (_, Some(bound), _) => format!("below {bound}"),
            (_, _, Some([low, high])) => format!("between {low} and {high}"),
            _ => String::new(),
        }
    }

    /// How many of the bounds are given.
    fn bounds(&self) -> usize {
        usize::from(self.above.is_some())
            + usize::from(self.below.is_some())
            + usize::from(self.between.is_some())
    }
}

/// Reports expectations that can never be checked.
pub(super) fn check(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    for (index, expectation) in loaded.value.expect.iter().enumerate() {
        let place = format!("expect.{index}");
        metric(loaded, &format!("{place}.metric"), expectation, found);
        bounds(loaded, &place, expectation, found);
    }
}

fn metric(
    loaded: &Loaded<Scenario>,
    key: &str,
    expectation: &Expectation,
    found: &mut Vec<Problem>,
) {
    let name = &expectation.metric;
    let mut refuse = |message: String, help: String| {
        let problem = Problem::error(&UNUSABLE, key, message);
        found.push(problem.label(loaded.origin(key), "").help(help));
    };
    let measure: Measure = match name.parse() {
        Ok(measure) => measure,
        Err(error) if name.is_empty() => {
            let message = "an expectation without a `metric`".to_string();
            return refuse(message, error.reason);
        }
        Err(error) => return refuse(format!("{name:?} is no metric"), error.reason),
    };
    if !measure.is_known() {
        // `auc` alone could be that of the best step or of the last.
        let best = scalar::find(&format!("best.{name}")).map(|scalar| scalar.name);
        let near = || suggest::nearest(name, SCALARS.iter().map(|scalar| scalar.name));
        let help = match best.or_else(near) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                "`straggler explain` knows them, as in `straggler explain best.auc`".to_string()
            }
        };
        return refuse(format!("{name:?} is no metric"), help);
    }
    let scenario = &loaded.value;
    if measure.is_quality() && (scenario.holdout.is_none() || scenario.timing_only.is_some()) {
        let message = format!("`{name}` is measured on a holdout, and there is none");
        refuse(message, "add `[holdout]`, or expect something else".to_string());
    }
}

fn bounds(
    loaded: &Loaded<Scenario>,
    place: &str,
    expectation: &Expectation,
    found: &mut Vec<Problem>,
) {
    let help = "one of above = 0.7, below = 0.7 and between = [0.6, 0.8]";
    if expectation.bounds() != 1 {
        let message = match expectation.bounds() {
            0 => "an expectation without a bound",
            _ => "an expectation with more than one bound",
        };
        let problem = Problem::error(&CONFLICT, place, message);
        found.push(problem.label(loaded.key_origin(place), "").help(help));
    }
    let key = format!("{place}.between");
    let ordered = |ends: &Vec<f64>| matches!(ends[..], [low, high] if low <= high);
    if expectation.between.as_ref().is_some_and(|ends| !ordered(ends)) {
        let message = "`between` takes two numbers, the smaller one first";
        let problem = Problem::error(&UNUSABLE, &key, message);
        found.push(problem.label(loaded.origin(&key), "").help(help));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(lines: &str) -> String {
        let text = format!("data.kind = \"synthetic\"\n{lines}");
        match Scenario::from_text(&text) {
            Ok(_) => String::new(),
            Err(problems) => problems.to_string(),
        }
    }

    fn refused(lines: &str, part: &str) {
        let text = problems(&format!(
            "holdout.days = \"7\"\ntrain.days = \"1..6\"\n[[expect]]\n{lines}\n"
        ));
        assert!(text.contains(part), "{lines}: {text}");
    }

    #[test]
    fn what_can_never_be_checked_is_refused() {
        refused("metric = \"best.acu\"\nabove = 0.5", "did you mean `best.auc`?");
        refused("metric = \"auc\"\nabove = 0.5", "did you mean `best.auc`?");
        refused("metric = \"time_to(auc>0.5)\"\nbelow = 9.0", "is no metric");
        refused("metric = \"zebra\"\nabove = 0.5", "straggler explain");
        refused("above = 0.5", "without a `metric`");
        refused("metric = \"sim_s\"", "without a bound");
        refused("metric = \"sim_s\"\nabove = 1.0\nbelow = 2.0", "more than one bound");
        refused("metric = \"sim_s\"\nbetween = [2.0, 1.0]", "the smaller one first");
        refused("metric = \"sim_s\"\nbetween = [2.0]", "the smaller one first");
        let text = problems("[[expect]]\nmetric = \"best.auc\"\nabove = 0.5\n");
        assert!(text.contains("is measured on a holdout"), "{text}");
        assert_eq!(problems("[[expect]]\nmetric = \"sim_s\"\nabove = 0.5\n"), "");
    }

    #[test]
    fn bounds_are_strict_and_intervals_closed() {
        let above = Expectation { above: Some(0.5), ..Expectation::default() };
        assert!(above.holds(0.51) && !above.holds(0.5) && !above.holds(f64::NAN));
        let below = Expectation { below: Some(0.5), ..Expectation::default() };
        assert!(below.holds(0.49) && !below.holds(0.5) && !below.holds(f64::NAN));
        let between = Expectation { between: Some(vec![0.5, 0.6]), ..Expectation::default() };
        assert!(between.holds(0.5) && between.holds(0.6) && !between.holds(0.61));
        assert_eq!(between.wanted(), "between 0.5 and 0.6");
    }
}
