//! Staleness of embedding rows by popularity: how often they are updated.

use super::absent::NoFigure;
use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Panels, Plot, Series, Style};
use super::grid::{self, Grid, MOST_ROWS};
use super::number::{self, counted};
use super::thin;
use crate::results::RunResults;
use crate::results::tables::PopularityRow;
use std::collections::BTreeMap;

/// The figure.
pub fn figure(run: &RunResults) -> Result<Figure, NoFigure> {
    let rows = run.rows.rows()?;
    let mut tables: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for row in rows {
        if let Some(mean) = row.staleness_mean.filter(|mean| mean.is_finite()) {
            tables.entry(&row.table).or_default().push((popularity(row), mean));
        }
    }
    if tables.is_empty() {
        return Err(run.rows.unusable("holds no staleness").into());
    }
    if tables.values().flatten().all(|point| point.1 == 0.0) {
        return Err(NoFigure::Sentence(
            "No embedding row was stale: between its pull and its update no other update touched it."
                .to_string(),
        ));
    }
    let line = |(table, points): (&&str, &Vec<(f64, f64)>)| Series {
        style: Style::Dots,
        ..thin::line(*table, points, tables.len())
    };
    let plot = Plot::new(
        "row staleness",
        Axis::new("updates of the row, before it was pulled", AxisUnit::Count).doubling(true),
        Axis::new("mean staleness, updates of the row", AxisUnit::Number),
        tables.iter().map(line).collect(),
    );
    let columns = [grid::text("table")].into_iter();
    let names = ["popularity from", "to", "rows seen", "mean staleness", "largest"];
    let grid =
        Grid::new("Row staleness by popularity", columns.chain(names.map(grid::number)).collect());
    Ok(Figure {
        id: "staleness-of-rows".to_string(),
        title: "Staleness of embedding rows by popularity".to_string(),
        sentence: sentence(rows),
        chart: Chart::Plots(vec![plot], Panels::with_ends(1)),
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

/// The middle of a range of popularity on its axis.
fn popularity(row: &PopularityRow) -> f64 {
    let (low, high) = (row.popularity_low as f64, row.popularity_high as f64);
    ((1.0 + low) * (1.0 + high)).sqrt() - 1.0
}

/// Mean staleness of a table's rows, weighted by the number of rows seen.
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
    let touches: u64 = rows.iter().fold(0, |sum, row| sum.saturating_add(row.touches));
    let seen = counted(touches as usize, "row was seen", "rows were seen");
    let part = |(table, mean): &(&str, f64)| format!("{} in {table}", number::figure(*mean));
    match means.as_slice() {
        [] => format!("{seen}, and no staleness is known."),
        [only] => {
            format!(
                "The mean staleness of a row, in updates of that row, is {}; {seen}.",
                part(only)
            )
        }
        [first, .., last] => format!(
            "The mean staleness of a row, in updates of that row, is highest with {} and lowest with {}; \
             {seen}.",
            part(first),
            part(last)
        ),
    }
}
