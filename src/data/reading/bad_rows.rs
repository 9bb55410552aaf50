//! What to do about malformed rows, and the count that includes every one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::data::bad_row::{BadRow, BadRowKind};
pub(crate) use crate::data::bad_row::{Fault, excerpt};
use crate::data::error::DataError;

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

/// The settings of all loaders about malformed rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BadRows {
    /// What to do about a malformed row.
    pub on_bad_row: OnBadRow,
    /// With `on_bad_row = "skip"`: stop if more rows than this are malformed.
    pub max_bad_rows: u64,
}

impl BadRows {
    /// Leaves malformed rows out, up to `max_bad_rows` of them.
    pub fn skip(max_bad_rows: u64) -> BadRows {
        BadRows { on_bad_row: OnBadRow::Skip, max_bad_rows }
    }
}

/// The counts of rows of one log; always accepted + filtered + skipped = total.
#[derive(Clone, Debug)]
pub(crate) struct RowTally {
    settings: BadRows,
    total: u64,
    accepted: u64,
    filtered: u64,
    skipped: Vec<u64>,
}

impl RowTally {
    /// Empty counts; refuses `skip` without a limit.
    pub(crate) fn new(settings: BadRows) -> Result<RowTally, DataError> {
        if settings.on_bad_row == OnBadRow::Skip && settings.max_bad_rows == 0 {
            return Err(DataError::Setting {
                key: "max_bad_rows",
                problem: "on_bad_row = \"skip\" needs a limit above 0, e.g. max_bad_rows = 100"
                    .into(),
            });
        }
        Ok(RowTally {
            settings,
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
        if self.settings.on_bad_row == OnBadRow::Stop {
            return Err(DataError::BadRow { path, bad });
        }
        let limit = self.settings.max_bad_rows;
        if self.skipped() >= limit {
            let counts = self.per_kind();
            return Err(DataError::TooManyBadRows { path, bad, limit, counts });
        }
        self.skipped[bad.kind as usize] += 1;
        Ok(())
    }

    /// Number of rows that are part of the log.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Number of rows that the user's own rule leaves out.
    pub(crate) fn filtered(&self) -> u64 {
        self.filtered
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

    /// The counts for [`DataSource::facts`](crate::data::DataSource::facts).
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

    /// The counts of a further file, named `file`.
    pub(crate) fn facts_of(&self, file: &str) -> Vec<(String, String)> {
        let facts = self.facts().into_iter();
        facts.map(|(name, value)| (format!("{file}: {name}"), value)).collect()
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
        let mut tally = RowTally::new(BadRows::default()).unwrap();
        tally.begin();
        let error = tally.reject("a.csv", bad(7)).unwrap_err();
        assert_eq!((error.line(), error.kind()), (Some(7), Some(BadRowKind::BadNumber)));
        let text = error.to_string();
        assert!(text.starts_with("a.csv, line 7: bad_number: a number, found \"x\""), "{text}");
    }

    #[test]
    fn skip_counts_up_to_the_limit() {
        let mut tally = RowTally::new(BadRows::skip(2)).unwrap();
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
        let error = RowTally::new(BadRows::skip(0)).unwrap_err().to_string();
        assert!(error.starts_with("max_bad_rows"), "{error}");
    }

    #[test]
    fn long_cells_are_cut_in_messages() {
        assert!(excerpt(&[b'a'; 10_000]).len() < 60);
    }
}
