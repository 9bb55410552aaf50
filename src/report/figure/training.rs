//! Training over time: loss, norm of the gradients, staleness and other means per interval.

use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Panels, Plot};
use super::grid::{self, Grid, MOST_ROWS};
use super::number;
use super::thin;
use crate::results::RunResults;
use crate::results::tables::TrainingRow;

/// A series of `training.csv`: its name, the title of its axis, and its value in a row.
type TrainingMeasure = (&'static str, &'static str, fn(&TrainingRow) -> Option<f64>);

const MEASURES: [TrainingMeasure; 6] = [
    ("loss", "training loss, nats", |t| t.loss),
    ("gradient norm", "norm of the gradients", |t| t.gradient_norm),
    ("staleness", "mean staleness, updates", |t| t.staleness_mean),
    ("learning rate", "learning rate", |t| t.rate),
    ("in flight", "gradients in flight", |t| t.in_flight),
    ("gap", "mean gap between view and server", |t| t.gap_mean),
];

/// The figure, with a plot per series.
pub fn figure(run: &RunResults) -> Result<Figure, String> {
    let rows = run.training.rows()?;
    // Some figures, such as the gap, are measured only on request.
    let known = |(_, _, value): &TrainingMeasure| rows.iter().any(|row| value(row).is_some());
    let measures: Vec<TrainingMeasure> = MEASURES.into_iter().filter(known).collect();
    let plots: Vec<Plot> = measures.iter().filter_map(|measure| plot(rows, measure)).collect();
    if plots.is_empty() {
        return Err(run.training.unusable("holds no figures"));
    }
    let columns = ["update", "examples", "simulated s"].map(grid::number);
    let named = measures.iter().map(|(name, ..)| grid::number(*name));
    let grid = Grid::new("Training by intervals", columns.into_iter().chain(named).collect());
    Ok(Figure {
        id: "loss".to_string(),
        title: "Loss and other figures of training".to_string(),
        sentence: sentence(rows),
        chart: Chart::Plots(plots, Panels::stacked(2)),
        grid: grid.fill(rows, MOST_ROWS, "training.csv", |row| {
            let head =
                [row.update.to_string(), row.examples.to_string(), number::figure(row.sim_s)];
            head.into_iter()
                .chain(measures.iter().map(|(_, _, value)| number::figure(value(row))))
                .collect()
        }),
        file: "training.csv".to_string(),
    })
}

fn plot(rows: &[TrainingRow], (name, title, value): &TrainingMeasure) -> Option<Plot> {
    let point =
        |row: &TrainingRow| Some((row.examples as f64, value(row).filter(|v| v.is_finite())?));
    let points: Vec<(f64, f64)> = rows.iter().filter_map(point).collect();
    (!points.is_empty()).then(|| {
        Plot::new(
            *name,
            Axis::new("examples trained on", AxisUnit::Count),
            Axis::new(*title, AxisUnit::Number),
            vec![thin::line(*name, &points, 1)],
        )
    })
}

fn sentence(rows: &[TrainingRow]) -> String {
    let losses: Vec<f64> = rows.iter().filter_map(|row| row.loss).collect();
    let part = losses.len().div_ceil(10);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    match losses.as_slice() {
        [] => "No interval has a loss.".to_string(),
        [only] => {
            format!("The training loss is {} nats in the only interval.", number::figure(*only))
        }
        _ => format!(
            "The training loss is {} nats on average in the first tenth of the intervals, and {} nats in \
             the last.",
            number::figure(mean(&losses[..part])),
            number::figure(mean(&losses[losses.len() - part..]))
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::Rows;

    #[test]
    fn the_gap_is_shown_where_it_was_measured() {
        let folder = tempfile::tempdir().unwrap();
        let figure = |gaps: &str| {
            let rows = format!("update,examples,sim_s,loss,gap_mean\n1,32,0.5,0.25,{gaps}\n");
            let run = RunResults::open(folder.path()).unwrap();
            let run = RunResults { training: Rows::parse(&rows).unwrap(), ..run };
            super::figure(&run).unwrap()
        };
        let labels = |figure: Figure| match figure.chart {
            Chart::Plots(plots, _) => plots.into_iter().map(|plot| plot.label).collect::<Vec<_>>(),
            _ => panic!("plots"),
        };
        assert_eq!(labels(figure("0.125")), ["loss", "gap"]);
        assert_eq!(labels(figure("")), ["loss"]);
    }
}
