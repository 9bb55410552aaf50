//! The values of rows of a table, checked one by one.

use crate::data::reading::bad_rows::Fault;
use crate::data::reading::stamp::{Stamp, TimeReader};
use crate::data::reading::text::Text;

/// The checked values of rows, before anything is added to the log.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// 1 if the label is positive.
    pub(crate) labels: Vec<u8>,
    /// Times, if there is a column of them.
    pub(crate) stamps: Vec<Stamp>,
    /// The last time read.
    pub(crate) time: LastTime,
    /// `[rows x (numeric columns + flags)]`; NaN where the cell is empty.
    pub(crate) numeric: Vec<f32>,
    /// `[rows x extra columns]`; NaN where the cell is empty.
    pub(crate) extra: Vec<f64>,
}

/// The last time read. In most logs, many neighbouring rows have the same time.
#[derive(Debug, Default)]
pub(crate) struct LastTime {
    /// The first word and the length of its text: the whole text if it has at most eight bytes.
    text: (u64, usize),
    stamp: Stamp,
}

impl LastTime {
    #[inline(always)]
    pub(crate) fn parse(&mut self, reader: TimeReader, cell: Text) -> Result<Stamp, Fault> {
        let text = (cell.word(), cell.len());
        if text != self.text || text.1 > 8 || text.1 == 0 {
            self.stamp = reader.parse_chosen(cell)?;
            self.text = text;
        }
        Ok(self.stamp)
    }
}
