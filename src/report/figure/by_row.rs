//! Quality by classes of embedding rows at the last evaluation: by how often a row was met, how long
//! ago, and how often it has returned.

use super::absent::NoFigure;
use super::axis::AxisUnit;
use super::chart::{Chart, Figure, Panels, Plot};
use super::class_plot::{self, ClassPoint};
use super::grid::{self, Grid, MOST_ROWS};
use super::number::{self, count, percent};
use crate::results::RunResults;
use crate::results::tables::{ByRowRow, RowSplit};

/// A class with a smaller share of the examples is not worth a sentence.
const LITTLE: f64 = 0.01;

/// A measure of a class: its name, its unit, its value and, if it has one, its standard error.
type ClassMeasure =
    (&'static str, AxisUnit, fn(&ByRowRow) -> Option<f64>, fn(&ByRowRow) -> Option<f64>);

const MEASURES: [ClassMeasure; 4] = [
    ("log-loss", AxisUnit::Number, |row| row.log_loss, |row| row.log_loss_error),
    ("AUC", AxisUnit::Number, |row| row.auc, |row| row.auc_error),
    ("calibration", AxisUnit::Number, |row| row.calibration, |_| None),
    ("share of the examples", AxisUnit::Percent, |row| Some(row.share), |_| None),
];

/// By pushes with the row.
pub fn frequency(run: &RunResults) -> Result<Figure, NoFigure> {
    let title = "Quality by how often training has met the row";
    build(run, RowSplit::Frequency, ("by-row-frequency", title), "pushes with the row so far")
}

/// By the time since the last push with the row.
pub fn age(run: &RunResults) -> Result<Figure, NoFigure> {
    let title = "Quality by how long ago training met the row";
    build(run, RowSplit::Age, ("by-row-age", title), "updates since the last push with the row")
}

/// By the returns of the row.
pub fn returned(run: &RunResults) -> Result<Figure, NoFigure> {
    let title = "Quality by how often the row has returned";
    build(run, RowSplit::Returned, ("by-row-returned", title), "times that the row has returned")
}

/// Whether a run has measured quality by this property of rows.
pub fn is_measured(run: &RunResults, split: RowSplit) -> bool {
    run.by_row.rows().is_ok_and(|rows| rows.iter().any(|row| row.split == split))
}

fn build(
    run: &RunResults,
    split: RowSplit,
    (id, title): (&str, &str),
    what: &str,
) -> Result<Figure, NoFigure> {
    let all = run.by_row.rows()?;
    let last = all.iter().rfind(|row| row.split == split).map(|row| row.update);
    let of = |row: &&ByRowRow| row.split == split && Some(row.update) == last;
    let rows: Vec<&ByRowRow> = all.iter().filter(of).collect();
    if rows.is_empty() {
        return Err(run.by_row.unusable("has no such classes").into());
    }
    let classes: Vec<&'static str> = split
        .classes()
        .map(|class| class.name)
        .filter(|name| rows.iter().any(|row| row.class == *name))
        .collect();
    let mut spaces: Vec<&str> = rows.iter().map(|row| row.space.as_str()).collect();
    spaces.dedup();
    let plots: Vec<Plot> = MEASURES
        .iter()
        .filter_map(|measure| plot(&rows, &spaces, &classes, measure, what))
        .collect();
    Ok(Figure {
        id: id.to_string(),
        title: title.to_string(),
        sentence: sentence(&rows, &spaces),
        chart: Chart::Plots(plots, Panels::stacked(2)),
        grid: table(title, &rows, what),
        file: "by_row.csv".to_string(),
    })
}

fn plot(
    rows: &[&ByRowRow],
    spaces: &[&str],
    classes: &[&'static str],
    (label, unit, value, error): &ClassMeasure,
    what: &str,
) -> Option<Plot> {
    let of_space = |space: &&str| {
        let own = rows.iter().filter(|row| row.space == **space);
        let point = |row: &&ByRowRow| {
            let class = classes.iter().position(|class| *class == row.class)?;
            let (value, error) = (value(row), error(row));
            Some(ClassPoint { class, examples: row.scored, value, error })
        };
        (space.to_string(), own.filter_map(point).collect())
    };
    let points: Vec<(String, Vec<ClassPoint>)> = spaces.iter().map(of_space).collect();
    let names = classes.iter().map(|class| on_axis(class)).collect();
    class_plot::plot((label, *unit), &points, (what, names), "examples")
}

/// The name of a class where there is little room.
fn on_axis(class: &str) -> String {
    class.replace(" to ", "–").replace(" and more", "+")
}

/// Which classes are the best and the worst, for each id space.
fn sentence(rows: &[&ByRowRow], spaces: &[&str]) -> String {
    let of = |space: &&str| {
        let mut known: Vec<(&ByRowRow, f64)> = rows
            .iter()
            .filter(|row| row.space == **space && row.share >= LITTLE)
            .filter_map(|row| Some((*row, row.log_loss.filter(|loss| loss.is_finite())?)))
            .collect();
        known.sort_by(|a, b| a.1.total_cmp(&b.1));
        let said = |(row, loss): &(&ByRowRow, f64)| {
            let (loss, share) = (number::figure(*loss), percent(row.share));
            format!("{loss} (class {}, {share} of the examples)", on_axis(&row.class))
        };
        match known.as_slice() {
            [] => format!("No large class of {space} has a log-loss."),
            [only] => format!("By {space} the log-loss is {}.", said(only)),
            [best, .., worst] => {
                format!("By {space} the log-loss is from {} to {}.", said(best), said(worst))
            }
        }
    };
    let each: Vec<String> = spaces.iter().map(of).collect();
    format!(
        "{} Bars are one standard error. Classes differ by more than their rows: compare one class between runs.",
        each.join(" ")
    )
}

fn table(title: &str, rows: &[&ByRowRow], what: &str) -> Grid {
    let texts = ["id space", what].map(grid::text).into_iter();
    let numbers = [
        "examples",
        "share",
        "positives",
        "log-loss",
        "its error",
        "AUC",
        "its error",
        "mean prediction",
        "calibration",
    ];
    let columns = texts.chain(numbers.map(grid::number)).chain([grid::text("not defined")]);
    Grid::new(title, columns.collect()).fill(rows, MOST_ROWS, "by_row.csv", |row| {
        vec![
            row.space.clone(),
            row.class.clone(),
            count(row.scored),
            percent(row.share),
            count(row.positives),
            number::figure(row.log_loss),
            number::figure(row.log_loss_error),
            number::figure(row.auc),
            number::figure(row.auc_error),
            number::figure(row.predicted),
            number::figure(row.calibration),
            row.undefined.clone().unwrap_or_default(),
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::Rows;

    fn run(text: &str) -> RunResults {
        let folder = tempfile::tempdir().unwrap();
        let mut run = RunResults::open(folder.path()).unwrap();
        let header = "update,examples,sim_s,space,split,class,least,scored,share,positives,auc,\
                      auc_error,log_loss,log_loss_error,predicted,calibration,undefined";
        run.by_row = Rows::parse(&format!("{header}\n{text}")).unwrap();
        run
    }

    const TEXT: &str = "\
        0,0,0,item,frequency,unknown,,90,1,9,0.5,0.1,0.7,0.1,0.5,5,\n\
        8,64,1,item,frequency,unknown,,10,0.125,0,,,0.9,,0.5,,auc: no example of the class is positive\n\
        8,64,1,item,frequency,5 to 19,5,70,0.875,9,0.8,0.05,0.3,0.02,0.12,1.1,\n\
        8,64,1,user,frequency,500 and more,500,80,1,9,0.7,0.05,0.4,0.02,0.12,1.1,\n\
        8,64,1,item,age,before the run,,80,1,9,0.7,0.05,0.4,0.02,0.12,1.1,\n";

    #[test]
    fn classes_of_the_last_evaluation_stand_in_order() {
        let figure = frequency(&run(TEXT)).unwrap();
        let Chart::Plots(plots, _) = &figure.chart else { panic!("plots") };
        let labels: Vec<&str> = plots.iter().map(|plot| plot.label.as_str()).collect();
        assert_eq!(labels, ["log-loss", "AUC", "calibration", "share of the examples"]);
        assert_eq!(plots[0].x.names, ["unknown", "5–19", "500+"]);
        let item = &plots[0].series[0];
        assert_eq!((item.name.as_str(), item.x.len()), ("item", 2));
        assert_eq!(item.band.as_ref().unwrap().high, [Some(0.9), Some(0.32)]);
        assert!(item.x[0] > -0.5 && item.x[0] < 0.0, "the first of two spaces");
        assert_eq!(plots[1].series[0].x.len(), 1, "AUC is defined in one of two classes");
        assert_eq!(figure.grid.rows.len(), 3);
        assert_eq!(
            figure.sentence,
            "By item the log-loss is from 0.3000 (class 5–19, 87.5 % of the examples) to 0.9000 (class \
             unknown, 12.5 % of the examples). By user the log-loss is 0.4000 (class 500+, 100.0 % of \
             the examples). Bars are one standard error. Classes differ by more than their rows: compare one \
             class between runs."
        );
        assert!(age(&run(TEXT)).is_ok() && returned(&run(TEXT)).is_err());
        assert!(is_measured(&run(TEXT), RowSplit::Age));
        assert!(!is_measured(&run(TEXT), RowSplit::Returned));
    }
}
