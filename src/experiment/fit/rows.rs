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
        let mut file: Box<dyn Read> = match path.extension().and_then(|end| end.to_str()) {
            Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
            Some("zst") => Box::new(zstd::stream::read::Decoder::new(file).map_err(unreadable)?),
            _ => Box::new(file),
        };
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(unreadable)?;
        if let Some(reason) = no_table(&text) {
            let (path, reason) = (path.to_path_buf(), reason.to_string());
            return Err(FitError::Unreadable { path, reason });
        }
        Rows::parse(&text, columns)
    }

    /// Reads the text of a CSV file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(text: &[u8], columns: &Columns) -> Result<Rows, FitError> {
        let mut reader = csv::Reader::from_reader(text);
        let malformed = |error: csv::Error| FitError::Row {
            line: line_at(text, error.position()),
            problem: error.to_string(),
        };
        let header = reader.headers().map_err(malformed)?.clone();
        let found = FoundColumns::find(&header, columns)?;
        let (mut rows, mut seen) = (Rows::default(), BTreeMap::new());
        for record in reader.records() {
            let row = match record {
                Ok(record) => {
                    let line = line_at(text, record.position());
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

/// Why this cannot be a table of text.
fn no_table(text: &[u8]) -> Option<&'static str> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Some("it is empty; a log has a header and a row per step");
    }
    let form = "it is no text; a log is a CSV file, or one that is compressed, with a name that ends in `.gz` or `.zst`";
    text.contains(&0).then_some(form)
}

/// The line of what begins at this position. The reader takes the second half of a `\r\n`, and empty
/// lines, only when it goes on.
fn line_at(text: &[u8], position: Option<&csv::Position>) -> u64 {
    let Some(position) = position else { return 0 };
    let rest = text.get(position.byte() as usize..).unwrap_or_default();
    let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + ends.filter(|byte| **byte == b'\n').count() as u64
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_an_editor_whatever_ends_them() {
        for end in ["\n", "\r\n", "\n\n", "\r\n\r\n"] {
            let lines: Vec<String> = (0..6).map(|k| format!("w,{k},0.{k}1")).collect();
            let text = format!("worker,step,seconds{end}{}{end}w,6,none{end}", lines.join(end));
            let rows = Rows::parse(text.as_bytes(), &Columns::default()).unwrap();
            let line = 1 + text[..text.find("none").unwrap()].matches('\n').count();
            let said = rows.first.unwrap().to_string();
            assert!(said.starts_with(&format!("line {line}: ")), "{end:?}: {said}");
        }
    }

    #[test]
    fn files_that_are_no_tables_say_so() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content, why) in [
            ("empty.csv", &b" \n"[..], "it is empty"),
            ("binary.csv", b"PAR1\0\0", "it is no text"),
            ("broken.csv.gz", b"worker,step\n", "cannot read"),
            ("broken.csv.zst", b"worker,step\n", "cannot read"),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let said = Rows::read(&path, &Columns::default()).unwrap_err().to_string();
            assert!(said.contains(why) && said.contains(name), "{said}");
        }
    }
}
