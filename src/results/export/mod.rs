//! Results for other programs: tidy tables as CSV, JSON lines or Parquet, event files for
//! TensorBoard, and timelines for Perfetto.
//!
//! In every format the content follows from the results alone: the same bytes every time.

mod csv;
mod jsonl;
#[cfg(feature = "parquet")]
mod parquet;
mod setting;
mod tables;
mod tensorboard;
pub mod trace;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::table::{Cell, Column};
use super::{FolderError, OutcomeError, Results};

/// How results are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileFormat {
    /// One CSV file per table; a missing value is an empty cell.
    Csv,
    /// One file per table with a JSON object per row; a missing value is `null`.
    Jsonl,
    /// One Parquet file per table; a missing value is null. Needs the cargo feature `parquet`.
    Parquet,
    /// One folder per trial with an event file.
    Tensorboard,
}

/// Why results were not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A file of the results cannot be read.
    #[error(transparent)]
    Read(#[from] OutcomeError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] FolderError),
    /// The Parquet library reports an error.
    #[error("cannot write {path}: {problem}")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The message of the library.
        problem: String,
    },
    /// A restart lab has no series of trials.
    #[error("a restart lab has tables and no event files: choose csv, jsonl or parquet")]
    NoSeries,
    /// This program was built without the format.
    #[error(
        "this straggler was built without Parquet; build it with `--features parquet`, or use --format csv, \
         which the same programs read"
    )]
    NotBuilt,
}

/// Writes `results` into the folder `into`, which is created. Returns the files, in the order in
/// which they were written; existing files with the same names are replaced.
///
/// # Errors
/// If a file cannot be read or written, or the format is not built in.
pub fn export(
    results: &Results,
    format: FileFormat,
    into: &Path,
) -> Result<Vec<PathBuf>, ExportError> {
    let tables = with_format(format, into, &|open| tables::write(results, open));
    tables.unwrap_or_else(|| tensorboard::write(results, into))
}

/// Lets `write` write tables in a format into a folder, which is created; `None` if the format has
/// no tables.
fn with_format(
    format: FileFormat,
    into: &Path,
    write: &dyn Fn(&mut Open<'_>) -> Result<Vec<PathBuf>, ExportError>,
) -> Option<Result<Vec<PathBuf>, ExportError>> {
    if format == FileFormat::Parquet && cfg!(not(feature = "parquet")) {
        return Some(Err(ExportError::NotBuilt));
    }
    if let Err(error) = fs::create_dir_all(into) {
        return Some(Err(io_error(into, error)));
    }
    match format {
        FileFormat::Csv => Some(write(&mut |name, columns| csv::Csv::create(into, name, columns))),
        FileFormat::Jsonl => {
            Some(write(&mut |name, columns| jsonl::Jsonl::create(into, name, columns)))
        }
        #[cfg(feature = "parquet")]
        FileFormat::Parquet => {
            Some(write(&mut |name, columns| parquet::Parquet::create(into, name, columns)))
        }
        #[cfg(not(feature = "parquet"))]
        FileFormat::Parquet => Some(Err(ExportError::NotBuilt)),
        FileFormat::Tensorboard => None,
    }
}

/// Writes the tables of the restart lab in `folder`, as [`export`] does.
///
/// # Errors
/// As [`export`]; event files are not written for labs.
pub fn export_lab(
    folder: &Path,
    format: FileFormat,
    into: &Path,
) -> Result<Vec<PathBuf>, ExportError> {
    with_format(format, into, &|open| tables::write_lab(folder, open))
        .unwrap_or(Err(ExportError::NoSeries))
}

/// Takes the rows of one table.
trait Sink {
    /// Adds a row: a cell for each column, of the column's kind or empty.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ExportError>;

    /// Finishes the file and gives it its name.
    fn end(self: Box<Self>) -> Result<PathBuf, ExportError>;
}

/// Opens a sink for the table of this name with these columns.
type Open<'a> = dyn FnMut(&str, &[Column]) -> Result<Box<dyn Sink>, ExportError> + 'a;

/// A file that has its name only when it is complete.
struct PendingFile {
    path: PathBuf,
    temporary: PathBuf,
    out: BufWriter<File>,
}

impl PendingFile {
    fn create(folder: &Path, name: &str) -> Result<PendingFile, ExportError> {
        let (path, temporary) = (folder.join(name), folder.join(format!("{name}.tmp")));
        // A link with this name is removed, not followed.
        drop(fs::remove_file(&temporary));
        let file = File::create(&temporary).map_err(|error| io_error(&temporary, error))?;
        Ok(PendingFile { path, temporary, out: BufWriter::new(file) })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.out.write_all(bytes).map_err(|error| io_error(&self.path, error))
    }

    fn end(mut self) -> Result<PathBuf, ExportError> {
        let ended = self.out.flush().and_then(|()| fs::rename(&self.temporary, &self.path));
        ended.map_err(|error| io_error(&self.path, error))?;
        Ok(self.path)
    }
}

fn io_error(path: &Path, error: io::Error) -> ExportError {
    ExportError::Write(FolderError::Io { path: path.to_path_buf(), error })
}
