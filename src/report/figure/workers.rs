//! Throughput and mean staleness of a fitted job against the number of its workers.

use super::axis::{Axis, AxisUnit};
use super::chart::{Band, Chart, Figure, Panels, Plot, Series, Style};
use super::grid::{self, Grid, MOST_ROWS};
use super::number;

/// What the log of the job shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logged {
    /// Workers.
    pub workers: u32,
    /// Steps per second.
    pub throughput: f64,
    /// Mean staleness, if it is known.
    pub staleness: Option<f64>,
}

/// Predictions for one number of workers: low, middle and high, of steps per second and of mean
/// staleness.
pub type AtSize = (u32, [f64; 3], [f64; 3]);

/// The figure; sizes ascend.
pub fn figure(found: &[AtSize], logged: Logged) -> Figure {
    let most = found.iter().map(|(workers, ..)| *workers).max().unwrap_or(1);
    let x = || Axis::new("workers", AxisUnit::Number).between(0.0, 1.02 * f64::from(most));
    let plot = |title: &str, of: fn(&AtSize) -> [f64; 3], known: Option<f64>| {
        let high = found.iter().map(|at| of(at)[2]).fold(known.unwrap_or(0.0), f64::max);
        let y = Axis::new(title, AxisUnit::Number).between(0.0, 1.05 * high.max(1e-9));
        let values = |k: usize| found.iter().map(|at| Some(of(at)[k])).collect::<Vec<_>>();
        let line = Series {
            name: "predicted".to_string(),
            x: found.iter().map(|(workers, ..)| f64::from(*workers)).collect(),
            y: values(1),
            band: Some(Band { low: values(0), high: values(2) }),
            ..Series::default()
        };
        let point = Series {
            name: "the log".to_string(),
            x: vec![f64::from(logged.workers)],
            y: vec![known],
            style: Style::Points,
            ..Series::default()
        };
        Plot::new(title, x(), y, vec![line, point])
    };
    let columns = ["workers", "steps per second", "low", "high", "mean staleness", "low", "high"];
    Figure {
        id: "workers".to_string(),
        title: "The job with other numbers of workers".to_string(),
        sentence: format!(
            "Predicted from a log of {} workers. The bands hold nine of ten simulated runs with servers that fit the \
             log; real jobs lay outside more often where that was tried.",
            logged.workers
        ),
        chart: Chart::Plots(
            vec![
                plot("steps per second", |at| at.1, Some(logged.throughput)),
                plot("mean staleness", |at| at.2, logged.staleness),
            ],
            Panels::side_by_side(2),
        ),
        grid: Grid::new("Predictions", columns.map(grid::number).into()).fill(
            found,
            MOST_ROWS,
            "the log",
            |(workers, rate, stale)| {
                let [a, b] = [rate, stale].map(|v| [v[1], v[0], v[2]].map(number::figure));
                [workers.to_string()].into_iter().chain(a).chain(b).collect()
            },
        ),
        file: "the log".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_a_point_beside_the_band() {
        let found = [(2, [1.0, 2.0, 3.0], [0.8, 0.9, 1.0]), (8, [5.0, 6.0, 7.0], [6.0, 6.5, 7.0])];
        let figure = figure(&found, Logged { workers: 4, throughput: 3.0, staleness: None });
        let Chart::Plots(plots, _) = &figure.chart else { panic!() };
        assert_eq!(plots[0].series[0].band.as_ref().unwrap().high, [Some(3.0), Some(7.0)]);
        assert_eq!(plots[0].series[1].points().collect::<Vec<_>>(), [(4.0, 3.0)]);
        assert_eq!(plots[1].series[1].points().count(), 0);
    }
}
