//! Staleness of embedding rows by how often they are updated.

use crate::report::html::figure::{Axis, Chart, Figure, Plot, Series, Style, Unit};
use crate::report::html::grid::{self, Grid, MOST_ROWS};
use crate::report::html::number::{self, count};
use crate::report::html::thin;
use crate::results::RunResults;
use crate::results::tables::PopularityRow;
use std::collections::BTreeMap;

/// The figure.
pub(super) fn figure(folder: &RunResults) -> Result<Figure, String> {
    let rows = folder.rows.rows()?;
    let mut tables: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows {
        if let Some(mean) = row.staleness_mean.filter(|mean| mean.is_finite()) {
            tables.entry(&row.table).or_default().push((popularity(row), mean));
        }
    }
    if tables.is_empty() {
        return Err(folder.rows.unusable("holds no staleness"));
    }
    let line = |(table, points): (&&str, &Vec<(f64, f64)>)| Series {
        style: Style::Dots,
        ..thin::line(*table, points, tables.len())
    };
    let plot = Plot {
        label: "row staleness".to_string(),
        x: Axis::new("updates the row had had when it was pulled", Unit::Count).scaled(true),
        y: Axis::new("mean staleness, updates of the row", Unit::Number),
        series: tables.iter().map(line).collect(),
    };
    let columns = [grid::text("table")].into_iter();
    let names = ["popularity from", "to", "rows seen", "mean staleness", "largest"];
    let grid =
        Grid::new("Row staleness by popularity", columns.chain(names.map(grid::number)).collect());
    Ok(Figure {
        id: "staleness-of-rows".to_string(),
        title: "Staleness of embedding rows by popularity".to_string(),
        sentence: sentence(rows),
        chart: Chart::Plots(vec![plot]),
        grid: grid.fill(rows, MOST_ROWS, "rows.csv", |row| {
            vec![
                row.table.clone(),
                row.popularity_low.to_string(),
                row.popularity_high.to_string(),
                row.touches.to_string(),
                number::figure(row.staleness_mean),
                number::figure(row.staleness_max.map(|max| max as f64)),
            ]
        }),
        file: "rows.csv".to_string(),
    })
}

/// The middle of a range of popularity; 0 stands at one half, since an axis of ratios has no 0.
fn popularity(row: &PopularityRow) -> f64 {
    let low = (row.popularity_low as f64).max(0.5);
    let high = (row.popularity_high as f64).max(0.5);
    (low * high).sqrt()
}

/// Mean staleness of a table's rows, weighted by how often they are seen.
fn mean(rows: &[&PopularityRow]) -> f64 {
    let known = || rows.iter().filter_map(|row| Some((row.touches as f64, row.staleness_mean?)));
    known().map(|(touches, mean)| touches * mean).sum::<f64>()
        / known().map(|(t, _)| t).sum::<f64>()
}

fn sentence(rows: &[PopularityRow]) -> String {
    let mut tables: BTreeMap<&str, Vec<&PopularityRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.staleness_mean.is_some() && row.touches > 0) {
        tables.entry(&row.table).or_default().push(row);
    }
    let mut means: Vec<(&str, f64)> =
        tables.iter().map(|(table, rows)| (*table, mean(rows))).collect();
    means.sort_by(|a, b| b.1.total_cmp(&a.1));
    let touches: u64 = rows.iter().map(|row| row.touches).sum();
    let part = |(table, mean): &(&str, f64)| format!("{} in {table}", number::figure(*mean));
    match means.as_slice() {
        [] => format!("{} rows seen.", count(touches)),
        [only] => format!(
            "On average a row was {} of its own updates old ({} rows seen).",
            part(only),
            count(touches)
        ),
        [first, .., last] => format!(
            "On average a row was {} of its own updates old, the most, and {}, the fewest ({} rows seen).",
            part(first),
            part(last),
            count(touches)
        ),
    }
}
