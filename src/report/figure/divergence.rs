//! Divergence: distances of the workers' views from the server and from each other, by layer.

use super::absent::NoFigure;
use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Panels, Plot, Series, Style};
use super::grid::{self, Grid, MOST_ROWS};
use super::number::{self, percent};
use super::thin;
use crate::results::RunResults;
use crate::results::tables::DivergenceRow;

/// The most layers in one plot: those with the largest distances. The others are in the table.
const MOST_LAYERS: usize = 5;

/// The measures: name in the file, and text of the button that chooses it.
const MEASURES: [(&str, &str); 2] =
    [("from_server", "from the server"), ("from_each_other", "from each other")];

/// The distances of one layer.
struct LayerDistances<'a> {
    name: &'a str,
    group: &'a str,
    points: Vec<(f64, f64)>,
    /// The largest distance of a view at the end.
    farthest: Option<f64>,
}

impl LayerDistances<'_> {
    fn last(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.1)
    }
}

/// The figure.
pub fn figure(run: &RunResults) -> Result<Figure, NoFigure> {
    let is_done = !run.summary.version.is_empty();
    if is_done && run.divergence.is_present() && run.divergence.rows().is_err() {
        return Err(NoFigure::Sentence(
            "No distances were measured: no step was under way when they were due.".to_string(),
        ));
    }
    let rows = run.divergence.rows()?;
    if rows.iter().all(|row| row.mean == Some(0.0)) {
        return Err(NoFigure::Sentence(
            "The views of the workers never differ from the server at the moments that were measured."
                .to_string(),
        ));
    }
    let found: Vec<(&str, Vec<LayerDistances>)> = MEASURES
        .iter()
        .map(|(measure, label)| (*label, layers(rows, measure)))
        .filter(|(_, layers)| !layers.is_empty())
        .collect();
    let Some((label, first)) = found.first() else {
        return Err(run.divergence.unusable("holds no distances").into());
    };
    let columns = [grid::number("update"), grid::number("simulated s")].into_iter();
    let columns = columns.chain(["group", "layer", "measure"].map(grid::text));
    let columns = columns.chain(["mean", "largest"].map(grid::number)).collect();
    let grid = Grid::new("Distances of the workers' views", columns);
    Ok(Figure {
        id: "divergence-by-layer".to_string(),
        title: "Divergence of the workers' views".to_string(),
        sentence: sentence(label, first),
        chart: Chart::Plots(
            found.iter().map(|(label, layers)| plot(label, layers)).collect(),
            Panels::with_ends(1),
        ),
        grid: grid.fill(rows, MOST_ROWS, "divergence.csv", |row| {
            vec![
                row.update.to_string(),
                number::figure(row.sim_s),
                row.group.clone(),
                row.layer.clone(),
                row.measure.clone(),
                percent(row.mean),
                percent(row.max),
            ]
        }),
        file: "divergence.csv".to_string(),
    })
}

/// All layers with a distance, in descending order of the distance at the end.
fn layers<'a>(rows: &'a [DivergenceRow], measure: &str) -> Vec<LayerDistances<'a>> {
    let mut layers: Vec<LayerDistances> = Vec::new();
    for row in rows.iter().filter(|row| row.measure == measure) {
        let Some(mean) = row.mean.filter(|mean| mean.is_finite() && row.sim_s.is_finite()) else {
            continue;
        };
        let known = layers.iter().position(|l| l.name == row.layer && l.group == row.group);
        let index = known.unwrap_or_else(|| {
            layers.push(LayerDistances {
                name: &row.layer,
                group: &row.group,
                points: Vec::new(),
                farthest: None,
            });
            layers.len() - 1
        });
        layers[index].points.push((row.sim_s, mean));
        layers[index].farthest = row.max.filter(|max| max.is_finite());
    }
    layers.sort_by(|a, b| b.last().total_cmp(&a.last()));
    layers
}

fn plot(label: &str, layers: &[LayerDistances]) -> Plot {
    let shown = &layers[..layers.len().min(MOST_LAYERS)];
    let line = |layer: &LayerDistances| {
        let (name, style) = match layer.group {
            "sparse" => (format!("{} (rows)", layer.name), Style::Dashes),
            _ => (layer.name.to_string(), Style::Line),
        };
        Series { style, ..thin::line(name, &layer.points, shown.len()) }
    };
    Plot::new(
        label,
        Axis::new("simulated time", AxisUnit::Time),
        Axis::new("relative distance, mean", AxisUnit::Percent),
        shown.iter().map(line).collect(),
    )
}

fn sentence(label: &str, layers: &[LayerDistances]) -> String {
    let (Some(farthest), Some(closest)) = (layers.first(), layers.last()) else {
        return String::new();
    };
    let left_out = match layers.len() > MOST_LAYERS {
        false => String::new(),
        true => format!(" The {MOST_LAYERS} layers with the largest distances are drawn."),
    };
    let worker = farthest.farthest.map_or_else(String::new, |distance| {
        format!(" ({} for the farthest view)", percent(distance))
    });
    let range = match layers.len() {
        1 => String::new(),
        n => format!(
            " and {} in {}, the largest and the smallest of {n} layers",
            percent(closest.last()),
            closest.name
        ),
    };
    format!(
        "At the end the mean distance of the views {label} is {} in {}{worker}{range}.{left_out}",
        percent(farthest.last()),
        farthest.name
    )
}
