//! Training over time: loss, norm of the gradients, staleness and other means per interval.

use super::absent::NoFigure;
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

/// The figure, with a plot per series that changes.
pub fn figure(run: &RunResults) -> Result<Figure, NoFigure> {
    let rows = run.training.rows()?;
    // Some figures, such as the gap, are measured only on request.
    let known = |(_, _, value): &TrainingMeasure| rows.iter().any(|row| value(row).is_some());
    let measures: Vec<TrainingMeasure> = MEASURES.into_iter().filter(known).collect();
    let (constant, varying): (Vec<TrainingMeasure>, Vec<TrainingMeasure>) =
        measures.iter().copied().partition(|measure| constant(rows, measure).is_some());
    let constant = said_constant(rows, &constant);
    let plots: Vec<Plot> = varying.iter().filter_map(|measure| plot(rows, measure)).collect();
    if plots.is_empty() && !constant.is_empty() {
        return Err(NoFigure::Sentence(constant));
    } else if plots.is_empty() {
        return Err(run.training.unusable("holds no figures").into());
    }
    let has_loss = rows.iter().any(|row| row.loss.is_some());
    let title = match has_loss {
        true => "Loss and other figures of training",
        false => "Figures of the run over time",
    };
    let sentences = [has_loss.then(|| sentence(rows)), Some(constant)];
    let sentences: Vec<String> =
        sentences.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    let sentence = match sentences.is_empty() {
        true => format!("The lines have a value for each of {}.", intervals(rows)),
        false => sentences.join(" "),
    };
    let columns = ["update", "examples", "simulated s"].map(grid::number);
    let named = measures.iter().map(|(name, ..)| grid::number(*name));
    let grid = Grid::new("Training by intervals", columns.into_iter().chain(named).collect());
    Ok(Figure {
        id: "loss".to_string(),
        title: title.to_string(),
        sentence,
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
        .without_early_outliers()
    })
}

/// The value of a measure that never changes.
fn constant(rows: &[TrainingRow], (_, _, value): &TrainingMeasure) -> Option<f64> {
    let mut values = rows.iter().filter_map(value);
    let first = values.next()?;
    (rows.len() > 1 && values.all(|value| value == first)).then_some(first)
}

/// The measures that never change, in a sentence; empty without any.
fn said_constant(rows: &[TrainingRow], measures: &[TrainingMeasure]) -> String {
    let said = |measure: &TrainingMeasure| {
        Some(format!("{} {}", measure.0, number::figure(constant(rows, measure)?)))
    };
    let said: Vec<String> = measures.iter().filter_map(said).collect();
    match said.is_empty() {
        true => String::new(),
        false => format!("The same in every interval, and not drawn: {}.", said.join(", ")),
    }
}

fn intervals(rows: &[TrainingRow]) -> String {
    number::counted(rows.len(), "interval", "intervals")
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

    #[test]
    fn what_never_changes_is_said_and_not_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let rows = "update,examples,sim_s,loss,staleness_mean\n1,32,0.5,0.25,0\n2,64,1,0.125,0\n";
        let run = RunResults::open(folder.path()).unwrap();
        let run = RunResults { training: Rows::parse(rows).unwrap(), ..run };
        let figure = figure(&run).unwrap();
        assert!(figure.sentence.ends_with("and not drawn: staleness 0."), "{}", figure.sentence);
        let Chart::Plots(plots, _) = figure.chart else { panic!("plots") };
        assert_eq!(plots.len(), 1);
    }
}
