//! `straggler compare --spread`: how far apart the trials of one setting end.

use std::fmt::Write;

use super::args::SpreadArgs;
use super::exit::{Exit, Failure};
use super::say::{out, out_json};
use crate::metrics::measure::Measure;
use crate::report::terminal::{Align, TextTable};
use crate::results::compare::Side;
use crate::results::compare::spread::{SpreadRow, spreads};
use crate::results::outcome::Results;

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
    let head = ["point", "trials", "mean", "deviation", "95 %", "over the first", "p"];
    let last = [if within { "within" } else { "" }, if halves { "halves" } else { "" }];
    table.row([&head[..], &last].concat());
    for row in rows {
        let number = |value: Option<f64>| value.map_or("-".to_string(), |v| format!("{v:.5}"));
        let interval = row.interval.map(|i| format!("[{:.5}, {:.5}]", i.low, i.high));
        let ratio = row.ratio.map(|ratio| {
            format!("{:.2} [{:.2}, {:.2}]", ratio.value, ratio.interval.low, ratio.interval.high)
        });
        let both = row.halves.map(|h| format!("r {:+.2}, share {:.5}", h.correlation, h.shared));
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
    text.push_str(
        "\ndeviation: standard deviation with its chi-squared interval; over the first: its ratio to that of the \
         first point,\nwith Fisher's F. Both take the figures for normal.\n",
    );
    if within {
        text.push_str("within: standard deviation of AUC over the evaluations of the last pass of a trial, on average.\n");
    }
    if halves {
        _ = writeln!(
            text,
            "halves: correlation over the trials of the AUC on the two halves of the holdout, and the standard \
             deviation of what\nthey share; what they do not share is luck with the examples held out."
        );
    }
    text
}
