//! Rows of delimited text: CSV and TSV.
//!
//! Delimited text is split here rather than by the `csv` crate, for three reasons: a row needs its
//! physical line (also after CR LF, blank lines and quoted line breaks), an unclosed quote must be
//! an error at its own line, and memory must stay bounded. Tests compare with the `csv` crate.

use std::io;

use super::bad_rows::{BadRowKind, Fault};
use super::file::Input;
use super::lines::{Line, Lines, MAX_LINE_BYTES, without_break};
use super::records::{Row, RowError, RowStream, Stretch};
use super::split::{CellCounts, Found, FoundRows, Span, Splitter, is_blank};
use super::tidy::Tidy;
use crate::data::error::DataError;

/// A quoted cell with more lines than this counts as never closed.
const MAX_RECORD_LINES: u64 = 1000;

/// Cells of a stretch: few enough for the first-level cache.
const STRETCH_CELLS: usize = 1024;

/// The syntax of delimited text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Dialect {
    /// Separates the cells.
    pub(crate) delimiter: u8,
    /// Whether a cell may be quoted with `"`.
    pub(crate) quotes: bool,
    /// Whether the text must be UTF-8 (`u.item` of MovieLens 100K is Latin-1).
    pub(crate) utf8: bool,
    /// Whether blanks at both ends of a cell are left out.
    pub(crate) trim: bool,
}

impl Dialect {
    /// UTF-8 text with quotes as in RFC 4180.
    pub(crate) fn quoted(delimiter: u8) -> Dialect {
        Dialect { delimiter, quotes: true, utf8: true, trim: true }
    }

    /// UTF-8 text in which a quote is an ordinary character.
    pub(crate) fn plain(delimiter: u8) -> Dialect {
        Dialect { delimiter, quotes: false, utf8: true, trim: true }
    }

    /// Removes the pairs of quotes around cells. `false` if these are not all `quotes` of the line,
    /// so that some have another meaning.
    fn strip(self, block: &[u8], cells: &mut [Span], quotes: u32) -> bool {
        if quotes == 0 || !self.quotes {
            return true;
        }
        let mut stripped = 0;
        for cell in cells {
            if self.trim {
                *cell = cell.trimmed(block);
            }
            if let [b'"', .., b'"'] = block[cell.start as usize..cell.end as usize] {
                *cell = Span { start: cell.start + 1, end: cell.end - 1 };
                stripped += 2;
            }
        }
        stripped == quotes
    }
}

/// Rows of delimited text.
pub(crate) struct Delimited<'a> {
    lines: Lines<'a>,
    dialect: Dialect,
    tidy: Tidy,
    columns: Vec<String>,
    splitter: Splitter,
    /// The cells of the current row.
    cells: Vec<Span>,
    /// Number of rows still to be read one by one before the next search for several, and its value
    /// after the last failed search: where most rows have quoted delimiters, searches fail.
    one_by_one: (u32, u32),
}

/// The most rows that are read one by one after a search without success.
const MOST_ONE_BY_ONE: u32 = 31;

/// Where a row begins, and its fault, if any.
struct Next {
    line: u64,
    sound: Result<(), Fault>,
}

