//! Floor 2, the networks: parameters and a batch in, a gradient out. One file per network.

pub mod network;

pub use network::{Mode, Model, Network, Workspace};
