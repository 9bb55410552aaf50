//! Reads one CSV file. Undeclared columns are ignored, so that a file may grow. Optional columns
//! may be missing, so that older files can be read.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use csv::StringRecord;

use super::{Cell, CellType, CsvTable, TableRow};
use crate::base::counted;
use crate::results::error::OutcomeError;

/// The rows of one file, or the fact that the file is missing.
#[derive(Clone, PartialEq, Debug)]
pub struct Rows<R> {
    rows: Option<Vec<R>>,
}

impl<R: TableRow> Rows<R> {
    /// Reads the file in `folder`. If it is not `whole`, because its run continues or was killed,
    /// it is read up to its last line feed.
    ///
    /// # Errors If the file exists and cannot be read; names the line.
    pub fn read(folder: &Path, whole: bool) -> Result<Rows<R>, OutcomeError> {
        let records = Records::read(folder, R::TABLE, whole)?;
        Ok(Rows { rows: records.map(|records| records.each(R::read)).transpose()? })
    }

    /// The rows of a text in the form of such a file.
    ///
    /// # Errors
    /// If it cannot be read; names the line.
    pub fn parse(text: &str) -> Result<Rows<R>, OutcomeError> {
        let path = PathBuf::from(R::TABLE.file);
        let records = Records::parse(path, text.as_bytes(), R::TABLE)?;
        Ok(Rows { rows: Some(records.each(R::read)?) })
    }

    /// Its rows; if there are none, a sentence that says why.
    pub fn rows(&self) -> Result<&[R], String> {
        match self.rows.as_deref() {
            None => Err(format!("there is no {}", R::TABLE.file)),
            Some([]) => Err(format!("{} has no rows", R::TABLE.file)),
            Some(rows) => Ok(rows),
        }
    }

    /// Its rows; empty if there is no file.
    pub fn into_vec(self) -> Vec<R> {
        self.rows.unwrap_or_default()
    }

    /// Whether there is such a file.
    pub fn is_present(&self) -> bool {
        self.rows.is_some()
    }

    /// Why a plot cannot use the existing rows.
    pub fn unusable(&self, reason: &str) -> String {
        format!("{} {reason}", R::TABLE.file)
    }
}

/// The cells of one row, as they are written.
#[derive(Debug)]
pub struct Cells<'a> {
    table: &'a CsvTable,
    record: &'a StringRecord,
    /// Where each column is in the file, if it is there.
    places: &'a [Option<usize>],
    next: usize,
}

impl<'a> Cells<'a> {
    /// The value in the next column.
    ///
    /// # Errors If the cell is not such a value, or the column is missing and not optional.
    pub fn take<T: CellType>(&mut self) -> Result<T, String> {
        let (column, place) = (&self.table.columns[self.next], self.places[self.next]);
        self.next += 1;
        match place {
            None if T::OPTIONAL => T::read(""),
            None => Err(format!("missing field `{}`", column.name)),
            Some(place) => T::read(&self.record[place])
                .map_err(|error| format!("column {}, `{}`: {error}", place + 1, column.name)),
        }
    }

    /// All cells, each of the kind of its column.
    fn all(&self) -> Result<Vec<Cell<'a>>, String> {
        let cells = self.table.columns.iter().zip(self.places).map(|(column, place)| {
            let text = place.map_or("", |place| &self.record[place]);
            Cell::read(column.kind, text).map_err(|error| format!("`{}`: {error}", column.name))
        });
        cells.collect()
    }
}

/// The lines of one file.
pub(in crate::results) struct Records {
    path: PathBuf,
    table: CsvTable,
    places: Vec<Option<usize>>,
    records: Vec<StringRecord>,
}

impl Records {
    /// Reads a file; `None` if there is no file.
    pub(in crate::results) fn read(
        folder: &Path,
        table: CsvTable,
        whole: bool,
    ) -> Result<Option<Records>, OutcomeError> {
        let path = folder.join(table.file);
        let mut bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OutcomeError::Read { path, error }),
        };
        if !whole {
            bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        }
        Records::parse(path, &bytes, table).map(Some)
    }

    fn parse(path: PathBuf, bytes: &[u8], table: CsvTable) -> Result<Records, OutcomeError> {
        let mut reader = csv::Reader::from_reader(bytes);
        let malformed = |error: csv::Error| OutcomeError::Malformed {
            line: error.position().map_or(1, |position| position.line() as usize),
            problem: explain(&error),
            path: path.clone(),
        };
        let header = reader.headers().map_err(malformed)?;
        let place = |name| header.iter().position(|own| own == name);
        let places = table.header().map(place).collect();
        let records = reader.records().collect::<Result<_, _>>().map_err(malformed)?;
        Ok(Records { path, table, places, records })
    }

    /// Applies `read` to each line.
    fn each<'a, T>(
        &'a self,
        read: impl Fn(&mut Cells<'a>) -> Result<T, String>,
    ) -> Result<Vec<T>, OutcomeError> {
        let row = |record: &'a StringRecord| {
            let Records { table, places, .. } = self;
            read(&mut Cells { table, record, places, next: 0 }).map_err(|problem| {
                let line = record.position().map_or(1, |position| position.line() as usize);
                OutcomeError::Malformed { path: self.path.clone(), line, problem }
            })
        };
        self.records.iter().map(row).collect()
    }

    /// The cells of all lines, for programs that need no types.
    pub(in crate::results) fn cells(&self) -> Result<Vec<Vec<Cell<'_>>>, OutcomeError> {
        self.each(|cells| cells.all())
    }
}

