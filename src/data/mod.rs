//! Floor 1, the data that workers train on: examples with ids, in days, read in any order.
//!
//! A source is a pure function from example ids to examples: the same ids give the same batch, on
//! any thread, in any order.
//!
//! Three rooms make a log of files, and each imports only from those before it: `reading` (from a
//! path to rows of cells), `log` (from rows to examples with dense ids), `sources` (one file per
//! source: its settings, and how it uses the other two). `order` says in which order workers get
//! the examples. What all of them share is beside them.

mod bad_row;
pub mod batch;
pub mod cache;
pub mod coding;
mod column;
pub mod date;
pub mod error;
mod ids;
pub mod leakage;
mod log;
mod mapped;
pub mod order;
mod reading;
mod remark;
pub mod schema;
mod sources;
mod widened;
pub mod window;

pub use bad_rows::{BadRow, BadRowKind, BadRows, OnBadRow};
pub use batch::{Batch, ExampleInfo};
pub use coding::{Coded, Coding, Hashing};
pub use date::{Calendar, Date, UtcOffset};
pub use error::DataError;
pub use ids::{BadTexts, Ids};
pub use leakage::{LeakError, check_holdout};
pub use log::growing::Loading;
pub use log::{HeldOutRows, IdRows, Log, din_task};
pub use order::{Cursor, Order, OrderChoice, OrderConfig, Position};
pub use reading::columns::TableFiles;
pub use reading::watch::{Place, ReadSoFar, Watch};
pub use reading::{bad_rows, file, stamp};
pub use remark::{Remark, RemarkKind};
pub use schema::{Field, History, HistoryColumn, IdSpace, Schema};
pub use sources::{OpenContext, SourceChoice, SourceConfig};
pub use sources::{
    amazon, avazu, criteo, interactions, libffm, libsvm, movielens, synthetic, tabular,
};
pub use synthetic::Synthetic;
pub use widened::Widened;
pub use window::Window;

use std::fmt::Debug;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One day of the log: its number (1 is the first) and its examples, `first .. first + examples`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Day {
    /// 1-based number of the day.
    pub number: u32,
    /// Id of its first example.
    pub first: u64,
    /// Number of examples.
    pub examples: u64,
}

impl Day {
    /// The ids of the day's examples.
    pub fn ids(&self) -> Range<u64> {
        self.first..self.first + self.examples
    }
}

/// When examples happened, in milliseconds of some clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instants<'a> {
    /// By id. Ids rise with time.
    pub stamps: &'a [i64],
    /// The start of day 1 on the same clock.
    pub day_one: i64,
}

/// A log of examples with random access.
pub trait DataSource: Send + Sync + Debug {
    /// Fields, id spaces, history and numeric columns.
    fn schema(&self) -> &Schema;

    /// The days of the log, in order; days without examples may be left out. Ids rise with time.
    fn days(&self) -> &[Day];

    /// What the days are called: their dates, if they have any.
    fn calendar(&self) -> Calendar {
        Calendar::default()
    }

    /// When each example of the days happened. `None` if the source does not know it, knows no more
    /// than the day, or was not [asked](OpenContext::with_instants).
    fn instants(&self) -> Option<Instants<'_>> {
        None
    }

    /// Names of the columns with numbers that no model sees.
    fn extra(&self) -> &[String] {
        &[]
    }

    /// The number of such a column that an example has; NaN if it has none.
    ///
    /// # Panics
    /// If there is no such column or example.
    fn extra_number(&self, column: usize, id: u64) -> f64 {
        panic!("no column {column} beside the features of example {id}")
    }

    /// Examples that the source itself holds out for evaluation (for example the last event of each
    /// user). They belong to no day. Empty for sources that have only days.
    fn held_out(&self) -> Range<u64> {
        0..0
    }

    /// Replaces the content of `batch` by the examples `ids`, in that order.
    ///
    /// # Panics
    /// If an id is neither in [`days`](Self::days) nor in [`held_out`](Self::held_out).
    fn read(&self, ids: &[u64], batch: &mut Batch);

    /// The ids of an id space, in the order of its rows. `None` if an id has the same row in every
    /// log, because rows are found by hash or the source itself fixes them. By the ids a model finds
    /// its rows when it starts from the checkpoint of another log.
    fn ids(&self, _space: usize) -> Option<&Ids> {
        None
    }

    /// Whether the ids of an id space are hashed into its rows, so that several may share one.
    fn is_hashed(&self, _space: usize) -> bool {
        false
    }

    /// What became of the columns of a log whose ids share rows.
    fn coding(&self) -> Option<&Coding> {
        None
    }

    /// Ids at the end of an id space that no example has: those that a checkpoint brought along.
    fn carried(&self, _space: usize) -> u64 {
        0
    }

    /// The true click probability of each example, if the source knows it (generated logs).
    fn truth(&self, _ids: &[u64]) -> Option<Vec<f64>> {
        None
    }

    /// The log itself, if it is one of files whose columns can be kept on disk.
    fn log(&self) -> Option<&Log> {
        None
    }

    /// The most memory that the log takes while it is built and read, for estimates.
    fn bytes(&self) -> u64 {
        0
    }

    /// Facts about the log as (name, value) lines for people: rows, users, base rate, skipped rows.
    fn facts(&self) -> Vec<(String, String)>;

    /// What looks as if the log were not meant as it was read. Generated logs have nothing of it.
    fn remarks(&self) -> Vec<Remark> {
        Vec::new()
    }
}
