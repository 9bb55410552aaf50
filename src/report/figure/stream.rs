//! A live stream over time: how late its examples are, how many wait, and what becomes of requests.

use super::absent::NoFigure;
use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Panels, Plot, Series};
use super::grid::{self, Grid, MOST_ROWS};
use super::number::{self, count, counted, percent};
use super::thin;
use crate::results::RunResults;
use crate::results::tables::StreamRow;

/// Something that becomes of requests, and how many.
type Fate = (&'static str, fn(&StreamRow) -> u64);

const FATES: [Fate; 6] = [
    ("positive", |row| row.emitted_positives),
    ("negative", |row| row.emitted_negatives),
    ("not kept", |row| row.unkept),
    ("waiting in memory", |row| row.in_memory + row.features_on_way),
    ("waiting on disk", |row| row.on_disk),
    ("features lost", |row| row.features_lost),
];

/// Whether a run trains on a live stream.
pub fn is_live(run: &RunResults) -> bool {
    run.stream.is_present()
}

/// The figure.
pub fn figure(run: &RunResults) -> Result<Figure, NoFigure> {
    let rows = run.stream.rows()?;
    let plots = [lags(rows), waiting(rows), fates(rows)].into_iter().flatten().collect();
    Ok(Figure {
        id: "stream".to_string(),
        title: "The live stream".to_string(),
        sentence: rows.last().map_or_else(String::new, |last| sentence(last, rows)),
        chart: Chart::Plots(plots, Panels::stacked(3)),
        grid: table(rows),
        file: "stream.csv".to_string(),
    })
}

fn time() -> Axis {
    Axis::new("simulated time", AxisUnit::Time)
}

/// The name of a line and its points by time.
type Line = (&'static str, Vec<(f64, f64)>);

/// The points of what is known of some rows.
fn points(rows: &[StreamRow], of: impl Fn(&StreamRow) -> Option<f64>) -> Vec<(f64, f64)> {
    rows.iter().filter_map(|row| Some((row.sim_s, of(row)?))).collect()
}

/// A plot of lines by time, without those that are zero everywhere; `None` if there is no other. The
/// plots share one legend, so each has colours of its own, from `colour` on.
fn plot(name: &str, y: Axis, colour: usize, lines: &[Line]) -> Option<Plot> {
    let line = |(place, (name, points)): (usize, &Line)| {
        let line = thin::line(*name, points, lines.len());
        let is_empty = points.iter().all(|point| point.1 == 0.0);
        (!is_empty).then_some(Series { colour: Some(colour + place), ..line })
    };
    let series: Vec<Series> = lines.iter().enumerate().filter_map(line).collect();
    (!series.is_empty()).then(|| Plot::new(name, time(), y, series))
}

fn lags(rows: &[StreamRow]) -> Option<Plot> {
    let y = Axis::new("time since the request", AxisUnit::Time);
    let lines = [
        ("update, mean", points(rows, |row| row.update_lag_s)),
        ("update, longest", points(rows, |row| row.update_lag_max_s)),
        ("taken by a worker, mean", points(rows, |row| row.queue_lag_s)),
        ("taken by a worker, longest", points(rows, |row| row.queue_lag_max_s)),
    ];
    plot("lag", y, 0, &lines)
}

fn waiting(rows: &[StreamRow]) -> Option<Plot> {
    let y = Axis::new("examples in the queue", AxisUnit::Count);
    let lines = [
        ("queue, longest", points(rows, |row| Some(row.queue_longest as f64))),
        ("queue, now", points(rows, |row| Some(row.queue as f64))),
    ];
    plot("queue", y, 4, &lines)
}

fn fates(rows: &[StreamRow]) -> Option<Plot> {
    let lines = FATES.map(|(name, of)| {
        let share =
            |row: &StreamRow| (row.requests > 0).then(|| of(row) as f64 / row.requests as f64);
        (name, points(rows, share))
    });
    let y = Axis::new("share of the requests so far", AxisUnit::Percent);
    plot("requests", y, 6, &lines)
}

fn sentence(last: &StreamRow, rows: &[StreamRow]) -> String {
    let requests = counted(last.requests as usize, "request", "requests");
    let fates = FATES.iter().filter(|(_, of)| of(last) > 0);
    let fates: Vec<String> = fates
        .map(|(name, of)| {
            format!("{name} {}", percent(of(last) as f64 / last.requests.max(1) as f64))
        })
        .collect();
    let longest = rows.iter().map(|row| row.queue_longest).max().unwrap_or(0);
    let dropped = last.dropped_positives + last.dropped_negatives;
    let dropped = match dropped {
        0 => String::new(),
        some => format!(" {} were dropped.", counted(some as usize, "example", "examples")),
    };
    format!(
        "Of {requests}: {}. Workers took {}; the queue was at most {} long.{dropped}",
        fates.join(", "),
        counted(last.taken as usize, "example", "examples"),
        count(longest)
    )
}

fn table(rows: &[StreamRow]) -> Grid {
    let columns = [
        "update",
        "simulated s",
        "requests",
        "positive",
        "negative",
        "not kept",
        "late actions",
        "queue",
        "dropped",
        "lag of updates, s",
        "longest, s",
    ];
    let grid = Grid::new("The stream over time", columns.map(grid::number).into());
    grid.fill(rows, MOST_ROWS, "stream.csv", |row| {
        let seconds = |of: Option<f64>| of.map_or_else(String::new, number::figure);
        vec![
            count(row.update),
            number::figure(row.sim_s),
            count(row.requests),
            count(row.emitted_positives),
            count(row.emitted_negatives),
            count(row.unkept),
            count(row.actions_late),
            count(row.queue),
            count(row.dropped_positives + row.dropped_negatives),
            seconds(row.update_lag_s),
            seconds(row.update_lag_max_s),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::{Rows, TableRow};

    fn run(rows: &[&str]) -> RunResults {
        let folder = tempfile::tempdir().unwrap();
        let mut run = RunResults::open(folder.path()).unwrap();
        let header: Vec<&str> = StreamRow::TABLE.header().collect();
        run.stream = Rows::parse(&format!("{}\n{}\n", header.join(","), rows.join("\n"))).unwrap();
        run
    }

    #[test]
    fn requests_are_divided_among_what_becomes_of_them() {
        let start = format!("0,0,0{},,,,", ",0".repeat(26));
        let end =
            "9,90,5,200,40,0,0,20,0,30,100,50,4,0,30,0,0,0,0,6,0,0,0,7,12,1,2,0,123,1.5,2,3,4";
        let figure = figure(&run(&[&start, end])).unwrap();
        assert_eq!(
            figure.sentence,
            "Of 200 requests: positive 15.0 %, negative 50.0 %, not kept 25.0 %, waiting in memory 10.0 %. \
             Workers took 123 examples; the queue was at most 12 long. 3 examples were dropped."
        );
        let Chart::Plots(plots, _) = &figure.chart else { panic!("plots") };
        let names = |plot: &Plot| {
            plot.series.iter().map(|line| line.name.clone()).collect::<Vec<_>>().join(", ")
        };
        let all: Vec<String> = plots.iter().map(names).collect();
        assert_eq!(
            all,
            [
                "update, mean, update, longest, taken by a worker, mean, taken by a worker, longest",
                "queue, longest, queue, now",
                "positive, negative, not kept, waiting in memory"
            ]
        );
    }

    #[test]
    fn a_run_without_a_stream_has_no_figure() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunResults::open(folder.path()).unwrap();
        assert!(!is_live(&run) && figure(&run).is_err());
    }
}
