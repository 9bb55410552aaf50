//! Floor 3, the networks: parameters and a batch in, a gradient out. One file per network, one line
//! each in [`choice`].

pub mod choice;
pub mod config;
pub mod din;
pub mod error;
pub mod init;
mod inputs;
mod l2;
pub mod logistic;
pub mod mlp;
pub mod network;
pub mod normalization;
pub mod scale;
#[cfg(test)]
mod tests;
mod tower;

pub use choice::ModelChoice;
pub use config::{ModelConfig, ModelContext};
pub use error::ModelError;
pub use init::DenseInit;
pub use network::{Mode, Model, Network, Workspace};
pub use normalization::Normalization;
pub use scale::InputScale;
pub use tower::Slopes;
