//! What the serving copy and the copies beside it served over time, and how fresh it was.

use super::absent::NoFigure;
use super::axis::{Axis, AxisUnit};
use super::chart::{Chart, Figure, Panels, Plot, Series};
use super::grid::{self, Grid, MOST_ROWS};
use super::number::{self, count, counted, percent};
use super::thin;
use crate::results::RunResults;
use crate::results::summary::ServedSummary;
use crate::results::tables::{ServedCopy, ServedRow};

/// Whether a run has a serving copy.
pub fn is_served(run: &RunResults) -> bool {
    run.served.is_present()
}

/// A figure of a row.
type Measure = fn(&ServedRow) -> Option<f64>;

/// The figure.
pub fn figure(run: &RunResults) -> Result<Figure, NoFigure> {
    let rows = run.served.rows()?;
    let number = |name| Axis::new(name, AxisUnit::Number);
    let plots = [
        by_copy(rows, "AUC", number("served AUC"), |row| row.auc),
        row_lag(rows),
        dense_age(rows),
        by_copy(rows, "log-loss", number("served log-loss"), |row| row.log_loss),
        by_copy(rows, "calibration", number("served calibration"), |row| row.calibration),
        by_copy(
            rows,
            "stale",
            Axis::new("requests served with stale rows", AxisUnit::Percent),
            |row| row.stale,
        ),
        traffic(rows),
    ];
    let plots: Vec<Plot> = plots.into_iter().flatten().collect();
    if plots.is_empty() {
        return Err(run.served.unusable("holds no scores").into());
    }
    Ok(Figure {
        id: "served".to_string(),
        title: "The serving copy".to_string(),
        sentence: sentence(rows),
        chart: Chart::Plots(plots, Panels::stacked(3)),
        grid: table(rows),
        file: "served.csv".to_string(),
    })
}

fn time() -> Axis {
    Axis::new("simulated time", AxisUnit::Time)
}

/// The values of a copy, each at the end of its stretch of time.
fn points(rows: &[ServedRow], copy: ServedCopy, of: Measure) -> Vec<(f64, f64)> {
    let own = rows.iter().filter(|row| row.copy == copy);
    own.filter_map(|row| Some((row.to_s, of(row).filter(|value| value.is_finite())?))).collect()
}

/// A line for each copy that has values; `None` if none has.
fn by_copy(rows: &[ServedRow], name: &str, y: Axis, of: Measure) -> Option<Plot> {
    let line = |(place, copy): (usize, &ServedCopy)| {
        let points = points(rows, *copy, of);
        let line = thin::line(copy.name(), &points, ServedCopy::ALL.len());
        (!points.is_empty()).then_some(Series { colour: Some(place), ..line })
    };
    let series: Vec<Series> = ServedCopy::ALL.iter().enumerate().filter_map(line).collect();
    (!series.is_empty()).then(|| Plot::new(name, time(), y, series))
}

/// Lines of the serving copy alone; their colours begin with that of number `first`.
fn of_serving(
    rows: &[ServedRow],
    (name, y): (&str, Axis),
    lines: &[(&str, Measure)],
    first: usize,
) -> Option<Plot> {
    let line = |(place, (name, of)): (usize, &(&str, Measure))| {
        let points = points(rows, ServedCopy::Serving, *of);
        let line = thin::line(*name, &points, lines.len());
        (!points.is_empty()).then_some(Series { colour: Some(first + place), ..line })
    };
    let series: Vec<Series> = lines.iter().enumerate().filter_map(line).collect();
    (!series.is_empty()).then(|| Plot::new(name, time(), y, series))
}

fn row_lag(rows: &[ServedRow]) -> Option<Plot> {
    let y = Axis::new("how far rows are behind", AxisUnit::Time);
    let lines: [(&str, Measure); 2] =
        [("rows, mean", |row| row.row_lag_s), ("rows, 99th percentile", |row| row.row_lag_p99_s)];
    of_serving(rows, ("row lag", y), &lines, ServedCopy::ALL.len())
}

