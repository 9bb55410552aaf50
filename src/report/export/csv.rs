//! Tables as CSV: a header, commas, dots in numbers, empty cells for what is missing.

use std::path::{Path, PathBuf};

use super::column::{Cell, Column};
use super::{ExportError, Pending, Sink};
use crate::experiment::table::{Cell as Written, TableText};

pub(super) struct Csv {
    file: Pending,
    line: TableText,
}

impl Csv {
    pub(super) fn create(
        folder: &Path,
        name: &str,
        columns: &[Column],
    ) -> Result<Box<dyn Sink>, ExportError> {
        let mut csv = Csv {
            file: Pending::create(folder, &format!("{name}.csv"))?,
            line: TableText::default(),
        };
        csv.write(columns.iter().map(|column| Written::Text(&column.name)))?;
        Ok(Box::new(csv))
    }

    fn write<'a>(&mut self, cells: impl Iterator<Item = Written<'a>>) -> Result<(), ExportError> {
        self.line.text.clear();
        self.line.row(&cells.collect::<Vec<_>>());
        self.file.write(self.line.text.as_bytes())
    }
}

impl Sink for Csv {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ExportError> {
        self.write(cells.iter().map(|cell| match *cell {
            Cell::Missing => Written::Empty,
            Cell::Text(text) => Written::Text(text),
            Cell::Whole(n) => u64::try_from(n).map_or(Written::Number(n as f64), Written::Whole),
            Cell::Number(x) => Written::Number(x),
            Cell::Flag(flag) => Written::Text(if flag { "true" } else { "false" }),
        }))
    }

    fn end(self: Box<Self>) -> Result<PathBuf, ExportError> {
        self.file.end()
    }
}
