//! Whether figures of two sides mean the same.

use serde_json::Value;

use super::differences::differences;
use super::side::{FinishedTrial, Side};
use crate::metrics::Quality;
use crate::results::outcome::{Settings, setting_text};

/// Settings that decide which examples are held out, and which of them choose the best step.
const HOLDOUT: &[&str] = &[
    "holdout.days",
    "holdout.selection_share",
    "holdout.best_by",
    "holdout.max_examples",
    "scenario.seed_of.data",
];

/// Settings that decide which requests come, and which of them a serving copy scores.
const REQUESTS: &[&str] = &["train.days", "serving.share", "scenario.seed_of.data"];

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    /// Figures on the holdout.
    pub(super) quality: bool,
    /// Figures of what serving copies served.
    pub(super) served: bool,
}

/// Why the sides cannot be compared; empty if they can.
pub(super) fn objections(baseline: &Side, others: &[Side], figures: Figures) -> Vec<String> {
    let mut reasons = Vec::new();
    for other in others {
        let mut object = |reason: String| {
            let reason = format!("{} and {}: {reason}", baseline.name, other.name);
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        };
        let epochs = |side: &Side| distinct(side.done.iter().map(epoch));
        let (a, b) = (epochs(baseline), epochs(other));
        if !a.is_empty() && !b.is_empty() && (a != b || a.len() > 1) {
            let text = |epochs: &[String]| epochs.join(", ");
            object(format!(
                "their programs mean different things by the same scenario (semantics {} and {})",
                text(&a),
                text(&b)
            ));
        }
        if figures.served
            && let Some(reason) = other_requests(&baseline.settings, &other.settings)
        {
            object(reason);
        }
        if figures.quality {
            if let Some(reason) = other_holdout(&baseline.settings, &other.settings) {
                object(reason);
            } else if let Some(reason) = other_data(baseline, other) {
                object(reason);
            }
        }
    }
    reasons
}

/// Remarks on sides that can be compared.
pub(super) fn remarks(baseline: &Side, others: &[Side]) -> Vec<String> {
    let all = || std::iter::once(baseline).chain(others).flat_map(|side| &side.done);
    let text = |done: &FinishedTrial| done.summary.version.clone();
    let versions = distinct(all().map(text));
    let mut notes = Vec::new();
    if versions.len() > 1 {
        notes.push(format!("made by different versions of the program: {}", versions.join(", ")));
    }
    notes
}

fn distinct(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts.dedup();
    texts
}

/// The semantics of the program that made a summary.
fn epoch(done: &FinishedTrial) -> String {
    match done.summary.semantics {
        0 => "unknown".to_string(),
        epoch => epoch.to_string(),
    }
}

fn other_holdout(a: &Settings, b: &Settings) -> Option<String> {
    let decides = |key: &str| key.starts_with("data.") || HOLDOUT.contains(&key);
    let first = first_difference(a, b, decides)?;
    Some(format!("their holdouts differ, so that their qualities cannot be compared ({first})"))
}

fn other_requests(a: &Settings, b: &Settings) -> Option<String> {
    let stems = ["data.", "online.arrivals", "online.pace"];
    let decides =
        |key: &str| stems.iter().any(|stem| key.starts_with(stem)) || REQUESTS.contains(&key);
    let first = first_difference(a, b, decides)?;
    Some(format!("other requests were scored, so that served figures cannot be compared ({first})"))
}

/// The first of these settings that differs, with both values.
fn first_difference(a: &Settings, b: &Settings, of: impl Fn(&str) -> bool) -> Option<String> {
    let first = differences(a, b).into_iter().find(|differs| of(&differs.key))?;
    let text = |value: &Option<Value>| value.as_ref().map_or("not set".into(), setting_text);
    Some(format!("{}: {} -> {}", first.key, text(&first.a), text(&first.b)))
}

/// The reason, if runs with the same settings have different data, for example a changed log.
fn other_data(a: &Side, b: &Side) -> Option<String> {
    let (one, other) = a.done.iter().find_map(|one| Some((one, b.of_seed(one.seed)?)))?;
    let (a, b) = (&one.summary, &other.summary);
    // A run that ended before its first evaluation has none.
    let last = a.last.zip(b.last).map(|(a, b)| (a.quality, b.quality));
    let differs = |of: fn(&Quality) -> u64| last.is_some_and(|(a, b)| of(&a) != of(&b));
    let what = if !a.data.is_empty() && !b.data.is_empty() && a.data != b.data {
        "the facts about their logs"
    } else if differs(|quality| quality.examples) {
        "the numbers of their holdout examples"
    } else if differs(|quality| quality.groups) {
        "the numbers of their holdout sessions"
    } else {
        return None;
    };
    Some(format!("{what} differ (seed {})", one.seed))
}
