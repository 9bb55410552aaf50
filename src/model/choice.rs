//! The registry of models.

use std::sync::Arc;

use crate::data::Schema;

use super::scale::ColumnMoments;
use super::{InputScale, Model, ModelError, Normalization, din, logistic, mlp};

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
    /// Moments of the numeric columns, for the scales that standardise.
    pub columns: Option<ColumnMoments>,
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
    /// What is done to numeric columns.
    pub fn input_scale(&self) -> InputScale {
        match self {
            ModelChoice::Logistic(config) => config.numeric,
            ModelChoice::Mlp(config) => config.numeric,
            ModelChoice::Din(config) => config.numeric,
        }
    }

    /// Whether it has no hidden layer.
    pub fn has_no_hidden_layer(&self) -> bool {
        match self {
            ModelChoice::Logistic(_) => true,
            ModelChoice::Mlp(config) => config.hidden.is_empty(),
            ModelChoice::Din(config) => {
                config.hidden.is_empty() && config.attention_hidden.is_empty()
            }
        }
    }

    /// How hidden layers are normalized, where there are any.
    pub fn normalization(&self) -> Option<&Normalization> {
        match self {
            ModelChoice::Logistic(_) => None,
            ModelChoice::Mlp(config) => Some(&config.normalization),
            ModelChoice::Din(config) => Some(&config.normalization),
        }
    }

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
