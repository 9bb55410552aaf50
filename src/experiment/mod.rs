//! Floor 9, from a scenario to a results folder.
//!
//! A folder holds reproducible files and incidental ones. Facts about the wall clock are only in
//! `run-info.json`. All other files have the same bytes for the same scenario and seed.
//! `summary.json` is written last: if it exists, the trial is done.

pub mod best;
mod by_row;
pub mod checkpoint;
pub mod drive;
pub mod expect;
pub mod fit;
pub mod health;
mod identity;
pub mod lab;
mod layers;
mod open_logs;
mod popularity;
pub mod presence;
pub mod probe;
pub mod recorder;
pub mod run;
mod run_error;
pub mod run_info;
mod served;
pub mod shard_failures;
pub mod snapshot;
pub mod stages;
mod starts;
pub mod stop;
mod stream;
mod summary;
pub mod sweep;
mod tables;
mod upsets;
pub mod verify;

pub use drive::SaveEvery;
pub use recorder::{Recorder, Recording};
pub use run::{RunError, RunOptions, Trial};
pub use stop::StopSignal;
