//! The fully connected part of a network: hidden layers with an activation, then one number.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nn::buffer::{AlignedBuffer, fit};
use crate::nn::{Activation, Linear, Real, activation, dice, normalization};
use crate::params::{Gradient, Init, Layout, Moving, View};

use super::normalization::MomentsRule;
use super::{DenseInit, Mode};

/// How many learned slopes a layer has, for activations with slopes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Slopes {
    /// One per unit.
    #[default]
    Channel,
    /// One for all units of a layer.
    Layer,
}

/// What a tower is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct TowerSpec<'a> {
    /// First part of the layers' names: `mlp` gives `mlp.0`, `mlp.1`, ..., `mlp.last`.
    pub(super) name: &'a str,
    /// Numbers that enter per row.
    pub(super) inputs: usize,
    /// Units of the hidden layers.
    pub(super) hidden: &'a [usize],
    /// Between the layers.
    pub(super) activation: Activation,
    /// Slopes of the activation.
    pub(super) slopes: Slopes,
    /// First values.
    pub(super) init: DenseInit,
    /// Normalization of the hidden layers, before their activation.
    pub(super) norm: Option<MomentsRule>,
}

/// A stack of linear layers with one output: `[rows x inputs]` to `[rows]`.
#[derive(Clone, Debug)]
pub(super) struct Tower {
    hidden: Vec<Hidden>,
    last: Dense,
    activation: Activation,
}

/// A linear layer and where its parameters lie.
#[derive(Clone, Debug)]
pub(super) struct Dense {
    pub(super) linear: Linear,
    pub(super) weight: Range<usize>,
    pub(super) bias: Range<usize>,
}

/// A linear layer and the parameters of the activation behind it; empty ranges if it has none.
#[derive(Clone, Debug)]
struct Hidden {
    dense: Dense,
    slope: Range<usize>,
    mean: Range<usize>,
    variance: Range<usize>,
    norm: Option<Norm>,
}

/// Where the parameters and moments of a layer's normalization lie.
#[derive(Clone, Debug)]
struct Norm {
    gamma: Range<usize>,
    beta: Range<usize>,
    mean: Range<usize>,
    variance: Range<usize>,
    epsilon: f64,
}

/// The results of a tower's forward pass that its backward pass needs.
#[derive(Debug, Default)]
pub(super) struct TowerTape<F> {
    hidden: Vec<HiddenTape<F>>,
    d: AlignedBuffer<F>,
    d_next: AlignedBuffer<F>,
    transposed: AlignedBuffer<F>,
}

/// Values before and after the activation.
#[derive(Debug, Default)]
struct HiddenTape<F> {
    z: AlignedBuffer<F>,
    a: AlignedBuffer<F>,
    dice: dice::Tape<F>,
    norm: normalization::Tape<F>,
}

impl Tower {
    /// Adds the tower's blocks to `layout`.
    pub(super) fn new(spec: TowerSpec<'_>, layout: &mut Layout) -> Tower {
        let mut inputs = spec.inputs;
        let mut hidden = Vec::new();
        for (i, &outputs) in spec.hidden.iter().enumerate() {
            let layer = format!("{}.{i}", spec.name);
            let dense = Dense::new(&layer, Linear { inputs, outputs }, spec.init, layout);
            hidden.push(Hidden::new(&layer, dense, spec, layout));
            inputs = outputs;
        }
        let layer = format!("{}.last", spec.name);
        let last = Dense::new(&layer, Linear { inputs, outputs: 1 }, spec.init, layout);
        Tower { hidden, last, activation: spec.activation }
    }

    /// Overwrites `out` with one number per row of `x`.
    pub(super) fn forward<F: Real>(
        &self,
        view: View<'_, F>,
        mode: Mode,
        x: &[F],
        tape: &mut TowerTape<F>,
        out: &mut Vec<F>,
    ) {
        let (first, dense) = (self.first(), view.dense);
        let rows = x.len() / first.linear.inputs;
        self.forward_behind(view, mode, rows, tape, out, |z| first.forward(dense, x, z));
    }

