//! The Criteo display advertising log of 2014: real clicks, 13 integers, 26 hashed categories.
//!
//! The published form (tab-separated, no header) can be read, and the comma-separated form with a
//! header that tutorials use. The log has no times; the published rows are in chronological order.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tabular::{self, Missing};
use super::{OpenContext, SourceConfig};
use crate::data::DataSource;
use crate::data::error::DataError;
use crate::data::log::Log;
use crate::data::reading::bad_rows::OnBadRow;
use crate::data::reading::columns::Table;
use crate::data::reading::delimited::{Delimited, Dialect};
use crate::data::reading::file::{self, Input};

/// Criteo click log: is the advertisement clicked?
///
/// Integers become sign(x) ln(1 + |x|), which keeps the meaning of the few small negative ones; an
/// empty integer becomes 0 and sets a flag column. An empty category is a separate id.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The files, in chronological order.
    pub files: Vec<String>,
    /// The log is divided into this many equal days; the published one covers seven.
    #[schemars(range(min = 1, max = 100_000))]
    pub days: u32,
    /// Ids that occur less often share one row of their table; 0 and 1 keep all.
    pub min_count: u32,
    /// Hashes ids into this many rows per table, instead of listing them; 0 lists them.
    pub hash_rows: u32,
    /// What to do about a malformed row.
    pub on_bad_row: OnBadRow,
    /// With `on_bad_row = "skip"`: stop if more rows than this are malformed.
    pub max_bad_rows: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            files: Vec::new(),
            days: 7,
            min_count: 0,
            hash_rows: 0,
            on_bad_row: OnBadRow::default(),
            max_bad_rows: 0,
        }
    }
}

impl SourceConfig for Config {
    fn draws(&self) -> bool {
        false
    }

    fn open(&self, context: &OpenContext<'_>) -> Result<Arc<dyn DataSource>, DataError> {
        Ok(Arc::new(open(self, context)?))
    }
}

/// Loads the files named in `config`.
///
/// # Errors
/// If a file cannot be read, or a row is malformed.
pub fn open(config: &Config, context: &OpenContext) -> Result<Log, DataError> {
    load(config, config.files.iter().map(|path| file::open(context.base_dir, path)))
}

/// Loads the rows of streams.
pub(crate) fn load<'a>(
    config: &Config,
    inputs: impl Iterator<Item = Result<Input<'a>, DataError>>,
) -> Result<Log, DataError> {
    let mapping = tabular::Config {
        label: "label".to_string(),
        days: config.days,
        categorical: numbered('C', 26).collect(),
        numeric: numbered('I', 13).collect(),
        log1p: true,
        missing: Missing::Flag,
        min_count: config.min_count,
        hash_rows: config.hash_rows,
        on_bad_row: config.on_bad_row,
        max_bad_rows: config.max_bad_rows,
        ..tabular::Config::default()
    };
    tabular::load(&mapping, inputs.map(|input| table(input?)))
}

fn table(mut input: Input) -> Result<Table, DataError> {
    let first = input.first_line()?;
    let dialect = match first.contains(&b'\t') {
        true => Dialect::plain(b'\t'),
        false => Dialect::quoted(b','),
    };
    let mut header = first.split(|byte| *byte == dialect.delimiter);
    let name = input.name.clone();
    let rows = if header.any(|name| name.eq_ignore_ascii_case(b"label")) {
        let mut rows = Delimited::new(input, dialect, None)?;
        // Kaggle writes `Label`, other sources `label`.
        rows.rename("Label", "label");
        rows
    } else {
        let names: Vec<String> = std::iter::once("label".to_string())
            .chain(numbered('I', 13))
            .chain(numbered('C', 26))
            .collect();
        Delimited::new(input, dialect, Some(&names))?
    };
    Ok(Table { name, rows: Box::new(rows) })
}

/// Column names such as `I1` to `I13`.
fn numbered(letter: char, count: u32) -> impl Iterator<Item = String> {
    (1..=count).map(move |index| format!("{letter}{index}"))
}
