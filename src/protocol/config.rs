//! What the configuration of a protocol says about it: how it is built, and what is true of it.

use super::Protocol;

/// The configuration of a protocol. Rules and estimates ask it, and know no protocol by its name.
pub trait ProtocolConfig {
    /// The working protocol for `workers` workers and `shards` shards.
    fn build(&self, workers: u32, shards: u32) -> Box<dyn Protocol>;

    /// How many pushes make an update.
    fn pushes_per_update(&self, workers: u32) -> u32;

    /// What is true of the protocol, with any number of workers.
    fn facts(&self) -> ProtocolFacts;

    /// Whether the protocol works with so many workers.
    fn fit(&self, workers: u32) -> Fit;
}

/// What rules across settings have to know of a protocol. Nothing here has a default: a new
/// protocol has to state every fact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProtocolFacts {
    /// Whether pushes may be discarded.
    pub discards: bool,
    /// Whether every step has to read and write every shard: gradients of an older point are
    /// discarded, or tokens are handed out only when all shards are done.
    pub wants_whole_steps: bool,
    /// Whether a worker that is present may always pull, even before its last push has been sent,
    /// and no step is ever aborted.
    pub never_waits: bool,
    /// Whether running steps may be aborted.
    pub aborts: bool,
    /// Whether every applied gradient was computed from the parameters that it is applied to,
    /// provided that every step reads and writes every shard.
    pub never_stale: bool,
    /// Whether the protocol promises a bound on the age of what a worker reads.
    pub bounds_age: bool,
}

/// Whether a protocol works with a number of workers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fit {
    /// It works.
    Works,
    /// The run would be the same without it.
    NoEffect {
        /// Why.
        why: &'static str,
    },
    /// No update would ever be complete.
    NeverFull {
        /// The key of the setting that causes this.
        setting: &'static str,
        /// Why.
        why: String,
    },
}
