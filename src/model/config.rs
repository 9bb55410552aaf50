//! What the configuration of a network says about it: how it is built, and what is true of it.

use std::sync::Arc;

use crate::data::Schema;

use super::scale::ColumnMoments;
use super::{InputScale, Model, ModelError, Normalization};

/// The configuration of a network. Code outside this folder asks it, and knows no network by its
/// name.
pub trait ModelConfig {
    /// Builds the model for the columns of `schema`.
    ///
    /// # Errors
    /// Settings and columns that do not fit together.
    fn build(&self, schema: &Schema, context: ModelContext) -> Result<Arc<dyn Model>, ModelError>;

    /// What is done to numeric columns.
    fn input_scale(&self) -> InputScale;

    /// Whether the network has no hidden layer.
    fn has_no_hidden_layer(&self) -> bool;

    /// How hidden layers are normalized, where there are any.
    fn normalization(&self) -> Option<&Normalization>;

    /// Whether [`ModelContext::counts`] would be used. Counting takes a pass over the window.
    fn wants_counts(&self) -> bool;
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
