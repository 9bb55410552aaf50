//! Floor 7, what the user wrote: reading, checking, explaining and building scenarios.

pub mod build;
mod build_error;
mod by_row;
pub mod collisions;
pub mod daily;
pub mod document;
pub mod estimate;
pub mod expect;
mod items;
pub mod job;
pub mod lab;
mod live;
mod log_remarks;
#[cfg(test)]
mod new_parts;
mod passes;
pub mod presets;
pub mod rate_edge;
mod read;
pub mod remarks;
mod restart;
mod row_indexes;
pub mod rules;
pub mod seeds;
pub mod shorthand;
pub mod spec;
pub mod stage;
pub mod stages;
pub mod start;
pub mod sweep;
pub mod templates;
mod tensor_names;

pub use build::{BuildError, Prepared};
pub use job::Job;
pub use live::StreamWork;
pub use spec::Scenario;
