//! Rows of text whose cells are separated by several characters, such as the `::` of MovieLens.

use memchr::memmem::Finder;

use super::bad_rows::{BadRowKind, Fault};
use super::file::Input;
use super::filled::next_row;
use super::json_lines::text;
use super::lines::{Lines, without_break};
use super::records::{Row, RowError, RowStream};
use super::split::Span;
use super::tidy::Tidy;
use crate::data::error::DataError;

/// The rows; a quote is an ordinary character.
pub(crate) struct LongDelimited<'a> {
    lines: Lines<'a>,
    delimiter: Finder<'static>,
    /// Whether the text must be UTF-8.
    utf8: bool,
    tidy: Tidy,
    columns: Vec<String>,
    cells: Vec<Span>,
}

impl<'a> LongDelimited<'a> {
    /// The rows of `input`. The columns are `names`, or the first row if that is `None`.
    ///
    /// # Errors
    /// If the header is missing or malformed.
    pub(crate) fn new(
        input: Input<'a>,
        (delimiter, utf8): (&str, bool),
        tidy: Tidy,
        names: Option<&[String]>,
    ) -> Result<LongDelimited<'a>, DataError> {
        let mut rows = LongDelimited {
            lines: Lines::new(input.reader),
            delimiter: Finder::new(delimiter).into_owned(),
            utf8,
            tidy,
            columns: names.unwrap_or_default().to_vec(),
            cells: Vec::new(),
        };
        if names.is_none() {
            let path = input.name;
            let Some(header) = rows.read().map_err(|error| error.of_file(&path))? else {
                return Err(DataError::Empty { path, why: "the file has no lines".to_string() });
            };
            let name = |index| String::from_utf8_lossy(&header.cell(index)).into_owned();
            rows.columns = (0..header.len()).map(name).collect();
        }
        Ok(rows)
    }

    fn split(&mut self) -> Result<(), Fault> {
        let (block, record) = (self.lines.block(), self.lines.record());
        let line = without_break(&block[record.clone()]);
        match self.utf8 {
            true => drop(text(line)?),
            false if line.contains(&0) => {
                return Err(Fault::new(BadRowKind::NulByte, "a zero byte"));
            }
            false => {}
        }
        self.cells.clear();
        let mut start = 0;
        for at in self.delimiter.find_iter(line) {
            self.cells.push(Span::new(record.start + start, record.start + at));
            start = at + self.delimiter.needle().len();
        }
        self.cells.push(Span::new(record.start + start, record.start + line.len()));
        self.tidy.cells(block, &mut self.cells);
        Ok(())
    }
}

impl RowStream for LongDelimited<'_> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn read(&mut self) -> Result<Option<Row<'_>>, RowError> {
        if !next_row(&mut self.lines, |line| !line.is_empty())? {
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
