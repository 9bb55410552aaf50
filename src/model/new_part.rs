//! A part for tests only: logistic regression, with the facts that its settings list.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::logistic::{self, Logistic};
use super::{InputScale, Model, ModelConfig, ModelContext, ModelError, Normalization};
use crate::data::Schema;

/// What the network says of itself.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether it has hidden layers.
    pub hidden: bool,
    /// How hidden layers are normalized.
    pub normalization: Normalization,
    /// Strength of the L2 penalty.
    pub l2_embedding: f64,
}

impl ModelConfig for Config {
    fn build(&self, schema: &Schema, context: ModelContext) -> Result<Arc<dyn Model>, ModelError> {
        self.normalization.rule()?;
        let l2_embedding = self.l2_embedding;
        let config = logistic::Config { l2_embedding, ..logistic::Config::default() };
        Ok(Arc::new(Logistic::new(&config, schema, context)?))
    }

    fn input_scale(&self) -> InputScale {
        InputScale::default()
    }

    fn has_no_hidden_layer(&self) -> bool {
        !self.hidden
    }

    fn normalization(&self) -> Option<&Normalization> {
        Some(&self.normalization)
    }

    fn wants_counts(&self) -> bool {
        self.l2_embedding > 0.0
    }
}
