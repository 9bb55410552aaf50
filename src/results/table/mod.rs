//! CSV files as typed rows: a [`table!`](crate::table) declares the columns of a file once, and
//! [`TableWriter`] and [`Rows`] write and read them.

pub mod cell;
pub mod read;
pub mod writer;

use std::borrow::Cow;

pub use cell::{Cell, CellKind, CellType};
pub use read::{Cells, Rows};
pub use writer::{TableText, TableWriter};

/// A column of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name in the header.
    pub name: Cow<'static, str>,
    /// The type of its cells.
    pub kind: CellKind,
    /// Whether cells may be empty, and the column missing in files of other versions.
    pub optional: bool,
    /// Unit of its numbers; empty without one.
    pub unit: &'static str,
    /// What it means.
    pub about: &'static str,
}

impl Column {
    /// A column that follows from the results, and has no declaration.
    pub fn new(name: &str, kind: CellKind) -> Column {
        let name = Cow::Owned(name.to_string());
        Column { name, kind, optional: true, unit: "", about: "" }
    }
}

/// A CSV file of a results folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CsvTable {
    /// Its name.
    pub file: &'static str,
    /// What a row means.
    pub about: &'static str,
    /// Its columns, in order. Columns that follow from the results come after them.
    pub columns: &'static [Column],
}

impl CsvTable {
    /// The names of its columns.
    pub fn header(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|column| &*column.name)
    }

    /// The name of the file without its ending.
    pub fn name(&self) -> &'static str {
        self.file.trim_end_matches(".csv")
    }
}

/// A row of a table that is declared with [`table!`](crate::table).
pub trait TableRow: Sized {
    /// The table.
    const TABLE: CsvTable;

    /// A cell for each column.
    fn cells(&self) -> impl AsRef<[Cell<'_>]>;

    /// The row of these cells.
    ///
    /// # Errors If a cell is not of the type of its column; says what is wrong.
    fn read(cells: &mut Cells<'_>) -> Result<Self, String>;
}

/// Declares a CSV file: the meaning of a row, its name, and for each column its name, its type, the
/// unit of its numbers, and its meaning. The struct of its rows and their [`TableRow`] follow from this.
/// Attributes before the name of the struct are given to it, for rows that other files hold too.
#[macro_export]
macro_rules! table {
    (
        $about:literal
        $file:literal $(#[$attribute:meta])* $TableRow:ident {
            $( $column:ident: $Type:ty $([$unit:literal])? = $text:literal, )+
        }
    ) => {
        #[doc = $about]
        #[derive(Clone, PartialEq, Debug)]
        $(#[$attribute])*
        pub struct $TableRow {
            $( #[doc = $text] pub $column: $Type, )+
        }

        impl $crate::results::table::TableRow for $TableRow {
            const TABLE: $crate::results::table::CsvTable = $crate::results::table::CsvTable {
                file: $file,
                about: $about,
                columns: &[$( $crate::results::table::Column {
                    name: std::borrow::Cow::Borrowed(stringify!($column)),
                    kind: <$Type as $crate::results::table::CellType>::KIND,
                    optional: <$Type as $crate::results::table::CellType>::OPTIONAL,
                    unit: concat!($($unit)?),
                    about: $text,
                } ),+],
            };

            fn cells(&self) -> impl AsRef<[$crate::results::table::Cell<'_>]> {
                [$( $crate::results::table::CellType::cell(&self.$column) ),+]
            }

            fn read(cells: &mut $crate::results::table::Cells<'_>) -> Result<$TableRow, String> {
                Ok($TableRow { $( $column: cells.take()? ),+ })
            }
        }
    };
}
