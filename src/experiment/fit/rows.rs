//! The rows of a log: those that can be right, and how many cannot.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::FitError;
use super::columns::{Columns, FoundColumns, read_step};
use super::step::LoggedStep;

/// The rows of a file.
#[derive(Debug, Default)]
pub struct Rows {
    /// Those that can be right, each with the name of its worker.
    pub right: Vec<(String, LoggedStep)>,
    /// What is wrong with the first of the others.
    pub first: Option<FitError>,
    /// How many others there are.
    pub wrong: u64,
}

impl Rows {
    /// Reads a CSV file with a header, compressed if its name ends in `.gz` or `.zst`.
    ///
    /// # Errors
    /// If it cannot be read or lacks a needed column.
    pub fn read(path: &Path, columns: &Columns) -> Result<Rows, FitError> {
        let unreadable = |error: std::io::Error| FitError::Unreadable {
            path: path.to_path_buf(),
            reason: error.to_string(),
        };
        let file = File::open(path).map_err(unreadable)?;
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Rows::parse(flate2::read::MultiGzDecoder::new(file), columns),
            Some("zst") => {
                Rows::parse(zstd::stream::read::Decoder::new(file).map_err(unreadable)?, columns)
            }
            _ => Rows::parse(file, columns),
        }
    }

    /// Reads the text of a CSV file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(text: impl Read, columns: &Columns) -> Result<Rows, FitError> {
        let mut reader = csv::Reader::from_reader(text);
        let header = reader.headers().map_err(malformed)?.clone();
        let found = FoundColumns::find(&header, columns)?;
        let (mut rows, mut seen) = (Rows::default(), BTreeMap::new());
        for record in reader.records() {
            let row = match record {
                Ok(record) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    read_step(&record, line, &found).and_then(|(worker, step)| {
                        refuse_second(&mut seen, &worker, &step, line)?;
                        Ok((worker, step))
                    })
                }
                // Nothing can be read after another error.
                Err(error) => match error.kind() {
                    csv::ErrorKind::UnequalLengths { .. } | csv::ErrorKind::Utf8 { .. } => {
                        Err(malformed(error))
                    }
                    _ => return Err(malformed(error)),
                },
            };
            match row {
                Ok(row) => rows.right.push(row),
                Err(error) => {
                    rows.wrong += 1;
                    rows.first.get_or_insert(error);
                }
            }
        }
        Ok(rows)
    }

    /// The rows, if all can be right.
    ///
    /// # Errors
    /// What is wrong with the first that cannot, and how many there are.
    pub fn all_right(self) -> Result<Vec<(String, LoggedStep)>, FitError> {
        match self.first {
            None => Ok(self.right),
            Some(first) => Err(FitError::Rows { first: Box::new(first), wrong: self.wrong }),
        }
    }
}

fn malformed(error: csv::Error) -> FitError {
    FitError::Row {
        line: error.position().map_or(0, csv::Position::line),
        problem: error.to_string(),
    }
}

/// Refuses a step that the log has already: with it, a worker would seem to do twice the work.
fn refuse_second(
    seen: &mut BTreeMap<(String, [u64; 3]), u64>,
    worker: &str,
    step: &LoggedStep,
    line: u64,
) -> Result<(), FitError> {
    let Some(identity) = step.identity() else { return Ok(()) };
    let Some(first) = seen.insert((worker.to_string(), identity), line) else { return Ok(()) };
    let problem = match step.number {
        Some(number) => format!(
            "worker {worker} has its step {number} in line {first} already; remove one of the two. If numbers \
             start again during the job, rename their column, and they are not used"
        ),
        None => format!(
            "worker {worker} has a step with the same instants in line {first}; remove one of the two"
        ),
    };
    Err(FitError::Row { line, problem })
}