/// On an axis of its own: dense parameters may be a thousand times as old.
fn dense_age(rows: &[ServedRow]) -> Option<Plot> {
    let y = Axis::new("age of dense parameters", AxisUnit::Time);
    let lines: [(&str, Measure); 1] = [("dense parameters, age", |row| row.dense_age_s)];
    of_serving(rows, ("dense age", y), &lines, ServedCopy::ALL.len() + 2)
}

fn traffic(rows: &[ServedRow]) -> Option<Plot> {
    let y = Axis::new("bytes sent per minute", AxisUnit::Count);
    let per_minute = |bytes: Option<u64>, row: &ServedRow| {
        let minutes = (row.to_s - row.from_s) / 60.0;
        Some(bytes? as f64 / minutes).filter(|_| minutes > 0.0)
    };
    let of = |name: &str, value: &dyn Fn(&ServedRow) -> Option<f64>, place| {
        let own = rows.iter().filter(|row| row.copy == ServedCopy::Serving);
        let points: Vec<(f64, f64)> = own.filter_map(|row| Some((row.to_s, value(row)?))).collect();
        let is_empty = points.iter().all(|point| point.1 == 0.0);
        let line = thin::line(name, &points, 2);
        (!is_empty).then_some(Series { colour: Some(place), ..line })
    };
    let series: Vec<Series> = [
        of("rows", &|row| per_minute(row.row_bytes, row), 0),
        of("dense parameters", &|row| per_minute(row.dense_bytes, row), 1),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!series.is_empty()).then(|| Plot::new("traffic", time(), y, series))
}

/// What the serving copy of a run served, in one line.
pub fn in_short(served: &ServedSummary) -> String {
    let requests = counted(served.scored as usize, "request", "requests");
    let mut text = match served.auc {
        Some(auc) => format!("AUC {} on {requests} as they came", number::figure(auc)),
        None => format!("no AUC on {requests}"),
    };
    let against = [
        (served.gap_to_oracle.map(|gap| -gap), "than the training servers' own parameters"),
        (served.gain_on_batch, "than the model at the start"),
    ];
    for (difference, what) in against {
        if let Some(difference) = difference {
            let more = if difference < 0.0 { "less" } else { "more" };
            text.push_str(&format!(", {:.4} {more} {what}", difference.abs()));
        }
    }
    if let Some(lag) = served.row_lag_s {
        text.push_str(&format!("; rows {} behind", number::time(lag)));
    }
    text
}

/// The mean of a figure over the scored requests of a copy.
fn mean(rows: &[ServedRow], copy: ServedCopy, of: Measure) -> Option<f64> {
    let own = rows.iter().filter(|row| row.copy == copy);
    let known = own.filter_map(|row| Some((row.scored as f64, of(row)?)));
    let (weight, sum) =
        known.fold((0.0, 0.0), |(weight, sum), (n, value)| (weight + n, sum + n * value));
    (weight > 0.0).then(|| sum / weight)
}

fn sentence(rows: &[ServedRow]) -> String {
    let named = ServedCopy::ALL.iter().filter_map(|copy| {
        let auc = mean(rows, *copy, |row| row.auc)?;
        Some(format!("{} {}", copy.name(), number::figure(auc)))
    });
    let named: Vec<String> = named.collect();
    let aucs = match named.is_empty() {
        true => "No stretch of time has an AUC.".to_string(),
        false => format!("Mean AUC of the stretches of time: {}.", named.join(", ")),
    };
    let own = |of| mean(rows, ServedCopy::Serving, of);
    let Some(stale) = own(|row| row.stale) else { return aucs };
    let seconds = |of| own(of).map_or_else(String::new, number::time);
    format!(
        "{aucs} {} of the scored requests met a row that was behind; rows were {} behind on average, and dense \
         parameters {} old.",
        percent(stale),
        seconds(|row| row.row_lag_s),
        seconds(|row| row.dense_age_s),
    )
}

