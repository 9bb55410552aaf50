//! Quality on the holdout against examples and against simulated time, for all evaluated views.

use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Panels, Plot, Series, Style};
use super::grid::{Grid, MOST_ROWS, number, text};
use super::number::{counted, figure, time};
use super::thin;
use crate::results::RunResults;
use crate::results::tables::{EvaluatedView, EvaluationRow};
use std::collections::BTreeMap;

/// A measure of quality: its name and its value in an evaluation.
type QualityMeasure = (&'static str, fn(&EvaluationRow) -> Option<f64>);

/// Every measure of quality.
const MEASURES: [QualityMeasure; 5] = [
    ("AUC", |e| e.auc),
    ("session AUC", |e| e.session_auc),
    ("log-loss", |e| e.log_loss),
    ("normalised entropy", |e| e.normalised_entropy),
    ("calibration", |e| e.calibration),
];

/// Quality against examples trained on.
pub fn by_examples(run: &RunResults) -> Result<Figure, String> {
    let axis = Axis::new("examples trained on", AxisUnit::Count);
    build(run, ("quality-by-examples", "Quality by examples"), axis, |e| e.examples as f64)
}

/// Quality against the virtual clock.
pub fn by_time(run: &RunResults) -> Result<Figure, String> {
    let axis = Axis::new("simulated time", AxisUnit::Time);
    if !run.evaluations.rows()?.iter().any(|e| e.sim_s > 0.0) {
        return Err(run.evaluations.unusable("was written without a virtual clock"));
    }
    build(run, ("quality-by-time", "Quality by simulated time"), axis, |e| e.sim_s)
}

fn build(
    run: &RunResults,
    (id, title): (&str, &str),
    x: Axis,
    position: fn(&EvaluationRow) -> f64,
) -> Result<Figure, String> {
    let rows = run.evaluations.rows()?;
    let plots: Vec<Plot> =
        MEASURES.iter().filter_map(|measure| plot(run, rows, measure, &x, position)).collect();
    if plots.is_empty() {
        return Err(run.evaluations.unusable("holds no figures of quality"));
    }
    Ok(Figure {
        id: id.to_string(),
        title: title.to_string(),
        sentence: sentence(run, rows, x.unit),
        chart: Chart::Plots(plots, Panels::stacked(2)),
        grid: grid(title, rows),
        file: "evaluations.csv".to_string(),
    })
}

fn plot(
    run: &RunResults,
    rows: &[EvaluationRow],
    (name, value): &QualityMeasure,
    x: &Axis,
    position: fn(&EvaluationRow) -> f64,
) -> Option<Plot> {
    let mut views: BTreeMap<EvaluatedView, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows {
        let point = (position(row), value(row).unwrap_or(f64::NAN));
        if point.0.is_finite() && point.1.is_finite() {
            views.entry(row.view).or_default().push(point);
        }
    }
    let (lines, bayes) = (views.len(), run.summary.bayes_auc.filter(|_| *name == "AUC"));
    let mut series: Vec<Series> = views
        .iter()
        .map(|(view, points)| {
            let (name, style, colour) = look(*view);
            let dots = style == Style::Line && points.len() <= 60;
            let style = if dots { Style::Dots } else { style };
            Series { style, colour, ..thin::line(name, points, lines) }
        })
        .collect();
    let ends = views.values().flatten().map(|p| p.0);
    let (low, high) = ends.fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(x), h.max(x)));
    if let (Some(bayes), true) = (bayes, low <= high) {
        let limit = thin::line(
            format!("true probabilities, {bayes:.4}"),
            &[(low, bayes), (high, bayes)],
            1,
        );
        series.push(Series { style: Style::Limit, ..limit });
    }
    let best = best_step(rows, value, position);
    let ring = best.as_ref().and_then(|ring| Some(ring.points().next()?.1));
    series.extend(best);
    // Only these rise from chance.
    let server = views.get(&EvaluatedView::Server).filter(|_| name.ends_with("AUC"));
    let range = server.map(|points| range(points, ring, bayes));
    let y = Axis { range, ..Axis::new(*name, AxisUnit::Number) };
    (!views.is_empty()).then(|| Plot::new(*name, x.clone(), y, series))
}

/// A range for the server's line without its first rise from chance, if that takes less than half
/// of the run: with the rise, the rest of the line would look flat. The rise ends at four fifths of
/// the way from the first value to the highest. The best step stays in view.
fn range(server: &[(f64, f64)], best: Option<f64>, bayes: Option<f64>) -> (f64, f64) {
    let values = || server.iter().map(|v| v.1);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let risen = server[0].1 + 0.8 * (high - server[0].1);
    let rise = server.iter().take_while(|v| v.1 < risen).count();
    let (begin, end) = (server[0].0, server[server.len() - 1].0);
    let is_short = server.get(rise).is_some_and(|v| v.0 - begin < 0.5 * (end - begin));
    let settled = values().skip(if is_short { rise } else { 0 });
    let low = settled.chain(best).fold(high, f64::min);
    let room = (high - low).max(1e-4);
    // The limit is shown if it takes no more than a third of the height.
    let high = match bayes {
        Some(bayes) if bayes > high && bayes < high + 0.5 * room => bayes,
        _ => high,
    };
    (low - 0.06 * room, high + 0.16 * room)
}

