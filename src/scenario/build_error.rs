//! Why a scenario cannot be built, and which of its keys asks for the impossible.

use super::document::Code;
use super::rules::{ABOVE_LIMIT, BAD_DATA, UNUSABLE};
use crate::base::{SimSpan, SimTime};
use crate::cluster::LawError;
use crate::data::order::OrderError;
use crate::data::window::WindowError;
use crate::data::{DataError, LeakError};
use crate::model::ModelError;
use crate::online::{BackwardClock, ColumnError, StreamError};

/// Most intervals of a kind in a live stream.
pub(super) const MOST_TIMES: f64 = 1e6;

/// Most examples of a holdout.
pub(super) const LARGEST_HOLDOUT: u64 = 50_000_000;

/// Why a scenario that reads well cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The log.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Days that the log does not have.
    #[error("`{key}`: {problem}")]
    Window {
        /// The key of the scenario.
        key: &'static str,
        /// What is wrong.
        problem: WindowError,
    },
    /// A holdout that would not measure what it is meant to measure.
    #[error("`holdout.days`: {0}")]
    Leak(#[from] LeakError),
    /// A holdout without examples.
    #[error(
        "the holdout is empty: the log sets no examples aside; name later days with `holdout.days`, \
         or let it set some aside, with `data.held_out_share` or `data.split`"
    )]
    EmptyHoldout,
    /// A holdout that would fill the memory before anything could be estimated.
    #[error(
        "the holdout has {examples} examples, above {LARGEST_HOLDOUT}, the limit of what can be evaluated: set \
         `holdout.max_examples`, or name fewer days with `holdout.days`"
    )]
    LargeHoldout {
        /// Examples to evaluate on.
        examples: u64,
    },
    /// An interval that begins so often that the run would hardly end.
    #[error(
        "`{key}`: every {every} is {times:.0e} times until the live stream ends after about {end}, above \
         {MOST_TIMES:.0e}: a longer interval, or requests that come faster"
    )]
    Crowded {
        /// The key of the interval.
        key: String,
        /// The interval.
        every: SimSpan,
        /// How often it begins.
        times: f64,
        /// About when the stream ends.
        end: SimTime,
    },
    /// Requests that come after the end of the simulated clock.
    #[error(
        "`online.arrivals`: {missing} of the {all} requests would come after {}, the end of the simulated clock: a \
         higher rate or speed, or a shorter `train.days`",
        SimTime::MAX
    )]
    Endless {
        /// Those that would.
        missing: u64,
        /// All requests.
        all: u64,
    },
    /// The times of a log that a stream replays.
    #[error("`online.arrivals`: {0}")]
    Clock(#[from] BackwardClock),
    /// A column of the log by which the live stream goes.
    #[error("`online.{key}`: {error}")]
    StreamColumn {
        /// The key that names it, within `online`.
        key: &'static str,
        /// What is wrong with it.
        error: ColumnError,
    },
    /// The order of the examples.
    #[error("`train`: {0}")]
    Order(#[from] OrderError),
    /// The network.
    #[error("`model`: {0}")]
    Model(#[from] ModelError),
    /// A step-time law.
    #[error("`{key}`: {error}")]
    Law {
        /// The key of the law.
        key: String,
        /// What is wrong with it.
        error: LawError,
    },
    /// An id space that the log does not have.
    #[error("`tables.of.{number}.spaces` names `{name}`, which the log does not have: its id spaces are {}", known.join(", "))]
    NoSpace {
        /// The number of the entry.
        number: usize,
        /// The name in the scenario.
        name: String,
        /// The id spaces of the log.
        known: Vec<String>,
    },
    /// A column whose name cannot be that of a tensor.
    #[error(
        "a column named `{name}` cannot have ids: checkpoints name tensors by columns, and {why}; rename it in the file"
    )]
    TensorName {
        /// The column, or what names its id space.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// An id space by whose rows the holdout cannot be divided.
    #[error("`holdout.by_row` names `{name}`, {why}")]
    ByRow {
        /// The number of the entry.
        number: usize,
        /// The name in the scenario.
        name: String,
        /// What is wrong with it, as the end of the sentence.
        why: String,
    },
    /// A column by which scored requests cannot be divided.
    #[error("`serving.item` names `{name}`, {why}")]
    Item {
        /// The name in the scenario.
        name: String,
        /// What is wrong with it, as the end of the sentence.
        why: String,
    },
    /// A scenario with neither data nor `timing_only`.
    #[error("there is nothing to train on: give `[data]`, or `[timing_only]` for timing alone")]
    NoData,
}

impl From<LawError> for BuildError {
    fn from(error: LawError) -> Self {
        BuildError::Law { key: "cluster".into(), error }
    }
}

impl From<StreamError> for BuildError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Law(error) => BuildError::Law { key: "online".into(), error },
            StreamError::Column { key, error } => BuildError::StreamColumn { key, error },
        }
    }
}

impl BuildError {
    /// The key of the setting that asks for what there is not.
    pub fn key(&self) -> String {
        match self {
            BuildError::Data(DataError::Setting { key, .. }) => format!("data.{key}"),
            BuildError::Data(_) | BuildError::NoData | BuildError::TensorName { .. } => {
                "data".into()
            }
            BuildError::Window { key, .. } => (*key).into(),
            BuildError::Leak(_) => "holdout.days".into(),
            BuildError::EmptyHoldout | BuildError::LargeHoldout { .. } => "holdout".into(),
            BuildError::Order(_) => "train.order".into(),
            BuildError::Clock(_) | BuildError::Endless { .. } => "online.arrivals".into(),
            BuildError::StreamColumn { key, .. } => format!("online.{key}"),
            BuildError::Model(error) => format!("model{}", error.key()),
            BuildError::NoSpace { number, .. } => format!("tables.of.{number}.spaces"),
            BuildError::Item { .. } => "serving.item".into(),
            BuildError::ByRow { number, .. } => format!("holdout.by_row.{number}"),
            BuildError::Law { key, .. } | BuildError::Crowded { key, .. } => key.clone(),
        }
    }

    /// Whether a setting is refused by itself; the log may be fine.
    pub fn is_setting(&self) -> bool {
        matches!(
            self,
            BuildError::Data(DataError::Setting { .. } | DataError::Refused(_))
                | BuildError::Model(_)
                | BuildError::NoData
        )
    }

    /// The code of the mistake.
    pub fn code(&self) -> &'static Code {
        match self {
            BuildError::LargeHoldout { .. }
            | BuildError::Crowded { .. }
            | BuildError::Endless { .. } => &ABOVE_LIMIT,
            _ if self.is_setting() => &UNUSABLE,
            _ => &BAD_DATA,
        }
    }
}
