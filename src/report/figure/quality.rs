//! Quality on the holdout against examples and against simulated time, for all evaluated views.

use super::absent::NoFigure;
use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Panels, Plot, Series, Style};
use super::grid::{Grid, MOST_ROWS, number, text};
use super::number::{count, counted, figure, time};
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
pub fn by_examples(run: &RunResults) -> Result<Figure, NoFigure> {
    let axis = Axis::new("examples trained on", AxisUnit::Count);
    if let Some(rate) = steady_rate(run.evaluations.rows()?) {
        return Err(NoFigure::Sentence(format!(
            "Quality by examples is the same curve: the run trains on {} examples in every simulated second.",
            count(rate as u64)
        )));
    }
    build(run, ("quality-by-examples", "Quality by examples"), axis, |e| e.examples as f64)
}

/// Quality against the virtual clock.
pub fn by_time(run: &RunResults) -> Result<Figure, NoFigure> {
    let axis = Axis::new("simulated time", AxisUnit::Time);
    if !run.evaluations.rows()?.iter().any(|e| e.sim_s > 0.0) {
        return Err(run.evaluations.unusable("was written without a virtual clock").into());
    }
    build(run, ("quality-by-time", "Quality by simulated time"), axis, |e| e.sim_s)
}

/// How far the share of time and the share of examples at an evaluation may be apart for curves that
/// look the same.
const SAME: f64 = 0.01;

/// Examples per simulated second, if these are the same from the beginning to the end.
fn steady_rate(rows: &[EvaluationRow]) -> Option<f64> {
    let last = rows.last()?;
    let (examples, seconds) = (last.examples as f64, last.sim_s);
    let apart = |row: &EvaluationRow| (row.examples as f64 / examples - row.sim_s / seconds).abs();
    let is_steady = seconds > 0.0 && rows.iter().all(|row| apart(row) < SAME);
    is_steady.then_some(examples / seconds)
}

fn build(
    run: &RunResults,
    (id, title): (&str, &str),
    x: Axis,
    position: fn(&EvaluationRow) -> f64,
) -> Result<Figure, NoFigure> {
    let rows = run.evaluations.rows()?;
    let plots: Vec<Plot> =
        MEASURES.iter().filter_map(|measure| plot(run, rows, measure, &x, position)).collect();
    if plots.is_empty() {
        return Err(run.evaluations.unusable("holds no figures of quality").into());
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
    series.extend(best_step(rows, value, position));
    (!views.is_empty()).then(|| {
        Plot::new(*name, x.clone(), Axis::new(*name, AxisUnit::Number), series)
            .without_early_outliers()
    })
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
