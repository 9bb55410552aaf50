//! The registry of models.

use std::sync::Arc;

use crate::data::Schema;

use super::{Model, ModelError, din, logistic, mlp};

crate::registry! {
    /// Which network is trained.
    pub enum ModelChoice {
        /// Logistic regression: one weight per id, one per numeric column, and a bias.
        "logistic" => Logistic(logistic::Config),
        /// Embeddings of all fields side by side, then fully connected layers.
        "mlp" => Mlp(mlp::Config),
        /// Deep Interest Network: attention of the candidate over the user's history (Zhou et al. 2017).
        "din" => Din(din::Config),
    }
}

/// What a model may be told besides its configuration.
#[derive(Clone, Debug, Default)]
pub struct ModelContext {
    /// Occurrences of every id in the training data, by id space; for the L2 penalty. Without them
    /// every touched row counts as seen once.
    pub counts: Option<Arc<Vec<Vec<u32>>>>,
}

impl ModelChoice {
    /// Builds the chosen model for the columns of `schema`.
    pub fn build(
        &self,
        schema: &Schema,
        context: ModelContext,
    ) -> Result<Arc<dyn Model>, ModelError> {
        Ok(match self {
            ModelChoice::Logistic(config) => {
                Arc::new(logistic::Logistic::new(config, schema, context)?)
            }
            ModelChoice::Mlp(config) => Arc::new(mlp::Mlp::new(config, schema, context)?),
            ModelChoice::Din(config) => Arc::new(din::Din::new(config, schema, context)?),
        })
    }
}

impl ModelChoice {
    /// Whether [`ModelContext::counts`] would be used: counting takes a pass over the window.
    pub fn wants_counts(&self) -> bool {
        let lambda = match self {
            ModelChoice::Logistic(config) => config.l2_embedding,
            ModelChoice::Mlp(config) => config.l2_embedding,
            ModelChoice::Din(config) => config.l2_embedding,
        };
        lambda > 0.0
    }
}

impl Default for ModelChoice {
    fn default() -> ModelChoice {
        ModelChoice::Din(din::Config::default())
    }
}

/// Checks numbers of units; returns them.
pub(super) fn widths<'a>(key: &'static str, given: &'a [usize]) -> Result<&'a [usize], ModelError> {
    let most = if key == "embedding_dim" { 4096 } else { 65_536 };
    match given.iter().find(|&&width| width == 0 || width > most) {
        Some(&given) => Err(ModelError::WidthOutOfRange { key, given, most }),
        None => Ok(given),
    }
}

/// Checks a strength or a deviation; returns it.
pub(super) fn non_negative(key: &'static str, given: f64) -> Result<f64, ModelError> {
    if given.is_finite() && given >= 0.0 {
        Ok(given)
    } else {
        Err(ModelError::NotANonNegativeNumber { key, given: given.to_string() })
    }
}
