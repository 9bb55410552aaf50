//! Floor 3, the networks: a network takes parameters and a batch, and gives a gradient. One file
//! per network, one line each in the registry below.

pub mod composed;
pub mod config;
pub mod din;
pub mod error;
pub mod init;
mod inputs;
mod l2;
pub mod logistic;
pub mod mlp;
pub mod network;
#[cfg(test)]
mod new_part;
pub mod normalization;
pub mod scale;
#[cfg(test)]
mod tests;
mod tower;

pub use composed::Composed;
pub use config::{ModelConfig, ModelContext};
pub use error::ModelError;
pub use init::DenseInit;
pub use network::{Mode, Model, NeuralNetwork, Workspace};
pub use normalization::Normalization;
pub use scale::InputScale;
pub use tower::Slopes;

crate::registry! {
    /// Which network is trained.
    pub enum ModelChoice: ModelConfig {
        /// Logistic regression: one weight per id, one per numeric column, and a bias.
        "logistic" => Logistic(logistic::Config),
        /// Embeddings of all fields side by side, then fully connected layers.
        "mlp" => Mlp(mlp::Config),
        /// Deep Interest Network: attention of the candidate over the user's history (Zhou et al. 2017).
        "din" => Din(din::Config),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

impl Default for ModelChoice {
    fn default() -> ModelChoice {
        ModelChoice::Din(din::Config::default())
    }
}
