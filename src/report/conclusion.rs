//! The result of a sweep in sentences, from differences of trials with the same seed: how much
//! faster each point is than the first one, and what that costs in quality.

use crate::base::significant;
use crate::results::compare::{
    CompareError, Comparison, ComparisonRow, Options, Side, Verdict, compare,
};
use crate::results::outcome::{OutcomeError, Results};

/// The most points with a sentence.
const MOST: usize = 8;
/// Speeds that differ by less than this share are the same.
const SAME: f64 = 0.005;
/// What the brackets in the sentences are.
pub const BRACKETS: &str =
    "[ ] are 95 % intervals of the difference, from trials with the same seed";

/// The sentences; empty for a sweep of one point, or if there is nothing to compare yet.
///
/// # Errors
/// If a file of the results cannot be read.
pub fn sentences(results: &Results) -> Result<Vec<String>, OutcomeError> {
    let sides = results.points.iter().map(|point| Side::load(results, point, &point.label));
    let mut sides: Vec<Side> = sides.collect::<Result<_, _>>()?;
    sides.retain(|side| !side.done.is_empty());
    if sides.len() < 2 {
        return Ok(Vec::new());
    }
    let baseline = sides.remove(0);
    let left_out = sides.len().saturating_sub(MOST);
    sides.truncate(MOST);
    let comparison = match compare(&baseline, &sides, &Options::default()) {
        Ok(comparison) => comparison,
        Err(CompareError::Outcome(error)) => return Err(error),
        Err(reason) => return Ok(vec![format!("The points are not compared: {reason}.")]),
    };
    let mut sentences: Vec<String> = (0..sides.len()).filter_map(|i| of(&comparison, i)).collect();
    if left_out > 0 {
        sentences.push(format!(
            "{left_out} more points are not in these sentences: `straggler compare` has all of them."
        ));
    }
    Ok(sentences)
}

/// One point compared with the baseline.
fn of(comparison: &Comparison, other: usize) -> Option<String> {
    let row = |name: &str| {
        let mut rows = comparison.rows.iter().filter(|row| row.other == other);
        rows.find(|row| row.measure.to_string() == name)
    };
    let baseline = &comparison.baseline.name;
    let speed = row("examples_per_sim_s").and_then(|row| speed(row, baseline));
    let quality = row("best.auc").map(auc);
    let parts: Vec<String> = [speed, quality].into_iter().flatten().collect();
    let name = &comparison.others[other].name;
    (!parts.is_empty()).then(|| format!("{name}: {}.", parts.join(", ")))
}

fn speed(row: &ComparisonRow, baseline: &str) -> Option<String> {
    let ratio = row.b? / row.a?;
    let ratio_text = |ratio: f64| significant(ratio, 2);
    Some(match ratio {
        ratio if (ratio - 1.0).abs() < SAME => format!("as fast as {baseline}"),
        ratio if ratio > 1.0 => format!("{} times as fast as {baseline}", ratio_text(ratio)),
        ratio => format!("{} times as slow as {baseline}", ratio_text(1.0 / ratio)),
    })
}

fn auc(row: &ComparisonRow) -> String {
    let Some(delta) = row.delta else { return "AUC not defined in both".to_string() };
    let sign = if delta < 0.0 { -1.0 } else { 1.0 };
    let word = if delta < 0.0 { "lower" } else { "higher" };
    let size = format!("{:.4}", delta.abs());
    let Some(interval) = row.interval else {
        return match row.verdict {
            Verdict::Missing => format!("AUC {word} by {size} in the trials that have one"),
            _ => format!("AUC {word} by {size} (no interval from fewer than three seeds)"),
        };
    };
    let mut ends = [sign * interval.low, sign * interval.high];
    ends.sort_unstable_by(f64::total_cmp);
    let interval = format!("[{:.4}, {:.4}]", ends[0], ends[1]);
    match row.verdict {
        Verdict::Undecided { .. } => {
            format!("AUC {word} by {size} {interval}, which may be chance")
        }
        Verdict::Same => "the same AUC".to_string(),
        _ => format!("AUC {word} by {size} {interval}"),
    }
}
