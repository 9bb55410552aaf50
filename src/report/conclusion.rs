//! The result of a sweep in sentences, from differences of trials with the same seed: how much
//! faster each point is than the first one, and what that costs in quality.

use crate::base::{SimSpan, counted, significant};
use crate::results::compare::{
    CompareError, Comparison, ComparisonRow, Options, Side, Verdict, compare,
};
use crate::results::outcome::{Kind, OutcomeError, Results, State, SweepHeading, broke};
use crate::results::race::{Race, Standings};
use crate::results::tables::RaceRow;

/// The most points with a sentence.
const MOST: usize = 8;
/// Speeds that differ by less than this share are the same.
const SAME: f64 = 0.005;
/// AUCs that differ by less are written as equal.
pub const SAME_AUC: f64 = 5e-5;
/// What the brackets in the sentences are.
pub const BRACKETS: &str =
    "[ ] are 95 % intervals of the difference, from trials with the same seed";

/// The sentences; empty for a sweep of one point whose training held, or if nothing is done yet.
///
/// # Errors
/// If a file of the results cannot be read.
pub fn sentences(results: &Results) -> Result<Vec<String>, OutcomeError> {
    let mut sentences = race(results)?;
    let sides = results.points.iter().map(|point| Side::load(results, point, &point.label));
    let mut sides: Vec<Side> = sides.collect::<Result<_, _>>()?;
    sides.retain(|side| !side.done.is_empty());
    if sides.is_empty() {
        return Ok(Vec::new());
    }
    let baseline = sides.remove(0);
    if let Some(broke) = broke(baseline.broken().len(), baseline.done.len()) {
        let name = match &*baseline.name {
            "" => String::new(),
            name if sides.is_empty() => format!("{name}: "),
            name => format!("{name}, with which the others are compared: "),
        };
        sentences.push(format!("{name}{broke}, and their figures mean little."));
    }
    if sides.is_empty() {
        return Ok(sentences);
    }
    let left_out = sides.len().saturating_sub(MOST);
    sides.truncate(MOST);
    let comparison = match compare(&baseline, &sides, &Options::default()) {
        Ok(comparison) => comparison,
        Err(CompareError::Outcome(error)) => return Err(error),
        Err(reason) => return Ok(vec![format!("The points are not compared: {reason}.")]),
    };
    sentences.extend((0..sides.len()).filter_map(|i| of(&comparison, i)));
    if left_out > 0 {
        sentences.push(format!(
            "{left_out} more points are not in these sentences: `straggler compare` has all of them."
        ));
    }
    Ok(sentences)
}

/// Who is ahead in a race at equal time, and who at equal examples; empty for other sweeps.
fn race(results: &Results) -> Result<Vec<String>, OutcomeError> {
    let Some(race) = Race::of(results)? else {
        let is_race = results.kind == Kind::Sweep && SweepHeading::read(&results.path)?.race;
        let has_run = is_race && results.trials.iter().any(|trial| trial.state() == State::Done);
        let speed_alone = "No contestant has an AUC, so this is a race of speed alone: there is no race.csv and no picture; points.csv \
                           has all figures.";
        return Ok(has_run.then(|| speed_alone.to_string()).into_iter().collect());
    };
    let named = |row: &RaceRow| match broke(row.broken, row.done) {
        Some(broke) => format!("{} ({broke})", row.contestant),
        None => row.contestant.clone(),
    };
    let names: Vec<String> = race.rows.iter().map(named).collect();
    let time = race.time.as_ref().map(|at| {
        let place = SimSpan::from_seconds(at.place);
        leader(&names, at, &format!("At equal time ({place}, last evaluation until then)"))
    });
    let place = counted(race.examples.place as u64, "example", "examples");
    let examples = leader(
        &names,
        &race.examples,
        &format!("At equal examples (after {place}, last evaluation until then)"),
    );
    Ok(time.flatten().into_iter().chain(examples).collect())
}

