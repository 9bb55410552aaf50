//! What serving copies served over simulated time: for each point a line with mean and band over
//! seeds.

use super::gather::{SweepPoint, TrialServed};
use crate::metrics::scalar;
use crate::report::figure::axis::{Axis, AxisUnit};
use crate::report::figure::chart::{Chart, Figure, Panels, Plot, Series};
use crate::report::figure::grid::{self, Grid, MOST_ROWS, evenly};
use crate::report::figure::number::figure;
use crate::report::figure::thin::mean_line;
use crate::results::outcome::State;

const TITLE: &str = "Served quality by simulated time";

/// The most lines of one plot.
const MOST_LINES: usize = 12;
/// The most positions of one line.
const POSITIONS: usize = 120;

/// A measure: the name for readers, the unit, the figure that says which range it has, and its value.
type ServedMeasure = (&'static str, AxisUnit, &'static str, fn(&TrialServed) -> Option<f64>);

const MEASURES: [ServedMeasure; 4] = [
    ("served AUC", AxisUnit::Number, "served.auc", |served| served.auc),
    ("served log-loss", AxisUnit::Number, "served.log_loss", |served| served.log_loss),
    ("how far rows are behind", AxisUnit::Time, "served.row_lag_s", |served| served.row_lag_s),
    ("requests served with stale rows", AxisUnit::Percent, "served.stale", |served| served.stale),
];

/// The figure; `None` if no trial has a serving copy.
pub fn figure_of(points: &[SweepPoint]) -> Option<Figure> {
    let with: Vec<&SweepPoint> =
        points.iter().filter(|point| !curves(point, 0).is_empty()).collect();
    let shown: Vec<&SweepPoint> = evenly(with.len(), MOST_LINES).map(|at| with[at]).collect();
    let plots: Vec<Plot> =
        (0..MEASURES.len()).filter_map(|measure| plot(&shown, measure)).collect();
    (!plots.is_empty()).then(|| Figure {
        id: "served".to_string(),
        title: TITLE.to_string(),
        sentence: sentence(&with, shown.len()),
        grid: table(&plots),
        chart: Chart::Plots(plots, Panels::stacked(2)),
        file: "trials/*/served.csv".to_string(),
    })
}

/// The series of the finished trials of a point.
fn curves(point: &SweepPoint, measure: usize) -> Vec<Vec<(f64, f64)>> {
    let done = point.trials.iter().filter(|trial| trial.state == State::Done);
    let curve = done.map(|trial| {
        let of = MEASURES[measure].3;
        let points = trial.served.iter().filter_map(|served| Some((served.sim_s, of(served)?)));
        points.collect::<Vec<_>>()
    });
    curve.filter(|curve| !curve.is_empty()).collect()
}

fn plot(points: &[&SweepPoint], measure: usize) -> Option<Plot> {
    let (name, unit, range, _) = MEASURES[measure];
    let line = |point: &&SweepPoint| {
        mean_line(point.label.as_str(), &curves(point, measure), POSITIONS, scalar::range(range))
    };
    let series: Vec<Series> =
        points.iter().map(line).filter(|series| !series.x.is_empty()).collect();
    let x = Axis::new("simulated time", AxisUnit::Time);
    (!series.is_empty()).then(|| Plot::new(name, x, Axis::new(name, unit), series))
}

/// The mean over seeds of the mean served AUC over time.
fn mean_auc(point: &SweepPoint) -> f64 {
    let mean = |curve: &Vec<(f64, f64)>| {
        curve.iter().map(|point| point.1).sum::<f64>() / curve.len() as f64
    };
    let all: Vec<f64> = curves(point, 0).iter().map(mean).collect();
    all.iter().sum::<f64>() / all.len() as f64
}

fn sentence(points: &[&SweepPoint], shown: usize) -> String {
    let by = |a: &&&SweepPoint, b: &&&SweepPoint| mean_auc(a).total_cmp(&mean_auc(b));
    let (Some(best), Some(worst)) = (points.iter().max_by(by), points.iter().min_by(by)) else {
        return String::new();
    };
    let drawn = match shown < points.len() {
        true => format!(" {shown} of {} points are drawn, evenly chosen.", points.len()),
        false => String::new(),
    };
    let said = |point: &SweepPoint| format!("{} ({})", point.label, figure(mean_auc(point)));
    match points.len() {
        1 => format!("The mean served AUC over time of {}.{drawn}", said(best)),
        _ => format!(
            "The mean served AUC over time is highest for {} and lowest for {}.{drawn}",
            said(best),
            said(worst)
        ),
    }
}

fn table(plots: &[Plot]) -> Grid {
    let columns = vec![
        grid::text("point"),
        grid::text("measure"),
        grid::number("simulated s"),
        grid::number("mean"),
    ];
    let of = |plot: &Plot| -> Vec<Vec<String>> {
        let cells = |series: &Series, (x, y): (f64, f64)| {
            vec![series.name.clone(), plot.label.clone(), figure(x), figure(y)]
        };
        let each =
            |series: &Series| -> Vec<_> { series.points().map(|at| cells(series, at)).collect() };
        plot.series.iter().flat_map(each).collect()
    };
    let rows: Vec<Vec<String>> = plots.iter().flat_map(of).collect();
    Grid::new(TITLE, columns).fill(&rows, MOST_ROWS, "trials/*/served.csv", Clone::clone)
}
