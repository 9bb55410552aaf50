//! The Criteo display advertising log of 2014: real clicks, 13 integers, 26 hashed categories.
//!
//! The loader reads the published form (tab-separated, no header) and the comma-separated form with
//! a header that tutorials use. The log has no times; the published rows are in chronological
//! order.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tabular::{self, Missing};
use super::{OpenContext, SourceConfig};
use crate::data::DataSource;
use crate::data::error::DataError;
use crate::data::log::growing::Room;
use crate::data::log::{HeldOutRows, IdRows, Log};
use crate::data::reading::bad_rows::BadRows;
use crate::data::reading::columns::TableInput;
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
    /// How ids get the rows of their tables.
    #[serde(flatten)]
    pub ids: IdRows,
    /// Which rows are held out.
    #[serde(flatten)]
    pub held_out: HeldOutRows,
    /// What to do about malformed rows.
    #[serde(flatten)]
    pub bad_rows: BadRows,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            files: Vec::new(),
            days: 7,
            ids: IdRows::default(),
            held_out: HeldOutRows::default(),
            bad_rows: BadRows::default(),
        }
    }
}

impl SourceConfig for Config {
    fn draws(&self) -> bool {
        false
    }

    fn files(&self) -> Vec<&str> {
        self.held_out.behind(&self.files).map(String::as_str).collect()
    }

    fn is_kept(&self) -> bool {
        true
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
    let files = config.held_out.behind(&config.files);
    load(config, files.map(|path| file::open(context.place(), path)), context.room())
}

/// Loads the rows of streams.
pub(crate) fn load<'a>(
    config: &Config,
    inputs: impl Iterator<Item = Result<Input<'a>, DataError>>,
    room: &Room,
) -> Result<Log, DataError> {
    let mapping = tabular::Config {
        label: "label".to_string(),
        days: config.days,
        categorical: numbered('C', 26).collect(),
        numeric: numbered('I', 13).collect(),
        log1p: true,
        missing: Missing::Flag,
        ids: config.ids,
        held_out: config.held_out.clone(),
        bad_rows: config.bad_rows,
        ..tabular::Config::default()
    };
    let mut log = tabular::load(&mapping, inputs.map(|input| table(input?)), room)?;
    // The columns of a known format are not the user's choice.
    log.remarks.retain(|remark| remark.key == "data.label");
    Ok(log)
}

fn table(mut input: Input) -> Result<TableInput, DataError> {
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
    Ok(TableInput { name, rows: Box::new(rows) })
}

/// Column names such as `I1` to `I13`.
fn numbered(letter: char, count: u32) -> impl Iterator<Item = String> {
    (1..=count).map(move |index| format!("{letter}{index}"))
}
