//! Reading one CSV file into typed rows.

use super::error::ReportError;
use serde::de::DeserializeOwned;
use std::io::ErrorKind;
use std::path::Path;

/// The rows of one file, or the fact that it is not there.
#[derive(Clone, Debug)]
pub struct Table<T> {
    file: &'static str,
    rows: Option<Vec<T>>,
}

impl<T> Table<T> {
    /// Its rows; a sentence that says why not when there are none.
    pub fn rows(&self) -> Result<&[T], String> {
        match self.rows.as_deref() {
            None => Err(format!("there is no {}", self.file)),
            Some([]) => Err(format!("{} has no rows", self.file)),
            Some(rows) => Ok(rows),
        }
    }

    /// Whether there is such a file.
    pub fn is_there(&self) -> bool {
        self.rows.is_some()
    }

    /// Why a plot cannot use the rows that there are.
    pub fn unusable(&self, reason: &str) -> String {
        format!("{} {reason}", self.file)
    }
}

/// Reads `file` in `folder`, whose first line names the columns. A file that is not `whole`, because
/// its run goes on or was killed, is read as far as its last line feed. An error names file and line.
pub(super) fn read_table<T: DeserializeOwned>(
    folder: &Path,
    file: &'static str,
    whole: bool,
) -> Result<Table<T>, ReportError> {
    let path = folder.join(file);
    let mut bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Table { file, rows: None }),
        Err(source) => return Err(ReportError::Read { file: path, source }),
    };
    if !whole {
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
    }
    let rows: Result<Vec<T>, csv::Error> =
        csv::Reader::from_reader(&bytes[..]).into_deserialize().collect();
    match rows {
        Ok(rows) => Ok(Table { file, rows: Some(rows) }),
        Err(error) => Err(ReportError::Malformed {
            line: error.position().map_or(1, |p| p.line()),
            problem: explain(&error),
            file: path,
        }),
    }
}

/// The problem in words, without the position that the error already carries.
fn explain(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => match err.field() {
            Some(column) => format!("column {}: {}", column + 1, err.kind()),
            None => err.kind().to_string(),
        },
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells where the header names {expected_len} columns")
        }
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8 text".to_string(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::folder::{Evaluation, Folder, Shard, View};

    fn read(text: &str) -> Result<Table<Shard>, ReportError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("shards.csv"), text).unwrap();
        read_table(folder.path(), "shards.csv", true)
    }

    #[test]
    fn of_a_run_that_was_killed_whole_lines_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("{HEADER}0,1,1,1,1,1\n1,2,0.");
        std::fs::write(folder.path().join("shards.csv"), text).unwrap();
        assert_eq!(Folder::open(folder.path()).unwrap().shards.rows().unwrap().len(), 1);
        std::fs::write(folder.path().join("summary.json"), "{}").unwrap();
        assert!(Folder::open(folder.path()).is_err());
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
        let folder = Folder::open(empty.path()).unwrap();
        assert_eq!(folder.shards.rows().unwrap_err(), "there is no shards.csv");
        assert!(!folder.summary.name.is_empty());
        assert!(Folder::open(&empty.path().join("nowhere")).is_err());
    }

    #[test]
    fn views_and_empty_cells() {
        let folder = tempfile::tempdir().unwrap();
        let header = "update,examples,passes,sim_s,view,auc,session_auc,log_loss,\
                      normalised_entropy,calibration\n";
        let path = folder.path().join("evaluations.csv");
        std::fs::write(&path, format!("{header}1,32,0.1,2.5,worker:7,0.5,,,,\n")).unwrap();
        let table: Table<Evaluation> = read_table(folder.path(), "evaluations.csv", true).unwrap();
        let row = &table.rows().unwrap()[0];
        assert_eq!((row.view, row.auc, row.session_auc), (View::Worker(7), Some(0.5), None));
        std::fs::write(&path, format!("{header}1,32,0.1,2.5,boss,,,,,\n")).unwrap();
        let error = Folder::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("unknown view \"boss\""), "{error}");
    }

    #[test]
    fn a_broken_summary_names_its_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("summary.json"), "{\n\"name\": 3}").unwrap();
        let error = Folder::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("summary.json, line 2"), "{error}");
    }
}
