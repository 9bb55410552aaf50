//! One malformed row: its kind, its place, and what is wrong in it.

use std::fmt;

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
