//! Rows of text cells: the common form of CSV, TSV and Parquet, and the loop that reads them.

use std::io;

use super::bad_rows::{BadRow, BadRowKind, Fault, RowTally};
use super::known;
use super::split::Span;
use super::text::Text;
use crate::base::counted;
use crate::data::error::DataError;

/// The cells of one row, in the buffer into which they were read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    /// The 1-based line on which it begins.
    pub(crate) line: u64,
    /// The text that contains the cells.
    pub(crate) block: &'a [u8],
    /// The cells, in order.
    pub(crate) cells: &'a [Span],
}

impl<'a> Row<'a> {
    /// Number of cells.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// The text of cell `index`.
    #[inline]
    pub(crate) fn cell(&self, index: usize) -> Text<'a> {
        self.cells[index].of(self.block)
    }
}

/// Rows that were found together: sound ones, with as many cells as there are columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch<'a> {
    /// The 1-based line of the first; each of the others is on the next one.
    pub(crate) line: u64,
    /// The text that contains the cells.
    pub(crate) block: &'a [u8],
    /// The cells, row by row.
    pub(crate) cells: &'a [Span],
    /// Number of cells per row.
    pub(crate) width: usize,
}

impl<'a> Stretch<'a> {
    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.cells.len() / self.width
    }

    /// The rows one by one.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'a>> {
        let Stretch { line, block, .. } = *self;
        let rows = self.cells.chunks_exact(self.width).zip(line..);
        rows.map(move |(cells, line)| Row { line, block, cells })
    }

    /// The text of a cell.
    #[inline(always)]
    pub(crate) fn cell(&self, row: usize, column: usize) -> Text<'a> {
        self.cells[row * self.width + column].of(self.block)
    }
}

/// Why a row could not be read.
#[derive(Debug)]
pub(crate) enum RowError {
    /// The row is malformed; the next one may be sound.
    Bad(BadRow),
    /// The stream is broken after line `line`.
    Io { line: u64, source: io::Error },
}

impl RowError {
    /// As the error of a file whose header this is.
    pub(crate) fn of_file(self, path: &str) -> DataError {
        let path = path.to_string();
        match self {
            RowError::Bad(bad) => DataError::BadRow { path, bad },
            RowError::Io { line, source } => DataError::Read { path, line, source },
        }
    }
}

/// A stream of rows with named columns.
pub(crate) trait RowStream {
    /// The columns' names.
    fn columns(&self) -> &[String];

    /// The next row; `None` at the end.
    fn read(&mut self) -> Result<Option<Row<'_>>, RowError>;

    /// The next rows, if they have been read and are sound; `read` returns the row after them.
    fn read_stretch(&mut self) -> Option<Stretch<'_>> {
        None
    }
}

/// A consumer of rows.
pub(crate) trait Take {
    /// Takes a row; changes nothing on a fault.
    fn row(&mut self, row: &Row) -> Result<RowDecision, Fault>;

    /// Accepts all these rows, if that is faster than one by one; changes nothing and returns
    /// `false` if one of them must be checked separately.
    fn stretch(&mut self, _: &Stretch) -> bool {
        false
    }
}

struct OneByOne<F>(F);

impl<F: FnMut(&Row) -> Result<RowDecision, Fault>> Take for OneByOne<F> {
    fn row(&mut self, row: &Row) -> Result<RowDecision, Fault> {
        self.0(row)
    }
}

/// The result for a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RowDecision {
    /// It is in the log.
    Accepted,
    /// The user's own rule leaves it out.
    Filtered,
}

/// Passes every row of `rows` to `take`, which changes nothing on a fault, and counts rows.
pub(crate) fn for_each_row(
    path: &str,
    rows: &mut dyn RowStream,
    tally: &mut RowTally,
    take: impl FnMut(&Row) -> Result<RowDecision, Fault>,
) -> Result<(), DataError> {
    take_rows(path, rows, tally, OneByOne(take))
}

/// Passes all rows to `take` and counts them.
pub(crate) fn take_rows(
    path: &str,
    rows: &mut dyn RowStream,
    tally: &mut RowTally,
    mut take: impl Take,
) -> Result<(), DataError> {
    let columns = rows.columns().to_vec();
    loop {
        if let Some(stretch) = rows.read_stretch() {
            if take.stretch(&stretch) {
                tally.accept_all(stretch.len() as u64);
                continue;
            }
            for row in stretch.rows() {
                take_row(path, &columns, &row, tally, &mut take)?;
            }
        }
        // Used in place: a copy would wait until all its parts are written.
        match rows.read() {
            Ok(Some(row)) => take_row(path, &columns, &row, tally, &mut take)?,
            Ok(None) => return Ok(()),
            Err(RowError::Bad(bad)) => {
                tally.begin();
                tally.reject(path, bad)?;
            }
            Err(RowError::Io { line, source }) => {
                return Err(DataError::Read { path: path.to_string(), line, source });
            }
        }
    }
}

/// Passes one row to `take`.
#[inline]
fn take_row(
    path: &str,
    columns: &[String],
    row: &Row,
    tally: &mut RowTally,
    take: &mut impl Take,
) -> Result<(), DataError> {
    tally.begin();
    match check_width(row, columns.len()).and_then(|()| take.row(row)) {
        Ok(RowDecision::Accepted) => tally.accept(),
        Ok(RowDecision::Filtered) => tally.filter(),
        Err(fault) => {
            let fault = repeated_header(columns, row).unwrap_or(fault);
            tally.reject(path, fault.at(row.line))?;
        }
    }
    Ok(())
}

fn check_width(row: &Row, width: usize) -> Result<(), Fault> {
    let kind = match row.len() {
        len if len < width => BadRowKind::MissingField,
        len if len > width => BadRowKind::ExtraField,
        _ => return Ok(()),
    };
    let cells = (0..row.len().min(2)).map(|at| String::from_utf8_lossy(&row.cell(at)).into_owned());
    let way = known::unseparated(&cells.collect::<Vec<String>>());
    let way = way.map_or(String::new(), |way| format!(" ({way})"));
    let fields = counted(row.len(), "field", "fields");
    Err(Fault::new(kind, format!("{fields}, expected {width}{way}")))
}

fn repeated_header(columns: &[String], row: &Row) -> Option<Fault> {
    let same = row.len() == columns.len()
        && columns
            .iter()
            .enumerate()
            .all(|(index, name)| row.cell(index).eq_ignore_ascii_case(name.as_bytes()));
    same.then(|| Fault::new(BadRowKind::RepeatedHeader, "the header once more"))
}
