//! Floor 3, coordination: who may read now, and which pushes become an update. One file per
//! protocol. A protocol never sees a weight or a gradient.

pub mod asynchronous;
pub mod decision;
pub mod synchronous;

pub use decision::{Arrived, Cluster, Decision, Decisions, Merge, Protocol, PushId, Read, RowMean};

crate::registry! {
    /// How workers and server coordinate.
    pub enum ProtocolChoice {
        /// Every push is applied as it arrives; nobody waits.
        "asynchronous" => Asynchronous(asynchronous::Config),
        /// A strict barrier: one update per round, from one push of every worker.
        "synchronous" => Synchronous(synchronous::Config),
    }
}

impl Default for ProtocolChoice {
    fn default() -> Self {
        ProtocolChoice::Asynchronous(asynchronous::Config {})
    }
}

impl ProtocolChoice {
    /// The working protocol for `workers` workers and `shards` shards.
    pub fn build(&self, workers: u32, shards: u32) -> Box<dyn Protocol> {
        match self {
            Self::Asynchronous(_) => Box::new(asynchronous::Asynchronous),
            Self::Synchronous(_) => Box::new(synchronous::Synchronous::new(workers, shards)),
        }
    }
}
