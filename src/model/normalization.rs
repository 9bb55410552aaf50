//! Batch normalization of hidden layers: which moments a layer uses outside training.
//!
//! In training a layer always uses the moments of the worker's own batch, so the choice changes no
//! gradient. It decides what is evaluated, saved and sent. Moments that the server keeps are pulled
//! and pushed with every step, and are themselves stale. A worker's own moments are not sent at
//! all.
//!
//! *Local batch normalization* is Algorithm 1 of Liu & Zhao (AAAI 2021), reconstructed from its
//! name: "local" can only mean that the server does not share the statistics.

#[cfg(test)]
mod new_part;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ModelError;
use super::error::non_negative;
use crate::params::{Export, Home, Moving};

/// No normalization has no settings.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Moving moments at the server.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Shared")]
pub struct ServerMoments {
    /// Share of the old moments that is kept at an update of the server.
    #[schemars(range(min = 0.0, max = 0.999999))]
    pub keep: f64,
    /// Added to the variance.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
}

/// Moving moments at each worker.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Local")]
pub struct WorkerMoments {
    /// Share of the old moments that a worker keeps at a step.
    #[schemars(range(min = 0.0, max = 0.999999))]
    pub keep: f64,
    /// Added to the variance.
    #[schemars(range(min = 0.0))]
    pub epsilon: f64,
    /// How the workers' moments become one pair for evaluation and checkpoints.
    pub export: Export,
}

impl Default for ServerMoments {
    fn default() -> ServerMoments {
        ServerMoments { keep: 0.99, epsilon: 1e-3 }
    }
}

impl Default for WorkerMoments {
    fn default() -> WorkerMoments {
        let ServerMoments { keep, epsilon } = ServerMoments::default();
        WorkerMoments { keep, epsilon, export: Export::default() }
    }
}

crate::registry! {
    /// How hidden layers are normalized, between the linear part and the activation.
    pub enum Normalization: NormalizationConfig {
        /// Hidden layers are not normalized.
        "none" => None(Nothing),
        /// Over the batch; moving moments are kept by the server, and every push moves them.
        "shared_batch" => Shared(ServerMoments),
        /// Over the batch; every worker keeps moving moments of its own (Liu & Zhao 2021, reconstructed).
        "local_batch" => Local(WorkerMoments),
        /// A part for tests only.
        #[cfg(test)]
        "new_part" => NewPart(new_part::Config),
    }
}

impl Default for Normalization {
    fn default() -> Normalization {
        Normalization::None(Nothing {})
    }
}

impl Normalization {
    /// Whether it is the default, which is left out of files.
    pub fn is_none(&self) -> bool {
        *self == Normalization::default()
    }
}

/// How the moments of a layer are kept.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MomentsRule {
    /// How the mean is kept. For the variance the same holds, and it also names the mean's block.
    pub moving: Moving,
    /// Added to the variance.
    pub epsilon: f64,
}

impl MomentsRule {
    fn new(keep: f64, epsilon: f64, home: Home) -> Result<Option<MomentsRule>, ModelError> {
        let epsilon = non_negative("normalization.epsilon", epsilon)?;
        let keep = non_negative("normalization.keep", keep)? as f32;
        Ok(Some(MomentsRule { moving: Moving { keep, home, mean: None }, epsilon }))
    }
}

/// The configuration of a normalization.
pub trait NormalizationConfig {
    /// The rule of every layer, if layers are normalized.
    ///
    /// # Errors Settings that are not numbers, or are negative.
    fn rule(&self) -> Result<Option<MomentsRule>, ModelError>;
}

impl NormalizationConfig for Nothing {
    fn rule(&self) -> Result<Option<MomentsRule>, ModelError> {
        Ok(None)
    }
}

impl NormalizationConfig for ServerMoments {
    fn rule(&self) -> Result<Option<MomentsRule>, ModelError> {
        MomentsRule::new(self.keep, self.epsilon, Home::Server)
    }
}

impl NormalizationConfig for WorkerMoments {
    fn rule(&self) -> Result<Option<MomentsRule>, ModelError> {
        MomentsRule::new(self.keep, self.epsilon, Home::Workers(self.export))
    }
}