/// The server's best step: the one with the highest AUC (or session AUC) on the selection half of
/// the holdout; of equal ones the first. The drawn value is on the other half and may be higher
/// elsewhere.
fn best_row(rows: &[EvaluationRow]) -> Option<&EvaluationRow> {
    let of_server = rows.iter().filter(|row| row.view == EvaluatedView::Server);
    let scored = of_server.filter_map(|row| Some((row, row.selection_auc?)));
    scored.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(row, _)| row)
}

/// A ring around the best step.
fn best_step(
    rows: &[EvaluationRow],
    value: &fn(&EvaluationRow) -> Option<f64>,
    position: fn(&EvaluationRow) -> f64,
) -> Option<Series> {
    let row = best_row(rows)?;
    let value = value(row).filter(|value| value.is_finite() && position(row).is_finite())?;
    let ring = thin::line("best step", &[(position(row), value)], 1);
    Some(Series { style: Style::Mark, ..ring })
}

/// Name, style and colour of a view's line.
fn look(view: EvaluatedView) -> (String, Style, Option<usize>) {
    match view {
        EvaluatedView::Server => ("server".to_string(), Style::Line, Some(0)),
        EvaluatedView::Worker(id) => (id.to_string(), Style::Quiet, None),
        EvaluatedView::MeanOfViews => ("mean of views".to_string(), Style::Line, Some(2)),
        EvaluatedView::MeanOfPredictions => {
            ("mean of predictions".to_string(), Style::Line, Some(4))
        }
    }
}

fn sentence(run: &RunResults, rows: &[EvaluationRow], unit: AxisUnit) -> String {
    let server =
        || rows.iter().filter(|row| row.view == EvaluatedView::Server && row.auc.is_some());
    let (Some(first), Some(last)) = (server().next(), server().next_back()) else {
        return "No evaluation of the server's parameters has an AUC.".to_string();
    };
    let place = |row: &EvaluationRow| match unit {
        AxisUnit::Time => time(row.sim_s),
        _ => counted(row.examples as usize, "example", "examples"),
    };
    let best = best_row(rows).map_or_else(String::new, |row| {
        let place = place(row);
        format!(" The best step, chosen on the selection half of the holdout, comes after {place}.")
    });
    let limit = run.summary.bayes_auc;
    let limit = limit.map_or_else(String::new, |v| format!(" The true probabilities give {v:.4}."));
    let views = rows.iter().map(|row| row.view).collect::<std::collections::BTreeSet<_>>().len();
    let views = if views > 1 { format!(" {views} views were evaluated.") } else { String::new() };
    let before = match std::ptr::eq(first, last) {
        true => String::new(),
        false => format!(" at the first evaluation it was {:.4}.", first.auc.unwrap_or(f64::NAN)),
    };
    let end = if before.is_empty() { "." } else { ";" };
    format!(
        "The server's AUC is {:.4} after {}{end}{before}{limit}{best}{views}",
        last.auc.unwrap_or(f64::NAN),
        place(last)
    )
}

fn grid(title: &str, rows: &[EvaluationRow]) -> Grid {
    let mut columns =
        vec![number("update"), number("examples"), number("simulated s"), text("view")];
    columns.extend(MEASURES.iter().map(|(name, _)| number(*name)));
    Grid::new(title, columns).fill(rows, MOST_ROWS, "evaluations.csv", |row| {
        let mut cells = vec![
            row.update.to_string(),
            row.examples.to_string(),
            figure(row.sim_s),
            look(row.view).0,
        ];
        cells.extend(MEASURES.iter().map(|(_, value)| figure(value(row))));
        cells
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn low(values: &[f64], best: Option<f64>) -> f64 {
        let points: Vec<(f64, f64)> = (0..).map(f64::from).zip(values.iter().copied()).collect();
        range(&points, best, None).0
    }

    #[test]
    fn a_short_rise_is_cut_off_and_a_long_one_is_not() {
        assert!(low(&[0.5, 0.7, 0.71, 0.72, 0.73], None) > 0.69);
        assert!(low(&[0.5, 0.55, 0.6, 0.65, 0.7], None) < 0.5);
        assert!(low(&[0.5, 0.7, 0.71, 0.72, 0.73], Some(0.5)) < 0.5);
    }
}
