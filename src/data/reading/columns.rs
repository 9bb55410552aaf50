//! Finding the columns of a mapping in a file, and opening files of rows in any format.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bad_rows::Fault;
use super::cell::Condition;
use super::delimited::{Delimited, Dialect};
use super::file::{self, Input};
use super::json_rows::JsonRows;
use super::known;
use super::long_delimiter::LongDelimited;
use super::records::{Row, RowStream};
use super::tidy::Tidy;
use super::wanted::Wanted;
use super::watch::Place;
use crate::data::error::DataError;

/// Index of the column `name`, which the setting `key` names.
pub(crate) fn find(
    path: &str,
    columns: &[String],
    key: &str,
    name: &str,
) -> Result<usize, DataError> {
    let mut found = columns.iter().enumerate().filter(|(_, column)| *column == name);
    let problem = match (found.next(), found.next()) {
        (Some((index, _)), None) => return Ok(index),
        (Some(_), Some(_)) => {
            format!(
                "the column {name:?} ({key}) is there twice; rename one, or give `columns` yourself"
            )
        }
        (None, _) => {
            let suggestion = match known::unseparated(columns) {
                Some(way) => format!("; {way}"),
                None => suggestion(columns, name),
            };
            format!("there is no column {name:?} ({key}){suggestion}")
        }
    };
    Err(DataError::Column { path: path.to_string(), problem, columns: columns.to_vec() })
}

fn suggestion(columns: &[String], name: &str) -> String {
    let near = columns
        .iter()
        .map(|column| (strsim::jaro_winkler(&column.to_lowercase(), &name.to_lowercase()), column))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    near.map_or(String::new(), |(_, column)| format!("; did you mean {column:?}?"))
}

/// Conditions on columns that a row of the log must fulfil.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    conditions: Vec<(String, Condition)>,
}

impl Filter {
    /// Reads conditions such as `"Quantity > 0"`; with `trim`, on cells without blanks at their
    /// ends.
    pub(crate) fn parse(conditions: &[String], trim: bool) -> Result<Filter, DataError> {
        let parse = |text: &String| -> Result<(String, Condition), DataError> {
            let (column, condition) = Condition::parse_with_column("keep_when", text)?;
            Ok((column, if trim { condition.trimmed() } else { condition }))
        };
        Ok(Filter { conditions: conditions.iter().map(parse).collect::<Result<_, _>>()? })
    }

    /// The filter for the columns of one file.
    pub(crate) fn on(&self, path: &str, columns: &[String]) -> Result<FileFilter<'_>, DataError> {
        let find = |(name, condition): &'_ (String, Condition)| {
            Ok((find(path, columns, "keep_when", name)?, condition.clone()))
        };
        let found: Result<Vec<_>, DataError> = self.conditions.iter().map(find).collect();
        Ok(FileFilter { names: self, conditions: found? })
    }
}

/// A [`Filter`] whose columns are found.
#[derive(Clone, Debug)]
pub(crate) struct FileFilter<'a> {
    names: &'a Filter,
    conditions: Vec<(usize, Condition)>,
}

