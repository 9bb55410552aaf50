//! `straggler compare --spread`: how far apart the trials of one setting end.

use std::fmt::Write;

use super::args::SpreadArgs;
use super::exit::{Exit, Failure};
use super::say::{out, out_json};
use crate::metrics::measure::Measure;
use crate::report::terminal::{Align, TextTable};
use crate::results::compare::Side;
use crate::results::compare::spread::{SpreadRow, spreads};
use crate::results::outcome::{Results, broke};

pub(super) fn spread(args: &SpreadArgs) -> Result<Exit, Failure> {
    let measure: Measure = args.metric.parse().map_err(|error| Failure::new(Exit::Usage, error))?;
    let results = Results::open(&args.folder)?;
    let baseline = results.point(&args.baseline)?.index;
    let mut sides = Vec::new();
    for point in &results.points {
        sides.push(Side::load(&results, point, &point.label)?);
    }
    // The baseline comes first, the others in the order of the sweep.
    sides[..=baseline].rotate_right(1);
    let rows = spreads(&sides, &measure)?;
    if rows.iter().all(|row| row.trials == 0) {
        let message = format!("no finished trial of {} has a {measure}", args.folder.display());
        return Err(Failure::new(Exit::Usage, message));
    }
    if args.json {
        let text = serde_json::to_string_pretty(&rows).expect("rows are valid JSON");
        out_json(&format!("{text}\n"))?;
    } else {
        out(&text(&rows, &measure))?;
    }
    Ok(Exit::Done)
}

fn probability(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_string() } else { format!("{p:.3}") }
}

fn text(rows: &[SpreadRow], measure: &Measure) -> String {
    let mut text = format!("{measure} over the trials of each point\n\n");
    let align = [Align::Left, Align::Right, Align::Right, Align::Right];
    let mut table = TextTable::new(&[&align[..], &[Align::Left; 5]].concat());
    let halves = rows.iter().any(|row| row.halves.is_some());
    let within = rows.iter().any(|row| row.within.is_some());
    let head = ["point", "trials", "mean", "standard deviation", "95 %", "ratio to the first", "p"];
    let last = [
        if within { "within a trial" } else { "" },
        if halves { "both halves of the holdout" } else { "" },
    ];
    table.row([&head[..], &last].concat());
    for row in rows {
        let number = |value: Option<f64>| value.map_or("-".to_string(), |v| format!("{v:.5}"));
        let interval = row.interval.map(|i| format!("[{:.5}, {:.5}]", i.low, i.high));
        let ratio = row.ratio.map(|ratio| {
            format!("{:.2} [{:.2}, {:.2}]", ratio.value, ratio.interval.low, ratio.interval.high)
        });
        let both = row
            .halves
            .map(|h| format!("correlation {:+.2}, in common {:.5}", h.correlation, h.shared));
        table.row([
            row.name.clone(),
            row.trials.to_string(),
            number(row.mean),
            number(row.deviation),
            interval.unwrap_or_default(),
            ratio.unwrap_or_default(),
            row.ratio.map_or(String::new(), |ratio| probability(ratio.p)),
            row.within.map_or(String::new(), |within| format!("{within:.5}")),
            both.unwrap_or_default(),
        ]);
    }
    text.push_str(&table.render());
    for row in rows {
        if let Some(broke) = broke(row.broken, row.trials.max(row.broken)) {
            _ = writeln!(text, "{}: {broke}, and their figures mean little", row.name);
        }
    }
    text.push_str(
        "\nstandard deviation: over the trials of a point, with its 95 % interval (chi-squared)\n\
         ratio to the first: this standard deviation divided by that of the first point, with its 95 % interval; p is \
         the\nprobability of such a ratio if both are equal (Fisher's F). Both hold for figures with a normal law.\n",
    );
    if within {
        text.push_str(
            "within a trial: standard deviation of AUC over the evaluations of its last pass, on average\n",
        );
    }
    if halves {
        _ = writeln!(
            text,
            "both halves of the holdout: correlation over the trials of the AUC on one half and on the other, and the \
             standard\ndeviation of what they have in common. The rest is chance: which examples are in a half."
        );
    }
    text
}
