//! What a scenario expects of its own run: `[[expect]]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// It has to lie between these two numbers, both included.
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

    /// The expectation in words, as in `above 0.7`.
    pub fn wanted(&self) -> String {
        match (self.above, self.below, self.between.as_deref()) {
            (Some(bound), ..) => format!("above {bound}"),
            (_, Some(bound), _) => format!("below {bound}"),
            (_, _, Some([low, high])) => format!("between {low} and {high}"),
            _ => String::new(),
        }
    }

    /// How many of the bounds are given.
    pub(super) fn bounds(&self) -> usize {
        usize::from(self.above.is_some())
            + usize::from(self.below.is_some())
            + usize::from(self.between.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

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
