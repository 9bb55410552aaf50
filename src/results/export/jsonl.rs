//! Tables as JSON lines: an object per row, every column in each of them.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{ExportError, PendingFile, Sink};
use crate::results::table::{Cell, Column};

pub(super) struct Jsonl {
    file: PendingFile,
    names: Vec<String>,
}

impl Jsonl {
    pub(super) fn create(
        folder: &Path,
        name: &str,
        columns: &[Column],
    ) -> Result<Box<dyn Sink>, ExportError> {
        let file = PendingFile::create(folder, &format!("{name}.jsonl"))?;
        Ok(Box::new(Jsonl {
            file,
            names: columns.iter().map(|column| column.name.to_string()).collect(),
        }))
    }
}

impl Sink for Jsonl {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ExportError> {
        let value = |cell: &Cell<'_>| match cell {
            Cell::Empty => Value::Null,
            Cell::Text(text) => Value::from(&**text),
            Cell::Whole(n) => i64::try_from(*n).map_or(Value::Null, Value::from),
            Cell::Number(x) => Value::from(*x),
            Cell::Flag(flag) => Value::from(*flag),
        };
        let object: Map<String, Value> =
            self.names.iter().cloned().zip(cells.iter().map(value)).collect();
        self.file.write(format!("{}\n", Value::Object(object)).as_bytes())
    }

    fn end(self: Box<Self>) -> Result<PathBuf, ExportError> {
        self.file.end()
    }
}