impl<'a> Delimited<'a> {
    /// The rows of `input`. The columns are `names`, or the first row if that is `None`.
    ///
    /// # Errors
    /// If the header is missing or malformed.
    pub(crate) fn new(
        input: Input<'a>,
        dialect: Dialect,
        names: Option<&[String]>,
    ) -> Result<Delimited<'a>, DataError> {
        let tidy = Tidy::new(dialect.trim, &[]);
        Delimited::tidied(input, dialect, tidy, names)
    }

    /// As [`new`](Self::new), with cells tidied as `tidy` says.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(crate) fn tidied(
        input: Input<'a>,
        dialect: Dialect,
        tidy: Tidy,
        names: Option<&[String]>,
    ) -> Result<Delimited<'a>, DataError> {
        let dialect = Dialect { trim: tidy.trim, ..dialect };
        let mut rows = Delimited {
            lines: Lines::new(input.reader),
            dialect,
            tidy,
            columns: Vec::new(),
            splitter: Splitter::new(dialect.delimiter),
            cells: Vec::new(),
            one_by_one: (0, 0),
        };
        if let Some(names) = names {
            rows.columns = names.to_vec();
            return Ok(rows);
        }
        let path = input.name;
        match rows.read() {
            Ok(Some(row)) => {
                let name = |index| String::from_utf8_lossy(&row.cell(index)).trim().to_string();
                rows.columns = (0..row.len()).map(name).collect();
                Ok(rows)
            }
            Ok(None) => Err(DataError::Empty { path, why: "the file has no lines".to_string() }),
            Err(error) => Err(error.of_file(&path)),
        }
    }

    /// Renames the column `from` to `to`, if it exists.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        if let Some(name) = self.columns.iter_mut().find(|name| *name == from) {
            *name = to.to_string();
        }
    }

    /// Finds the next row's cells; `None` at the end.
    #[inline]
    fn next_row(&mut self) -> io::Result<Option<Next>> {
        loop {
            let ahead = self.lines.ahead();
            let (block, from) = (self.lines.block(), ahead.start);
            self.cells.clear();
            let Some(found) = self.splitter.line(block, from, ahead.end, &mut self.cells) else {
                match self.read_on()? {
                    Line::End => return Ok(None),
                    Line::TooLong => {
                        return Ok(Some(Next {
                            line: self.lines.number(),
                            sound: Err(too_long()),
                        }));
                    }
                    Line::Whole => continue,
                }
            };
            self.lines.begin_with_line(found.end);
            let line = self.lines.number();
            if !found.is_plain() {
                let sound = self.unusual(found)?;
                self.tidy.cells(self.lines.block(), &mut self.cells);
                return Ok(Some(Next { line, sound }));
            }
            self.tidy.cells(self.lines.block(), &mut self.cells);
            if self.cells.len() > 1 || !self.cells[0].is_empty() {
                return Ok(Some(Next { line, sound: Ok(()) }));
            }
        }
    }

    /// Finds the cells of the next rows, up to one that is incomplete, differs from the others or
    /// may be malformed; returns their number.
    fn next_rows(&mut self) -> usize {
        let (ahead, width) = (self.lines.ahead(), self.columns.len());
        let block = self.lines.block();
        let cell_counts = CellCounts { width, most: STRETCH_CELLS };
        let found = self.splitter.rows(block, ahead.clone(), cell_counts, &mut self.cells);
        let FoundRows { rows, end, blanks } = found;
        let blanks = blanks && self.tidy.trim;
        let (rows, end) = match rows {
            // A line of blanks alone is no row, so it is looked at by itself.
            _ if rows == 0 || width == 1 && (blanks || self.tidy.knows_missing()) => {
                self.next_lines()
            }
            _ => (rows, end),
        };
        if blanks || self.tidy.knows_missing() {
            self.tidy.cells(self.lines.block(), &mut self.cells);
        }
        self.lines.begin_with_lines(end, rows as u64);
        rows
    }

    /// The same line by line, for rows that may have quotes; also returns the end of the last one.
    fn next_lines(&mut self) -> (usize, usize) {
        let (ahead, width) = (self.lines.ahead(), self.columns.len());
        let block = self.lines.block();
        self.cells.clear();
        let (mut rows, mut end) = (0, ahead.start);
        while self.cells.len() < STRETCH_CELLS {
            let before = self.cells.len();
            let found = self.splitter.line(block, end, ahead.end, &mut self.cells);
            let plain = found.filter(|found| {
                let cells = &mut self.cells[before..];
                let stripped = self.dialect.strip(block, cells, found.quotes);
                self.tidy.cells(block, cells);
                cells.len() == width
                    && (width > 1 || !cells[0].is_empty())
                    && !found.odd
                    && stripped
            });
            let Some(found) = plain else {
                self.cells.truncate(before);
                self.splitter.forget();
                break;
            };
            (rows, end) = (rows + 1, found.end);
        }
        (rows, end)
    }

    /// Reads until the next line is complete.
    fn read_on(&mut self) -> io::Result<Line> {
        self.splitter.forget();
        self.lines.begin();
        let line = self.lines.append()?;
        if line == Line::Whole {
            self.lines.take_back(0, 1);
        }
        Ok(line)
    }

    /// Handles a line with quotes or with bytes that may not be text.
    fn unusual(&mut self, found: Found) -> io::Result<Result<(), Fault>> {
        let simple = self.dialect.strip(self.lines.block(), &mut self.cells, found.quotes);
        if simple && !found.odd {
            return Ok(Ok(()));
        }
        if !simple && let Err(fault) = self.complete_quotes()? {
            return Ok(Err(fault));
        }
        let record = without_break(&self.lines.block()[self.lines.record()]);
        let sound = self.check_text(record);
        if !simple && sound.is_ok() {
            self.split_quoted();
        }
        Ok(sound)
    }

    /// Adds lines to the record until no quote is open. If the quotes make no sense, all but the
    /// first line are taken back, so that one bad row affects no others.
    fn complete_quotes(&mut self) -> io::Result<Result<(), Fault>> {
        self.splitter.forget();
        let first = self.lines.record().len();
        let (mut state, mut extra, mut from) = (Quote::Start, 0, 0);
        loop {
            let record = &self.lines.block()[self.lines.record()];
            state = scan(&record[from..], self.dialect, state);
            from = record.len();
            if state != Quote::Inside || extra >= MAX_RECORD_LINES || from >= MAX_LINE_BYTES {
                break;
            }
            match self.lines.append()? {
                Line::Whole => extra += 1,
                Line::TooLong => return Ok(Err(too_long())),
                Line::End => break,
            }
        }
        let (kind, text) = match state {
            Quote::Inside => (BadRowKind::UnclosedQuote, "a quote opens and is never closed"),
            Quote::Stray => (BadRowKind::StrayQuote, "there is text after a closing quote"),
            _ => return Ok(Ok(())),
        };
        self.lines.take_back(first, extra);
        Ok(Err(Fault::new(kind, text)))
    }

    /// Checks that the record is text.
    fn check_text(&self, record: &[u8]) -> Result<(), Fault> {
        if memchr::memchr(0, record).is_some() {
            let text = "a zero byte; if the file is UTF-16, convert it to UTF-8";
            return Err(Fault::new(BadRowKind::NulByte, text));
        }
        if self.dialect.utf8
            && !record.is_ascii()
            && let Err(error) = std::str::from_utf8(record)
        {
            let text =
                format!("byte {} is not UTF-8; convert the file to UTF-8", error.valid_up_to() + 1);
            return Err(Fault::new(BadRowKind::BadUtf8, text));
        }
        Ok(())
    }

    /// Finds the cells of a complete record, and removes the quotes of quoted cells in place.
    fn split_quoted(&mut self) {
        self.cells.clear();
        let record = self.lines.record();
        let len = without_break(&self.lines.block()[record.clone()]).len();
        let block = self.lines.block_mut();
        let (mut state, mut start, mut write) = (Quote::Start, record.start, record.start);
        for read in record.start..record.start + len {
            let byte = block[read];
            let next = state.next(byte, self.dialect);
            let opens = matches!(state, Quote::Start | Quote::Before) && next == Quote::Inside;
            if opens {
                // Blanks before the quote.
                write = start;
            } else if next == Quote::Start {
                self.cells.push(Span::new(start, write));
                start = write;
            } else if !matches!(next, Quote::Closing | Quote::After) {
                block[write] = byte;
                write += 1;
            }
            state = next;
        }
        self.cells.push(Span::new(start, write));
    }
}

