//! The rules for `[[expect]]`.

use super::codes::{CONFLICT, UNUSABLE};
use crate::metrics::measure::Measure;
use crate::metrics::scalar::{self, SCALARS};
use crate::scenario::Scenario;
use crate::scenario::document::{Loaded, Problem, suggest};
use crate::scenario::expect::Expectation;

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
        let place = match name.is_empty() {
            true => loaded.key_origin(key.strip_suffix(".metric").unwrap_or(key)),
            false => loaded.origin(key),
        };
        found.push(Problem::error(&UNUSABLE, key, message).label(place, "").help(help));
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
