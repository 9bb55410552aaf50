//! Identifiers: small integers with a type, so that a worker is never taken for a shard.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A simulated worker, `0..N`. Not a host thread.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct WorkerId(pub u32);

/// One partition of the simulated parameter server, `0..S`.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct ShardId(pub u32);

impl WorkerId {
    /// The identifier as an index into a per-worker array.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl ShardId {
    /// The identifier as an index into a per-shard array.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker {}", self.0)
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {}", self.0)
    }
}