/// The fault of a line that was skipped because of its length.
pub(crate) fn too_long() -> Fault {
    let limit = MAX_LINE_BYTES >> 20;
    Fault::new(BadRowKind::LineTooLong, format!("the line is longer than {limit} MiB"))
}

impl RowStream for Delimited<'_> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn read(&mut self) -> Result<Option<Row<'_>>, RowError> {
        match self.next_row() {
            Err(source) => Err(RowError::Io { line: self.lines.number(), source }),
            Ok(None) => Ok(None),
            Ok(Some(Next { line, sound: Err(fault) })) => Err(RowError::Bad(fault.at(line))),
            Ok(Some(Next { line, sound: Ok(()) })) => {
                Ok(Some(Row { line, block: self.lines.block(), cells: &self.cells }))
            }
        }
    }

    fn read_stretch(&mut self) -> Option<Stretch<'_>> {
        let (now, last) = self.one_by_one;
        if now > 0 {
            self.one_by_one = (now - 1, last);
            return None;
        }
        let rows = self.next_rows();
        let next = if rows > 0 { 0 } else { (2 * last + 1).min(MOST_ONE_BY_ONE) };
        self.one_by_one = (next, next);
        let (line, width) = (self.lines.number() + 1 - rows as u64, self.columns.len());
        let block = self.lines.block();
        (rows > 0).then_some(Stretch { line, block, cells: &self.cells, width })
    }
}

