//! Floor 3, the update rules: one file each, one line each in [`choice`]. A rule owns no memory:
//! its slots lie beside the weights, owned by the server, so that a checkpoint can keep or lose
//! them.
//!
//! Also here, because they decide what a rule is given: the learning-rate [`schedule`] and gradient
//! clipping ([`clip`]).

pub mod ada_delay;
pub mod adagrad;
pub mod adagrad_decay;
pub mod adam;
pub mod adam_ar;
pub mod adam_swap;
pub mod adamw;
pub mod adaptive_revision;
pub mod choice;
pub mod clip;
pub mod config;
pub mod ftrl;
pub mod ftrl_swap;
pub mod momentum;
pub mod nesterov;
pub mod rmsprop;
pub mod rmsprop_swap;
pub mod rule;
pub mod schedule;
pub mod sgd;
pub mod swap;
#[cfg(test)]
mod tests;

pub use choice::OptimizerChoice;
pub use clip::Clip;
pub use config::{OptimizerConfig, OptimizerFacts};
pub use rule::{Optimizer, Per, RowSemantics, Scope, Slot, Tick};
pub use schedule::{Horizon, Progress, Schedule, ScheduleChoice};
