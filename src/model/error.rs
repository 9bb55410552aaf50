//! Why a model cannot be built for a log.

use thiserror::Error;

/// A model's configuration does not fit the log's columns, or is out of range.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ModelError {
    /// The model attends over a history, and the log has none.
    #[error(
        "model `{model}` needs a user history, and this data has none: give the data source a \
         history, or use model `mlp`"
    )]
    NeedsHistory {
        /// Name of the model.
        model: &'static str,
    },
    /// `fields` names a column that the log does not have.
    #[error("`fields` names `{name}`, which the data does not have{}: its columns are {}",
        hint(nearest.as_deref()), known.join(", "))]
    UnknownField {
        /// The name in the configuration.
        name: String,
        /// The column whose name is nearest, if any is near.
        nearest: Option<String>,
        /// Every column, fields first.
        known: Vec<String>,
    },
    /// `fields` names a column twice.
    #[error("`fields` names `{name}` twice: name every column once")]
    RepeatedField {
        /// The repeated name.
        name: String,
    },
    /// No column is left to learn from.
    #[error("the model has no input: name at least one column in `fields`, or leave `fields` out")]
    NoInputs,
    /// An embedding cannot be divided among the rows that lie side by side.
    #[error(
        "the {dim} numbers of an embedding of `{table}` cannot be divided among {parts} rows that lie side by side: \
         `tables.hashing.join = \"add\"` needs no division, or change `model.embedding_dim`"
    )]
    Indivisible {
        /// The table.
        table: String,
        /// Numbers of an embedding.
        dim: usize,
        /// Rows of an id.
        parts: usize,
    },
    /// A number of units is zero or far too large.
    #[error("`{key}` must lie between 1 and {most}, but is {given}")]
    WidthOutOfRange {
        /// Key in the scenario.
        key: &'static str,
        /// The number in the configuration.
        given: usize,
        /// Largest allowed value.
        most: usize,
    },
    /// A number that must be finite and not negative is not.
    #[error("`{key}` must be a finite number of at least 0, but is {given}")]
    NotANonNegativeNumber {
        /// Key in the scenario.
        key: &'static str,
        /// The number in the configuration.
        given: String,
    },
}

impl ModelError {
    /// The key that is refused, below that of the model.
    pub fn key(&self) -> String {
        match self {
            ModelError::NeedsHistory { .. } | ModelError::Indivisible { .. } => String::new(),
            ModelError::UnknownField { .. }
            | ModelError::RepeatedField { .. }
            | ModelError::NoInputs => ".fields".into(),
            ModelError::WidthOutOfRange { key, .. }
            | ModelError::NotANonNegativeNumber { key, .. } => {
                format!(".{key}")
            }
        }
    }
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or(String::new(), |name| format!(" (did you mean `{name}`?)"))
}

/// Checks numbers of units; returns them.
pub(super) fn widths<'a>(key: &'static str, given: &'a [usize]) -> Result<&'a [usize], ModelError> {
    let most = if key == "embedding_dim" { 4096 } else { 65_536 };
    match given.iter().find(|&&width| width == 0 || width > most) {
        Some(&given) => Err(ModelError::WidthOutOfRange { key, given, most }),
        None => Ok(given),
    }
}

/// Checks a strength or a deviation; returns it.
pub(super) fn non_negative(key: &'static str, given: f64) -> Result<f64, ModelError> {
    if given.is_finite() && given >= 0.0 {
        Ok(given)
    } else {
        Err(ModelError::NotANonNegativeNumber { key, given: given.to_string() })
    }
}
