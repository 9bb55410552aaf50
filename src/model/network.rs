//! The interface of a network, and how it is run on a view.

use std::any::Any;
use std::fmt::{self, Debug};

use crate::data::Batch;
use crate::nn::Real;
use crate::nn::loss::weighted_cross_entropy;
use crate::params::view::rows_len;
use crate::params::{Gradient, Layout, View};

/// Whether batch statistics or moving statistics are used, where a network has them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Statistics of the batch.
    Train,
    /// Moving statistics of the view.
    Evaluate,
}

/// A network, written once for `f32` and `f64`. Holds no weights, so any thread may run it.
pub trait NeuralNetwork: Send + Sync + Debug {
    /// The results of the forward pass that the backward pass needs; its buffers are reused.
    type Tape<F: Real>: Default + Send + 'static;

    /// The parameters that the network needs.
    fn layout(&self) -> &Layout;

    /// Writes one logit per example.
    fn forward<F: Real>(
        &self,
        view: View<'_, F>,
        batch: &Batch,
        mode: Mode,
        tape: &mut Self::Tape<F>,
        logits: &mut Vec<F>,
    );

    /// Adds to `gradient` (zeroed, of the right size) the gradient that belongs to `d_logits`, and
    /// writes its batch statistics. `tape` is as `forward` left it in `Mode::Train`.
    fn backward<F: Real>(
        &self,
        view: View<'_, F>,
        batch: &Batch,
        tape: &mut Self::Tape<F>,
        d_logits: &[F],
        gradient: &mut Gradient<F>,
    );

    /// Adds the regulariser's gradient, if the network has one. Not part of the reported loss.
    fn regularise<F: Real>(&self, _view: View<'_, F>, _batch: &Batch, _gradient: &mut Gradient<F>) {
    }
}

/// A [`NeuralNetwork`] behind a pointer: the form that the rest of the program uses.
pub trait Model: Send + Sync + Debug {
    /// The parameters that the network needs.
    fn layout(&self) -> &Layout;

    /// Mean binary cross-entropy of the batch, by its weights and offsets, and its gradient on `view`,
    /// regulariser included.
    fn gradient(
        &self,
        view: View<'_, f32>,
        batch: &Batch,
        workspace: &mut Workspace,
        into: &mut Gradient<f32>,
    );

    /// The logits of the batch on `view`, in evaluation mode, without offsets.
    fn scores(
        &self,
        view: View<'_, f32>,
        batch: &Batch,
        workspace: &mut Workspace,
        logits: &mut Vec<f32>,
    );

    /// As [`gradient`](Self::gradient), in double precision; for checks.
    fn gradient_f64(&self, view: View<'_, f64>, batch: &Batch, into: &mut Gradient<f64>);
}

/// The memory of one host thread for running networks, reused from job to job.
#[derive(Default)]
pub struct Workspace {
    tape: Option<Box<dyn Any + Send>>,
    logits: Vec<f32>,
    d_logits: Vec<f32>,
}

impl Debug for Workspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workspace")
    }
}

impl Workspace {
    /// The tape of type `T`, kept from the last job that used the same type.
    fn tape<T: Default + Send + 'static>(slot: &mut Option<Box<dyn Any + Send>>) -> &mut T {
        if !slot.as_ref().is_some_and(|tape| tape.is::<T>()) {
            *slot = Some(Box::<T>::default());
        }
        slot.as_mut().and_then(|tape| tape.downcast_mut()).expect("just put there")
    }
}

impl<N: NeuralNetwork> Model for N {
    fn layout(&self) -> &Layout {
        NeuralNetwork::layout(self)
    }

    fn gradient(
        &self,
        view: View<'_, f32>,
        batch: &Batch,
        workspace: &mut Workspace,
        into: &mut Gradient<f32>,
    ) {
        let Workspace { tape, logits, d_logits } = workspace;
        let tape = Workspace::tape::<N::Tape<f32>>(tape);
        run(self, view, batch, tape, logits, d_logits, into);
    }

    fn scores(
        &self,
        view: View<'_, f32>,
        batch: &Batch,
        workspace: &mut Workspace,
        logits: &mut Vec<f32>,
    ) {
        let tape = Workspace::tape::<N::Tape<f32>>(&mut workspace.tape);
        self.forward(view, batch, Mode::Evaluate, tape, logits);
    }

    fn gradient_f64(&self, view: View<'_, f64>, batch: &Batch, into: &mut Gradient<f64>) {
        let mut tape = N::Tape::<f64>::default();
        run(self, view, batch, &mut tape, &mut Vec::new(), &mut Vec::new(), into);
    }
}

fn run<N: NeuralNetwork, F: Real>(
    network: &N,
    view: View<'_, F>,
    batch: &Batch,
    tape: &mut N::Tape<F>,
    logits: &mut Vec<F>,
    d_logits: &mut Vec<F>,
    into: &mut Gradient<F>,
) {
    let layout = network.layout();
    into.reset(layout.dense_len(), rows_len(layout, view.lookups), layout.moving_len());
    network.forward(view, batch, Mode::Train, tape, logits);
    into.examples = batch.len() as u32;
    for (logit, offset) in logits.iter_mut().zip(&batch.offsets) {
        *logit += F::from_f64(f64::from(*offset));
    }
    into.loss = weighted_cross_entropy(logits, &batch.labels, &batch.weights, d_logits);
    network.backward(view, batch, tape, d_logits, into);
    network.regularise(view, batch, into);
}
