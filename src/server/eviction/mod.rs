//! Eviction: rows of tables that are given up, so that tables do not grow without end.
//!
//! A rule says what a row is worth; the rows worth least go. Rows that training meets again return.
//! Facts about real systems: Monolith's expiry by the time since the last update, relative to the
//! newest update; DeepRec's eviction by global step and by the norm of the weights, when it saves a
//! checkpoint; PERSIA's least recently used row; Paddle's decaying score.

pub mod age;
pub mod least_frequent;
pub mod least_recent;
pub(in crate::server) mod lives;
#[cfg(test)]
mod new_part;
pub mod score;
pub mod small_norm;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{ByteSize, SimSpan};
use crate::optimizer::{Horizon, Moment};

pub use lives::{LifeCounts, RowLives};

/// What is known of a row that is there.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct RowRecord {
    /// When it was last updated.
    pub last: Moment,
    /// Pushes that have updated it since it came.
    pub pushes: u32,
    /// A score that the rule keeps.
    pub score: f64,
}

/// The configuration of a rule of eviction.
pub trait EvictionConfig {
    /// What a row is worth at `now`; rows that are worth less go first. `newest` is the latest
    /// update of any row of its table, `weights` are those of the row.
    fn worth(&self, row: &RowRecord, weights: &[f32], now: Moment, newest: Moment) -> f64;

    /// Rows that are worth this or less are evicted; `None` if only a full table evicts rows.
    fn limit(&self) -> Option<f64>;

    /// The length of training that the rule goes by, and the key that sets it.
    fn length(&self) -> Option<(&'static str, Horizon)> {
        None
    }

    /// The score of a row after a push at `now`; `row` is its record before.
    fn score(&self, row: &RowRecord, now: Moment) -> f64;
}

crate::registry! {
    /// Which rows are evicted.
    pub enum EvictionRule: EvictionConfig {
        /// Rows that no push has updated for a length of training.
        "age" | "ttl" => Age(age::Config),
        /// Of a full table, the row whose last update is longest ago.
        "least_recent" | "lru" => LeastRecent(least_recent::Config),
        /// Rows with few pushes; of a full table, the row with the fewest.
        "least_frequent" | "lfu" => LeastFrequent(least_frequent::Config),
        /// Rows with a small score: the number of their pushes, which decays.
        "score" => Score(score::Config),
        /// Rows with small weights.
        "small_norm" => SmallNorm(small_norm::Config),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

impl Default for EvictionRule {
    fn default() -> EvictionRule {
        EvictionRule::Age(age::Config::default())
    }
}

/// The rows of a table that are evicted, and what becomes of them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Eviction {
    /// Which rows are evicted.
    pub rule: EvictionRule,
    /// How often rows below the rule's limit are looked for, or "save": whenever the job saves a
    /// checkpoint. Never if left out, so that only full tables evict rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Looks>,
    /// The most that a table holds. A new row that would exceed it drives out the 64th part of the
    /// table (at least one row), those worth least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Capacity>,
    /// Rows of a table that always stay, those worth most.
    pub at_least: u64,
    /// Counts the rows that would come, go and return, and evicts none.
    pub dry_run: bool,
    /// The weights with which an evicted row returns.
    pub returns: ReturnsWith,
    /// Whether optimizer state and counters of an evicted row return with it.
    pub keep_slots: bool,
    /// What becomes of a gradient for a row that was evicted after its worker had read it.
    pub late: LateGradients,
}

/// How often rows below the limit of a rule are looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Looks {
    /// Whenever the job saves a checkpoint, before its rows are read, as Monolith and DeepRec do.
    Save,
    /// After so many updates of the server.
    Updates(u64),
    /// After so many examples.
    Examples(u64),
    /// After so much simulated time.
    SimTime(SimSpan),
}

impl Looks {
    /// The length of training between two looks; `None` if saves say when.
    pub fn length(self) -> Option<Horizon> {
        match self {
            Looks::Save => None,
            Looks::Updates(updates) => Some(Horizon::Updates(updates)),
            Looks::Examples(examples) => Some(Horizon::Examples(examples)),
            Looks::SimTime(span) => Some(Horizon::SimTime(span)),
        }
    }
}

impl Eviction {
    /// The length of training between two looks, if one is set.
    pub fn length(&self) -> Option<Horizon> {
        self.every.and_then(Looks::length)
    }

    /// What becomes of late gradients; a dry run loses none.
    pub(in crate::server) fn late_gradients(&self) -> LateGradients {
        if self.dry_run { LateGradients::Apply } else { self.late }
    }
}

/// The most that a table holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capacity {
    /// Rows.
    Rows(#[schemars(range(min = 1))] u64),
    /// Bytes of weights, optimizer state and a key of 8 bytes per row.
    Bytes(ByteSize),
}

impl Capacity {
    /// Rows of `numbers` numbers each; at least one.
    pub fn rows(self, numbers: usize) -> u64 {
        match self {
            Capacity::Rows(rows) => rows.max(1),
            Capacity::Bytes(bytes) => (bytes.0 / (8 + 4 * numbers as u64)).max(1),
        }
    }
}

/// The weights with which an evicted row returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnsWith {
    /// The first values that the row had when it came for the first time.
    #[default]
    FirstValues,
    /// Zeros.
    Zeros,
    /// The weights that it had when it was evicted: it was only moved to slower memory.
    OldWeights,
}

/// What becomes of a gradient for a row that was evicted meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LateGradients {
    /// The row returns and takes it.
    #[default]
    Apply,
    /// It is lost, and the row stays away.
    Drop,
}

/// The time from one moment to a later one.
fn between(earlier: Moment, later: Moment) -> Moment {
    Moment {
        updates: later.updates.saturating_sub(earlier.updates),
        examples: later.examples.saturating_sub(earlier.examples),
        seconds: (later.seconds - earlier.seconds).max(0.0),
    }
}
