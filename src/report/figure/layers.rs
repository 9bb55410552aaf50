//! Layers and tables over time: how far each still moves, how much its gradients agree, and how
//! many rows are no longer touched.

use super::absent::NoFigure;
use super::axis::{Axis, AxisUnit};
use super::chart::{Band, Chart, Figure, Panels, Plot, Series, Style};
use super::grid::{self, Grid, MOST_ROWS};
use super::number::{count, percent, short};
use super::thin;
use crate::results::RunResults;
use crate::results::tables::LayerRow;
use std::cmp::Ordering;

/// The most layers in one plot; the others are in the table.
const MOST_LAYERS: usize = 12;

/// A measure of layers: its name, the title of its axis, its unit, whether the axis has equal
/// ratios at equal distances, and its value in a row.
type LayerMeasure = (&'static str, &'static str, AxisUnit, bool, fn(&LayerRow) -> Option<f64>);

const MEASURES: [LayerMeasure; 6] = [
    ("movement", "change since the last look / norm", AxisUnit::Number, true, |l| l.change),
    ("gradient", "root mean square gradient norm", AxisUnit::Number, true, |l| l.gradient_norm),
    ("agreement", "agreement of gradients (1: noise)", AxisUnit::Number, false, |l| l.agreement),
    ("weights", "norm of the weights", AxisUnit::Number, false, |l| l.weight_norm),
    ("dead", "share of parameters without gradient", AxisUnit::Percent, false, |l| l.gradient_zero),
    (
        "idle rows",
        "rows touched before but not since the last look",
        AxisUnit::Percent,
        false,
        |l| l.rows_idle,
    ),
];

/// The figure.
pub fn figure(run: &RunResults) -> Result<Figure, NoFigure> {
    let rows = run.layers.rows()?;
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        if !names.contains(&row.layer.as_str()) {
            names.push(&row.layer);
        }
    }
    let plots: Vec<Plot> =
        MEASURES.iter().filter_map(|measure| plot(rows, &names, measure)).collect();
    if plots.is_empty() {
        return Err(run.layers.unusable("holds no figures").into());
    }
    let left_out = match names.len() > MOST_LAYERS {
        true => format!(" The first {MOST_LAYERS} of {} layers are drawn.", names.len()),
        false => String::new(),
    };
    Ok(Figure {
        id: "layers-over-time".to_string(),
        title: "Layers over time".to_string(),
        sentence: format!("{}{}{left_out}", moved(rows, &names), idle(rows, &names)),
        chart: Chart::Plots(plots, Panels::stacked(2)),
        grid: grid(rows),
        file: "layers.csv".to_string(),
    })
}

/// The table with every look.
fn grid(rows: &[LayerRow]) -> Grid {
    let columns = ["update", "examples"].map(grid::number).into_iter();
    let columns = columns.chain(["group", "layer"].map(grid::text));
    let columns = columns.chain(MEASURES.iter().map(|(name, ..)| grid::number(*name))).collect();
    Grid::new("Layers at every look", columns).fill(rows, MOST_ROWS, "layers.csv", |row| {
        let head = [count(row.update), count(row.examples), row.group.clone(), row.layer.clone()];
        let figures = MEASURES.iter().map(|(_, _, unit, _, value)| unit.write(value(row)));
        head.into_iter().chain(figures).collect()
    })
}

fn plot(
    rows: &[LayerRow],
    names: &[&str],
    (label, title, unit, log, value): &LayerMeasure,
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
    (!lines.is_empty()).then(|| {
        Plot::new(
            *label,
            Axis::new("examples trained on", AxisUnit::Count),
            Axis::new(*title, *unit).scaled(*log),
            lines.iter().map(|(n, p)| thin::line(n.clone(), p, lines.len())).collect(),
        )
    })
}

/// The most layers side by side.
const MOST_COLUMNS: usize = 10;
/// The range of gradients ends at this multiple of the largest quantile after the first look.
const BEYOND: f64 = 1.3;

/// The looks at one layer, in order.
type Looks<'a> = Vec<&'a LayerRow>;

/// Quantiles of the weights above and of the mean gradients below, one column per layer.
pub fn quantiles(run: &RunResults) -> Result<Figure, NoFigure> {
    let rows = run.layers.rows()?;
    let mut columns: Vec<Looks> = Vec::new();
    for row in rows {
        let same =
            |looks: &&mut Looks| (&looks[0].layer, &looks[0].group) == (&row.layer, &row.group);
        match columns.iter_mut().find(same) {
            Some(looks) => looks.push(row),
            None => columns.push(vec![row]),
        }
    }
    columns.retain(|looks| looks.len() > 1);
    if columns.is_empty() {
        return Err(run.layers.unusable("holds only one look at each layer").into());
    }
    let found = columns.len();
    let mut sizes: Vec<u64> = columns.iter().map(|looks| looks[0].parameters).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    // The largest; of equally large ones the first of the file.
    let least = sizes[found.min(MOST_COLUMNS) - 1];
    let mut equal = MOST_COLUMNS.saturating_sub(sizes.iter().filter(|s| **s > least).count());
    columns.retain(|looks| match looks[0].parameters.cmp(&least) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => {
            let has_room = equal > 0;
            equal = equal.saturating_sub(1);
            has_room
        }
    });
    let weights = columns.iter().map(|looks| fan(looks, "weights", 0, LayerRow::weights));
    let weights = weights.zip(&columns).map(|(plot, looks)| Plot { notes: notes(looks), ..plot });
    let gradients =
        columns.iter().map(|looks| fan(looks, "mean gradients", 1, LayerRow::gradients));
    let names: Vec<&str> = columns.iter().map(|looks| looks[0].layer.as_str()).collect();
    let shown = match found > columns.len() {
        true => format!("The picture shows {} of {found} layers. ", columns.len()),
        false => String::new(),
    };
    Ok(Figure {
        id: "layers".to_string(),
        title: "Weights and gradients of each layer".to_string(),
        sentence: format!("{shown}{}", moved(rows, &names)),
        chart: Chart::Plots(
            weights.chain(gradients).collect(),
            Panels::side_by_side(columns.len()),
        ),
        grid: grid(rows),
        file: "layers.csv".to_string(),
    })
}

