//! Tables as Parquet, written by the column writers of the `parquet` crate, which need no Arrow.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use super::{ExportError, PendingFile, Sink};
use crate::results::table::{Cell, CellKind, Column};

/// Rows kept in memory before they are written as a row group.
const GROUP: usize = 1 << 16;

/// The cells of a column that are waiting to be written: the values that exist, and for every row
/// whether it has one (definition level 1) or not (0).
struct Waiting {
    kind: CellKind,
    levels: Vec<i16>,
    texts: Vec<ByteArray>,
    wholes: Vec<i64>,
    numbers: Vec<f64>,
    flags: Vec<bool>,
}

impl Waiting {
    fn new(kind: CellKind) -> Waiting {
        let (texts, wholes, numbers, flags) = Default::default();
        Waiting { kind, levels: Vec::new(), texts, wholes, numbers, flags }
    }

    fn add(&mut self, cell: &Cell<'_>) {
        match (self.kind, cell) {
            (CellKind::Text, Cell::Text(text)) => self.texts.push((&**text).into()),
            (CellKind::Whole, Cell::Whole(n)) => match i64::try_from(*n) {
                Ok(n) => self.wholes.push(n),
                Err(_) => return self.levels.push(0),
            },
            (CellKind::Number, Cell::Number(x)) => self.numbers.push(*x),
            (CellKind::Flag, Cell::Flag(flag)) => self.flags.push(*flag),
            (_, cell) => {
                assert_eq!(*cell, Cell::Empty, "a cell is of its column's kind");
                return self.levels.push(0);
            }
        }
        self.levels.push(1);
    }

    fn clear(&mut self) {
        *self = Waiting::new(self.kind);
    }
}

pub(super) struct Parquet {
    writer: SerializedFileWriter<Vec<u8>>,
    file: PendingFile,
    columns: Vec<Waiting>,
}

impl Parquet {
    pub(super) fn create(
        folder: &Path,
        name: &str,
        columns: &[Column],
    ) -> Result<Box<dyn Sink>, ExportError> {
        let file = PendingFile::create(folder, &format!("{name}.parquet"))?;
        let refused = |error: ParquetError| refused(&file, &error);
        let schema = schema(columns).map_err(refused)?;
        let properties = WriterProperties::builder()
            .set_created_by(format!("straggler {}", env!("CARGO_PKG_VERSION")))
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties));
        let writer = writer.map_err(refused)?;
        let columns = columns.iter().map(|column| Waiting::new(column.kind)).collect();
        Ok(Box::new(Parquet { writer, file, columns }))
    }

    /// Writes the waiting cells as a row group, and the description of the group to the file.
    fn write_group(&mut self) -> Result<(), ExportError> {
        let written = write_group(&mut self.writer, &self.columns);
        written.map_err(|error| refused(&self.file, &error))?;
        self.columns.iter_mut().for_each(Waiting::clear);
        self.write_through()
    }

    fn write_through(&mut self) -> Result<(), ExportError> {
        let bytes = std::mem::take(self.writer.inner_mut());
        self.file.write(&bytes)
    }
}

impl Sink for Parquet {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ExportError> {
        self.columns.iter_mut().zip(cells).for_each(|(column, cell)| column.add(cell));
        let waiting = self.columns.first().map_or(0, |column| column.levels.len());
        if waiting < GROUP { Ok(()) } else { self.write_group() }
    }

    fn end(mut self: Box<Self>) -> Result<PathBuf, ExportError> {
        if self.columns.iter().any(|column| !column.levels.is_empty()) {
            self.write_group()?;
        }
        self.writer.finish().map_err(|error| refused(&self.file, &error))?;
        self.write_through()?;
        self.file.end()
    }
}

fn refused(file: &PendingFile, error: &ParquetError) -> ExportError {
    ExportError::Parquet { path: file.path.clone(), problem: error.to_string() }
}

fn schema(columns: &[Column]) -> Result<TypePtr, ParquetError> {
    let mut fields = Vec::with_capacity(columns.len());
    for column in columns {
        let (physical, logical) = match column.kind {
            CellKind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            CellKind::Whole => (Physical::INT64, None),
            CellKind::Number => (Physical::DOUBLE, None),
            CellKind::Flag => (Physical::BOOLEAN, None),
        };
        let field = Type::primitive_type_builder(&column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        fields.push(Arc::new(field.build()?));
    }
    Ok(Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?))
}

fn write_group(
    writer: &mut SerializedFileWriter<Vec<u8>>,
    columns: &[Waiting],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for column in columns {
        let mut out = group.next_column()?.expect("the schema has a column for each");
        match column.kind {
            CellKind::Text => put(out.typed::<ByteArrayType>(), &column.texts, &column.levels)?,
            CellKind::Whole => put(out.typed::<Int64Type>(), &column.wholes, &column.levels)?,
            CellKind::Number => put(out.typed::<DoubleType>(), &column.numbers, &column.levels)?,
            CellKind::Flag => put(out.typed::<BoolType>(), &column.flags, &column.levels)?,
        }
        out.close()?;
    }
    group.close().map(|_| ())
}

fn put<T: DataType>(
    out: &mut ColumnWriterImpl<'_, T>,
    values: &[T::T],
    levels: &[i16],
) -> Result<(), ParquetError> {
    out.write_batch(values, Some(levels), None).map(|_| ())
}