impl FileFilter<'_> {
    /// Whether it has no conditions.
    pub(crate) fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// The number of the first condition that the row does not fulfil, and the cell.
    pub(crate) fn refusal<'r>(&self, row: &Row<'r>) -> Option<(usize, &'r [u8])> {
        let mut all = self.conditions.iter().zip(&self.names.conditions).enumerate();
        all.find_map(|(index, ((column, condition), (name, _)))| {
            let cell = row.cell(*column);
            (condition.holds(cell, name) == Ok(false)).then(|| (index, cell.bytes()))
        })
    }

    /// Whether the row fulfils all conditions.
    #[inline(always)]
    pub(crate) fn keeps(&self, row: &Row) -> Result<bool, Fault> {
        for ((column, condition), (name, _)) in self.conditions.iter().zip(&self.names.conditions) {
            if !condition.holds(row.cell(*column), name)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Files of rows and their format, as settings.
///
/// JSON lines and Parquet are recognised; a column of JSON lines is the path of a key, as in
/// `user.id`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TableFiles {
    /// The files, in order; gzip and zstd are decompressed, `a.zip!b.csv` is a member of an archive.
    pub files: Vec<String>,
    /// The character or characters between the cells of a text file, as `","`, `"\t"` or `"::"`.
    pub delimiter: String,
    /// Whether cells may be quoted with `"`; if not, a quote is an ordinary character. With a
    /// delimiter of several characters it always is one.
    pub quotes: bool,
    /// Names of the columns of text files without a header; empty if the first row has them.
    pub columns: Vec<String>,
    /// Whether blanks at both ends of a cell are left out, in numbers and in texts alike.
    pub trim: bool,
    /// Texts that mean that a cell is empty, as `["NA", "\\N", "null"]`; conditions see an empty cell
    /// too.
    pub missing_texts: Vec<String>,
}

impl Default for TableFiles {
    fn default() -> Self {
        TableFiles {
            files: Vec::new(),
            delimiter: ",".to_string(),
            quotes: true,
            columns: Vec::new(),
            trim: true,
            missing_texts: Vec::new(),
        }
    }
}

impl TableFiles {
    /// The format of the files.
    ///
    /// # Errors
    /// If the text cannot be a delimiter.
    pub(crate) fn format(&self) -> Result<TableFormat, DataError> {
        self.format_with(&self.columns)
    }

    /// The format of a file with a header of its own.
    ///
    /// # Errors
    /// If the text cannot be a delimiter.
    pub(crate) fn format_with_header(&self) -> Result<TableFormat, DataError> {
        self.format_with(&[])
    }

    fn format_with(&self, columns: &[String]) -> Result<TableFormat, DataError> {
        let delimiter = &self.delimiter;
        if delimiter.is_empty()
            || !delimiter.is_ascii()
            || delimiter.contains(['"', '\r', '\n', '\0'])
        {
            let problem =
                format!("{delimiter:?} cannot separate cells: use e.g. \",\", \"\\t\" or \"::\"");
            return Err(DataError::Setting { key: "delimiter", problem });
        }
        let names = (!columns.is_empty()).then(|| columns.to_vec());
        let tidy = Tidy::new(self.trim, &self.missing_texts);
        let separation = match delimiter.as_bytes() {
            [one] => Separation::Short(Dialect { quotes: self.quotes, ..Dialect::quoted(*one) }),
            _ => Separation::Long { delimiter: delimiter.clone(), utf8: true },
        };
        Ok(TableFormat { separation, tidy, names })
    }

    /// Opens one of `files` after the other.
    pub(crate) fn open<'a>(
        &self,
        files: impl Iterator<Item = &'a String>,
        place: Place<'a>,
        wanted: &'a Wanted<'a>,
    ) -> Result<impl Iterator<Item = Result<TableInput<'static>, DataError>>, DataError> {
        let format = self.format()?;
        Ok(files.map(move |path| TableInput::open(place, path, &format, wanted)))
    }
}

/// How the cells of text files are separated.
#[derive(Clone, Debug)]
enum Separation {
    /// By one character.
    Short(Dialect),
    /// By several.
    Long { delimiter: String, utf8: bool },
}

/// The format of files of rows, according to the settings.
#[derive(Clone, Debug)]
pub(crate) struct TableFormat {
    separation: Separation,
    tidy: Tidy,
    names: Option<Vec<String>>,
}

impl TableFormat {
    /// A known format; without `names` the first row has them.
    pub(crate) fn with(dialect: Dialect, names: &[&str]) -> TableFormat {
        TableFormat::known(Separation::Short(dialect), names)
    }

    /// A known format with a delimiter of several characters, in any encoding.
    pub(crate) fn with_long_delimiter(delimiter: &str, names: &[&str]) -> TableFormat {
        let delimiter = delimiter.to_string();
        TableFormat::known(Separation::Long { delimiter, utf8: false }, names)
    }

    fn known(separation: Separation, names: &[&str]) -> TableFormat {
        let all: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let names = (!all.is_empty()).then_some(all);
        TableFormat { separation, tidy: Tidy::default(), names }
    }

    /// The rows of a stream of text.
    fn rows<'a>(&self, input: Input<'a>) -> Result<Box<dyn RowStream + 'a>, DataError> {
        let (tidy, names) = (self.tidy.clone(), self.names.as_deref());
        Ok(match &self.separation {
            Separation::Short(dialect) => {
                Box::new(Delimited::tidied(input, *dialect, tidy, names)?)
            }
            Separation::Long { delimiter, utf8 } => {
                Box::new(LongDelimited::new(input, (delimiter, *utf8), tidy, names)?)
            }
        })
    }
}

