//! What the serving copy and the copies beside it served, by how well known the items of the requests
//! were.

use super::absent::NoFigure;
use super::axis::AxisUnit;
use super::chart::{Chart, Figure, Panels, Plot};
use super::class_plot::{self, ClassPoint};
use super::grid::{self, Grid, MOST_ROWS};
use super::number::{self, count, percent};
use crate::results::RunResults;
use crate::results::tables::{ItemSplit, ServedCopy, ServedSliceRow};

/// A measure of a class: its name, its unit, its value and, if it has one, its standard error.
type Measure = (
    &'static str,
    AxisUnit,
    fn(&ServedSliceRow) -> Option<f64>,
    fn(&ServedSliceRow) -> Option<f64>,
);

const MEASURES: [Measure; 5] = [
    ("AUC", AxisUnit::Number, |row| row.auc, |row| row.auc_error),
    ("log-loss", AxisUnit::Number, |row| row.log_loss, |row| row.log_loss_error),
    ("calibration", AxisUnit::Number, |row| row.calibration, |_| None),
    ("served with stale rows", AxisUnit::Percent, |row| row.stale, |_| None),
    ("scored requests", AxisUnit::Count, |row| Some(row.scored as f64), |_| None),
];

/// A class with a smaller share of the requests is not worth a sentence.
const LITTLE: f64 = 0.01;

/// Whether a run has divided its scored requests.
pub fn are_known(run: &RunResults) -> bool {
    run.served_slices.is_present()
}

/// By the examples with the item before the request.
pub fn by_frequency(run: &RunResults) -> Result<Figure, NoFigure> {
    let title = "Served quality by how often the item was in the log before";
    let what = "examples with the item before, from";
    build(run, ItemSplit::Frequency, ("served-by-frequency", title), what)
}

/// By the time since the item was first in the log.
pub fn by_age(run: &RunResults) -> Result<Figure, NoFigure> {
    let title = "Served quality by how long the item has been in the log";
    build(run, ItemSplit::Age, ("served-by-age", title), "time since the item came, from")
}

fn build(
    run: &RunResults,
    by: ItemSplit,
    (id, title): (&str, &str),
    what: &str,
) -> Result<Figure, NoFigure> {
    let all = run.served_slices.rows()?;
    let rows: Vec<&ServedSliceRow> = all.iter().filter(|row| row.by == by).collect();
    if rows.is_empty() {
        return Err(run.served_slices.unusable("has no such classes").into());
    }
    // In the order of the file, in which classes without numbers are the last.
    let mut classes: Vec<Option<u64>> = rows.iter().map(|row| row.low).collect();
    classes.sort_by_key(|low| low.unwrap_or(u64::MAX));
    classes.dedup();
    let plots: Vec<Plot> =
        MEASURES.iter().filter_map(|measure| plot(&rows, &classes, measure, what)).collect();
    Ok(Figure {
        id: id.to_string(),
        title: title.to_string(),
        sentence: sentence(&rows),
        chart: Chart::Plots(plots, Panels::stacked(3)),
        grid: table(title, &rows, what),
        file: "served_slices.csv".to_string(),
    })
}

fn plot(
    rows: &[&ServedSliceRow],
    classes: &[Option<u64>],
    (label, unit, value, error): &Measure,
    what: &str,
) -> Option<Plot> {
    let of_copy = |copy: &ServedCopy| {
        let point = |row: &&ServedSliceRow| {
            let class = classes.iter().position(|low| *low == row.low)?;
            let (value, error) = (value(row), error(row));
            Some(ClassPoint { class, examples: row.scored, value, error })
        };
        let own = rows.iter().filter(|row| row.copy == *copy);
        (copy.name().to_string(), own.filter_map(point).collect())
    };
    // All copies have scored the same requests.
    let all = if *label == "scored requests" { &ServedCopy::ALL[..1] } else { &ServedCopy::ALL };
    let points: Vec<(String, Vec<ClassPoint>)> = all.iter().map(of_copy).collect();
    let by = rows[0].by;
    let names = classes.iter().map(|low| name(by, *low)).collect();
    class_plot::plot((label, *unit), &points, (what, names), "requests")
}

/// The name of a class, by its smallest number.
fn name(by: ItemSplit, low: Option<u64>) -> String {
    match (by, low) {
        (_, None) => "earlier days".to_string(),
        (ItemSplit::Frequency, Some(low)) => low.to_string(),
        (ItemSplit::Age, Some(low)) => length(low),
    }
}

/// About so many seconds, where there is little room.
fn length(seconds: u64) -> String {
    let units = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min")];
    let seconds = seconds as f64;
    match units.iter().find(|(unit, _)| seconds >= *unit) {
        Some((unit, name)) if seconds < 10.0 * unit => format!("{:.1} {name}", seconds / unit),
        Some((unit, name)) => format!("{:.0} {name}", seconds / unit),
        None => format!("{seconds} s"),
    }
}

