//! Parquet files as rows of text cells (cargo feature `parquet`).
//!
//! The record reader of the `parquet` crate is used, which does not need Arrow. Cells become text,
//! so that all later steps are the same as for CSV; times become `YYYY-MM-DD HH:MM:SS.mmm`.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use super::file::open_file;
use super::records::{Row, RowError, RowStream};
use super::split::Span;
use super::stamp::Stamp;
use crate::data::error::DataError;

/// The rows of a Parquet file; only some columns are decoded, the others are empty.
pub(crate) struct ParquetRows {
    columns: Vec<String>,
    /// Column of each decoded field.
    decoded: Vec<usize>,
    rows: RowIter<'static>,
    number: u64,
    /// Text and cells of the current row.
    text: Vec<u8>,
    cells: Vec<Span>,
}

impl ParquetRows {
    /// Opens the file at `path` and decodes its columns that are in `wanted`.
    pub(crate) fn open(path: &Path, wanted: &[&str]) -> Result<ParquetRows, DataError> {
        let failed = |error: parquet::errors::ParquetError| DataError::Open {
            path: path.display().to_string(),
            source: io::Error::new(io::ErrorKind::InvalidData, error),
        };
        let reader = SerializedFileReader::new(open_file(path)?).map_err(failed)?;
        let schema = reader.metadata().file_metadata().schema().clone();
        let names = schema.get_fields().iter().map(|field| field.name().to_string());
        let columns: Vec<String> = names.collect();
        let decoded = (0..columns.len()).filter(|at| wanted.contains(&columns[*at].as_str()));
        let decoded: Vec<usize> = decoded.collect();
        let fields = decoded.iter().map(|at| Arc::clone(&schema.get_fields()[*at])).collect();
        let projection = Type::group_type_builder(schema.name()).with_fields(fields).build();
        let rows = RowIter::from_file_into(Box::new(reader))
            .project(Some(projection.map_err(failed)?))
            .map_err(failed)?;
        Ok(ParquetRows { columns, decoded, rows, number: 0, text: Vec::new(), cells: Vec::new() })
    }
}

impl RowStream for ParquetRows {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn read(&mut self) -> Result<Option<Row<'_>>, RowError> {
        let broken = |line, source| RowError::Io { line, source };
        let record = match self.rows.next() {
            None => return Ok(None),
            Some(Ok(record)) => record,
            Some(Err(error)) => {
                return Err(broken(self.number, io::Error::new(io::ErrorKind::InvalidData, error)));
            }
        };
        self.number += 1;
        self.text.clear();
        self.cells.clear();
        self.cells.resize(self.columns.len(), Span::default());
        for (column, (_, field)) in self.decoded.iter().zip(record.get_column_iter()) {
            let start = self.text.len();
            write_cell(field, &mut self.text).map_err(|source| broken(self.number, source))?;
            self.cells[*column] = Span::new(start, self.text.len());
        }
        Ok(Some(Row { line: self.number, block: &self.text, cells: &self.cells }))
    }
}

fn write_cell(field: &Field, cell: &mut Vec<u8>) -> io::Result<()> {
    let time = |cell: &mut Vec<u8>, milliseconds: i64| {
        let of_day = milliseconds.rem_euclid(86_400_000);
        let (seconds, fraction) = (of_day / 1000, of_day % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(
            cell,
            "{} {hour:02}:{minute:02}:{second:02}.{fraction:03}",
            Stamp(milliseconds).date()
        )
    };
    match field {
        Field::Null => Ok(()),
        Field::Str(text) => cell.write_all(text.as_bytes()),
        Field::Bytes(bytes) => cell.write_all(bytes.data()),
        Field::Float(value) => write!(cell, "{value}"),
        Field::Double(value) => write!(cell, "{value}"),
        Field::Bool(value) => write!(cell, "{}", u8::from(*value)),
        Field::Date(days) => write!(cell, "{}", Stamp(i64::from(*days) * 86_400_000).date()),
        Field::TimestampMillis(value) => time(cell, *value),
        Field::TimestampMicros(value) => time(cell, value.div_euclid(1000)),
        other => write!(cell, "{other}"),
    }
}