    /// As [`forward`](Self::forward) for `rows` rows, but the caller writes the output of the first
    /// linear layer.
    pub(super) fn forward_behind<F: Real>(
        &self,
        view: View<'_, F>,
        mode: Mode,
        rows: usize,
        tape: &mut TowerTape<F>,
        out: &mut Vec<F>,
        first: impl FnOnce(&mut [F]),
    ) {
        tape.hidden.resize_with(self.hidden.len(), HiddenTape::default);
        let mut first = Some(first);
        for i in 0..self.hidden.len() {
            let (before, from) = tape.hidden.split_at_mut(i);
            let (layer, to) = (&self.hidden[i], &mut from[0]);
            let len = rows * layer.dense.linear.outputs;
            let z = to.z.fit(len);
            match (before.last(), first.take()) {
                (_, Some(first)) => first(z),
                (before, None) => layer.dense.forward(view.dense, inner(before), z),
            }
            if let Some(norm) = &layer.norm {
                norm.forward(view, mode, &mut to.z, &mut to.norm);
            }
            if i + 1 < self.hidden.len() || !self.ends_in_prelu() {
                to.a.fit(len);
                layer.activate(self.activation, view, mode, to);
            }
        }
        let z = fit(out, rows);
        match first {
            Some(first) => first(z),
            None if self.ends_in_prelu() => {
                let (hidden, to) = self.end(&mut tape.hidden);
                let slope = &view.dense[hidden.slope.clone()];
                let (weight, bias) = (&view.dense[self.last.weight.clone()], self.last.bias.start);
                F::prelu_dots(&to.z, slope, weight, view.dense[bias], z);
            }
            None => self.last.forward(view.dense, inner(tape.hidden.last()), z),
        }
    }

    /// Given the gradient by the output, adds the gradient by the tower's parameters to `gradient`.
    /// Writes the batch statistics there, and overwrites `d_x` with the gradient by the input.
    pub(super) fn backward<F: Real>(
        &self,
        view: View<'_, F>,
        x: &[F],
        tape: &mut TowerTape<F>,
        d_out: &[F],
        gradient: &mut Gradient<F>,
        d_x: &mut AlignedBuffer<F>,
    ) {
        self.backward_behind(view, tape, d_out, gradient);
        let TowerTape { hidden, d, transposed, .. } = tape;
        let d = self.behind_first(hidden, d);
        self.first().backward(view.dense, x, d, gradient, transposed, d_x);
    }

    /// As [`backward`](Self::backward) without the first linear layer: returns the gradient by the
    /// output of that layer.
    pub(super) fn backward_behind<'t, F: Real>(
        &self,
        view: View<'_, F>,
        tape: &'t mut TowerTape<F>,
        d_out: &[F],
        gradient: &mut Gradient<F>,
    ) -> &'t [F] {
        let TowerTape { hidden, d, d_next, transposed } = tape;
        d.fit(d_out.len()).copy_from_slice(d_out);
        let mut left = self.hidden.len();
        if self.ends_in_prelu() {
            left -= 1;
            let (layer, tape) = self.end(hidden);
            let (slope, weight) = (layer.slope.clone(), self.last.weight.clone());
            // The blocks of the arena are in the order of the layers.
            let (before, d_last) = gradient.dense.split_at_mut(weight.start);
            let (d_weight, d_bias) = d_last.split_at_mut(weight.len());
            F::column_sums(d_out, &mut d_bias[..1]);
            let (of_slope, of_weight) = (&view.dense[slope.clone()], &view.dense[weight]);
            F::prelu_dots_backward(
                &mut tape.z,
                of_slope,
                of_weight,
                d_out,
                &mut before[slope],
                d_weight,
            );
            if let Some(norm) = &layer.norm {
                norm.backward(view, &mut tape.norm, &mut tape.z, gradient);
            }
            if left > 0 {
                std::mem::swap(d, &mut tape.z);
            }
        }
        for i in (0..left).rev() {
            let after = self.hidden.get(i + 1).map_or(&self.last, |after| &after.dense);
            after.backward(view.dense, &hidden[i].a, d, gradient, transposed, d_next);
            std::mem::swap(d, d_next);
            self.hidden[i].deactivate(self.activation, view, &mut hidden[i], d, gradient);
            if let Some(norm) = &self.hidden[i].norm {
                norm.backward(view, &mut hidden[i].norm, d, gradient);
            }
        }
        self.behind_first(hidden, d)
    }

    /// Where the backward pass leaves the gradient by the output of the first linear layer. If that
    /// layer is also the last hidden one, it is in the place of the output itself.
    fn behind_first<'t, F>(&self, hidden: &'t [HiddenTape<F>], d: &'t [F]) -> &'t [F] {
        match hidden {
            [only] if self.ends_in_prelu() => &only.z,
            _ => d,
        }
    }

    /// Whether the last activation is a PReLU with a slope per channel: it is then computed
    /// together with the last linear layer, and its result is stored nowhere.
    fn ends_in_prelu(&self) -> bool {
        let per_channel = |last: &Hidden| last.slope.len() == last.dense.linear.outputs;
        self.activation == Activation::Prelu && self.hidden.last().is_some_and(per_channel)
    }

    /// The last hidden layer and its tape.
    fn end<'a, F>(&self, tape: &'a mut [HiddenTape<F>]) -> (&Hidden, &'a mut HiddenTape<F>) {
        self.hidden.last().zip(tape.last_mut()).expect("a hidden layer")
    }

    /// The first linear layer.
    pub(super) fn first(&self) -> &Dense {
        self.hidden.first().map_or(&self.last, |first| &first.dense)
    }
}