/// A source of rows and its name in messages.
pub(crate) struct TableInput<'a> {
    pub(crate) name: String,
    pub(crate) rows: Box<dyn RowStream + 'a>,
}

impl<'a> TableInput<'a> {
    /// The rows of delimited text.
    pub(crate) fn text(
        input: Input<'a>,
        format: &TableFormat,
    ) -> Result<TableInput<'a>, DataError> {
        let name = input.name.clone();
        Ok(TableInput { name, rows: format.rows(input)? })
    }

    /// The rows of delimited text or of JSON lines; of these only the keys in `wanted` are read.
    pub(crate) fn text_or_json(
        mut input: Input<'a>,
        format: &TableFormat,
        wanted: &Wanted,
    ) -> Result<TableInput<'a>, DataError> {
        // Where the columns are named, a cell may begin with a brace.
        if format.names.is_some() || !known::is_json_lines(input.beginning()?) {
            return TableInput::text(input, format);
        }
        let name = input.name.clone();
        let rows = Box::new(JsonRows::new(input, format.tidy.clone(), wanted)?);
        Ok(TableInput { name, rows })
    }

    /// Opens a file of delimited text or JSON lines, or a Parquet file (recognised by its first
    /// bytes or its name). Of JSON lines and Parquet only the columns in `wanted` are read.
    pub(crate) fn open(
        place: Place<'_>,
        path: &str,
        format: &TableFormat,
        wanted: &Wanted,
    ) -> Result<TableInput<'static>, DataError> {
        let mut input = file::open(place, path)?;
        if input.beginning()?.starts_with(b"PAR1") || path.ends_with(".parquet") {
            return parquet_table(input.name, &format.tidy, wanted);
        }
        TableInput::text_or_json(input, format, wanted)
    }
}

/// Passes one table after the other to `read`; returns the name of the first.
///
/// # Errors
/// If there is none, one cannot be opened, or `read` fails.
pub(crate) fn for_each_table<'a>(
    tables: impl Iterator<Item = Result<TableInput<'a>, DataError>>,
    mut read: impl FnMut(&mut TableInput<'a>) -> Result<(), DataError>,
) -> Result<String, DataError> {
    let mut first = None;
    for table in tables {
        let mut table = table?;
        read(&mut table)?;
        first.get_or_insert(table.name);
    }
    first.ok_or_else(|| DataError::Setting {
        key: "files",
        problem: "name at least one file".to_string(),
    })
}

#[cfg(feature = "parquet")]
fn parquet_table(
    name: String,
    tidy: &Tidy,
    wanted: &Wanted,
) -> Result<TableInput<'static>, DataError> {
    let rows = super::parquet::ParquetRows::open(std::path::Path::new(&name), tidy, wanted)?;
    Ok(TableInput { name, rows: Box::new(rows) })
}

#[cfg(not(feature = "parquet"))]
fn parquet_table(name: String, _: &Tidy, _: &Wanted) -> Result<TableInput<'static>, DataError> {
    Err(DataError::Feature { path: name, format: "Parquet", feature: "parquet" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_doubled_column_says_what_there_is() {
        let columns = ["user_id", "time", "time"].map(String::from);
        assert_eq!(find("a.csv", &columns, "user", "user_id").unwrap(), 0);
        let text = find("a.csv", &columns, "user", "userid").unwrap_err().to_string();
        assert!(
            text.contains("did you mean \"user_id\"") && text.contains("user_id, time"),
            "{text}"
        );
        let text = find("a.csv", &columns, "time", "time").unwrap_err().to_string();
        assert!(text.contains("twice"), "{text}");
    }

    #[test]
    fn a_quote_is_no_delimiter() {
        let format = |delimiter: &str| {
            TableFiles { delimiter: delimiter.to_string(), ..TableFiles::default() }.format()
        };
        assert!(["\"", "", "\n", "\u{e9}"].iter().all(|delimiter| format(delimiter).is_err()));
        assert!(["\t", "::"].iter().all(|delimiter| format(delimiter).is_ok()));
    }

    #[cfg(not(feature = "parquet"))]
    #[test]
    fn a_parquet_file_names_the_feature() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("log.bin"), b"PAR1....PAR1").unwrap();
        let format = TableFiles::default().format().unwrap();
        let table = TableInput::open(folder.path().into(), "log.bin", &format, &Wanted::default());
        let text = table.err().unwrap().to_string();
        assert!(text.contains("--features parquet"), "{text}");
    }
}
