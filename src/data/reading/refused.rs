//! What `keep_when` has left out: everything, or nothing.

use super::bad_rows::{RowTally, excerpt};
use super::columns::FileFilter;
use super::records::Row;
use crate::data::{DataError, Remark};

/// The first row that a filter has left out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct FirstRefused(Option<(usize, String)>);

impl FirstRefused {
    /// Notes a row that the filter leaves out, if it is the first.
    pub(crate) fn note(&mut self, filter: &FileFilter, row: &Row) {
        if self.0.is_none() {
            self.0 = filter.refusal(row).map(|(condition, cell)| (condition, excerpt(cell)));
        }
    }

    /// Refuses a log of which the conditions `keep_when` have left out every row.
    ///
    /// # Errors
    /// If no row is left.
    pub(crate) fn check_left(
        &self,
        path: &str,
        tally: &RowTally,
        keep_when: &[String],
    ) -> Result<(), DataError> {
        let (0, filtered @ 1..) = (tally.accepted(), tally.filtered()) else { return Ok(()) };
        let first = self.0.as_ref().map_or(String::new(), |(condition, cell)| {
            format!("; {:?} leaves out the first, which has {cell}", keep_when[*condition])
        });
        let why = format!("keep_when leaves out all {filtered} rows{first}");
        Err(DataError::Empty { path: path.to_string(), why })
    }
}

/// A remark about conditions that every row fulfils.
pub(crate) fn keeps_all(tally: &RowTally, keep_when: &[String]) -> Option<Remark> {
    let idle = !keep_when.is_empty() && tally.filtered() == 0;
    idle.then(|| {
        let conditions: Vec<String> = keep_when.iter().map(|text| format!("{text:?}")).collect();
        let message = format!(
            "`data.keep_when` leaves no row out: all {} fulfil {}",
            tally.accepted(),
            conditions.join(", ")
        );
        Remark::new(
            "data.keep_when",
            message,
            "if rows were to be left out, look at the conditions",
        )
    })
}