/// The output of the layer before, which exists unless this is the first layer.
fn inner<F>(before: Option<&HiddenTape<F>>) -> &[F] {
    &before.expect("a layer behind the first").a
}

impl Dense {
    fn new(layer: &str, linear: Linear, init: DenseInit, layout: &mut Layout) -> Dense {
        let Linear { inputs, outputs } = linear;
        let weight =
            layout.add_block(layer, "weight", (inputs, outputs), init.weight(inputs, outputs));
        let bias = layout.add_block(layer, "bias", (1, outputs), init.bias(inputs));
        Dense { linear, weight: layout.dense[weight].range(), bias: layout.dense[bias].range() }
    }

    fn forward<F: Real>(&self, dense: &[F], x: &[F], y: &mut [F]) {
        let (weight, bias) = (&dense[self.weight.clone()], &dense[self.bias.clone()]);
        self.linear.forward(weight, bias, x, y);
    }

    /// Overwrites `d_x`.
    fn backward<F: Real>(
        &self,
        dense: &[F],
        x: &[F],
        d_y: &[F],
        gradient: &mut Gradient<F>,
        transposed: &mut AlignedBuffer<F>,
        d_x: &mut AlignedBuffer<F>,
    ) {
        let (d_weight, d_bias) = self.of(&mut gradient.dense);
        self.linear.backward_weights(x, d_y, d_weight, d_bias);
        let weight = &dense[self.weight.clone()];
        self.linear.backward_input(weight, d_y, transposed, d_x.fit(x.len()));
    }

    /// The layer's weights and bias in an arena, to write.
    pub(super) fn of<'a, F>(&self, arena: &'a mut [F]) -> (&'a mut [F], &'a mut [F]) {
        arena[self.weight.start..self.bias.end].split_at_mut(self.weight.len())
    }
}

impl Hidden {
    fn new(layer: &str, dense: Dense, spec: TowerSpec<'_>, layout: &mut Layout) -> Hidden {
        let units = dense.linear.outputs;
        let norm = spec.norm.map(|rule| Norm::new(layer, units, rule, layout));
        let slopes = match spec.slopes {
            Slopes::Channel => units,
            Slopes::Layer => 1,
        };
        let slope = spec.activation.first_slope().map_or(0..0, |first| {
            let block = layout.add_block(layer, "slope", (1, slopes), Init::Constant(first));
            layout.dense[block].range()
        });
        let mut statistic = |part: &str, first: f64| {
            if !spec.activation.has_statistics() {
                return 0..0;
            }
            let block = layout.add_moving_block(layer, part, (1, units), Init::Constant(first));
            layout.moving[block].range()
        };
        let (mean, variance) = (statistic("mean", 0.0), statistic("variance", 1.0));
        Hidden { dense, slope, mean, variance, norm }
    }

