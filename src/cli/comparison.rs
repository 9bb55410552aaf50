//! Comparisons and Pareto fronts as text.

use std::fmt::Write;

use crate::base::{counted, printable};
use crate::report::terminal::{Align, TextTable};
use crate::results::compare::pareto::{Front, Mean};
use crate::results::compare::{Comparison, ComparisonRow, Difference, Method, Pairing, Verdict};
use crate::results::outcome::{broke, setting_text};
use crate::results::statistics::{FEWEST, Interval};

/// A comparison as text: its sides, the table, and further remarks.
pub(super) fn text(comparison: &Comparison, is_sweep: bool) -> String {
    let mut text = heading(comparison, is_sweep);
    text.push('\n');
    text.push_str(&table(comparison, is_sweep));
    text.push('\n');
    remarks(comparison, is_sweep, &mut text);
    if is_sweep {
        varying(comparison, &mut text);
    } else {
        what_differs(comparison, &mut text);
    }
    unfinished(comparison, &mut text);
    for note in &comparison.notes {
        _ = writeln!(text, "note: {}", printable(note));
    }
    text
}

/// `A`, `B`, `C` and so on for results; the label of a point of a sweep.
fn letter(index: usize) -> String {
    let letter = |index: usize| char::from(b'A' + (index % 26) as u8).to_string();
    if index < 26 { letter(index) } else { format!("{}{}", letter(index), index / 26) }
}

fn heading(comparison: &Comparison, is_sweep: bool) -> String {
    let mut text = String::new();
    if is_sweep {
        _ = writeln!(
            text,
            "A = {}, B = each of {}",
            printable(&comparison.baseline.name),
            counted(comparison.others.len(), "other point", "other points")
        );
    } else {
        let sides = std::iter::once(&comparison.baseline).chain(&comparison.others);
        let named = sides.enumerate().map(|(i, side)| {
            let words = side.words.as_ref().map_or_else(String::new, |words| format!(" ({words})"));
            printable(&format!("{} = {}{words}", letter(i), side.name))
        });
        // A side with words of its own gets a line of its own.
        let between = if comparison.baseline.words.is_some() { "\n" } else { ", " };
        _ = writeln!(text, "{}", named.collect::<Vec<_>>().join(between));
    }
    _ = match comparison.pairing {
        Pairing::None => writeln!(text, "Not paired."),
        Pairing::Seed => {
            let count = |row: &ComparisonRow| row.seeds.len();
            let most = comparison.rows.iter().map(count).max().unwrap_or(0);
            let least = comparison.rows.iter().map(count).min().unwrap_or(0);
            let pairs = if least == most { most.to_string() } else { format!("{least} to {most}") };
            let noun = if (least, most) == (1, 1) { "pair" } else { "pairs" };
            writeln!(text, "{pairs} {noun} by seed (common random numbers).")
        }
    };
    text
}

fn table(comparison: &Comparison, is_sweep: bool) -> String {
    let many = is_sweep || comparison.others.len() > 1;
    let corrected = comparison.questions > 1;
    let mut align = vec![Align::Left; usize::from(many)];
    align.extend([Align::Left, Align::Right, Align::Right, Align::Right, Align::Left]);
    align.extend(vec![Align::Right; 1 + usize::from(corrected)]);
    let mut table = TextTable::new(&align);
    let mut header = Vec::new();
    header.extend(many.then_some("B"));
    header.extend(["metric", "A", "B", "B - A", "95 % CI", "r"]);
    header.extend(corrected.then_some("p (Holm)"));
    header.push("verdict");
    table.row(header);
    let mut last = None;
    for row in &comparison.rows {
        let mut cells = Vec::new();
        if many {
            let name = match is_sweep {
                true => printable(&comparison.others[row.other].name),
                false => letter(row.other + 1),
            };
            cells.push(if last == Some(row.other) { String::new() } else { name });
        }
        last = Some(row.other);
        cells.extend(cells_of(row));
        if corrected {
            cells.push(row.adjusted_p.map_or("-".to_string(), p_text));
        }
        cells.push(verdict(row));
        table.row(cells);
    }
    table.render()
}

fn p_text(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_string() } else { format!("{p:.3}") }
}