/// The state of a scan; a quote opens a cell only at its beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Quote {
    Start,
    /// After blanks at the beginning of a cell, if they are left out.
    Before,
    Outside,
    Inside,
    Closing,
    /// After blanks behind a closing quote, if they are left out.
    After,
    /// After text that follows a closing quote; this state is final.
    Stray,
}

impl Quote {
    fn next(self, byte: u8, dialect: Dialect) -> Quote {
        let blank = dialect.trim && is_blank(byte);
        match (self, byte) {
            (Quote::Start | Quote::Before | Quote::Closing, b'"')
            | (Quote::Inside, 0..b'"' | b'#'..) => Quote::Inside,
            (Quote::Inside, b'"') => Quote::Closing,
            (Quote::Stray, _) => Quote::Stray,
            (_, byte) if byte == dialect.delimiter => Quote::Start,
            (Quote::Start | Quote::Before, _) if blank => Quote::Before,
            (Quote::Closing | Quote::After, _) if blank => Quote::After,
            (Quote::Closing | Quote::After, b'\r' | b'\n') => self,
            (Quote::Closing | Quote::After, _) => Quote::Stray,
            _ => Quote::Outside,
        }
    }
}

fn scan(bytes: &[u8], dialect: Dialect, state: Quote) -> Quote {
    bytes.iter().fold(state, |state, byte| state.next(*byte, dialect))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    /// A row's line and cells, or its line and its fault.
    type Seen = Result<(u64, Vec<String>), (u64, BadRowKind)>;

    fn rows(text: &[u8]) -> Vec<Seen> {
        rows_of(text, Dialect { trim: false, ..Dialect::quoted(b',') })
    }

    fn rows_of(text: &[u8], dialect: Dialect) -> Vec<Seen> {
        let input = Input { name: "t".into(), reader: Box::new(Cursor::new(text.to_vec())) };
        let mut reader = Delimited::new(input, dialect, Some(&[])).unwrap();
        let mut all = Vec::new();
        loop {
            match reader.read() {
                Ok(None) => return all,
                Ok(Some(row)) => {
                    let cell = |i| String::from_utf8_lossy(&row.cell(i)).into_owned();
                    all.push(Ok((row.line, (0..row.len()).map(cell).collect())));
                }
                Err(RowError::Bad(bad)) => all.push(Err((bad.line, bad.kind))),
                Err(RowError::Io { source, .. }) => panic!("{source}"),
            }
        }
    }

    fn ok(line: u64, cells: &[&str]) -> Seen {
        Ok((line, cells.iter().map(|cell| cell.to_string()).collect()))
    }

    #[test]
    fn lines_count_through_quoted_breaks_blank_lines_and_cr_lf() {
        let text = b"a,b\r\n\r\n\"x\r\ny\",2\r\n\"p, \"\"q\"\"\",\r\nlast,";
        assert_eq!(
            rows(text),
            [
                ok(1, &["a", "b"]),
                ok(3, &["x\r\ny", "2"]),
                ok(5, &["p, \"q\"", ""]),
                ok(6, &["last", ""])
            ]
        );
    }

    #[test]
    fn blanks_at_the_ends_of_cells_are_no_part_of_them() {
        let text = b" a,\tb \r\n\"x y\" , \"p, \"\"q\"\" \"\n   \n c d,\"e\" \"f\"\n";
        let stray = Err((4, BadRowKind::StrayQuote));
        assert_eq!(
            rows_of(text, Dialect::quoted(b',')),
            [ok(1, &["a", "b"]), ok(2, &["x y", "p, \"q\""]), stray]
        );
        assert_eq!(rows(b" a, b\n"), [ok(1, &[" a", " b"])]);
    }

    #[test]
    fn an_unclosed_quote_spoils_its_own_line_only() {
        let text = b"a,1\n\"b,2\nc,3\nd,4\n";
        let unclosed = Err((2, BadRowKind::UnclosedQuote));
        assert_eq!(
            rows(text),
            [ok(1, &["a", "1"]), unclosed, ok(3, &["c", "3"]), ok(4, &["d", "4"])]
        );
    }

    #[test]
    fn two_lines_that_a_stray_quote_would_join_stay_two_rows() {
        let bad = |line, kind| Err((line, kind));
        assert_eq!(
            rows(b"\"u,1\n\"u,2\nc,3\n"),
            [bad(1, BadRowKind::StrayQuote), bad(2, BadRowKind::UnclosedQuote), ok(3, &["c", "3"])]
        );
    }

    #[test]
    fn zero_bytes_and_other_encodings_are_bad_rows() {
        let text = b"a\0,1\n\xe9,2\nc,3\n";
        let bad = |line, kind| Err((line, kind));
        assert_eq!(
            rows(text),
            [bad(1, BadRowKind::NulByte), bad(2, BadRowKind::BadUtf8), ok(3, &["c", "3"])]
        );
    }

    /// The cells that the `csv` crate reads.
    fn oracle(text: &[u8]) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.has_headers(false).flexible(true).from_reader(text);
        let records = reader.records();
        records.map(|record| record.unwrap().iter().map(str::to_string).collect()).collect()
    }

    #[test]
    fn rows_are_whole_wherever_blocks_end() {
        let kinds = [
            "plain,1,2\n",
            "\"quoted\",\"1\",2\r\n",
            "\"a, b\",\"\"\"\",\n",
            "\"two\nlines, \"\"and\"\" three\r\n\",x,y\n",
            "caf\u{e9},1,\r\n",
            "\n",
        ];
        // The lengths are such that lines shift against blocks and chunks.
        let text: String =
            (0..60_000).map(|row| kinds[row * row / 3 % kinds.len()].repeat(1 + row % 2)).collect();
        assert!(text.len() > 1_000_000);
        let rows = rows(text.as_bytes());
        let mut line = 1;
        for row in &rows {
            let (at, cells) = row.as_ref().unwrap();
            assert!(*at >= line, "line {at} after {line}");
            line = at + 1 + cells[0].matches('\n').count() as u64;
        }
        let cells: Vec<Vec<String>> = rows.into_iter().map(|row| row.unwrap().1).collect();
        assert_eq!(cells, oracle(text.as_bytes()));
    }

    #[test]
    fn rows_behind_long_lines_are_whole() {
        let short = "a,1\n".repeat(100_000) + "last,2";
        for (len, first) in
            [(MAX_LINE_BYTES, Ok(1)), (MAX_LINE_BYTES + 1, Err((1, BadRowKind::LineTooLong)))]
        {
            let rows = rows(["x".repeat(len).as_str(), "\n", &short].concat().as_bytes());
            assert_eq!(rows[0].clone().map(|(line, _)| line), first);
            assert_eq!(rows.len(), 100_002);
            assert!((1..100_001).all(|at| rows[at] == ok(at as u64 + 1, &["a", "1"])));
            assert_eq!(rows[100_001], ok(100_002, &["last", "2"]));
        }
    }

    proptest! {
        /// The `csv` crate agrees on every cell of every text with closed quotes.
        #[test]
        fn cells_are_those_of_the_csv_crate(text in "([a-c,\"]|\n|\r\n){0,40}") {
            let ours = rows(text.as_bytes());
            prop_assume!(ours.iter().all(Result::is_ok));
            let ours: Vec<Vec<String>> = ours.into_iter().map(|row| row.unwrap().1).collect();
            prop_assert_eq!(ours, oracle(text.as_bytes()));
        }
    }
}
