//! The CSV files of a trial, read as rows of typed cells.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use super::column::{Cell, Column, Kind};
use crate::experiment::outcome::{OutcomeError, TrialOutcome};

/// The files that become tables, without `.csv`; `timeline.csv` and `service.csv` are for
/// `straggler trace`.
pub(super) const SERIES: &[&str] = &[
    "evaluations",
    "training",
    "staleness",
    "workers",
    "divergence",
    "layers",
    "shards",
    "rows",
    "churn",
    "audit",
];

const TEXTS: &[&str] = &["view", "class", "measure", "group", "layer", "table"];
const WHOLES: &[&str] = &[
    "update",
    "updates",
    "examples",
    "parameters",
    "pushes",
    "worker",
    "shard",
    "steps",
    "staleness_max",
    "staleness_p99",
    "low",
    "high",
    "count",
    "popularity_low",
    "popularity_high",
    "touches",
    "bytes_in",
    "bytes_out",
    "crashes",
    "leaves",
    "joins",
    "lost_steps",
    "lost_examples",
    "uses",
];

/// The kind of the column of this name in our files; whatever is not listed is a number.
fn kind(name: &str) -> Kind {
    match name {
        name if TEXTS.contains(&name) => Kind::Text,
        name if WHOLES.contains(&name) => Kind::Whole,
        _ => Kind::Number,
    }
}

fn columns<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Column> {
    names.map(|name| Column::new(name, kind(name))).collect()
}

/// One file of one trial, complete lines only: it may be growing.
pub(super) struct Series {
    path: PathBuf,
    pub(super) columns: Vec<Column>,
    rows: Vec<::csv::StringRecord>,
}

impl Series {
    /// Reads a file; `None` where the trial has none.
    pub(super) fn read(trial: &TrialOutcome, name: &str) -> Result<Option<Series>, OutcomeError> {
        let path = trial.folder.join(format!("{name}.csv"));
        let Some(text) = complete_lines(&path)? else { return Ok(None) };
        let malformed = |line: usize, problem: String| OutcomeError::Malformed {
            path: path.clone(),
            line,
            problem,
        };
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| malformed(1, error.to_string()))?;
        let columns = columns(header.iter());
        let mut rows = Vec::new();
        for (index, row) in reader.records().enumerate() {
            rows.push(row.map_err(|error| malformed(index + 2, error.to_string()))?);
        }
        Ok(Some(Series { path, columns, rows }))
    }

    /// The columns of a file alone; empty where there is no file.
    pub(super) fn header(trial: &TrialOutcome, name: &str) -> Result<Vec<Column>, OutcomeError> {
        let path = trial.folder.join(format!("{name}.csv"));
        let mut line = String::new();
        match File::open(&path).and_then(|file| BufReader::new(file).read_line(&mut line)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(OutcomeError::Read { path, error })
            }
            Ok(_) if line.ends_with('\n') => Ok(columns(line.trim_end().split(','))),
            _ => Ok(Vec::new()),
        }
    }

    /// Where each of `columns` is, if it is there.
    pub(super) fn places(&self, columns: &[Column]) -> Vec<Option<usize>> {
        let place = |column: &Column| self.columns.iter().position(|own| own.name == column.name);
        columns.iter().map(place).collect()
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The cell of a row in the column at this place.
    pub(super) fn cell(&self, row: usize, place: usize) -> Result<Cell<'_>, OutcomeError> {
        let text = self.rows[row].get(place).unwrap_or("");
        let wrong = |what: &str| OutcomeError::Malformed {
            path: self.path.clone(),
            line: row + 2,
            problem: format!("\"{text}\" in `{}` is no {what}", self.columns[place].name),
        };
        match self.columns[place].kind {
            _ if text.is_empty() => Ok(Cell::Missing),
            Kind::Text | Kind::Flag => Ok(Cell::Text(text)),
            Kind::Whole => text.parse().map(Cell::Whole).map_err(|_| wrong("whole number")),
            Kind::Number => {
                let number: f64 = text.parse().map_err(|_| wrong("number"))?;
                Ok(Cell::number(Some(number)))
            }
        }
    }
}

/// The lines of a file up to the last line feed; `None` where there is no file.
fn complete_lines(path: &Path) -> Result<Option<String>, OutcomeError> {
    match fs::read_to_string(path) {
        Ok(mut text) => {
            text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
            Ok(Some(text))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OutcomeError::Read { path: path.to_path_buf(), error }),
    }
}
