//! Checkpoints of the simulated job on our disk. They are written at the best step, at the end, at
//! a cadence, or averaged, and read when a run starts from one.

pub mod average;
pub mod file;
pub mod increments;
pub mod keeper;
pub mod replay;
pub mod reports;
pub mod start;

pub use file::{CheckpointError, CheckpointSource, LoadedCheckpoint};
pub use keeper::Keeper;
pub use start::StartFailed;
