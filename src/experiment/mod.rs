//! Floor 8, from a scenario to a results folder.
//!
//! A folder holds reproducible files and incidental ones. Wall-clock facts go to `run-info.json`
//! alone; everything else is the same bytes for the same scenario and seed. `summary.json` is
//! written last: where it exists, the trial is done.

pub mod best;
pub mod compare;
pub mod expect;
pub mod fit;
pub mod folder;
pub mod outcome;
pub mod probe;
pub mod recorder;
pub mod run;
pub mod run_info;
pub mod semantics;
pub mod statistics;
pub mod stop;
pub mod summary;
pub mod sweep;
pub mod table;
pub mod trace;

pub use folder::{FolderError, ResultsFolder};
pub use recorder::{Names, Recorder};
pub use run::{RunError, RunOptions, Trial};
pub use stop::StopSignal;
pub use summary::Summary;