/// The contestant with the highest mean, compared with the first one; if that is the first itself,
/// the next is compared with it.
fn leader(names: &[String], at: &Standings, place: &str) -> Option<String> {
    let known = at.standings.iter().enumerate().filter_map(|(i, own)| Some((i, own.mean?)));
    let mut order: Vec<(usize, f64)> = known.collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (best, high) = *order.first()?;
    let (next, low) = *order.get(1)?;
    let other = if best == 0 { next } else { best };
    let (ahead, behind) = (&names[best], &names[if best == 0 { next } else { 0 }]);
    let means = match best == 0 {
        true => high - low,
        false => high - at.standings[0].mean?,
    };
    let Some(found) = at.standings[other].difference else {
        if means < SAME_AUC {
            return Some(format!(
                "{place} the AUCs of {ahead} and {behind} are equal to four digits."
            ));
        }
        return Some(format!(
            "{place} the AUC of {ahead} is higher than that of {behind} by {means:.4} (no interval from fewer \
             than three seeds)."
        ));
    };
    if found.value.abs() < SAME_AUC && found.interval.half() < SAME_AUC {
        return Some(format!("{place} {ahead} and {behind} have the same AUC."));
    }
    let sign = if best == 0 { -1.0 } else { 1.0 };
    let mut ends = [sign * found.interval.low, sign * found.interval.high];
    ends.sort_unstable_by(f64::total_cmp);
    let size = format!("{:.4} [{:.4}, {:.4}]", sign * found.value, ends[0], ends[1]);
    Some(match found.interval.contains(0.0) {
        true => format!(
            "{place} nothing tells {ahead}, whose AUC is highest, apart from {behind}: it is higher by {size}."
        ),
        false => {
            format!("{place} {ahead} is ahead: its AUC is higher than that of {behind} by {size}.")
        }
    })
}

/// One point compared with the baseline.
fn of(comparison: &Comparison, other: usize) -> Option<String> {
    let row = |name: &str| {
        let mut rows = comparison.rows.iter().filter(|row| row.other == other);
        rows.find(|row| row.measure.to_string() == name)
    };
    let baseline = &comparison.baseline.name;
    let speed = row("examples_per_sim_s").and_then(|row| speed(row, baseline));
    // Who serves wants to know what was served; the best step of such a run is hardly of use.
    let served = row("served.auc").map(|row| auc(row, "served AUC"));
    let quality = served.or_else(|| row("best.auc").map(|row| auc(row, "AUC of the best step")));
    let side = &comparison.others[other];
    // Said first: what follows means little then.
    let broke = broke(side.broken.len(), side.seeds.len());
    let parts: Vec<String> = [broke, speed, quality].into_iter().flatten().collect();
    let name = &side.name;
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

/// A difference of the AUC that is called `what`.
fn auc(row: &ComparisonRow, what: &str) -> String {
    let Some(delta) = row.delta else {
        return format!("{what} not defined in both");
    };
    let sign = if delta < 0.0 { -1.0 } else { 1.0 };
    let word = if delta < 0.0 { "lower" } else { "higher" };
    let size = match delta.abs() < SAME_AUC {
        true => format!("{what} equal to four digits"),
        false => format!("{what} {word} by {:.4}", delta.abs()),
    };
    let Some(interval) = row.interval else {
        return match row.verdict {
            Verdict::Missing => format!("{size} in the trials that have one"),
            _ => format!("{size} (no interval from fewer than three seeds)"),
        };
    };
    let mut ends = [sign * interval.low, sign * interval.high];
    ends.sort_unstable_by(f64::total_cmp);
    let interval = format!("[{:.4}, {:.4}]", ends[0], ends[1]);
    match row.verdict {
        Verdict::Undecided { .. } if ends[0] > 0.0 || ends[1] < 0.0 => {
            // The verdict is corrected for the number of questions, the interval is not.
            format!("{size} {interval}, which may be chance among so many comparisons")
        }
        Verdict::Undecided { .. } => {
            format!("{size} {interval}, which may be chance")
        }
        Verdict::Same => format!("the same {what}"),
        _ => format!("{size} {interval}"),
    }
}
