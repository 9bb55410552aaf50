//! `trials.csv` and `points.csv`: the figures of a sweep, made of the files of its trials and made
//! anew whenever some have been added.

use std::path::Path;

use crate::experiment::folder::{FolderError, turn, write_atomically};
use crate::experiment::outcome::{OutcomeError, Point, Results, Scalars, State, setting_text};
use crate::experiment::statistics::{self, Estimate, student};
use crate::experiment::table::{Cell, TableText};

/// Why the tables could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// A file of the sweep cannot be read.
    #[error(transparent)]
    Read(#[from] OutcomeError),
    /// A table cannot be written.
    #[error(transparent)]
    Write(#[from] FolderError),
}

/// One trial with what is known of it.
struct Row<'a> {
    id: &'a str,
    point: &'a Point,
    seed: u64,
    state: State,
    scalars: Scalars,
}

/// The tables of a sweep's folder.
#[derive(Clone, PartialEq, Debug)]
pub struct Tables {
    /// `trials.csv`: one row per trial.
    pub trials: String,
    /// `points.csv`: one row per point, with the mean over its seeds and its 95 % interval.
    pub points: String,
}

impl Tables {
    /// Makes the tables of what is there now.
    ///
    /// # Errors
    /// If a file is there and cannot be read.
    pub fn of(results: &Results) -> Result<Tables, OutcomeError> {
        let mut rows = Vec::with_capacity(results.trials.len());
        for trial in &results.trials {
            rows.push(Row {
                id: &trial.id,
                point: &results.points[trial.point],
                seed: trial.seed,
                state: trial.state(),
                scalars: trial.scalars()?.unwrap_or_default(),
            });
        }
        let (keys, figures) = (results.swept_keys(), figures(&rows));
        let trials = trials(&rows, &keys, &figures);
        let points = points(results, &rows, &keys, &figures);
        Ok(Tables { trials, points })
    }

    /// Reads the sweep at `path` and writes both tables into it.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn refresh(path: &Path) -> Result<Results, TablesError> {
        let results = Results::open(path)?;
        // Who writes last has seen every trial that was done before.
        let _turn = turn(path)?;
        let tables = Tables::of(&results)?;
        write_atomically(&path.join("trials.csv"), tables.trials.as_bytes())?;
        write_atomically(&path.join("points.csv"), tables.points.as_bytes())?;
        Ok(results)
    }
}

/// Every figure that some trial has, in the order of the first that has it.
fn figures(rows: &[Row<'_>]) -> Vec<String> {
    let mut figures: Vec<String> = Vec::new();
    for row in rows {
        let new = row.scalars.iter().filter(|(name, _)| !figures.iter().any(|f| f == name));
        let new: Vec<String> = new.map(|(name, _)| name.to_string()).collect();
        figures.extend(new);
    }
    figures
}

fn trials(rows: &[Row<'_>], keys: &[&str], figures: &[String]) -> String {
    let fixed = ["trial", "point", "label", "seed", "state"];
    let mut table = TableText::default();
    let header = fixed.iter().chain(keys).copied().chain(figures.iter().map(String::as_str));
    table.row(&header.map(Cell::Text).collect::<Vec<_>>());
    for row in rows {
        let state = match row.state {
            State::Done => "done",
            State::Failed => "failed",
            State::ToDo => "to do",
        };
        let texts: Vec<String> = settings(row.point, keys);
        let mut cells = vec![
            Cell::Text(row.id),
            Cell::Whole(row.point.index as u64),
            Cell::Text(&row.point.label),
            Cell::Whole(row.seed),
            Cell::Text(state),
        ];
        cells.extend(texts.iter().map(|text| Cell::Text(text)));
        cells.extend(figures.iter().map(|figure| Cell::from(row.scalars.get(figure))));
        table.row(&cells);
    }
    table.text
}

fn points(results: &Results, rows: &[Row<'_>], keys: &[&str], figures: &[String]) -> String {
    let mut header: Vec<String> = ["point", "label"].map(String::from).to_vec();
    header.extend(keys.iter().map(|key| key.to_string()));
    header.extend(["trials", "done", "failed"].map(String::from));
    for figure in figures {
        header.extend(["", ".low", ".high"].map(|end| format!("{figure}{end}")));
    }
    let mut table = TableText::default();
    table.row(&header.iter().map(|name| Cell::Text(name)).collect::<Vec<_>>());
    for point in &results.points {
        let of_point: Vec<&Row<'_>> =
            rows.iter().filter(|row| row.point.index == point.index).collect();
        let count = |state| of_point.iter().filter(|row| row.state == state).count() as u64;
        let texts = settings(point, keys);
        let mut cells = vec![Cell::Whole(point.index as u64), Cell::Text(&point.label)];
        cells.extend(texts.iter().map(|text| Cell::Text(text)));
        cells.push(Cell::Whole(of_point.len() as u64));
        cells.extend([Cell::Whole(count(State::Done)), Cell::Whole(count(State::Failed))]);
        for figure in figures {
            let values: Vec<f64> =
                of_point.iter().filter_map(|row| row.scalars.get(figure)).collect();
            cells.extend(interval(&values));
        }
        table.row(&cells);
    }
    table.text
}

/// Mean and 95 % interval; a mean alone where there are too few values for an interval.
fn interval(values: &[f64]) -> [Cell<'static>; 3] {
    match student::of_mean(values) {
        Some(Estimate { value, interval, .. }) => {
            [Cell::Number(value), Cell::Number(interval.low), Cell::Number(interval.high)]
        }
        None => [Cell::from(statistics::mean(values)), Cell::Empty, Cell::Empty],
    }
}

fn settings(point: &Point, keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| point.settings.get(*key).map_or(String::new(), setting_text)).collect()
}
