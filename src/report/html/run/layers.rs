//! What becomes of each layer and table: how far it still moves, what its gradients agree on, and
//! which rows nobody touches any more.

use crate::report::html::figure::{Axis, Chart, Figure, Plot, Unit};
use crate::report::html::grid::{self, Grid, MOST_ROWS};
use crate::report::html::number::{self, count, figure as written, percent};
use crate::report::html::thin;
use crate::results::RunResults;
use crate::results::tables::LayerRow;

/// Most layers in one plot; the others are in the table.
const MOST_LAYERS: usize = 12;

/// What is plotted: what to call it, what the axis says, its unit, whether ratios count, and where
/// it stands.
type Measure = (&'static str, &'static str, Unit, bool, fn(&LayerRow) -> Option<f64>);

const MEASURES: [Measure; 6] = [
    ("movement", "change since the last look over the norm", Unit::Number, true, |l| l.change),
    ("gradient", "root mean square gradient norm", Unit::Number, true, |l| l.gradient_norm),
    ("agreement", "agreement of gradients, 1 = noise", Unit::Number, false, |l| l.agreement),
    ("weights", "norm of the weights", Unit::Number, false, |l| l.weight_norm),
    ("dead", "share of parameters without gradient", Unit::Percent, false, |l| l.gradient_zero),
    ("idle rows", "rows touched before, not since the last look", Unit::Percent, false, |l| {
        l.rows_idle
    }),
];

/// The figure.
pub(super) fn figure(folder: &RunResults) -> Result<Figure, String> {
    let rows = folder.layers.rows()?;
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.layer.as_str()) {
            names.push(&row.layer);
        }
    }
    let plots: Vec<Plot> =
        MEASURES.iter().filter_map(|measure| plot(rows, &names, measure)).collect();
    if plots.is_empty() {
        return Err(folder.layers.unusable("holds one look alone"));
    }
    let columns = ["update", "examples"].map(grid::number).into_iter();
    let columns = columns.chain(["group", "layer"].map(grid::text));
    let columns = columns.chain(MEASURES.iter().map(|(name, ..)| grid::number(*name))).collect();
    Ok(Figure {
        id: "layers-over-time".to_string(),
        title: "What becomes of each layer".to_string(),
        sentence: sentence(rows, &names),
        chart: Chart::Plots(plots),
        grid: Grid::new("Layers, look by look", columns).fill(
            rows,
            MOST_ROWS,
            "layers.csv",
            |row| {
                let head =
                    [count(row.update), count(row.examples), row.group.clone(), row.layer.clone()];
                let figures = MEASURES.iter().map(|(_, _, unit, _, value)| match unit {
                    Unit::Percent => percent(value(row)),
                    _ => written(value(row)),
                });
                head.into_iter().chain(figures).collect()
            },
        ),
        file: "layers.csv".to_string(),
    })
}

fn plot(
    rows: &[LayerRow],
    names: &[&str],
    (label, title, unit, log, value): &Measure,
) -> Option<Plot> {
    let of = |name: &&str| {
        let mine = rows.iter().filter(|row| row.layer == **name);
        let usable = |y: &f64| y.is_finite() && (!log || *y > 0.0);
        let points: Vec<(f64, f64)> = mine
            .filter_map(|row| Some((row.examples as f64, value(row).filter(usable)?)))
            .collect();
        (!points.is_empty()).then(|| ((*name).to_string(), points))
    };
    let lines: Vec<(String, Vec<(f64, f64)>)> =
        names.iter().filter_map(of).take(MOST_LAYERS).collect();
    (!lines.is_empty()).then(|| Plot {
        label: label.to_string(),
        x: Axis::new("examples trained on", Unit::Count),
        y: Axis::new(*title, *unit).scaled(*log),
        series: lines.iter().map(|(n, p)| thin::line(n.clone(), p, lines.len())).collect(),
    })
}

fn sentence(rows: &[LayerRow], names: &[&str]) -> String {
    let last = |name: &&str| rows.iter().rfind(|row| row.layer == **name);
    let mut ends: Vec<(&str, f64)> = names
        .iter()
        .filter_map(last)
        .filter_map(|row| Some((row.layer.as_str(), row.change.filter(|c| c.is_finite())?)))
        .collect();
    ends.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (Some(most), Some(least)) = (ends.first(), ends.last()) else { return String::new() };
    let dead = |row: &LayerRow| {
        row.rows_idle.zip(row.rows_touched).map(|(idle, touched)| {
            let (idle, never) = (number::percent(Some(idle)), number::percent(Some(1.0 - touched)));
            format!(
                " Of the rows of {}, {idle} were idle then and {never} were never touched.",
                row.layer
            )
        })
    };
    let dead: String = names.iter().filter_map(last).filter_map(dead).collect();
    format!(
        "Between the last two looks {} moved most, by {} of its norm, and {} least, by {}.{dead}",
        most.0,
        percent(Some(most.1)),
        least.0,
        percent(Some(least.1))
    )
}
