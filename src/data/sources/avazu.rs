//! The Avazu mobile advertising log of 2014: real clicks, categories, and the hour.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tabular;
use super::{OpenContext, SourceConfig};
use crate::data::DataSource;
use crate::data::error::DataError;
use crate::data::log::growing::Room;
use crate::data::log::{HeldOutRows, IdRows, Log};
use crate::data::reading::bad_rows::BadRows;
use crate::data::reading::columns::{TableFormat, TableInput};
use crate::data::reading::delimited::Dialect;
use crate::data::reading::file::{self, Input};
use crate::data::reading::stamp::TimeFormat;

/// The columns as published; the first three are not features.
const COLUMNS: [&str; 24] = [
    "id",
    "click",
    "hour",
    "C1",
    "banner_pos",
    "site_id",
    "site_domain",
    "site_category",
    "app_id",
    "app_domain",
    "app_category",
    "device_id",
    "device_ip",
    "device_model",
    "device_type",
    "device_conn_type",
    "C14",
    "C15",
    "C16",
    "C17",
    "C18",
    "C19",
    "C20",
    "C21",
];

/// Avazu click log: is the advertisement clicked?
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The files, with or without a header.
    pub files: Vec<String>,
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
    let files = files.map(|path| file::open(context.place(), path));
    // It knows hours, so that all requests of an hour would come at once.
    Ok(load(config, files, context.room())?.with_instants(false))
}

/// Loads the rows of streams.
pub(crate) fn load<'a>(
    config: &Config,
    inputs: impl Iterator<Item = Result<Input<'a>, DataError>>,
    room: &Room,
) -> Result<Log, DataError> {
    let mapping = tabular::Config {
        label: "click".to_string(),
        time: Some("hour".to_string()),
        time_format: TimeFormat::Yymmddhh,
        categorical: COLUMNS[3..].iter().map(|name| name.to_string()).collect(),
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
    let has_header = input.first_line()?.starts_with(b"id,");
    let names: &[&str] = if has_header { &[] } else { &COLUMNS };
    TableInput::text(input, &TableFormat::with(Dialect::quoted(b','), names))
}
