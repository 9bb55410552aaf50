//! Logistic regression: one weight per id, one per numeric column, and a bias. A history, if the
//! log has one, is not read.

use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::{Batch, Schema};
use crate::nn::Real;
use crate::nn::buffer::{fit, zeroed};
use crate::nn::gemm::{add_scaled, dot};
use crate::params::{Gradient, Init, Layout, View};

use super::inputs::{self, ColumnSelection, Lookup, Numeric, Tables};
use super::l2::EmbeddingL2;
use super::scale::Scaling;
use super::{
    InputScale, Mode, Model, ModelConfig, ModelContext, ModelError, NeuralNetwork, Normalization,
};

/// Configuration of `kind = "logistic"`. All weights begin at zero.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Categorical and numeric columns that enter, by name; all of them if left out.
    pub fields: Option<Vec<String>>,
    /// What is done to numeric columns before they enter.
    #[serde(skip_serializing_if = "InputScale::is_as_is")]
    #[schemars(extend("x-default" = Config::default().numeric))]
    pub numeric: InputScale,
    /// Strength of the L2 penalty on the weights of the ids that a batch touches, each divided by
    /// the number of its occurrences in the data.
    #[schemars(range(min = 0.0))]
    pub l2_embedding: f64,
}

impl ModelConfig for Config {
    fn build(&self, schema: &Schema, context: ModelContext) -> Result<Arc<dyn Model>, ModelError> {
        Ok(Arc::new(Logistic::new(self, schema, context)?))
    }

    fn input_scale(&self) -> InputScale {
        self.numeric
    }

    fn has_no_hidden_layer(&self) -> bool {
        true
    }

    fn normalization(&self) -> Option<&Normalization> {
        None
    }

    fn wants_counts(&self) -> bool {
        self.l2_embedding > 0.0
    }
}

/// Logistic regression over the columns of a log.
#[derive(Clone, Debug)]
pub struct Logistic {
    layout: Layout,
    lookups: Vec<Lookup>,
    numeric: Numeric,
    weight: Range<usize>,
    bias: usize,
    l2: EmbeddingL2,
}

/// The results of the forward pass that the backward pass needs.
#[derive(Debug, Default)]
pub struct Tape<F> {
    /// The weight of every field, then the value of every numeric column: `[B x width]`.
    x: Vec<F>,
    d_x: Vec<F>,
}

impl Logistic {
    /// Builds the model for the columns of `schema`.
    pub fn new(
        config: &Config,
        schema: &Schema,
        context: ModelContext,
    ) -> Result<Logistic, ModelError> {
        let selection = ColumnSelection::new(schema, config.fields.as_deref())?;
        let reads = Some(selection.reads(schema, &[], false));
        let mut layout = Layout { reads, ..Layout::default() };
        let spaces = selection.fields.iter().map(|&field| schema.fields[field].space);
        let tables = Tables::new(schema, spaces, 1, Init::Constant(0.0), &mut layout);
        let scaling = Scaling::new(config.numeric, context.columns.as_ref());
        let numeric = Numeric::new(schema, &selection, selection.fields.len(), scaling)?;
        let weight = match selection.numeric.len() {
            0 => 0..0,
            n => {
                let block = layout.add_block("linear", "weight", (n, 1), Init::Constant(0.0));
                layout.dense[block].range()
            }
        };
        let bias = layout.add_block("linear", "bias", (1, 1), Init::Constant(0.0));
        Ok(Logistic {
            lookups: tables.fields(schema, &selection.fields, 0, numeric.width),
            numeric,
            weight,
            bias: layout.dense[bias].start,
            l2: EmbeddingL2::new(config.l2_embedding, context)?,
            layout,
        })
    }
}

impl NeuralNetwork for Logistic {
    type Tape<F: Real> = Tape<F>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn forward<F: Real>(
        &self,
        view: View<'_, F>,
        batch: &Batch,
        _mode: Mode,
        tape: &mut Tape<F>,
        logits: &mut Vec<F>,
    ) {
        let x = fit(&mut tape.x, batch.len() * self.numeric.width);
        inputs::gather(&self.lookups, &self.layout, view, &view.lookups.fields, x);
        self.numeric.copy(batch, x);
        let weight = &view.dense[self.weight.clone()];
        logits.clear();
        for row in x.chunks_exact(self.numeric.width) {
            let (ids, values) = row.split_at(self.numeric.to.start);
            logits
                .push(ids.iter().copied().sum::<F>() + dot(values, weight) + view.dense[self.bias]);
        }
    }

    fn backward<F: Real>(
        &self,
        view: View<'_, F>,
        _batch: &Batch,
        tape: &mut Tape<F>,
        d_logits: &[F],
        gradient: &mut Gradient<F>,
    ) {
        let d_x = zeroed(&mut tape.d_x, tape.x.len());
        let width = self.numeric.width;
        let rows = tape.x.chunks_exact(width).zip(d_x.chunks_exact_mut(width));
        for ((x, d_x), &d) in rows.zip(d_logits) {
            d_x[..self.numeric.to.start].fill(d);
            let values = &x[self.numeric.to.clone()];
            add_scaled(d, values, &mut gradient.dense[self.weight.clone()]);
            gradient.dense[self.bias] += d;
        }
        let positions = &view.lookups.fields;
        inputs::scatter_add(&self.lookups, &self.layout, view, positions, d_x, gradient);
    }

    fn regularise<F: Real>(&self, view: View<'_, F>, _batch: &Batch, gradient: &mut Gradient<F>) {
        self.l2.add(&self.layout, view, gradient);
    }
}
