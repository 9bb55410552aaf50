//! Activation functions: the choice, and those that treat each number separately. Dice, which needs
//! the whole batch, is in [`dice`](super::dice).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Real;

/// The non-linearity between layers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `z` above zero, `slope z` below, with a learned slope that starts at 0.25 (He et al. 2015).
    #[default]
    Prelu,
    /// `z` above zero, zero below.
    Relu,
    /// `z` above zero, `z / 100` below.
    LeakyRelu,
    /// `1 / (1 + exp(-z))`.
    Sigmoid,
    /// As PReLU with its corner moved to the batch mean and smoothed over the batch deviation; the
    /// learned slope starts at 0 (Zhou et al. 2017, DIN). Keeps moving statistics.
    Dice,
}

/// Slope of the leaky ReLU below zero.
const LEAK: f64 = 0.01;

impl Activation {
    /// Initial value of the learned slopes, for the functions that have them.
    pub fn first_slope(self) -> Option<f64> {
        match self {
            Activation::Prelu => Some(0.25),
            Activation::Dice => Some(0.0),
            Activation::Relu | Activation::LeakyRelu | Activation::Sigmoid => None,
        }
    }

    /// Whether it needs batch and moving statistics.
    pub fn has_statistics(self) -> bool {
        self == Activation::Dice
    }
}

/// Overwrites `a` with `max(z, 0)`; NaN stays NaN.
pub fn relu<F: Real>(z: &[F], a: &mut [F]) {
    for (a, &z) in a.iter_mut().zip(z) {
        *a = if z <= F::ZERO { F::ZERO } else { z };
    }
}

/// Turns the gradient `d` by the output into the gradient by `z`; zero at the corner.
pub fn relu_backward<F: Real>(z: &[F], d: &mut [F]) {
    for (d, &z) in d.iter_mut().zip(z) {
        *d = if z > F::ZERO { *d } else { F::ZERO };
    }
}

/// Overwrites `a` with `z` above zero and `z / 100` below.
pub fn leaky_relu<F: Real>(z: &[F], a: &mut [F]) {
    leaky(z, F::from_f64(LEAK), a);
}

/// Turns the gradient `d` by the output into the gradient by `z`.
pub fn leaky_relu_backward<F: Real>(z: &[F], d: &mut [F]) {
    let leak = F::from_f64(LEAK);
    for (d, &z) in d.iter_mut().zip(z) {
        *d *= steepness(z, leak);
    }
}

/// Overwrites `a` with `1 / (1 + exp(-z))`, stable for any `z`.
pub fn sigmoid<F: Real>(z: &[F], a: &mut [F]) {
    for (a, &z) in a.iter_mut().zip(z) {
        *a = logistic(z);
    }
}

/// Turns the gradient `d` by the output `a` into the gradient by `z`.
pub fn sigmoid_backward<F: Real>(a: &[F], d: &mut [F]) {
    for (d, &a) in d.iter_mut().zip(a) {
        *d *= a * (F::ONE - a);
    }
}

/// Overwrites `a` with `z` above zero and `slope z` below. `z` and `a` are `[rows x channels]`;
/// `slope` has one number per channel, or one for all.
pub fn prelu<F: Real>(z: &[F], slope: &[F], a: &mut [F]) {
    if let [slope] = *slope {
        return leaky(z, slope, a);
    }
    F::prelu(z, slope, a);
}

/// Turns the gradient `d` by the output into the gradient by `z`, and adds the gradient by the
/// slopes to `d_slope`. Shapes as in [`prelu`].
pub fn prelu_backward<F: Real>(
    z: &[F],
    slope: &[F],
    channels: usize,
    d: &mut [F],
    d_slope: &mut [F],
) {
    let [slope] = *slope else { return F::prelu_backward(z, slope, d, d_slope) };
    for (z, d) in z.chunks_exact(channels).zip(d.chunks_exact_mut(channels)) {
        // One sum per row first: a single running sum over the batch would lose digits.
        d_slope[0] += z.iter().zip(d).map(|(&z, d)| prelu_slope(z, slope, d)).sum();
    }
}

/// Turns one `d` into the gradient by `z` and returns the share of the gradient by the slope.
fn prelu_slope<F: Real>(z: F, slope: F, d: &mut F) -> F {
    let below = if z > F::ZERO { F::ZERO } else { z };
    let share = *d * below;
    *d *= steepness(z, slope);
    share
}

/// `1 / (1 + exp(-z))` without overflow.
pub(super) fn logistic<F: Real>(z: F) -> F {
    let e = (-z.abs()).exp();
    let upper = F::ONE / (F::ONE + e);
    if z >= F::ZERO { upper } else { e * upper }
}

fn leaky<F: Real>(z: &[F], slope: F, a: &mut [F]) {
    for (a, &z) in a.iter_mut().zip(z) {
        *a = z * steepness(z, slope);
    }
}

fn steepness<F: Real>(z: F, slope: F) -> F {
    if z > F::ZERO { F::ONE } else { slope }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{assert_slopes, numbers, slopes, weighted};

    type Forward = fn(&[f64], &mut [f64]);

    fn value(forward: impl Fn(&[f64], &mut [f64]), z: &[f64], d: &[f64]) -> f64 {
        let mut a = vec![0.0; z.len()];
        forward(z, &mut a);
        weighted(&a, d)
    }

    #[test]
    fn gradients_of_the_fixed_functions_are_the_slopes() {
        let (z, d) = (numbers(1, 24), numbers(2, 24));
        let cases: [(Forward, Forward); 3] = [
            (relu, |z, d| relu_backward(z, d)),
            (leaky_relu, |z, d| leaky_relu_backward(z, d)),
            (sigmoid, |z, d| {
                let mut a = vec![0.0; z.len()];
                sigmoid(z, &mut a);
                sigmoid_backward(&a, d);
            }),
        ];
        for (forward, backward) in cases {
            let mut d_z = d.clone();
            backward(&z, &mut d_z);
            assert_slopes("z", &slopes(&z, |z| value(forward, z, &d)), &d_z);
        }
    }

    #[test]
    fn gradients_of_prelu_are_the_slopes() {
        let (z, d) = (numbers(1, 24), numbers(2, 24));
        for (channels, slope) in [(4, numbers(3, 4)), (4, numbers(3, 1)), (1, numbers(3, 1))] {
            let of = |z: &[f64], p: &[f64]| value(|z, a| prelu(z, p, a), z, &d);
            let (mut d_z, mut d_slope) = (d.clone(), vec![0.0; slope.len()]);
            prelu_backward(&z, &slope, channels, &mut d_z, &mut d_slope);
            assert_slopes("z", &slopes(&z, |z| of(z, &slope)), &d_z);
            assert_slopes("slope", &slopes(&slope, |p| of(&z, p)), &d_slope);
        }
    }

    #[test]
    fn not_a_number_is_not_hidden_and_large_numbers_do_not_overflow() {
        let z = [f32::NAN, 200.0, -200.0];
        let mut a = [0.0f32; 3];
        relu(&z, &mut a);
        assert!(a[0].is_nan());
        prelu(&z, &[0.25], &mut a);
        assert!(a[0].is_nan());
        sigmoid(&z, &mut a);
        assert!(a[0].is_nan());
        assert_eq!((a[1], a[2] < 1e-30), (1.0, true));
    }
}