/// Where the serving copy is the best and the worst.
fn sentence(rows: &[&ServedSliceRow]) -> String {
    let own = || rows.iter().filter(|row| row.copy == ServedCopy::Serving);
    let all: u64 = own().map(|row| row.scored).sum();
    let is_large = |row: &&&ServedSliceRow| row.scored as f64 >= LITTLE * all as f64;
    let mut known: Vec<(&ServedSliceRow, f64)> = own()
        .filter(is_large)
        .filter_map(|row| Some((*row, row.auc.filter(|auc| auc.is_finite())?)))
        .collect();
    known.sort_by(|a, b| a.1.total_cmp(&b.1));
    let said = |(row, auc): &(&ServedSliceRow, f64)| {
        let share = percent(row.scored as f64 / all as f64);
        let class = match row.low {
            Some(_) => format!("from {}", name(row.by, row.low)),
            None => "of earlier days".to_string(),
        };
        format!("{} (items {class}, {share} of the scored requests)", number::figure(*auc))
    };
    let text = match known.as_slice() {
        [] => "No large class has an AUC.".to_string(),
        [only] => format!("The serving copy has an AUC of {}.", said(only)),
        [worst, .., best] => {
            format!("The serving copy has an AUC from {} to {}.", said(worst), said(best))
        }
    };
    format!(
        "{text} Bars are one standard error. Classes differ by more than how well known items are: compare one \
         class between copies or runs."
    )
}

fn table(title: &str, rows: &[&ServedSliceRow], what: &str) -> Grid {
    let numbers = [
        "to",
        "scored",
        "positives",
        "AUC",
        "its error",
        "log-loss",
        "its error",
        "calibration",
        "stale",
        "rows behind, s",
    ];
    let texts = ["copy", what].map(grid::text).into_iter();
    let columns = texts.chain(numbers.map(grid::number)).chain([grid::text("not defined")]);
    Grid::new(title, columns.collect()).fill(rows, MOST_ROWS, "served_slices.csv", |row| {
        vec![
            row.copy.name().to_string(),
            name(row.by, row.low),
            row.high.map_or_else(String::new, |high| name(row.by, Some(high))),
            count(row.scored),
            count(row.positives),
            number::figure(row.auc),
            number::figure(row.auc_error),
            number::figure(row.log_loss),
            number::figure(row.log_loss_error),
            number::figure(row.calibration),
            row.stale.map_or_else(String::new, percent),
            row.row_lag_s.map_or_else(String::new, number::figure),
            row.undefined.clone().unwrap_or_default(),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::{Rows, TableRow};

    fn run(text: &str) -> RunResults {
        let folder = tempfile::tempdir().unwrap();
        let mut run = RunResults::open(folder.path()).unwrap();
        let header: Vec<&str> = ServedSliceRow::TABLE.header().collect();
        run.served_slices = Rows::parse(&format!("{}\n{text}", header.join(","))).unwrap();
        run
    }

    const TEXT: &str = "\
        serving,frequency,0,0,10,1,0.5,0.1,0.6,0.02,1.0,1.2,,0.1,5\n\
        serving,frequency,4,7,90,9,0.8,0.01,0.3,0.02,0.9,1.1,,0.5,9\n\
        serving,age,4096,8191,60,6,0.7,0.01,0.3,0.02,0.9,1.1,,0.5,9\n\
        serving,age,,,40,4,,,0.3,0.02,0.9,1.1,auc: x,0.5,9\n\
        oracle,frequency,0,0,10,1,0.6,0.1,0.5,0.02,1.0,1.2,,,\n\
        oracle,frequency,4,7,90,9,0.85,0.01,0.3,0.02,0.9,1.1,,,\n";

    #[test]
    fn classes_stand_in_order_with_a_point_of_each_copy() {
        let figure = by_frequency(&run(TEXT)).unwrap();
        let Chart::Plots(plots, _) = &figure.chart else { panic!("plots") };
        let shape: Vec<(&str, usize)> =
            plots.iter().map(|plot| (plot.label.as_str(), plot.series.len())).collect();
        assert_eq!(
            shape,
            [
                ("AUC", 2),
                ("log-loss", 2),
                ("calibration", 2),
                ("served with stale rows", 1),
                ("scored requests", 1)
            ]
        );
        assert_eq!(plots[0].x.names, ["0", "4"]);
        assert_eq!(plots[0].series[0].y, [Some(0.5), Some(0.8)]);
        assert_eq!(figure.grid.rows.len(), 4);
        assert!(
            figure.sentence.starts_with(
                "The serving copy has an AUC from 0.5000 (items from 0, 10.0 % of the scored requests) to 0.8000 \
                 (items from 4, 90.0 % of the scored requests)."
            ),
            "{}",
            figure.sentence
        );
        let figure = by_age(&run(TEXT)).unwrap();
        let Chart::Plots(plots, _) = &figure.chart else { panic!("plots") };
        assert_eq!(plots[1].x.names, ["1.1 h", "earlier days"]);
    }

    #[test]
    fn a_run_without_items_has_no_figure() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunResults::open(folder.path()).unwrap();
        assert!(!are_known(&run) && by_age(&run).is_err());
    }
}
