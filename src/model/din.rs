//! Deep Interest Network (Zhou et al. 2017, arXiv 1706.06978): the candidate attends over the
//! user's history, event by event. The weighted sum of the events joins the other inputs of a
//! tower.
//!
//! The score of an event is a small network of `[q, h, q - h, q * h]`. Here `q` is the candidate
//! and `h` the event: the embeddings of their aligned columns side by side. The first layer of the
//! small network is factored ([`PairLayer`]). The paper takes the scores as weights; its published
//! code takes the softmax over time of `score / sqrt(width of q)`. The tower reads
//! `[q, p, q * p, other fields, numeric columns]`, with `p` the weighted sum.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::{Batch, History, Schema};
use crate::nn::attention::{self, FEATURE_BLOCKS, PairLayer, PairTape};
use crate::nn::buffer::AlignedBuffer;
use crate::nn::kernels::CandidateEvents as Pairs;
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

/// Configuration of `kind = "din"`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Categorical and numeric columns that enter, by name; all of them if left out. The columns
    /// that the history is compared with always enter.
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
    /// Units of the hidden layers of the attention unit, first to last.
    #[schemars(length(max = 100), inner(range(min = 1, max = 65536)))]
    pub attention_hidden: Vec<usize>,
    /// Whether the scores of a history go through a softmax, so that the weights sum to one (the
    /// published code), or are the weights themselves (the paper).
    pub attention_softmax: bool,
    /// Whether the product of the candidate and the pooled history enters the tower beside them.
    pub product: bool,
    /// Units of the hidden layers of the tower, first to last.
    #[schemars(length(max = 100), inner(range(min = 1, max = 65536)))]
    pub hidden: Vec<usize>,
    /// Non-linearity behind every hidden layer of attention unit and tower.
    pub activation: Activation,
    /// Whether `prelu` and `dice` learn one slope per unit (`channel`) or per layer (`layer`).
    pub slopes: Slopes,
    /// First values of the layers.
    pub init: DenseInit,
    /// How hidden layers of attention unit and tower are normalized, and which moments evaluation
    /// uses.
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
            attention_hidden: vec![36],
            attention_softmax: true,
            product: true,
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
        Ok(Arc::new(Din::new(self, schema, context)?))
    }

    fn input_scale(&self) -> InputScale {
        self.numeric
    }

    fn has_no_hidden_layer(&self) -> bool {
        self.hidden.is_empty() && self.attention_hidden.is_empty()
    }

    fn normalization(&self) -> Option<&Normalization> {
        Some(&self.normalization)
    }

    fn wants_counts(&self) -> bool {
        self.l2_embedding > 0.0
    }
}

/// Deep Interest Network over the columns of a log.
#[derive(Clone, Debug)]
pub struct Din {
    layout: Layout,
    candidate: Vec<Lookup>,
    events: Vec<Lookup>,
    others: Vec<Lookup>,
    numeric: Numeric,
    /// Numbers per candidate and per event.
    width: usize,
    softmax: bool,
    product: bool,
    attention: Tower,
    tower: Tower,
    l2: EmbeddingL2,
}

/// The results of the forward pass that the backward pass needs, and the buffers of both.
#[derive(Debug, Default)]
pub struct Tape<F> {
    /// Candidates, `[B x width]`.
    q: AlignedBuffer<F>,
    /// Events, `[events x width]`.
    events: AlignedBuffer<F>,
    /// Weight of every event.
    weights: Vec<F>,
    /// Weighted sums of the histories, `[B x width]`.
    pooled: AlignedBuffer<F>,
    /// Input of the tower.
    x: AlignedBuffer<F>,
    pair_layer: PairTape<F>,
    attention: TowerTape<F>,
    tower: TowerTape<F>,
    d: BufferGradients<F>,
}

/// Gradients with respect to what the tape's buffers hold.
#[derive(Debug, Default)]
struct BufferGradients<F> {
    q: AlignedBuffer<F>,
    events: AlignedBuffer<F>,
    weights: AlignedBuffer<F>,
    pooled: AlignedBuffer<F>,
    x: AlignedBuffer<F>,
}

