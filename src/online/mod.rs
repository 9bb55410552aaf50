//! Floor 4, the live stream: requests that arrive in virtual time, the joiner that makes labelled
//! examples of their features and actions, and the queue from which workers take these. It knows
//! neither parameters nor workers, and it changes only when it is told how late it is.
//!
//! [`Stream`] is the whole of it. Its parts can be used alone: [`Arrivals`] (when requests come),
//! [`Joiner`] (which label they get, and when), [`Negatives`] (which of them are kept, and what
//! corrects for that), [`ExampleQueue`] (what waits for workers).

pub mod arrivals;
pub mod delays;
pub mod joiner;
pub mod negatives;
pub mod pace;
pub mod queue;
pub mod requests;
pub mod settings;
pub mod stream;
#[cfg(test)]
mod tests;

pub use arrivals::{ArrivalLaw, Arrivals, ArrivalsChoice, ArrivalsConfig};
pub use delays::{Actions, Delay, Features};
pub use joiner::{Emitted, Join, Joiner, JoinerCounts, LateAction, Origin};
pub use negatives::{Correction, Negatives};
pub use pace::{Bursts, DailyRequests, RequestPace};
pub use queue::{ExampleQueue, QueueCounts, QueueSettings, WhenFull};
pub use requests::{BackwardClock, Request, Requests};
pub use settings::Online;
pub use stream::{Stream, StreamCounts};