/// The problem in words, without the position that the error already carries.
fn explain(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!(
                "{} where the header names {}",
                counted(*len, "cell", "cells"),
                counted(*expected_len, "column", "columns")
            )
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8 text".to_string(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::WorkerId;
    use crate::results::RunResults;
    use crate::results::tables::{EvaluationRow, ShardRow};
    use crate::sim::EvaluatedView;

    fn read(text: &str) -> Result<Rows<ShardRow>, OutcomeError> {
        Rows::parse(text)
    }

    #[test]
    fn of_a_run_that_was_killed_whole_lines_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{HEADER}0,1,1,1,1,1\n1,2,0.");
        std::fs::write(folder.path().join("shards.csv"), text).unwrap();
        assert_eq!(RunResults::open(folder.path()).unwrap().shards.rows().unwrap().len(), 1);
        std::fs::write(folder.path().join("summary.json"), "{}").unwrap();
        assert!(RunResults::open(folder.path()).is_err());
    }

    const HEADER: &str = "shard,updates,busy_s,queue_wait_s,bytes_in,bytes_out\n";

    #[test]
    fn rows_are_typed_and_extra_columns_ignored() {
        let text = "shard,updates,busy_s,queue_wait_s,bytes_in,bytes_out,new\n1,2,0.5,0,3,4,x\n";
        let table = read(text).unwrap();
        assert_eq!(table.rows().unwrap()[0].busy_s, 0.5);
    }

    #[test]
    fn a_problem_is_told_with_file_line_and_column() {
        let text = format!("{HEADER}0,1,1,1,1,1\n1,2,fast,0,3,4\n");
        let message = read(&text).unwrap_err().to_string();
        assert!(message.contains("shards.csv, line 3: column 3"), "{message}");
        let message = read(&format!("{HEADER}0,1\n")).unwrap_err().to_string();
        assert!(message.contains("line 2: 2 cells where the header names 6"), "{message}");
        let message = read("shard,updates\n0,1\n").unwrap_err().to_string();
        assert!(message.contains("missing field `busy_s`"), "{message}");
    }

    #[test]
    fn nothing_to_read_is_a_reason_and_not_an_error() {
        assert_eq!(read("").unwrap().rows().unwrap_err(), "shards.csv has no rows");
        assert_eq!(read(HEADER).unwrap().rows().unwrap_err(), "shards.csv has no rows");
        let empty = tempfile::tempdir().unwrap();
        let run = RunResults::open(empty.path()).unwrap();
        assert_eq!(run.shards.rows().unwrap_err(), "there is no shards.csv");
        assert!(!run.summary.name.is_empty());
        assert!(RunResults::open(&empty.path().join("nowhere")).is_err());
    }

    #[test]
    fn views_and_empty_cells() {
        let folder = tempfile::tempdir().unwrap();
        let header = "update,examples,passes,sim_s,view,auc,session_auc,log_loss,\
                      normalised_entropy,calibration\n";
        let path = folder.path().join("evaluations.csv");
        std::fs::write(&path, format!("{header}1,32,0.1,2.5,worker:7,0.5,,,,\n")).unwrap();
        let table: Rows<EvaluationRow> = Rows::read(folder.path(), true).unwrap();
        let row = &table.rows().unwrap()[0];
        let view = EvaluatedView::Worker(WorkerId(7));
        assert_eq!((row.view, row.auc, row.session_auc), (view, Some(0.5), None));
        std::fs::write(&path, format!("{header}1,32,0.1,2.5,boss,,,,,\n")).unwrap();
        let error = RunResults::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("\"boss\" is no known view"), "{error}");
    }

    #[test]
    fn a_broken_summary_names_its_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("summary.json"), "{\n\"name\": 3}").unwrap();
        let error = RunResults::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("summary.json, line 2"), "{error}");
    }
}
