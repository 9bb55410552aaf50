//! libsvm (and SVMlight): a label, then `index:value` for every feature that is not zero.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tabular::{self, Missing, PositiveWhen};
use super::{OpenContext, SourceConfig};
use crate::data::DataSource;
use crate::data::error::DataError;
use crate::data::log::growing::Room;
use crate::data::log::{HeldOutRows, Log};
use crate::data::reading::bad_rows::BadRows;
use crate::data::reading::columns::TableInput;
use crate::data::reading::file::{self, Input};
use crate::data::reading::sparse_rows::{LABEL, Numbers, Sparse, SparseRows};

/// Most features: each is a numeric column, whose zeros are stored too.
const MOST: usize = 10_000;

/// Rows of `label index:value index:value`: every feature is a numeric column, 0 where it is not
/// written.
///
/// For files with many features of value 1, which stand for ids, write libffm: a field with one id
/// takes less memory than a column for each id.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The files, in chronological order; gzip, zstd and members of zip archives too.
    pub files: Vec<String>,
    /// The number of the last feature; 0 takes the largest in the first lines of the first file.
    pub features: u32,
    /// The rule for a positive label.
    pub positive_when: PositiveWhen,
    /// The log is divided into this many equal days.
    #[schemars(range(min = 1, max = 100_000))]
    pub days: u32,
    /// Shifts and scales every column to mean 0 and standard deviation 1, over all rows
    /// of days.
    pub standardise: bool,
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
            features: 0,
            positive_when: PositiveWhen::Condition("> 0".to_string()),
            days: 1,
            standardise: false,
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
    let mut inputs = inputs.peekable();
    let ahead = Numbers::of_first(&mut inputs)?;
    let least = ahead.map_or(1, |numbers| numbers.least.min(1));
    let most = match config.features {
        0 => ahead.map_or(0, |numbers| numbers.most),
        features => features as usize,
    };
    if let Some(Err(error)) = inputs.next_if(Result::is_err) {
        return Err(error);
    }
    let features = (most + 1).saturating_sub(least);
    if features > MOST {
        let problem = format!(
            "{features} features are more than {MOST} numeric columns; features that stand for ids are \
             read from libffm (data.kind = \"libffm\")"
        );
        return Err(DataError::Setting { key: "features", problem });
    }
    let mapping = tabular::Config {
        label: LABEL.to_string(),
        positive_when: Some(config.positive_when.clone()),
        days: config.days,
        numeric: (least..least + features).map(|number| number.to_string()).collect(),
        missing: Missing::Zero,
        standardise: config.standardise,
        held_out: config.held_out.clone(),
        bad_rows: config.bad_rows,
        ..tabular::Config::default()
    };
    let table = |input: Result<Input<'a>, DataError>| {
        let input = input?;
        let name = input.name.clone();
        let rows = SparseRows::new(input, Sparse::Svm { first: least, features });
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
    fn features_that_are_not_written_are_zero() {
        let config = Config::default();
        let text = "+1 1:0.5 3:2 # a comment\n-1 2:1\n\n# all of it\n1 qid:7 3:-1e0\n";
        let log = log(&config, text).unwrap();
        assert_eq!(log.labels, [1, 0, 1]);
        assert_eq!(log.numeric, [0.5, 0.0, 2.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0]);
        assert_eq!(log.schema.numeric, ["1", "2", "3"]);
    }

    #[test]
    fn rows_of_another_shape_are_refused_with_their_line() {
        let config = Config { features: 2, ..Config::default() };
        for (row, kind) in [
            ("1 3:1", BadRowKind::ExtraField),
            ("1 1:1 1:2", BadRowKind::ExtraField),
            ("1 1", BadRowKind::BadNumber),
            ("1 a:1", BadRowKind::BadNumber),
            ("1 1:x", BadRowKind::BadNumber),
            ("yes 1:1", BadRowKind::BadLabel),
        ] {
            let error = log(&config, &format!("1 1:1 2:2\n{row}\n")).unwrap_err();
            assert_eq!((error.kind(), error.line()), (Some(kind), Some(2)), "{row}: {error}");
        }
        let wide = log(&Config::default(), "1 123456:1\n").unwrap_err().to_string();
        assert!(wide.contains("libffm"), "{wide}");
        assert_eq!(log(&Config::default(), "1 0:1 1:2\n").unwrap().schema.numeric, ["0", "1"]);
    }
}
