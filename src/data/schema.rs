//! The meaning of the columns of a log.

use serde::{Deserialize, Serialize};

/// A set of ids with one embedding row each: items, users, categories. Fields and histories that
/// share an id space share its rows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IdSpace {
    /// Name in reports and layer names, such as `item`.
    pub name: String,
    /// Number of ids; ids are `0..rows`.
    pub rows: u32,
}

/// A categorical column with one id per example.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Field {
    /// Column name, such as `item`.
    pub name: String,
    /// Index into [`Schema::spaces`].
    pub space: usize,
}

/// One aligned column of the history: it has one id for every past event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HistoryColumn {
    /// Index into [`Schema::spaces`].
    pub space: usize,
    /// Index into [`Schema::fields`] of the candidate's column that it is compared with.
    pub target: usize,
}

/// The user's earlier events, the most recent first, of varying length.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct History {
    /// Longest history that occurs.
    pub max_len: usize,
    /// The ids that every event has (item, category, ...).
    pub columns: Vec<HistoryColumn>,
}

/// The columns of a log.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Schema {
    /// Id spaces, each with its number of rows.
    pub spaces: Vec<IdSpace>,
    /// Categorical fields.
    pub fields: Vec<Field>,
    /// The user's history, if the log has one.
    pub history: Option<History>,
    /// Names of the numeric columns.
    pub numeric: Vec<String>,
    /// What reports call [`ExampleInfo::group`](super::ExampleInfo::group): `session` or `user`.
    pub group: String,
}

impl Schema {
    /// Number of aligned history columns, zero without a history.
    pub fn history_columns(&self) -> usize {
        self.history.as_ref().map_or(0, |history| history.columns.len())
    }
}
