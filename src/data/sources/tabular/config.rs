//! The settings of the general loader.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::UtcOffset;
use crate::data::log::{HeldOutRows, IdRows};
use crate::data::reading::bad_rows::BadRows;
use crate::data::reading::columns::TableFiles;
use crate::data::reading::stamp::{TimeFormat, TimeReader};

/// The rule for a positive label: a condition such as `">= 4"`, or a list of values.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PositiveWhen {
    /// An operator (`>=`, `<=`, `>`, `<`, `=`, `!=`) and a value.
    Condition(String),
    /// The values that are positive; all others are negative.
    OneOf(Vec<String>),
}

/// What to do with an empty cell of a numeric column.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// It is a malformed row.
    #[default]
    Refuse,
    /// It counts as 0 (as the mean, if the column is standardised).
    Zero,
    /// As `zero`, and a further column `<name>_missing` is 1.
    Flag,
}

/// Which end of a history cell has the most recent event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HistoryOrder {
    /// The last id of the cell.
    #[default]
    RecentLast,
    /// The first id of the cell.
    RecentFirst,
}

/// A column that holds the ids of earlier events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryConfig {
    /// Name of the column.
    pub column: String,
    /// The categorical column to which these ids belong; the history is compared with it.
    pub field: String,
    /// Character between the ids. A list in a Parquet file or in JSON lines needs none.
    pub separator: char,
    /// Whether the ids stand in brackets, as in `[12, 34]`, `['a', 'b']` or `[12 34]`; then
    /// `separator` has no effect.
    pub brackets: bool,
    /// An id that stands for nothing, as `"0"` where histories are padded to one length: such events
    /// are left out.
    pub padding: Option<String>,
    /// Which end has the most recent event; the same for all histories.
    pub order: HistoryOrder,
    /// Only this many most recent events are kept. Of several histories, the smallest counts.
    #[schemars(range(min = 1))]
    pub max_len: usize,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        HistoryConfig {
            column: String::new(),
            field: String::new(),
            separator: '|',
            brackets: false,
            padding: None,
            order: HistoryOrder::default(),
            max_len: 50,
        }
    }
}

/// What may be written for histories: one table, or a list.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OneOrMore {
    /// The only history.
    One(Box<HistoryConfig>),
    /// Several.
    More(Vec<HistoryConfig>),
}

mod one_or_more {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{HistoryConfig, OneOrMore};

    pub(super) fn serialize<S: Serializer>(
        histories: &[HistoryConfig],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match histories {
            [one] => one.serialize(serializer),
            more => more.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<HistoryConfig>, D::Error> {
        Ok(match Option::<OneOrMore>::deserialize(deserializer)? {
            None => Vec::new(),
            Some(OneOrMore::One(one)) => vec![*one],
            Some(OneOrMore::More(more)) => more,
        })
    }
}

/// A column with candidates of one row: `N123-1 N456-0`, or a list of ids beside one of those that
/// were clicked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImpressionsConfig {
    /// Name of the column.
    pub column: String,
    /// The name of the field that the candidates' ids make; a history may name it too.
    pub field: String,
    /// Character between the candidates. A list in a Parquet file or in JSON lines needs none.
    pub separator: char,
    /// Character between a candidate's id and its label; the last one counts.
    pub mark: char,
    /// Column with the ids of the clicked candidates; then no candidate has a mark and a label.
    pub clicked: Option<String>,
}

impl Default for ImpressionsConfig {
    fn default() -> Self {
        ImpressionsConfig {
            column: String::new(),
            field: "item".to_string(),
            separator: ' ',
            mark: '-',
            clicked: None,
        }
    }
}

/// Files of rows, one example per row.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The files and their format.
    #[serde(flatten)]
    pub tables: TableFiles,
    /// Column with the label.
    pub label: String,
    /// The rule for a positive label; without it the label must be 0 or 1.
    pub positive_when: Option<PositiveWhen>,
    /// Column with the time; rows are sorted by it and divided into calendar days.
    pub time: Option<String>,
    /// The format of the time.
    pub time_format: TimeFormat,
    /// How far the clocks of the days are ahead of UTC, as `"+08:00"` or `"-05:30"`: by them, times
    /// in UTC (Unix times, and texts with `Z`) are divided into days. Other texts are local times.
    #[serde(skip_serializing_if = "UtcOffset::is_utc")]
    #[schemars(extend("x-default" = Config::default().utc_offset))]
    pub utc_offset: UtcOffset,
    /// Column with the number of the day, instead of a time. Windows name days by these numbers; if
    /// the smallest is 0 or less, they are counted from 1 instead.
    pub day: Option<String>,
    /// Without a time or day: rows, taken as chronological, are divided into this many equal days.
    #[schemars(range(min = 1, max = 100_000))]
    pub days: u32,
    /// Column with the session or user, for the grouped AUC.
    pub group: Option<String>,
    /// Columns with ids; each gets its own embedding table.
    pub categorical: Vec<String>,
    /// Columns with numbers.
    pub numeric: Vec<String>,
    /// Columns with numbers that no model sees: shares and delays that `[online]` names. An empty cell
    /// has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<String>,
    /// Replaces every number x by sign(x) ln(1 + |x|).
    pub log1p: bool,
    /// Shifts and scales every numeric column to mean 0 and standard deviation 1, over all rows of
    /// days.
    pub standardise: bool,
    /// What to do with an empty numeric cell.
    pub missing: Missing,
    /// A column with the ids of earlier events: one table, or a list of tables (`[[data.history]]`)
    /// for columns that say different things of the same events, as their items and categories.
    #[serde(with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Option<OneOrMore>")]
    pub history: Vec<HistoryConfig>,
    /// A column in which one row lists several candidates and says which were clicked, as the
    /// impressions of MIND: each becomes an example, and `label` is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impressions: Option<ImpressionsConfig>,
    /// Conditions such as `"Quantity > 0"`; rows that do not fulfil all are left out and counted.
    pub keep_when: Vec<String>,
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

impl Config {
    /// The column with the time or the day, and how it is read; `None` if rows have neither.
    pub(crate) fn reader(&self) -> Option<(&String, TimeReader)> {
        let time = self.time.as_ref().map(|name| (name, self.time_format));
        let day = || self.day.as_ref().map(|name| (name, TimeFormat::Day));
        let (name, format) = time.or_else(day)?;
        Some((name, TimeReader { format, offset: self.utc_offset }))
    }

    /// The names of the fields: the categorical columns, and the candidates of impressions.
    pub(super) fn field_names(&self) -> Vec<String> {
        let candidates = self.impressions.iter().map(|impressions| &impressions.field);
        self.categorical.iter().chain(candidates).cloned().collect()
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            tables: TableFiles::default(),
            label: "label".to_string(),
            positive_when: None,
            time: None,
            time_format: TimeFormat::default(),
            utc_offset: UtcOffset::default(),
            day: None,
            days: 1,
            group: None,
            categorical: Vec::new(),
            numeric: Vec::new(),
            extra: Vec::new(),
            log1p: false,
            standardise: false,
            missing: Missing::default(),
            history: Vec::new(),
            impressions: None,
            keep_when: Vec::new(),
            ids: IdRows::default(),
            held_out: HeldOutRows::default(),
            bad_rows: BadRows::default(),
        }
    }
}