    /// Overwrites `tape.a`.
    fn activate<F: Real>(
        &self,
        kind: Activation,
        view: View<'_, F>,
        mode: Mode,
        tape: &mut HiddenTape<F>,
    ) {
        let HiddenTape { z, a, dice, .. } = tape;
        let (slope, channels) = (&view.dense[self.slope.clone()], self.dense.linear.outputs);
        match kind {
            Activation::Prelu => activation::prelu(z, slope, a),
            Activation::Relu => activation::relu(z, a),
            Activation::LeakyRelu => activation::leaky_relu(z, a),
            Activation::Sigmoid => activation::sigmoid(z, a),
            Activation::Dice => {
                // Without a row there are no batch statistics. The moving ones then stay as they
                // are.
                if mode == Mode::Train && !z.is_empty() {
                    dice::batch_statistics(z, channels, dice);
                } else {
                    let (mean, variance) = (self.mean.clone(), self.variance.clone());
                    dice::given_statistics(&view.moving[mean], &view.moving[variance], dice);
                }
                dice::forward(z, slope, dice, a);
            }
        }
    }

    /// Turns the gradient `d` by `tape.a` into that by `tape.z`.
    fn deactivate<F: Real>(
        &self,
        kind: Activation,
        view: View<'_, F>,
        tape: &mut HiddenTape<F>,
        d: &mut [F],
        gradient: &mut Gradient<F>,
    ) {
        let HiddenTape { z, a, dice, .. } = tape;
        let (slope, channels) = (&view.dense[self.slope.clone()], self.dense.linear.outputs);
        let d_slope = &mut gradient.dense[self.slope.clone()];
        match kind {
            Activation::Prelu => activation::prelu_backward(z, slope, channels, d, d_slope),
            Activation::Relu => activation::relu_backward(z, d),
            Activation::LeakyRelu => activation::leaky_relu_backward(z, d),
            Activation::Sigmoid => activation::sigmoid_backward(a, d),
            Activation::Dice => {
                gradient.moving[self.mean.clone()].copy_from_slice(&dice.mean);
                gradient.moving[self.variance.clone()].copy_from_slice(&dice.variance);
                dice::backward(z, slope, dice, d, d_slope);
            }
        }
    }
}

impl Norm {
    fn new(layer: &str, units: usize, rule: MomentsRule, layout: &mut Layout) -> Norm {
        let shape = (1, units);
        let mut trained = |part: &str, first: f64| {
            let block = layout.add_block(layer, part, shape, Init::Constant(first));
            layout.dense[block].range()
        };
        let (gamma, beta) = (trained("gamma", 1.0), trained("beta", 0.0));
        let MomentsRule { moving, epsilon } = rule;
        let zero = Init::Constant(0.0);
        let mean = layout.add_moving_block_by(layer, "norm_mean", shape, zero, moving);
        let moving = Moving { mean: Some(mean), ..moving };
        let one = Init::Constant(1.0);
        let variance = layout.add_moving_block_by(layer, "norm_variance", shape, one, moving);
        let (mean, variance) = (layout.moving[mean].range(), layout.moving[variance].range());
        Norm { gamma, beta, mean, variance, epsilon }
    }

    /// Normalizes `z` in place.
    fn forward<F: Real>(
        &self,
        view: View<'_, F>,
        mode: Mode,
        z: &mut [F],
        tape: &mut normalization::Tape<F>,
    ) {
        // Without a row there are no batch statistics. The moving ones then stay as they are.
        if mode == Mode::Train && !z.is_empty() {
            tape.measure(z, self.gamma.len());
        } else {
            tape.copy_from(&view.moving[self.mean.clone()], &view.moving[self.variance.clone()]);
        }
        let (gamma, beta) = (&view.dense[self.gamma.clone()], &view.dense[self.beta.clone()]);
        normalization::forward(z, gamma, beta, F::from_f64(self.epsilon), tape);
    }

    /// Turns the gradient `d` by the output of [`forward`](Self::forward) into the gradient by its
    /// input, and writes the batch statistics.
    fn backward<F: Real>(
        &self,
        view: View<'_, F>,
        tape: &mut normalization::Tape<F>,
        d: &mut [F],
        gradient: &mut Gradient<F>,
    ) {
        gradient.moving[self.mean.clone()].copy_from_slice(&tape.mean);
        gradient.moving[self.variance.clone()].copy_from_slice(&tape.variance);
        // The blocks lie one after the other.
        let (d_gamma, d_beta) =
            gradient.dense[self.gamma.start..self.beta.end].split_at_mut(self.gamma.len());
        let gamma = &view.dense[self.gamma.clone()];
        normalization::backward(d, gamma, tape, d_gamma, d_beta);
    }
}