impl Din {
    /// Builds the model for the columns of `schema`, which must have a history.
    pub fn new(config: &Config, schema: &Schema, context: ModelContext) -> Result<Din, ModelError> {
        let history = schema.history.as_ref().filter(|history| !history.columns.is_empty());
        let history = history.ok_or(ModelError::NeedsHistory { model: "din" })?;
        let targets: Vec<usize> = history.columns.iter().map(|column| column.target).collect();
        let mut selection = ColumnSelection::new(schema, config.fields.as_deref())?;
        selection.fields.retain(|field| !targets.contains(field));

        let dim = widths("embedding_dim", &[config.embedding_dim])?[0];
        let deviation = non_negative("embedding_deviation", config.embedding_deviation)?;
        let reads = Some(selection.reads(schema, &targets, true));
        let mut layout = Layout { reads, ..Layout::default() };
        let spaces = spaces_read(schema, history, &selection);
        let tables = Tables::new(schema, spaces, dim, Init::Normal(deviation), &mut layout);

        let width = targets.len() * dim;
        let joined = if config.product { 3 * width } else { 2 * width };
        let scaling = Scaling::new(config.numeric, context.columns.as_ref());
        let numeric =
            Numeric::new(schema, &selection, joined + selection.fields.len() * dim, scaling)?;
        let norm = config.normalization.rule()?;
        let mut tower = |name, inputs, hidden| {
            let Config { activation, slopes, init, .. } = *config;
            let spec = TowerSpec { name, inputs, hidden, activation, slopes, init, norm };
            Tower::new(spec, &mut layout)
        };
        let attention_hidden = widths("attention_hidden", &config.attention_hidden)?;
        let attention = tower("attention", FEATURE_BLOCKS * width, attention_hidden);
        let tower = tower("mlp", numeric.width, widths("hidden", &config.hidden)?);
        Ok(Din {
            candidate: tables.fields(schema, &targets, 0, width),
            events: tables.events(history, width),
            others: tables.fields(schema, &selection.fields, joined, numeric.width),
            numeric,
            width,
            softmax: config.attention_softmax,
            product: config.product,
            attention,
            tower,
            l2: EmbeddingL2::new(config.l2_embedding, context)?,
            layout,
        })
    }

    /// Factor of the scores before the softmax.
    fn scale<F: Real>(&self) -> F {
        F::ONE / F::from_f64(self.width as f64).sqrt()
    }

    /// The first layer of the attention unit.
    fn pair_layer(&self) -> PairLayer {
        PairLayer { width: self.width, outputs: self.attention.first().linear.outputs }
    }

    /// Overwrites `pooled` and the buffers that it is computed from.
    fn attend<F: Real>(&self, view: View<'_, F>, batch: &Batch, mode: Mode, tape: &mut Tape<F>) {
        let (width, events, offsets) = (self.width, batch.events(), &batch.history_offsets);
        let q = tape.q.fit(batch.len() * width);
        inputs::gather(&self.candidate, &self.layout, view, &view.lookups.fields, q);
        let h = tape.events.fit(events * width);
        inputs::gather(&self.events, &self.layout, view, &view.lookups.history, h);

        let (weights, pair_tape) = (&mut tape.weights, &mut tape.pair_layer);
        let (layer, first) = (self.pair_layer(), self.attention.first());
        let (w, bias) = (&view.dense[first.weight.clone()], &view.dense[first.bias.clone()]);
        let history = Pairs { offsets, q, events: h, width };
        let forward = |z: &mut [F]| layer.forward(w, bias, history, pair_tape, z);
        self.attention.forward_behind(view, mode, events, &mut tape.attention, weights, forward);
        if self.softmax {
            attention::softmax(offsets, self.scale(), weights);
        }
        let pooled = tape.pooled.fit(batch.len() * width);
        F::pool(offsets, weights, &tape.events, width, pooled);
    }

    /// Writes `[q, p, q * p]` at the beginning of every row of `x`.
    fn join<F: Real>(&self, q: &[F], pooled: &[F], x: &mut [F]) {
        let width = self.width;
        let rows = q.chunks_exact(width).zip(pooled.chunks_exact(width));
        for ((q, p), x) in rows.zip(x.chunks_exact_mut(self.numeric.width)) {
            x[..width].copy_from_slice(q);
            x[width..2 * width].copy_from_slice(p);
            if self.product {
                for ((x, &q), &p) in x[2 * width..3 * width].iter_mut().zip(q).zip(p) {
                    *x = q * p;
                }
            }
        }
    }