/// Metric, both means, their difference, its interval, and the correlation.
fn cells_of(row: &ComparisonRow) -> [String; 6] {
    let digits = decimals(row);
    // A mean of one or two values is misleading, so the values are shown.
    let few = row.values_a.len().max(row.values_b.len()) < FEWEST;
    let side = |mean: Option<f64>, values: &[f64]| match mean {
        None => "-".to_string(),
        Some(_) if few => {
            values.iter().map(|value| format!("{value:.digits$}")).collect::<Vec<_>>().join(" ")
        }
        Some(mean) => format!("{mean:.digits$}"),
    };
    [
        row.measure.to_string(),
        side(row.a, &row.values_a),
        side(row.b, &row.values_b),
        // If values are missing, the remaining pairs are a selection, so no difference is shown.
        match row.delta.filter(|_| row.verdict != Verdict::Missing) {
            Some(delta) => format!("{delta:+.digits$}"),
            None => "-".to_string(),
        },
        row.interval.map_or("-".to_string(), |interval| interval_text(interval, digits)),
        row.correlation.map_or("-".to_string(), |r| format!("{r:.2}")),
    ]
}

fn interval_text(interval: Interval, digits: usize) -> String {
    format!("[{:+.digits$}, {:+.digits$}]", interval.low, interval.high)
}

/// Number of decimals that shows two digits of the uncertainty, or else of the difference.
fn decimals(row: &ComparisonRow) -> usize {
    let half = row.interval.map_or(0.0, |interval| (interval.high - interval.low) / 2.0);
    let size = row.a.map_or(1.0, |a| a.abs() * 1e-3);
    let scale = [half, row.delta.unwrap_or(0.0).abs(), size, 1e-3];
    digits_for(scale.into_iter().find(|scale| *scale > 0.0).unwrap_or(1.0))
}

fn digits_for(scale: f64) -> usize {
    (1.0 - scale.log10().floor()).clamp(0.0, 9.0) as usize
}

fn verdict(row: &ComparisonRow) -> String {
    let good = match row.is_better() {
        Some(true) => " (better)",
        Some(false) => " (worse)",
        None => "",
    };
    match row.verdict {
        Verdict::Higher => format!("higher{good}"),
        Verdict::Lower => format!("lower{good}"),
        Verdict::Same if row.practical > 0.0 => format!("same within {}", row.practical),
        Verdict::Same => "same".to_string(),
        Verdict::Undecided { seeds: Some(seeds) } => format!("undecided: about {seeds} seeds"),
        Verdict::Undecided { seeds: None } => "undecided: more seeds than are worth it".to_string(),
        Verdict::TooFew => "too few seeds for an interval".to_string(),
        Verdict::Missing => {
            let [a, b] = row.missing;
            format!("missing in {a} of A and {b} of B")
        }
    }
}

fn remarks(comparison: &Comparison, is_sweep: bool, text: &mut String) {
    if comparison.method == Method::Bootstrap {
        text.push_str(
            "intervals: bootstrap (BCa); with fewer than about 20 seeds they are too narrow\n",
        );
    }
    if comparison.questions > 1 {
        _ = writeln!(
            text,
            "verdicts: corrected for {} questions at once (Holm); intervals are not",
            comparison.questions
        );
    }
    let decided = |row: &&ComparisonRow| matches!(row.verdict, Verdict::Higher | Verdict::Lower);
    for row in comparison.rows.iter().filter(decided) {
        let Some(unpaired) = row.unpaired.filter(|interval| interval.contains(0.0)) else {
            continue;
        };
        let whose = match is_sweep {
            true => format!("{}, ", printable(&comparison.others[row.other].name)),
            false => String::new(),
        };
        let interval = interval_text(unpaired, decimals(row));
        let measure = &row.measure;
        _ = writeln!(
            text,
            "without pairing: {whose}{measure} {interval}, would have been undecided"
        );
    }
}

/// Differences shown of one pair of sides.
const SHOWN: usize = 12;

fn what_differs(comparison: &Comparison, text: &mut String) {
    for (index, other) in comparison.others.iter().enumerate() {
        let whose = match comparison.others.len() {
            1 => "what differs:".to_string(),
            _ => format!("what differs, A and {}:", letter(index + 1)),
        };
        let (differs, all) = (&other.differs, counted(other.settings, "value", "values"));
        match &differs[..] {
            [] => _ = writeln!(text, "{whose} none of {all}"),
            [one] => _ = writeln!(text, "{whose} {}   (1 of {all})", difference(one)),
            many => {
                _ = writeln!(text, "{whose} {} of {all}", many.len());
                for one in many.iter().take(SHOWN) {
                    _ = writeln!(text, "  {}", difference(one));
                }
                if many.len() > SHOWN {
                    _ = writeln!(
                        text,
                        "  ... and {} more (--json has them all)",
                        many.len() - SHOWN
                    );
                }
            }
        }
    }
}

