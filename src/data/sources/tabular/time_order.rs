//! Whether the times of a table ascend as its rows do.

use super::config::Config;
use crate::data::Remark;
use crate::data::reading::stamp::Stamp;

/// The rows whose clock goes backwards.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct TimeOrder {
    file: String,
    last: Option<Stamp>,
    rows: u64,
    /// Rows that are earlier than the one before them.
    back: u64,
    /// File and line of the first of them.
    first: Option<(String, u64)>,
}

impl TimeOrder {
    /// The rows of this file follow.
    pub(super) fn begin_file(&mut self, name: &str) {
        name.clone_into(&mut self.file);
    }

    /// Notes rows, each on a line of its own from `line` on.
    pub(super) fn note(&mut self, stamps: &[Stamp], line: u64) {
        self.rows += stamps.len() as u64;
        for (stamp, line) in stamps.iter().zip(line..) {
            if self.last.is_some_and(|last| *stamp < last) {
                self.back += 1;
                self.first.get_or_insert_with(|| (self.file.clone(), line));
            }
            self.last = Some(*stamp);
        }
    }

    /// What people should know of it.
    pub(super) fn remark(&self, config: &Config) -> Option<Remark> {
        let (file, line) = self.first.as_ref()?;
        let (key, column) = match (&config.time, &config.day) {
            (Some(column), _) => ("data.time", column),
            (None, Some(column)) => ("data.day", column),
            (None, None) => return None,
        };
        let are = if self.back == 1 { "is" } else { "are" };
        let message = format!(
            "the clock of the log goes backwards: by the column `{column}`, {} of its {} rows {are} earlier than the \
             row before, the first on line {line} of {file}; the rows were brought into the order of time",
            self.back, self.rows
        );
        let help = "sort the file, or look whether the column is read as meant";
        Some(Remark::new(key, message, help))
    }
}
