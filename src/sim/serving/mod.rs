//! The serving copy: a copy of the model that scores requests while training goes on.
//!
//! Nothing of the training job depends on it, so it schedules no events. It is told before the
//! servers change, and then does all that was due until then: it reads what is sent, takes in what
//! arrives, and scores the requests that came meanwhile. Since servers do not change in between, this
//! is the same as if each thing had been done at its own instant. At equal times requests come first
//! (predict, then train), then messages arrive, then new ones are sent, then servers change.

mod freshness;
mod post;
mod room;
mod scores;
mod scoring;
pub mod settings;
pub mod slices;
#[cfg(test)]
mod tests;
mod touched;

pub use crate::online::ItemSplit;
pub use room::{ServingRoom, Trainer};
pub use scores::{Age, Ages, Scores, Sent, ServedCopy, ServedLook};
pub use settings::{Beside, DenseHow, DenseSync, RowSync, Serving, WhenTouchedFull};
pub use slices::ServedSlice;