fn difference(difference: &Difference) -> String {
    let side = |value: &Option<_>| value.as_ref().map_or("not set".to_string(), setting_text);
    let text = format!("{}: {} -> {}", difference.key, side(&difference.a), side(&difference.b));
    printable(&text)
}

/// The settings that vary over the points of a sweep.
fn varying(comparison: &Comparison, text: &mut String) {
    let differences = || comparison.others.iter().flat_map(|other| &other.differs);
    let mut keys: Vec<&str> = differences().map(|differs| differs.key.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    let all = counted(comparison.baseline.settings, "value", "values");
    _ = writeln!(text, "what differs between points: {} of {all}", keys.len());
    for key in keys.iter().take(SHOWN) {
        let of_key = differences().filter(|differs| differs.key == *key);
        let mut values: Vec<String> = Vec::new();
        for value in of_key.flat_map(|differs| [&differs.a, &differs.b]) {
            let value = value.as_ref().map_or("not set".to_string(), setting_text);
            if !values.contains(&value) {
                values.push(value);
            }
        }
        _ = writeln!(text, "  {}", printable(&format!("{key}: {}", values.join(", "))));
    }
    if keys.len() > SHOWN {
        _ = writeln!(text, "  ... and {} more (--json has them all)", keys.len() - SHOWN);
    }
}

/// Trials without figures, which are in no mean, and trials that broke, whose figures mean little:
/// they are named here.
fn unfinished(comparison: &Comparison, text: &mut String) {
    for side in std::iter::once(&comparison.baseline).chain(&comparison.others) {
        let name = printable(&side.name);
        for failed in &side.failed {
            let what = if failed.blew_up { "blew up" } else { "failed" };
            let reason = printable(failed.reason.lines().next().unwrap_or(""));
            let seed = failed.seed;
            _ = writeln!(text, "{what}, in no figure above: {name}, seed {seed}: {reason}");
        }
        let all = side.seeds.len();
        if let (Some(broke), [first, ..]) = (broke(side.broken.len(), all), &side.broken[..]) {
            let (seed, what) = (first.seed, printable(&first.what));
            _ = writeln!(text, "broke, in the figures above: {name}, {broke}; seed {seed}: {what}");
        }
        if !side.to_do.is_empty() {
            let seeds: Vec<String> = side.to_do.iter().map(u64::to_string).collect();
            _ = writeln!(text, "not done yet: {name}, seeds {}", seeds.join(", "));
        }
    }
}

/// A Pareto front, best quality first.
pub(super) fn front(front: &Front) -> String {
    let mut text = format!(
        "Time and cost until {}, mean over seeds with a 95 % interval; * = on the Pareto front\n\n",
        front.goal
    );
    let right = Align::Right;
    let left = Align::Left;
    let mut table = TextTable::new(&[left, right, left, left, left, left, left]);
    let best = format!("best {}", front.goal.figure);
    table.row(["", "point", "label", "simulated s", "worker-seconds", &best, "beaten by"]);
    for place in &front.places {
        let beaten = match (place.on_front, place.dominated_by) {
            (true, _) => String::new(),
            (false, Some(by)) => format!("point {by}"),
            (false, None) => stays_out(place),
        };
        table.row([
            if place.on_front { "*" } else { "" }.to_string(),
            place.point.to_string(),
            printable(&place.label),
            mean_text(place.time),
            mean_text(place.cost),
            mean_text(place.quality),
            beaten,
        ]);
    }
    text.push_str(&table.render());
    text
}

/// Why a point is not compared.
fn stays_out(place: &crate::results::compare::pareto::ParetoPoint) -> String {
    let not_done = place.trials - place.done - place.failed;
    let trials = counted(place.trials, "trial", "trials");
    if let Some(broke) = broke(place.broken, place.done) {
        return format!("({broke})");
    }
    match (place.failed, not_done) {
        (0, 0) => format!("(reached by {} of {trials})", place.reached),
        (0, _) => format!("({not_done} of {trials} not done)"),
        (failed, _) => format!("({failed} of {trials} blew up or failed)"),
    }
}

fn mean_text(mean: Option<Mean>) -> String {
    let Some(mean) = mean else { return "-".to_string() };
    let half = mean.interval.map(|interval| (interval.high - interval.low) / 2.0);
    let scale = half.filter(|half| *half > 0.0).unwrap_or(mean.value.abs() * 1e-3);
    let digits = if scale > 0.0 { digits_for(scale) } else { 1 };
    match mean.interval {
        None => format!("{:.digits$}", mean.value),
        Some(Interval { low, high }) => {
            format!("{:.digits$} [{low:.digits$}, {high:.digits$}]", mean.value)
        }
    }
}
