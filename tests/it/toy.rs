//! A model whose every update can be computed by hand, and a log without content to train it on.

use std::sync::Arc;

use straggler::base::{Pool, Streams};
use straggler::data::order::Position;
use straggler::data::{Batch, DataSource, Day, Schema};
use straggler::model::{Model, Workspace};
use straggler::nn::Real;
use straggler::optimizer::sgd::Sgd;
use straggler::params::{Gradient, Init, Layout, View};
use straggler::server::{ParameterServer, Sharding};
use straggler::sim::feed::{ExampleOrder, ExampleSharing, Feed};
use straggler::sim::training::RateAt;
use straggler::sim::{Rates, Training};

/// The loss `sum of h_i x_i^2 / 2`, whatever the examples; every `x_i` begins at 1.
#[derive(Debug)]
pub(crate) struct Quadratic {
    layout: Layout,
    curvatures: Vec<f64>,
}

impl Quadratic {
    pub(crate) fn new(curvatures: &[f64]) -> Quadratic {
        let mut layout = Layout::default();
        layout.add_block("x", "weight", (1, curvatures.len()), Init::Constant(1.0));
        Quadratic { layout, curvatures: curvatures.to_vec() }
    }

    fn differentiate<F: Real>(&self, view: View<'_, F>, batch: &Batch, into: &mut Gradient<F>) {
        into.reset(self.curvatures.len(), 0, 0);
        into.examples = batch.len() as u32;
        for ((g, x), &h) in into.dense.iter_mut().zip(view.dense).zip(&self.curvatures) {
            *g = F::from_f64(h) * *x;
            into.loss += 0.5 * h * x.to_f64() * x.to_f64();
        }
    }
}

impl Model for Quadratic {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn gradient(
        &self,
        view: View<'_, f32>,
        batch: &Batch,
        _: &mut Workspace,
        into: &mut Gradient<f32>,
    ) {
        self.differentiate(view, batch, into);
    }

    fn scores(&self, _: View<'_, f32>, batch: &Batch, _: &mut Workspace, logits: &mut Vec<f32>) {
        logits.clear();
        logits.resize(batch.len(), 0.0);
    }

    fn gradient_f64(&self, view: View<'_, f64>, batch: &Batch, into: &mut Gradient<f64>) {
        self.differentiate(view, batch, into);
    }
}

/// Examples without features, as many as one likes.
#[derive(Debug, Default)]
struct Blank(Schema);

impl DataSource for Blank {
    fn schema(&self) -> &Schema {
        &self.0
    }

    fn days(&self) -> &[Day] {
        &[]
    }

    fn read(&self, ids: &[u64], batch: &mut Batch) {
        batch.clear();
        batch.labels.resize(ids.len(), 0.0);
        batch.history_offsets.resize(ids.len() + 1, 0);
        batch.info.resize(ids.len(), Default::default());
    }

    fn facts(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// Examples one after the other.
#[derive(Debug, Default)]
pub(crate) struct Counting(u64);

straggler::persist!(Counting(drawn: state));

impl ExampleOrder for Counting {
    fn take(&mut self, count: usize, ids: &mut Vec<u64>) {
        ids.extend(self.0..self.0 + count as u64);
        self.0 += count as u64;
    }

    fn position(&self) -> Position {
        Position { pass: 0, offset: self.0 }
    }

    fn seek(&mut self, to: Position) {
        self.0 = to.offset;
    }

    fn window(&self) -> u64 {
        u64::MAX
    }
}

/// Gradient descent with this learning rate on the loss with these curvatures, one example to a
/// step.
pub(crate) fn descent(curvatures: &[f64], rate: f64, workers: u32) -> Training {
    descent_by(curvatures, rate, workers, 1)
}

/// The same with so many examples to a step.
pub(crate) fn descent_by(curvatures: &[f64], rate: f64, workers: u32, examples: usize) -> Training {
    let rates = Box::new(move |_, _| Rates { dense: rate, sparse: rate });
    descent_at(curvatures, rates, workers, examples)
}

/// The same with learning rates that change.
pub(crate) fn descent_at(
    curvatures: &[f64],
    rates: RateAt,
    workers: u32,
    examples: usize,
) -> Training {
    let model: Arc<dyn Model> = Arc::new(Quadratic::new(curvatures));
    let layout = Arc::new(model.layout().clone());
    let (dense, sparse) = (Arc::new(Sgd), Arc::new(Sgd));
    let server = ParameterServer::new(
        Arc::clone(&layout),
        Sharding::new(&layout, 1),
        dense,
        sparse,
        Streams::new(0),
    );
    let blank = Arc::new(Blank::default());
    let order = Box::new(Counting(0));
    let feed =
        Feed::new(blank, Arc::clone(&model), order, examples, ExampleSharing::Queue, workers);
    Training::new(model, server, feed, Pool::new(1), rates, None)
}