/// How much a layer still moves, and how many of its rows are no longer touched.
fn notes(looks: &Looks) -> Vec<String> {
    let last = looks[looks.len() - 1];
    let lines = [
        Some(last.layer.clone()),
        Some(format!("moved {}", percent(last.change))),
        last.rows_idle.map(|idle| format!("idle {}", percent(idle))),
        last.rows_touched.map(|touched| format!("untouched {}", percent(1.0 - touched))),
    ];
    lines.into_iter().flatten().collect()
}

/// The middle 90 %, the middle half and the median of the values at each look.
fn fan(looks: &Looks, label: &str, colour: usize, of: fn(&LayerRow) -> Option<[f64; 5]>) -> Plot {
    let values: Vec<(f64, [f64; 5])> = looks
        .iter()
        .filter_map(|look| Some((look.examples as f64, of(look)?)))
        .filter(|(_, quantiles)| quantiles.iter().all(|q| q.is_finite()))
        .collect();
    let end = values.last().map_or(1.0, |look| look.0.max(1.0));
    // The look before any update gets a width, so that it is visible.
    let begin = -0.03 * end;
    let mut x = vec![begin];
    x.extend(values.iter().map(|look| short(look.0)));
    let column = |place: usize| -> Vec<Option<f64>> {
        values.iter().map(|look| Some(short(look.1[place]))).chain([None]).collect()
    };
    let series = |name: &str, colour, band: Option<(usize, usize)>| Series {
        name: name.to_string(),
        x: x.clone(),
        y: if band.is_none() { column(2) } else { vec![None; x.len()] },
        band: band.map(|(low, high)| Band { low: column(low), high: column(high) }),
        style: Style::Steps,
        colour: Some(colour),
        ..Series::default()
    };
    let all = vec![
        series(&format!("{label}: middle 90 %"), colour, Some((0, 4))),
        series(&format!("{label}: middle half"), colour, Some((1, 3))),
        series("median", 6, None),
    ];
    // The gradients of the beginning are so large that they would hide all others.
    let skip = usize::from(values.len() > 3 && colour > 0);
    let of = |skip: usize| values.iter().skip(skip).flat_map(|(_, quantiles)| *quantiles);
    let low = of(0).fold(0.0, f64::min).max(BEYOND * of(skip).fold(0.0, f64::min));
    let high = of(0).fold(0.0, f64::max).min(BEYOND * of(skip).fold(0.0, f64::max));
    let room = 0.05 * (high - low).max(1e-12);
    let x = Axis::new("examples trained on", AxisUnit::Count).between(begin, end);
    let y = Axis::new(label, AxisUnit::Number).between(low - room, high + room);
    Plot::new(label, x, y, all)
}

fn moved(rows: &[LayerRow], names: &[&str]) -> String {
    let last = |name: &&str| rows.iter().rfind(|row| row.layer == **name);
    let mut ends: Vec<(&str, f64)> = names
        .iter()
        .filter_map(last)
        .filter_map(|row| Some((row.layer.as_str(), row.change.filter(|c| c.is_finite())?)))
        .collect();
    ends.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (Some(most), Some(least)) = (ends.first(), ends.last()) else {
        return "No layer has two looks to compare.".to_string();
    };
    let least = match ends.len() {
        1 => String::new(),
        _ => format!(", and {} moved least, by {}", least.0, percent(least.1)),
    };
    let verb = if least.is_empty() { "moved" } else { "moved most," };
    let (most, by) = (most.0, percent(most.1));
    format!("Between the last two looks {most} {verb} by {by} of its norm{least}.")
}

fn idle(rows: &[LayerRow], names: &[&str]) -> String {
    let dead = |row: &LayerRow| {
        row.rows_idle.zip(row.rows_touched).map(|(idle, touched)| {
            let (idle, never) = (percent(idle), percent(1.0 - touched));
            format!(
                " Of the rows of {}, {idle} were touched earlier but not between the last two looks, \
                 and {never} were never touched.",
                row.layer
            )
        })
    };
    let last = |name: &&str| rows.iter().rfind(|row| row.layer == **name);
    names.iter().filter_map(last).filter_map(dead).collect()
}
