//! Floor 0, used by all others: virtual time, identifiers, random streams, quantities with units,
//! numbers of things in text, saved state, the thread pool, text for terminals, and the features of
//! the processor. It imports no other floor.

pub mod count;
pub mod id;
pub mod level;
pub mod persist;
pub mod pool;
pub mod registry;
pub mod significant;
pub mod stream;
pub mod text;
pub mod time;
pub mod units;

pub use count::{counted, noun};
pub use id::{ShardId, WorkerId};
pub use persist::Persist;
pub use pool::{Pending, Pool};
pub use significant::{fixed, significant};
pub use stream::{Draw, Purpose, Rng, Streams};
pub use text::{printable, shell_word};
pub use time::{SimSpan, SimTime, TimeFactor};
pub use units::{Bandwidth, ByteSize};
