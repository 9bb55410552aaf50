//! Parquet files as rows of text cells (cargo feature `parquet`).
//!
//! The record reader of the `parquet` crate is used, which does not need Arrow. Cells become text,
//! so that all later steps are the same as for CSV; times become `YYYY-MM-DD HH:MM:SS.mmm`.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use super::file::open_file;
use super::list;
use super::records::{Row, RowError, RowStream};
use super::split::Span;
use super::stamp::Stamp;
use super::tidy::Tidy;
use super::wanted::Wanted;
use crate::data::error::DataError;

/// The rows of a Parquet file; only some columns are decoded, the others are empty.
pub(crate) struct ParquetRows {
    columns: Vec<String>,
    /// Column of each decoded field, and whether it holds nanoseconds, which the reader leaves as
    /// numbers.
    decoded: Vec<(usize, bool)>,
    rows: RowIter<'static>,
    tidy: Tidy,
    number: u64,
    /// Text and cells of the current row.
    text: Vec<u8>,
    cells: Vec<Span>,
}

impl ParquetRows {
    /// Opens the file at `path` and decodes its columns that are in `wanted`.
    pub(crate) fn open(
        path: &Path,
        tidy: &Tidy,
        wanted: &Wanted,
    ) -> Result<ParquetRows, DataError> {
        let failed = |error: parquet::errors::ParquetError| DataError::Open {
            path: path.display().to_string(),
            source: io::Error::new(io::ErrorKind::InvalidData, error),
        };
        let reader = SerializedFileReader::new(open_file(path)?).map_err(failed)?;
        let schema = reader.metadata().file_metadata().schema().clone();
        let names = schema.get_fields().iter().map(|field| field.name().to_string());
        let columns: Vec<String> = names.collect();
        let decoded =
            (0..columns.len()).filter(|at| wanted.columns.contains(&columns[*at].as_str()));
        let decoded: Vec<usize> = decoded.collect();
        for at in &decoded {
            check_nesting(path, &schema.get_fields()[*at], &columns, wanted)?;
        }
        let nanoseconds = |at: usize| {
            let info = schema.get_fields()[at].get_basic_info();
            matches!(info.logical_type_ref(), Some(LogicalType::Timestamp(time)) if time.unit == TimeUnit::NANOS)
        };
        let fields = decoded.iter().map(|at| Arc::clone(&schema.get_fields()[*at])).collect();
        let projection = Type::group_type_builder(schema.name()).with_fields(fields).build();
        let rows = RowIter::from_file_into(Box::new(reader))
            .project(Some(projection.map_err(failed)?))
            .map_err(failed)?;
        let decoded = decoded.iter().map(|at| (*at, nanoseconds(*at))).collect();
        let tidy = tidy.clone();
        Ok(ParquetRows {
            columns,
            decoded,
            rows,
            tidy,
            number: 0,
            text: Vec::new(),
            cells: Vec::new(),
        })
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
        for ((column, nanoseconds), (_, field)) in self.decoded.iter().zip(record.get_column_iter())
        {
            let start = self.text.len();
            let field = match field {
                Field::Long(value) if *nanoseconds => {
                    &Field::TimestampMillis(value.div_euclid(1_000_000))
                }
                field => field,
            };
            write_cell(field, &mut self.text).map_err(|source| broken(self.number, source))?;
            let cell = Span::new(start, self.text.len());
            self.cells[*column] = match field {
                Field::ListInternal(_) => cell,
                _ => self.tidy.cell(&self.text, cell),
            };
        }
        Ok(Some(Row { line: self.number, block: &self.text, cells: &self.cells }))
    }
}

/// Refuses a list where none is wanted, and structs and maps everywhere.
fn check_nesting(
    path: &Path,
    field: &Type,
    columns: &[String],
    wanted: &Wanted,
) -> Result<(), DataError> {
    let refused = |problem: String| DataError::Column {
        path: path.display().to_string(),
        problem,
        columns: columns.to_vec(),
    };
    let (name, info) = (field.name(), field.get_basic_info());
    let is_list = info.converted_type() == ConvertedType::LIST
        || info.logical_type_ref() == Some(&LogicalType::List)
        || info.has_repetition() && info.repetition() == Repetition::REPEATED;
    match (field.is_group(), is_list) {
        (_, true) if wanted.lists.contains(&name) => Ok(()),
        (_, true) => Err(refused(format!(
            "the column {name:?} is a list, and only histories and impressions may be"
        ))),
        (true, false) => {
            Err(refused(format!("the column {name:?} has columns in it; write each as its own")))
        }
        (false, false) => Ok(()),
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
        Field::ListInternal(elements) => {
            let mut text = Vec::new();
            for element in elements.elements() {
                text.clear();
                if let Field::ListInternal(_) | Field::MapInternal(_) | Field::Group(_) = element {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a list inside a list"));
                }
                write_cell(element, &mut text)?;
                if !list::push(cell, &text) {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "a zero byte in a list",
                    ));
                }
            }
            Ok(())
        }
        other => write!(cell, "{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::data_type::Int64Type;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    /// A file with ids, times in nanoseconds, and lists of ids, the third of them empty.
    fn written() -> tempfile::NamedTempFile {
        let schema = "message log {
            required int64 item;
            required int64 time (TIMESTAMP(NANOS,true));
            optional group seen (LIST) { repeated group list { optional int64 element; } }
        }";
        let file = tempfile::NamedTempFile::new().unwrap();
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer =
            SerializedFileWriter::new(file.reopen().unwrap(), schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        for (values, levels) in [
            (vec![12, 34, 56], None),
            (vec![1_259_653_500_250_000_000; 3], None),
            (vec![34, 56, 12], Some(([3, 3, 3, 1], [0, 1, 0, 0]))),
        ] {
            let mut column = group.next_column().unwrap().unwrap();
            let (definitions, repetitions) = levels.unzip();
            let typed = column.typed::<Int64Type>();
            let definitions = definitions.as_ref().map(|levels: &[i16; 4]| &levels[..]);
            let repetitions = repetitions.as_ref().map(|levels: &[i16; 4]| &levels[..]);
            typed.write_batch(&values, definitions, repetitions).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        writer.close().unwrap();
        file
    }

    #[test]
    fn lists_are_cells_of_their_own_kind_and_nanoseconds_are_times() {
        let file = written();
        let wanted = Wanted { columns: vec!["item", "seen", "time"], lists: vec!["seen"] };
        let mut rows = ParquetRows::open(file.path(), &Tidy::default(), &wanted).unwrap();
        let mut seen = Vec::new();
        while let Some(row) = rows.read().unwrap() {
            assert_eq!(row.cell(1).bytes(), b"2009-12-01 07:45:00.250");
            let text = |id: &[u8]| String::from_utf8_lossy(id).into_owned();
            seen.push(list::elements(&row.cell(2)).map(text).collect::<Vec<String>>().join("|"));
        }
        assert_eq!(seen, ["34|56", "12", ""]);
        let wanted = Wanted { columns: vec!["seen"], lists: Vec::new() };
        let error = ParquetRows::open(file.path(), &Tidy::default(), &wanted).err().unwrap();
        assert!(error.to_string().contains("\"seen\" is a list"), "{error}");
    }
}
