//! Embedding and MLP: the embeddings of all fields and the numeric columns side by side, then a
//! tower. A history, if the log has one, is not read.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::{Batch, Schema};
use crate::nn::buffer::AlignedBuffer;
use crate::nn::{Activation, Real};
use crate::params::{Gradient, Init, Layout, View};

use super::error::{non_negative, widths};
use super::inputs::{self, ColumnSelection, Lookup, Numeric, Tables};
use super::l2::EmbeddingL2;
use super::scale::Scaling;
use super::tower::{Slopes, Tower, TowerSpec, TowerTape};
use super::{
    DenseInit, InputScale, Mode, Model, ModelConfig, ModelContext, ModelError, NeuralNetwork,
    Normalization,
};

/// Configuration of `kind = "mlp"`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Categorical and numeric columns that enter, by name; all of them if left out.
    pub fields: Option<Vec<String>>,
    /// What is done to numeric columns before they enter.
    #[serde(skip_serializing_if = "InputScale::is_as_is")]
    #[schemars(extend("x-default" = Config::default().numeric))]
    pub numeric: InputScale,
    /// Numbers per embedding row.
    #[schemars(range(min = 1, max = 4096))]
    pub embedding_dim: usize,
    /// Standard deviation of the first values of embedding rows, normal around zero.
    #[schemars(range(min = 0.0))]
    pub embedding_deviation: f64,
    /// Units of the hidden layers, first to last.
    #[schemars(length(max = 100), inner(range(min = 1, max = 65536)))]
    pub hidden: Vec<usize>,
    /// Non-linearity behind every hidden layer.
    pub activation: Activation,
    /// Whether `prelu` and `dice` learn one slope per unit (`channel`) or per layer (`layer`).
    pub slopes: Slopes,
    /// First values of the layers.
    pub init: DenseInit,
    /// How hidden layers are normalized, and which moments evaluation uses.
    #[serde(skip_serializing_if = "Normalization::is_none")]
    pub normalization: Normalization,
    /// Strength of the L2 penalty on the embedding rows that a batch touches, each divided by the
    /// number of its occurrences in the data.
    #[schemars(range(min = 0.0))]
    pub l2_embedding: f64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            fields: None,
            numeric: InputScale::default(),
            embedding_dim: 16,
            embedding_deviation: 0.01,
            hidden: vec![200, 80],
            activation: Activation::Prelu,
            slopes: Slopes::Channel,
            init: DenseInit::Pytorch,
            normalization: Normalization::default(),
            l2_embedding: 0.0,
        }
    }
}

impl ModelConfig for Config {
    fn build(&self, schema: &Schema, context: ModelContext) -> Result<Arc<dyn Model>, ModelError> {
        Ok(Arc::new(Mlp::new(self, schema, context)?))
    }

    fn input_scale(&self) -> InputScale {
        self.numeric
    }

    fn has_no_hidden_layer(&self) -> bool {
        self.hidden.is_empty()
    }

    fn normalization(&self) -> Option<&Normalization> {
        Some(&self.normalization)
    }

    fn wants_counts(&self) -> bool {
        self.l2_embedding > 0.0
    }
}

/// Embedding and MLP over the columns of a log.
#[derive(Clone, Debug)]
pub struct Mlp {
    layout: Layout,
    lookups: Vec<Lookup>,
    numeric: Numeric,
    tower: Tower,
    l2: EmbeddingL2,
}

/// The results of the forward pass that the backward pass needs.
#[derive(Debug, Default)]
pub struct Tape<F> {
    /// Embeddings, then numeric columns: `[B x width]`.
    x: AlignedBuffer<F>,
    d_x: AlignedBuffer<F>,
    tower: TowerTape<F>,
}

impl Mlp {
    /// Builds the model for the columns of `schema`.
    pub fn new(config: &Config, schema: &Schema, context: ModelContext) -> Result<Mlp, ModelError> {
        let dim = widths("embedding_dim", &[config.embedding_dim])?[0];
        let selection = ColumnSelection::new(schema, config.fields.as_deref())?;
        let reads = Some(selection.reads(schema, &[], false));
        let mut layout = Layout { reads, ..Layout::default() };
        let spaces = selection.fields.iter().map(|&field| schema.fields[field].space);
        let deviation = non_negative("embedding_deviation", config.embedding_deviation)?;
        let tables = Tables::new(schema, spaces, dim, Init::Normal(deviation), &mut layout);
        let scaling = Scaling::new(config.numeric, context.columns.as_ref());
        let numeric = Numeric::new(schema, &selection, selection.fields.len() * dim, scaling)?;
        let spec = TowerSpec {
            name: "mlp",
            inputs: numeric.width,
            hidden: widths("hidden", &config.hidden)?,
            activation: config.activation,
            slopes: config.slopes,
            init: config.init,
            norm: config.normalization.rule()?,
        };
        Ok(Mlp {
            lookups: tables.fields(schema, &selection.fields, 0, numeric.width),
            numeric,
            tower: Tower::new(spec, &mut layout),
            l2: EmbeddingL2::new(config.l2_embedding, context)?,
            layout,
        })
    }
}

impl NeuralNetwork for Mlp {
    type Tape<F: Real> = Tape<F>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn forward<F: Real>(
        &self,
        view: View<'_, F>,
        batch: &Batch,
        mode: Mode,
        tape: &mut Tape<F>,
        logits: &mut Vec<F>,
    ) {
        let x = tape.x.fit(batch.len() * self.numeric.width);
        inputs::gather(&self.lookups, &self.layout, view, &view.lookups.fields, x);
        self.numeric.copy(batch, x);
        self.tower.forward(view, mode, x, &mut tape.tower, logits);
    }

    fn backward<F: Real>(
        &self,
        view: View<'_, F>,
        _batch: &Batch,
        tape: &mut Tape<F>,
        d_logits: &[F],
        gradient: &mut Gradient<F>,
    ) {
        let Tape { x, d_x, tower } = tape;
        self.tower.backward(view, x, tower, d_logits, gradient, d_x);
        let positions = &view.lookups.fields;
        inputs::scatter_add(&self.lookups, &self.layout, view, positions, d_x, gradient);
    }

    fn regularise<F: Real>(&self, view: View<'_, F>, _batch: &Batch, gradient: &mut Gradient<F>) {
        self.l2.add(&self.layout, view, gradient);
    }
}
