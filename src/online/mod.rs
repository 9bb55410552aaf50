//! Floor 4, the live stream: requests that arrive in virtual time, the joiner that makes labelled
//! examples of their features and actions, and the queue from which workers take these. It knows
//! neither parameters nor workers, and it changes only when it is told how late it is.
//!
//! [`Stream`] is the whole of it. Its parts can be used alone: [`Arrivals`] (when requests come),
//! [`Joiner`] (which label they get, and when), [`Negatives`] (which of them are kept, and what
//! corrects for that), [`ExampleQueue`] (what waits for workers).
//!
//! ```
//! use std::{path::Path, sync::Arc};
//! use straggler::base::{SimSpan, SimTime, Streams};
//! use straggler::data::{DataSource, Synthetic, synthetic};
//! use straggler::online::{Online, Requests, Stream};
//!
//! let log: synthetic::Config = toml::from_str("users = 50\nitems = 50\ndays = 1\nrows_per_day = 400")?;
//! let log = Arc::new(Synthetic::new(&log, Streams::new(1))?);
//! let online: Online = toml::from_str(
//!     r#"
//!     arrivals = { kind = "even", rate = 1.0 }
//!     actions.delay = { mean = "1min", law.kind = "exponential" }
//!     join.window = "2min"
//!     "#,
//! )?;
//! let requests = Arc::new(Requests::new(log.days().to_vec()));
//! let mut stream = Stream::new(&online, requests, log, Path::new("."), Streams::new(1))?;
//! let now = SimTime::ZERO + SimSpan::from_seconds(300.0);
//! stream.advance(now, |_request| ());
//! let mut examples = Vec::new();
//! stream.take(32, now, &mut examples);
//! assert_eq!((examples.len(), stream.counts().requests), (32, 300));
//! // Nobody knows yet whether the requests of the last two minutes are negative.
//! assert!(stream.joiner().counts().waiting() > 60);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod arrivals;
mod columns;
pub mod delays;
pub mod items;
pub mod joiner;
pub mod lags;
pub mod negatives;
pub mod pace;
pub mod queue;
pub mod requests;
pub mod settings;
pub mod stream;
#[cfg(test)]
mod tests;

pub use arrivals::{ArrivalLaw, Arrivals, ArrivalsChoice, ArrivalsConfig, Drawn};
pub use columns::{ColumnError, StreamError};
pub use delays::{Actions, Delay, Features};
pub use items::{Arrived, Doubling, ItemClass, ItemSplit, Items};
pub use joiner::{Emitted, Join, Joiner, JoinerCounts, LateAction, Origin};
pub use lags::{EventTimes, Lags};
pub use negatives::{Correction, Keep, KeepBy, KeptNegatives, Negatives};
pub use pace::{Bursts, DailyRequests, RequestPace};
pub use queue::{ExampleQueue, QueueCounts, QueueInterval, QueueSettings, WhenFull};
pub use requests::{BackwardClock, Request, Requests};
pub use settings::Online;
pub use stream::{Stream, StreamCounts};
