//! Stages: training periods one after the other, each with its own days, start and stop.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The beginning of a reference to the checkpoint of a stage.
pub(super) const PREFIX: &str = "stage:";

/// A training period of its own.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stage {
    /// Short name: letters, digits, `-`, `_` and `.`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"))]
    pub name: String,
    /// What it sets, over everything else: any key of the scenario but `stage`, `scenario` and
    /// `lab`. `start.from = "stage:NAME@best"` (or `@last`, `@average`, or `@12000` for an update)
    /// starts it from a checkpoint of an earlier stage. `@serving` is that stage's best if it was
    /// better than the checkpoint that the stage had started from, else that checkpoint.
    pub set: StageSettings,
}

/// Keys of the scenario and their values.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(rename = "Settings")]
pub struct StageSettings(pub BTreeMap<String, Value>);

impl StageSettings {
    /// Dotted keys and their values as TOML.
    pub(super) fn leaves(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        self.0.iter().for_each(|(key, value)| leaves(key.clone(), value, &mut all));
        all
    }
}

fn leaves(key: String, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(table) if !table.is_empty() => {
            for (name, value) in table {
                leaves(format!("{key}.{name}"), value, into);
            }
        }
        value => {
            let literal = toml::Value::try_from(value).expect("what was TOML is TOML");
            into.push((key, literal.to_string()));
        }
    }
}

/// The checkpoint of a stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StageRef {
    /// The stage.
    pub stage: String,
    /// Which of its checkpoints.
    pub which: Which,
}

/// Which checkpoint of a stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// At its best step.
    Best,
    /// At its end.
    Last,
    /// The average of its states.
    Average,
    /// After this many updates.
    Update(u64),
    /// The checkpoint at its best step if that was better than the one it started from, on the same
    /// holdout. If not, the one it started from.
    Serving,
}

/// Why the stages of a scenario are not valid.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A stage is not a valid scenario.
    #[error("stage `{stage}` is no valid scenario: {problems}")]
    Invalid {
        /// Its name.
        stage: String,
        /// What is wrong with it.
        problems: String,
    },
    /// It sets a key that a stage cannot set.
    #[error("stage `{stage}` sets `{key}`, which belongs to the scenario as a whole")]
    NotItsOwn {
        /// Its name.
        stage: String,
        /// The key.
        key: String,
    },
    /// Two stages have the same name.
    #[error("two stages are called `{stage}`")]
    Twice {
        /// The name.
        stage: String,
    },
    /// It has no usable name.
    #[error("stage {number} has no name that could be a folder's")]
    Nameless {
        /// The number of the stage, counted from 1.
        number: usize,
    },
    /// A reference to a stage cannot be read.
    #[error(
        "stage `{stage}`: `start.from = \"{from}\"` names no checkpoint: write \"stage:NAME@best\", \"stage:NAME@last\", \"stage:NAME@average\", or \"stage:NAME@12000\""
    )]
    BadReference {
        /// The stage that starts.
        stage: String,
        /// The value of `start.from`.
        from: String,
    },
    /// A stage starts from one that has not run before it.
    #[error("stage `{stage}` starts from `{of}`, which is no stage before it{}", nearest.as_ref().map_or(String::new(), |n| format!("; did you mean `{n}`?")))]
    NotBefore {
        /// The stage that starts.
        stage: String,
        /// The stage that it names.
        of: String,
        /// The most similar name of a stage before it.
        nearest: Option<String>,
    },
    /// Stages are given in two ways: `stage` and `daily`.
    #[error("`daily` makes the stages, and `stage` gives others: leave one of them out")]
    Both,
    /// A scenario without stages refers to one.
    #[error("`start.from = \"{from}\"` refers to a stage, and the scenario has no [[stage]]")]
    NoStages {
        /// The value of `start.from`.
        from: String,
    },
}

impl StageRef {
    /// The stage that `start.from` refers to; `None` if it is a file.
    ///
    /// # Errors If it refers to a stage and cannot be read.
    pub fn parse(from: &str) -> Option<Result<StageRef, ()>> {
        let rest = from.strip_prefix(PREFIX)?;
        let Some((stage, which)) = rest.rsplit_once('@') else { return Some(Err(())) };
        let which = match which {
            "best" => Which::Best,
            "last" => Which::Last,
            "average" => Which::Average,
            "serving" => Which::Serving,
            number => match number.parse::<u64>() {
                Ok(update @ 1..) => Which::Update(update),
                _ => return Some(Err(())),
            },
        };
        Some(Ok(StageRef { stage: stage.to_owned(), which }))
    }
}