fn table(rows: &[ServedRow]) -> Grid {
    let numbers = [
        "until, s",
        "scored",
        "AUC",
        "log-loss",
        "calibration",
        "stale",
        "rows behind, s",
        "99 %, s",
        "dense age, s",
        "bytes sent",
    ];
    let columns = [grid::text("copy")].into_iter().chain(numbers.map(grid::number));
    let grid = Grid::new("What was served over time", columns.collect());
    grid.fill(rows, MOST_ROWS, "served.csv", |row| {
        let bytes = row.row_bytes.map(|bytes| bytes + row.dense_bytes.unwrap_or(0));
        vec![
            row.copy.name().to_string(),
            number::figure(row.to_s),
            count(row.scored),
            number::figure(row.auc),
            number::figure(row.log_loss),
            number::figure(row.calibration),
            row.stale.map_or_else(String::new, percent),
            row.row_lag_s.map_or_else(String::new, number::figure),
            row.row_lag_p99_s.map_or_else(String::new, number::figure),
            row.dense_age_s.map_or_else(String::new, number::figure),
            bytes.map_or_else(String::new, count),
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
        let header: Vec<&str> = ServedRow::TABLE.header().collect();
        run.served = Rows::parse(&format!("{}\n{}\n", header.join(","), rows.join("\n"))).unwrap();
        run
    }

    #[test]
    fn copies_are_compared_and_freshness_is_told() {
        let own = |from: u32, auc: f64, scored: u32, stale: f64| {
            format!(
                "{from},{},serving,900,{scored},9,{auc},,,0.4,,,1.1,,{stale},30,90,600,6000,600,0,0,0",
                from + 3600
            )
        };
        let other =
            |copy: &str, auc: f64| format!("0,3600,{copy},900,30,9,{auc},,,0.4,,,1.1,,,,,,,,,,");
        let (first, second) = (own(0, 0.7, 30, 0.5), own(3600, 0.6, 10, 0.1));
        let (oracle, batch) = (other("oracle", 0.75), other("batch", 0.5));
        let figure = figure(&run(&[&first, &oracle, &batch, &second])).unwrap();
        assert_eq!(
            figure.sentence,
            "Mean AUC of the stretches of time: serving 0.6750, oracle 0.7500, batch 0.5000. 40.0 % of the scored \
             requests met a row that was behind; rows were 30.0 s behind on average, and dense parameters \
             10 m 00 s old."
        );
        let Chart::Plots(plots, _) = &figure.chart else { panic!("plots") };
        let labels: Vec<&str> = plots.iter().map(|plot| plot.label.as_str()).collect();
        assert_eq!(
            labels,
            ["AUC", "row lag", "dense age", "log-loss", "calibration", "stale", "traffic"]
        );
        assert_eq!(plots[0].series.len(), 3);
        assert_eq!(plots[0].series[0].x, [3600.0, 7200.0]);
        assert_eq!(plots[6].series[0].y, [Some(100.0); 2]);
        assert_eq!(figure.grid.rows.len(), 4);
    }

    #[test]
    fn a_line_compares_the_copy_with_the_others() {
        let served = ServedSummary {
            scored: 601,
            auc: Some(0.78),
            gap_to_oracle: Some(0.002),
            gain_on_batch: Some(0.04),
            row_lag_s: Some(76.7),
            ..ServedSummary::default()
        };
        assert_eq!(
            in_short(&served),
            "AUC 0.7800 on 601 requests as they came, 0.0020 less than the training servers' own parameters, 0.0400 more \
             than the model at the start; rows 76.7 s behind"
        );
        let nothing = in_short(&ServedSummary::default());
        assert_eq!(nothing, "no AUC on 0 requests");
    }

    #[test]
    fn a_run_without_a_serving_copy_has_no_figure() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunResults::open(folder.path()).unwrap();
        assert!(!is_served(&run) && figure(&run).is_err());
    }
}
