//! Floor 8, results folders: the names and columns of their files, how they are written and read,
//! and what can be computed from them.
//!
//! Each file has one type, which writes it and reads it. The [tables] declare each CSV file
//! once: from the declaration follow the struct of its rows, its header, its cells, the kinds of
//! its columns in exports, and its part of the reference page. Nothing here runs a simulation.

pub mod compare;
pub(crate) mod disk;
mod error;
pub mod export;
pub mod folder;
pub mod json;
pub mod lab;
pub mod outcome;
pub mod overview;
pub mod race;
pub mod run;
pub mod semantics;
mod state;
pub mod statistics;
pub mod summary;
pub mod table;
pub mod tables;

pub use folder::{FolderError, ResultsFolder};
pub use outcome::{OutcomeError, Results, TrialOutcome};
pub use run::RunResults;
pub use summary::Summary;
