//! Malformed rows: their kinds, what to do about them, and the count that includes every one.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::DataError;

macro_rules! kinds {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $name:literal, )+) => {
        /// The fault of a row.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[non_exhaustive]
        pub enum BadRowKind {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl BadRowKind {
            /// All kinds, in the order of summaries.
            pub const ALL: &'static [BadRowKind] = &[ $( BadRowKind::$variant, )+ ];

            /// The kind's name in messages and summaries.
            pub fn name(self) -> &'static str {
                match self {
                    $( BadRowKind::$variant => $name, )+
                }
            }
        }
    };
}

kinds! {
    /// Fewer fields than the header, or a key that a JSON object lacks.
    MissingField = "missing_field",
    /// More fields than the header.
    ExtraField = "extra_field",
    /// A required value is empty.
    EmptyField = "empty_field",
    /// Text instead of a number.
    BadNumber = "bad_number",
    /// NaN, infinite, or beyond the range of the type.
    NonFinite = "non_finite",
    /// A label other than 0 and 1, without a rule for it.
    BadLabel = "bad_label",
    /// A time that does not have the stated format.
    BadTime = "bad_time",
    /// A time outside the years 1900 to 2200, for example seconds read as milliseconds.
    TimeOutOfRange = "time_out_of_range",
    /// Bytes that are not UTF-8 text.
    BadUtf8 = "bad_utf8",
    /// A zero byte, as in UTF-16 text or a block that was never written.
    NulByte = "nul_byte",
    /// Not a JSON value.
    BadJson = "bad_json",
    /// JSON of another shape than expected: a list for an object, a number for a name.
    WrongType = "wrong_type",
    /// A quote that is never closed.
    UnclosedQuote = "unclosed_quote",
    /// Text after a closing quote: a quote inside was not doubled, or one before was never closed.
    StrayQuote = "stray_quote",
    /// A line longer than any real one.
    LineTooLong = "line_too_long",
    /// The header once more, as in files joined with `cat`.
    RepeatedHeader = "repeated_header",
    /// A line that is not the expected Python literal (Amazon metadata of 2014).
    BadLiteral = "bad_literal",
}

/// One malformed row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadRow {
    /// Its fault.
    pub kind: BadRowKind,
    /// The 1-based physical line on which the row begins. Line breaks in quoted fields count too.
    /// Row groups of Parquet files have no lines, so there it is the row's number.
    pub line: u64,
    /// The field and its content.
    pub detail: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.detail)
    }
}

/// The fault of a row whose line is not known yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: BadRowKind,
    pub(crate) detail: String,
}

impl Fault {
    /// A fault described by `detail`.
    pub(crate) fn new(kind: BadRowKind, detail: impl Into<String>) -> Fault {
        Fault { kind, detail: detail.into() }
    }

    /// A fault of one cell: `what` it should be, and the beginning of its content.
    pub(crate) fn cell(kind: BadRowKind, what: impl fmt::Display, cell: &[u8]) -> Fault {
        Fault::new(kind, format!("{what}, found {}", excerpt(cell)))
    }

    /// The fault with its line.
    pub(crate) fn at(self, line: u64) -> BadRow {
        BadRow { kind: self.kind, line, detail: self.detail }
    }
}

/// The beginning of a cell, quoted for a message.
pub(crate) fn excerpt(cell: &[u8]) -> String {
    const SHOWN: usize = 40;
    let text = String::from_utf8_lossy(&cell[..cell.len().min(SHOWN)]);
    let more = if cell.len() > SHOWN { "..." } else { "" };
    format!("{text:?}{more}")
}

/// What to do about a malformed row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBadRow {
    /// Stop with the row's line and kind.
    #[default]
    Stop,
    /// Leave the row out and count it, up to `max_bad_rows`.
    Skip,
}

/// The counts of rows of one log; always accepted + filtered + skipped = total.
#[derive(Clone, Debug)]
pub(crate) struct RowTally {
    on_bad_row: OnBadRow,
    max_bad_rows: u64,
    total: u64,
    accepted: u64,
    filtered: u64,
    skipped: Vec<u64>,
}