    /// Overwrites the gradients by `q` and `p` with their part of the gradient by `x`, through
    /// [`join`](Self::join).
    fn part<F: Real>(&self, q: &[F], pooled: &[F], d_x: &[F], d_q: &mut [F], d_p: &mut [F]) {
        let width = self.width;
        let rows = q.chunks_exact(width).zip(pooled.chunks_exact(width));
        let d_rows = d_q.chunks_exact_mut(width).zip(d_p.chunks_exact_mut(width));
        for (((q, p), (d_q, d_p)), d_x) in
            rows.zip(d_rows).zip(d_x.chunks_exact(self.numeric.width))
        {
            d_q.copy_from_slice(&d_x[..width]);
            d_p.copy_from_slice(&d_x[width..2 * width]);
            if self.product {
                for (j, &d) in d_x[2 * width..3 * width].iter().enumerate() {
                    d_q[j] += d * p[j];
                    d_p[j] += d * q[j];
                }
            }
        }
    }

    /// Turns the gradient by the pooled histories into those by candidates and events. Adds the
    /// gradient by the attention unit's parameters to `gradient`.
    fn attend_backward<F: Real>(
        &self,
        view: View<'_, F>,
        batch: &Batch,
        tape: &mut Tape<F>,
        gradient: &mut Gradient<F>,
    ) {
        let Tape { q, events, weights, pair_layer, attention, d, .. } = tape;
        let (offsets, width) = (&batch.history_offsets, self.width);
        let d_weights = d.weights.fit(batch.events());
        F::pool_backward(offsets, &d.pooled, events, width, d_weights);
        if self.softmax {
            attention::softmax_backward(offsets, self.scale(), weights, d_weights);
        }
        let d_z = self.attention.backward_behind(view, attention, d_weights, gradient);
        let history = Pairs { offsets, q, events, width };
        let d_events = d.events.fit(events.len());
        F::pool_backward_events(offsets, weights, &d.pooled, width, d_events);
        let first = self.attention.first();
        let (w, d_layer) = (&view.dense[first.weight.clone()], first.of(&mut gradient.dense));
        let d_inputs = (&mut d.q[..], d_events);
        self.pair_layer().backward(w, history, d_z, pair_layer, d_layer, d_inputs);
    }
}

/// The id spaces of the history, of the fields it is compared with, and of the selected fields.
fn spaces_read(
    schema: &Schema,
    history: &History,
    selection: &ColumnSelection,
) -> impl Iterator<Item = usize> {
    let targets = history.columns.iter().map(|column| schema.fields[column.target].space);
    let events = history.columns.iter().map(|column| column.space);
    let others = selection.fields.iter().map(|&field| schema.fields[field].space);
    targets.chain(events).chain(others)
}

impl NeuralNetwork for Din {
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
        self.attend(view, batch, mode, tape);
        let x = tape.x.fit(batch.len() * self.numeric.width);
        self.join(&tape.q, &tape.pooled, x);
        inputs::gather(&self.others, &self.layout, view, &view.lookups.fields, x);
        self.numeric.copy(batch, x);
        self.tower.forward(view, mode, x, &mut tape.tower, logits);
    }

    fn backward<F: Real>(
        &self,
        view: View<'_, F>,
        batch: &Batch,
        tape: &mut Tape<F>,
        d_logits: &[F],
        gradient: &mut Gradient<F>,
    ) {
        let Tape { q, x, pooled, tower, d, .. } = &mut *tape;
        self.tower.backward(view, x, tower, d_logits, gradient, &mut d.x);
        let (d_q, d_pooled) = (d.q.fit(q.len()), d.pooled.fit(pooled.len()));
        self.part(q, pooled, &d.x, d_q, d_pooled);
        self.attend_backward(view, batch, tape, gradient);

        let (layout, positions, d) = (&self.layout, view.lookups, &tape.d);
        inputs::scatter_add(&self.candidate, layout, view, &positions.fields, &d.q, gradient);
        inputs::scatter_add(&self.events, layout, view, &positions.history, &d.events, gradient);
        inputs::scatter_add(&self.others, layout, view, &positions.fields, &d.x, gradient);
    }

    fn regularise<F: Real>(&self, view: View<'_, F>, _batch: &Batch, gradient: &mut Gradient<F>) {
        self.l2.add(&self.layout, view, gradient);
    }
}
