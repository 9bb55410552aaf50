//! libffm: a label, then `field:index:value`; the form in which factorisation machines read click
//! logs.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tabular::{self, Missing, PositiveWhen};
use super::{OpenContext, SourceConfig};
use crate::data::DataSource;
use crate::data::error::DataError;
use crate::data::log::growing::Room;
use crate::data::log::{HeldOutRows, IdRows, Log};
use crate::data::reading::bad_rows::BadRows;
use crate::data::reading::columns::TableInput;
use crate::data::reading::file::{self, Input};
use crate::data::reading::sparse_rows::{LABEL, Numbers, Sparse, SparseRows};

/// Most fields.
const MOST: usize = 10_000;

/// Rows of `label field:index:value`: every field has one id, its index, or one number.
///
/// A row has a field once at most. A field that is not written has an id of its own, or the number 0.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The files, in chronological order; gzip, zstd and members of zip archives too.
    pub files: Vec<String>,
    /// The number of fields, counted from 0; 0 takes those in the first lines of the first file.
    pub fields: u32,
    /// The fields that hold a number, which is their value; in all others the value must be 1.
    pub numeric: Vec<u32>,
    /// The rule for a positive label.
    pub positive_when: PositiveWhen,
    /// The log is divided into this many equal days.
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
            fields: 0,
            numeric: Vec::new(),
            positive_when: PositiveWhen::Condition("> 0".to_string()),
            days: 1,
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
        let files = self.held_out.behind(&self.files);
        let inputs = files.map(|path| file::open(context.place(), path));
        Ok(Arc::new(load(self, inputs, context.room())?))
    }
}

/// Loads the rows of streams.
pub(crate) fn load<'a>(
    config: &Config,
    inputs: impl Iterator<Item = Result<Input<'a>, DataError>>,
    room: &Room,
) -> Result<Log, DataError> {
    let refuse = |key, problem: String| Err(DataError::Setting { key, problem });
    let mut inputs = inputs.peekable();
    let ahead = Numbers::of_first(&mut inputs)?;
    let fields = match config.fields {
        0 => ahead.map_or(0, |numbers| numbers.most + 1),
        fields => fields as usize,
    };
    if let Some(Err(error)) = inputs.next_if(Result::is_err) {
        return Err(error);
    }
    if fields > MOST {
        return refuse("fields", format!("{fields} fields are more than {MOST}"));
    }
    let mut numeric = vec![false; fields];
    for field in &config.numeric {
        match numeric.get_mut(*field as usize) {
            Some(is) => *is = true,
            None => {
                return refuse("numeric", format!("there is no field {field}, only 0..{fields}"));
            }
        }
    }
    let names = |numbers: bool| {
        let fields = numeric.iter().enumerate().filter(move |(_, is)| **is == numbers);
        fields.map(|(field, _)| field.to_string()).collect()
    };
    let mapping = tabular::Config {
        label: LABEL.to_string(),
        positive_when: Some(config.positive_when.clone()),
        days: config.days,
        categorical: names(false),
        numeric: names(true),
        missing: Missing::Zero,
        ids: config.ids,
        held_out: config.held_out.clone(),
        bad_rows: config.bad_rows,
        ..tabular::Config::default()
    };
    let table = |input: Result<Input<'a>, DataError>| {
        let input = input?;
        let name = input.name.clone();
        let rows = SparseRows::new(input, Sparse::Ffm { numeric: numeric.clone() });
        Ok(TableInput { name, rows: Box::new(rows) })
    };
    tabular::load(&mapping, inputs.map(table), room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::BadRowKind;
    use std::io::Cursor;

    fn log(config: &Config, text: &str) -> Result<Log, DataError> {
        let input = Input::decode("t", Box::new(Cursor::new(text.as_bytes().to_vec())));
        load(config, std::iter::once(input), &Room::default())
    }

    #[test]
    fn a_field_has_one_id_or_one_number() {
        let config = Config { numeric: vec![1], ..Config::default() };
        let text = "1 0:17:1 1:2:0.25 2:9:1\n0 2:9:1 0:5:1\n";
        let log = log(&config, text).unwrap();
        assert_eq!(
            (log.labels.as_slice(), log.numeric.as_slice()),
            (&[1, 0][..], &[0.25, 0.0][..])
        );
        assert_eq!(log.fields, [0, 0, 1, 0]);
        let names: Vec<&str> = log.schema.fields.iter().map(|field| &*field.name).collect();
        assert_eq!(names, ["0", "2"]);
    }

    #[test]
    fn what_a_field_cannot_hold_is_refused() {
        for (row, kind) in [
            ("1 0:1:0.5", BadRowKind::BadNumber),
            ("1 0:1", BadRowKind::BadNumber),
            ("1 0:1:1 0:2:1", BadRowKind::ExtraField),
            ("1 7:1:1", BadRowKind::ExtraField),
        ] {
            let config = Config { fields: 2, ..Config::default() };
            let error = log(&config, &format!("1 0:1:1 1:2:1\n{row}\n")).unwrap_err();
            assert_eq!((error.kind(), error.line()), (Some(kind), Some(2)), "{row}: {error}");
        }
        let config = Config { numeric: vec![9], ..Config::default() };
        assert!(log(&config, "1 0:1:1\n").unwrap_err().to_string().starts_with("numeric"));
    }
}