impl RowTally {
    /// Empty counts under the policy; refuses `skip` without a limit.
    pub(crate) fn new(on_bad_row: OnBadRow, max_bad_rows: u64) -> Result<RowTally, DataError> {
        if on_bad_row == OnBadRow::Skip && max_bad_rows == 0 {
            return Err(DataError::Setting {
                key: "max_bad_rows",
                problem: "on_bad_row = \"skip\" needs a limit above 0, e.g. max_bad_rows = 100"
                    .into(),
            });
        }
        Ok(RowTally {
            on_bad_row,
            max_bad_rows,
            total: 0,
            accepted: 0,
            filtered: 0,
            skipped: vec![0; BadRowKind::ALL.len()],
        })
    }

    /// Counts a row that was read: exactly one of `accept`, `filter` and `reject` must follow.
    pub(crate) fn begin(&mut self) {
        self.total += 1;
    }

    /// Counts a row as part of the log.
    pub(crate) fn accept(&mut self) {
        self.accepted += 1;
    }

    /// Counts `rows` rows that were read and are part of the log.
    pub(crate) fn accept_all(&mut self, rows: u64) {
        self.total += rows;
        self.accepted += rows;
    }

    /// Counts a sound row that the user's own rule leaves out.
    pub(crate) fn filter(&mut self) {
        self.filtered += 1;
    }

    /// Counts a malformed row, or returns the error for it.
    pub(crate) fn reject(&mut self, path: &str, bad: BadRow) -> Result<(), DataError> {
        let path = path.to_string();
        if self.on_bad_row == OnBadRow::Stop {
            return Err(DataError::BadRow { path, bad });
        }
        if self.skipped() >= self.max_bad_rows {
            let (limit, counts) = (self.max_bad_rows, self.per_kind());
            return Err(DataError::TooManyBadRows { path, bad, limit, counts });
        }
        self.skipped[bad.kind as usize] += 1;
        Ok(())
    }

    /// Number of rows left out as malformed.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped.iter().sum()
    }

    fn per_kind(&self) -> String {
        let kinds = BadRowKind::ALL.iter().zip(&self.skipped);
        let texts: Vec<String> = kinds
            .filter(|(_, count)| **count > 0)
            .map(|(kind, count)| format!("{} {count}", kind.name()))
            .collect();
        texts.join(", ")
    }

    /// The counts for [`DataSource::facts`](super::DataSource::facts).
    pub(crate) fn facts(&self) -> Vec<(String, String)> {
        assert_eq!(
            self.accepted + self.filtered + self.skipped(),
            self.total,
            "a row was neither accepted nor counted"
        );
        let mut facts = vec![("rows read".to_string(), self.total.to_string())];
        if self.filtered > 0 {
            facts.push(("rows left out by keep_when".to_string(), self.filtered.to_string()));
        }
        if self.skipped() > 0 {
            let text = format!("{} ({})", self.skipped(), self.per_kind());
            facts.push(("bad rows skipped".to_string(), text));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(line: u64) -> BadRow {
        Fault::cell(BadRowKind::BadNumber, "a number", b"x").at(line)
    }

    #[test]
    fn stop_names_file_line_and_kind() {
        let mut tally = RowTally::new(OnBadRow::Stop, 0).unwrap();
        tally.begin();
        let error = tally.reject("a.csv", bad(7)).unwrap_err();
        assert_eq!((error.line(), error.kind()), (Some(7), Some(BadRowKind::BadNumber)));
        let text = error.to_string();
        assert!(text.starts_with("a.csv, line 7: bad_number: a number, found \"x\""), "{text}");
    }

    #[test]
    fn skip_counts_up_to_the_limit() {
        let mut tally = RowTally::new(OnBadRow::Skip, 2).unwrap();
        for line in 1..=2 {
            tally.begin();
            tally.reject("a.csv", bad(line)).unwrap();
        }
        tally.begin();
        tally.accept();
        let facts = tally.facts();
        assert!(
            facts.contains(&("bad rows skipped".into(), "2 (bad_number 2)".into())),
            "{facts:?}"
        );
        tally.begin();
        let error = tally.reject("a.csv", bad(9)).unwrap_err().to_string();
        assert!(error.contains("line 9") && error.contains("max_bad_rows = 2"), "{error}");
    }

    #[test]
    fn skip_without_a_limit_is_refused() {
        let error = RowTally::new(OnBadRow::Skip, 0).unwrap_err().to_string();
        assert!(error.starts_with("max_bad_rows"), "{error}");
    }

    #[test]
    fn long_cells_are_cut_in_messages() {
        assert!(excerpt(&[b'a'; 10_000]).len() < 60);
    }
}
