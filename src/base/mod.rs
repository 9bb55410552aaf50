//! Floor 0, the words everything else is written in: virtual time, identifiers, random streams,
//! quantities with units, saved state, the thread pool, and what the processor can do. Imports
//! nothing of ours.

pub mod id;
pub mod level;
pub mod persist;
pub mod pool;
pub mod registry;
pub mod stream;
pub mod time;
pub mod units;

pub use id::{ShardId, WorkerId};
pub use persist::Persist;
pub use pool::{Pending, Pool};
pub use stream::{Draw, Purpose, Rng, Streams};
pub use time::{Factor, SimSpan, SimTime};
pub use units::{Bandwidth, ByteSize};
