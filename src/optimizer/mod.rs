//! Floor 3, the update rules: one file each, one line each in [`choice`]. A rule owns no memory:
//! its slots lie beside the weights, owned by the server, so that a checkpoint can keep or lose
//! them.
//!
//! Also here, because they decide what a rule is given: the learning-rate [`schedule`] and gradient
//! clipping ([`clip`]).

pub mod adagrad;
pub mod adam;
pub mod adamw;
pub mod choice;
pub mod clip;
pub mod momentum;
pub mod nesterov;
pub mod rmsprop;
pub mod rule;
pub mod schedule;
pub mod sgd;
#[cfg(test)]
mod tests;

pub use choice::OptimizerChoice;
pub use clip::Clip;
pub use rule::{Optimizer, RowSemantics, Scope, Slot, Tick};
pub use schedule::{Horizon, Progress, Schedule, ScheduleChoice};
