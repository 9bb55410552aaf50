//! Rows of libsvm (`label index:value ...`) and libffm (`label field:index:value ...`): only what is
//! not zero is written. A comment after `#` and `qid:number` are those of SVMlight.

use std::iter::Peekable;

use super::bad_rows::{BadRowKind, Fault};
use super::file::Input;
use super::filled::next_row;
use super::json_lines::text;
use super::lines::{Lines, without_break};
use super::records::{Row, RowError, RowStream};
use super::split::Span;
use crate::data::error::DataError;

/// The column of the label.
pub(crate) const LABEL: &str = "label";
/// The column of SVMlight's groups.
pub(crate) const QUERY: &str = "qid";

/// Which of the two formats.
#[derive(Clone, Debug)]
pub(crate) enum Sparse {
    /// Values of numbered features; `first` is the number of the first one.
    Svm { first: usize, features: usize },
    /// One index for each of these fields; in those that are `numeric` the value instead.
    Ffm { numeric: Vec<bool> },
}

/// Numbers that the first lines of a stream have in front of their colons.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Numbers {
    /// The smallest.
    pub(crate) least: usize,
    /// The largest.
    pub(crate) most: usize,
}

impl Numbers {
    /// Those of the first input, whose bytes stay in the stream; `None` if it begins with none.
    ///
    /// # Errors
    /// If there is no input, or its beginning cannot be read.
    pub(crate) fn of_first<'a>(
        inputs: &mut Peekable<impl Iterator<Item = Result<Input<'a>, DataError>>>,
    ) -> Result<Option<Numbers>, DataError> {
        match inputs.peek_mut() {
            Some(Ok(first)) => Numbers::ahead(first),
            // Whoever reads the inputs meets the error.
            Some(Err(_)) => Ok(None),
            None => {
                let problem = "name at least one file".to_string();
                Err(DataError::Setting { key: "files", problem })
            }
        }
    }

    fn ahead(input: &mut Input) -> Result<Option<Numbers>, DataError> {
        let start = String::from_utf8_lossy(input.beginning()?).into_owned();
        let words = start.lines().flat_map(|line| before_comment(line).split_ascii_whitespace());
        let numbers = words.filter_map(|word| word.split_once(':')?.0.parse::<usize>().ok());
        let range = numbers.fold(None, |range: Option<(usize, usize)>, number| {
            let (least, most) = range.unwrap_or((number, number));
            Some((least.min(number), most.max(number)))
        });
        Ok(range.map(|(least, most)| Numbers { least, most }))
    }
}

fn before_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default()
}

/// The rows; the columns are label, query, and the features or fields by their numbers.
pub(crate) struct SparseRows<'a> {
    lines: Lines<'a>,
    format: Sparse,
    columns: Vec<String>,
    cells: Vec<Span>,
}

impl<'a> SparseRows<'a> {
    /// The rows of `input`.
    pub(crate) fn new(input: Input<'a>, format: Sparse) -> SparseRows<'a> {
        let range = match &format {
            Sparse::Svm { first, features } => *first..first + features,
            Sparse::Ffm { numeric } => 0..numeric.len(),
        };
        let columns = [LABEL, QUERY].map(String::from).into_iter();
        let columns = columns.chain(range.map(|number| number.to_string())).collect();
        SparseRows { lines: Lines::new(input.reader), format, columns, cells: Vec::new() }
    }

    fn split(&mut self) -> Result<(), Fault> {
        let record = self.lines.record();
        let line = text(without_break(&self.lines.block()[record.clone()]))?;
        self.cells.clear();
        self.cells.resize(self.columns.len(), Span::new(record.start, record.start));
        let place = |part: &str| {
            let start = record.start + (part.as_ptr() as usize - line.as_ptr() as usize);
            Span::new(start, start + part.len())
        };
        let mut words = before_comment(line).split_ascii_whitespace();
        self.cells[0] = place(words.next().unwrap_or_default());
        for word in words {
            let shape = match self.format {
                Sparse::Svm { .. } => "index:value",
                Sparse::Ffm { .. } => "field:index:value",
            };
            let no_pair = || {
                Fault::cell(
                    BadRowKind::BadNumber,
                    format_args!("an entry must be {shape}"),
                    word.as_bytes(),
                )
            };
            let (number, rest) = word.split_once(':').ok_or_else(no_pair)?;
            if number == QUERY {
                self.cells[1] = place(rest);
                continue;
            }
            let number: usize = number.parse().map_err(|_| no_pair())?;
            let (column, cell) = match &self.format {
                Sparse::Svm { first, .. } => (number.checked_sub(*first), rest),
                Sparse::Ffm { numeric } => {
                    let (index, value) = rest.split_once(':').ok_or_else(no_pair)?;
                    let is_number = numeric.get(number).is_some_and(|is| *is);
                    if !is_number && value.parse() != Ok(1.0) {
                        let what = format_args!(
                            "a value of field {number} must be 1, unless `numeric` names the field"
                        );
                        return Err(Fault::cell(BadRowKind::BadNumber, what, word.as_bytes()));
                    }
                    (Some(number), if is_number { value } else { index })
                }
            };
            let slot = column.and_then(|column| self.cells.get_mut(column + 2)).ok_or_else(|| {
                let detail = format!("the number {number} is beyond those of the first lines; say how many there are");
                Fault::new(BadRowKind::ExtraField, detail)
            })?;
            if !slot.is_empty() {
                let detail =
                    format!("the number {number} is there twice, and a column holds one value");
                return Err(Fault::new(BadRowKind::ExtraField, detail));
            }
            *slot = place(cell);
        }
        Ok(())
    }
}

impl RowStream for SparseRows<'_> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn read(&mut self) -> Result<Option<Row<'_>>, RowError> {
        if !next_row(&mut self.lines, |line| !line.is_empty() && !line.starts_with(b"#"))? {
            return Ok(None);
        }
        let sound = self.split();
        let line = self.lines.number();
        match sound {
            Ok(()) => Ok(Some(Row { line, block: self.lines.block(), cells: &self.cells })),
            Err(fault) => Err(RowError::Bad(fault.at(line))),
        }
    }
}
