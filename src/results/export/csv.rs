//! Tables as CSV: a header, commas, dots in numbers, and empty cells for missing values.

use std::path::{Path, PathBuf};

use super::{ExportError, PendingFile, Sink};
use crate::results::table::{Cell, Column, TableText};

pub(super) struct Csv {
    file: PendingFile,
    line: TableText,
}

impl Csv {
    pub(super) fn create(
        folder: &Path,
        name: &str,
        columns: &[Column],
    ) -> Result<Box<dyn Sink>, ExportError> {
        let file = PendingFile::create(folder, &format!("{name}.csv"))?;
        let mut csv = Csv { file, line: TableText::default() };
        csv.row(&columns.iter().map(|column| Cell::from(&*column.name)).collect::<Vec<_>>())?;
        Ok(Box::new(csv))
    }
}

impl Sink for Csv {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ExportError> {
        self.line.text.clear();
        self.line.row(cells);
        self.file.write(self.line.text.as_bytes())
    }

    fn end(self: Box<Self>) -> Result<PathBuf, ExportError> {
        self.file.end()
    }
}
