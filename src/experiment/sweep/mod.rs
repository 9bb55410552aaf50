//! Sweeps: many trials of one scenario, planned together, run side by side.
//!
//! The plan is a file (`plan.jsonl`), and each trial has a run folder of its own below `trials/`.
//! Whether a trial is done follows from its files. So the same command again does only what is
//! missing, and so does another process with another part of the plan.

pub mod budget;
pub mod folder;
pub mod plan;
pub mod runner;
pub mod select;

pub use super::open_logs::OpenLogs;
pub use folder::SweepFolder;
pub use plan::{PlanError, PlannedTrial, SCENARIO, SWEEP, SweepPlan};
pub use runner::{Ended, SweepOptions, SweepWatcher, TrialCounts, run};
pub use select::{SweepPart, TrialSelection};
