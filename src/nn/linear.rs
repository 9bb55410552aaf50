//! The linear layer `y = x w + b`.

use super::Real;
use super::buffer::AlignedBuffer;
use super::gemm::{self, GemmSize, ProductStart};

/// A linear layer with bias. Weights are stored `[inputs x outputs]`, row by row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Linear {
    /// Numbers of input per row; at least one.
    pub inputs: usize,
    /// Numbers of output per row; at least one.
    pub outputs: usize,
}

impl Linear {
    fn size(self, rows: usize) -> GemmSize {
        let Linear { inputs, outputs } = self;
        GemmSize { rows, inputs, outputs }
    }

    /// Overwrites `y`, `[rows x outputs]`.
    pub fn forward<F: Real>(self, weight: &[F], bias: &[F], x: &[F], y: &mut [F]) {
        if let [bias] = *bias {
            return F::row_dots(x, weight, bias, y);
        }
        gemm::nn(self.size(x.len() / self.inputs), ProductStart::Row(bias), x, weight, y);
    }

    /// Adds the gradients by weight and bias to `d_weight` and `d_bias`.
    pub fn backward_weights<F: Real>(
        self,
        x: &[F],
        d_y: &[F],
        d_weight: &mut [F],
        d_bias: &mut [F],
    ) {
        gemm::tn(self.size(x.len() / self.inputs), ProductStart::Itself, x, d_y, d_weight);
        F::column_sums(d_y, d_bias);
    }

    /// Overwrites `d_x` with the gradient by the input; `transposed` is memory for the transpose of
    /// `weight`.
    pub fn backward_input<F: Real>(
        self,
        weight: &[F],
        d_y: &[F],
        transposed: &mut AlignedBuffer<F>,
        d_x: &mut [F],
    ) {
        let size = self.size(d_y.len() / self.outputs);
        gemm::nt(size, ProductStart::Zero, d_y, weight, transposed, d_x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::check::{assert_slopes, numbers, slopes, weighted};

    #[test]
    fn gradients_are_the_slopes() {
        for (rows, inputs, outputs) in [(4, 3, 5), (7, 6, 1), (1, 1, 1), (0, 3, 2)] {
            let layer = Linear { inputs, outputs };
            let x = numbers(1, rows * inputs);
            let weight = numbers(2, inputs * outputs);
            let bias = numbers(3, outputs);
            let d_y = numbers(4, rows * outputs);
            let value = |weight: &[f64], bias: &[f64], x: &[f64]| {
                let mut y = vec![0.0; rows * outputs];
                layer.forward(weight, bias, x, &mut y);
                weighted(&y, &d_y)
            };
            let mut d_weight = vec![0.0; weight.len()];
            let mut d_bias = vec![0.0; outputs];
            let mut d_x = vec![0.0; x.len()];
            layer.backward_weights(&x, &d_y, &mut d_weight, &mut d_bias);
            layer.backward_input(&weight, &d_y, &mut AlignedBuffer::default(), &mut d_x);
            assert_slopes("weight", &slopes(&weight, |w| value(w, &bias, &x)), &d_weight);
            assert_slopes("bias", &slopes(&bias, |b| value(&weight, b, &x)), &d_bias);
            assert_slopes("x", &slopes(&x, |x| value(&weight, &bias, x)), &d_x);
        }
    }
}
