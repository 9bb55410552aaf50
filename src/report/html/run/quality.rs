//! Quality on the holdout against examples and against simulated time, for all evaluated views.

use crate::report::html::figure::{Axis, Chart, Figure, Plot, Series, Style, Unit};
use crate::report::html::grid::{Grid, MOST_ROWS, number, text};
use crate::report::html::number::{count, figure, time};
use crate::report::html::thin;
use crate::results::RunResults;
use crate::results::tables::{EvaluatedView, EvaluationRow};
use std::collections::BTreeMap;

/// A measure of quality: its name and where it stands in an evaluation.
type Measure = (&'static str, fn(&EvaluationRow) -> Option<f64>);

/// Every measure of quality.
const MEASURES: [Measure; 5] = [
    ("AUC", |e| e.auc),
    ("session AUC", |e| e.session_auc),
    ("log-loss", |e| e.log_loss),
    ("normalised entropy", |e| e.normalised_entropy),
    ("calibration", |e| e.calibration),
];

/// The two figures.
pub(super) fn figures(folder: &RunResults) -> [Result<Figure, String>; 2] {
    let by_examples = || {
        let axis = Axis::new("examples trained on", Unit::Count);
        build(folder, ("quality-by-examples", "Quality by examples"), axis, |e| e.examples as f64)
    };
    let by_time = || {
        let axis = Axis::new("simulated time", Unit::Time);
        if !folder.evaluations.rows()?.iter().any(|e| e.sim_s > 0.0) {
            return Err(folder.evaluations.unusable("was written without a virtual clock"));
        }
        build(folder, ("quality-by-time", "Quality by simulated time"), axis, |e| e.sim_s)
    };
    [by_examples(), by_time()]
}

fn build(
    folder: &RunResults,
    (id, title): (&str, &str),
    x: Axis,
    position: fn(&EvaluationRow) -> f64,
) -> Result<Figure, String> {
    let rows = folder.evaluations.rows()?;
    let plots: Vec<Plot> =
        MEASURES.iter().filter_map(|measure| plot(folder, rows, measure, &x, position)).collect();
    if plots.is_empty() {
        return Err(folder.evaluations.unusable("holds no figures of quality"));
    }
    Ok(Figure {
        id: id.to_string(),
        title: title.to_string(),
        sentence: sentence(folder, rows, x.unit),
        chart: Chart::Plots(plots),
        grid: grid(title, rows),
        file: "evaluations.csv".to_string(),
    })
}

fn plot(
    folder: &RunResults,
    rows: &[EvaluationRow],
    (name, value): &Measure,
    x: &Axis,
    position: fn(&EvaluationRow) -> f64,
) -> Option<Plot> {
    let mut views: BTreeMap<EvaluatedView, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows {
        if let Some(value) = value(row).filter(|value| value.is_finite()) {
            views.entry(row.view).or_default().push((position(row), value));
        }
    }
    let lines = views.len();
    let mut series: Vec<Series> = views
        .iter()
        .map(|(view, points)| Series {
            style: if points.len() <= 60 { Style::Dots } else { Style::Line },
            ..thin::line(view_name(*view), points, lines)
        })
        .collect();
    let ends = views.values().flatten().map(|p| p.0);
    let (low, high) = ends.fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(x), h.max(x)));
    if let (Some(bayes), true, "AUC") = (folder.summary.bayes_auc, low <= high, *name) {
        let limit = thin::line("true probabilities", &[(low, bayes), (high, bayes)], 1);
        series.push(Series { style: Style::Limit, ..limit });
    }
    series.extend(best_step(rows, value, position));
    let y = Axis::new(*name, Unit::Number);
    (!views.is_empty()).then(|| Plot { label: name.to_string(), x: x.clone(), y, series })
}

/// The server's best step: that with the highest AUC on the selection half of the holdout, the first
/// of equals. What is drawn is its figure on the other half, which need not be the highest.
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
    let value = value(row).filter(|value| value.is_finite())?;
    let ring = thin::line("best step", &[(position(row), value)], 1);
    Some(Series { style: Style::Mark, ..ring })
}

fn view_name(view: EvaluatedView) -> String {
    match view {
        EvaluatedView::Server => "server".to_string(),
        EvaluatedView::Worker(id) => format!("worker {id}"),
        EvaluatedView::MeanOfViews => "mean of views".to_string(),
        EvaluatedView::MeanOfPredictions => "mean of predictions".to_string(),
    }
}

fn sentence(folder: &RunResults, rows: &[EvaluationRow], unit: Unit) -> String {
    let server =
        || rows.iter().filter(|row| row.view == EvaluatedView::Server && row.auc.is_some());
    let (Some(first), Some(last)) = (server().next(), server().next_back()) else {
        return "The server's parameters have no AUC here.".to_string();
    };
    let place = |row: &EvaluationRow| match unit {
        Unit::Time => time(row.sim_s),
        _ => format!("{} examples", count(row.examples)),
    };
    let best = best_row(rows).map_or_else(String::new, |row| {
        format!("; the best step, chosen on the other half of the holdout, is at {}", place(row))
    });
    let limit = folder.summary.bayes_auc;
    let limit = limit.map_or_else(String::new, |v| format!("; {v:.4} is attainable"));
    let views = rows.iter().map(|row| row.view).collect::<std::collections::BTreeSet<_>>().len();
    let views = if views > 1 { format!("; {views} views were evaluated") } else { String::new() };
    format!(
        "The server's AUC goes from {:.4} to {:.4} in {}{limit}{best}{views}.",
        first.auc.unwrap_or(f64::NAN),
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
            view_name(row.view),
        ];
        cells.extend(MEASURES.iter().map(|(_, value)| figure(value(row))));
        cells
    })
}
