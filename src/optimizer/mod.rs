//! Floor 2, the update rules: one file each. A rule owns no memory: its slots lie beside the
//! weights, owned by the server, so that a checkpoint can keep or lose them.

pub mod rule;

pub use rule::{Optimizer, RowSemantics, Scope, Slot, Tick};
