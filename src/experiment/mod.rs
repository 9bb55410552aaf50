//! Floor 8, from a scenario to a results folder.

pub mod best;
pub mod recorder;
pub mod table;
