//! The loops in which a run spends its time, compiled for several sets of vector instructions; the
//! program chooses one of them when it runs.
//!
//! All levels give the same bits. Element-wise loops are one generic source compiled several times
//! (the compiler may neither reorder sums nor fuse a product into a sum). Sums run over a fixed
//! number of lanes in a fixed order. The matrix product is one chain of fused multiply-adds per
//! element at every level.

pub mod amend;
mod columns;
mod dots;
#[cfg(target_arch = "x86_64")]
mod dots_x86;
mod entropy;
mod gemm;
#[cfg(target_arch = "x86_64")]
mod gemm_x86;
mod lanes;
mod pairs;
mod prefetch;
mod table;
mod update;
#[cfg(target_arch = "x86_64")]
mod update_x86;

pub use dots::dot;
pub use gemm::{Product, ProductStart};
pub use pairs::CandidateEvents;
pub use table::IdColumn;
pub use update::{AdamStep, TouchedRow, UpdatedRows, all_finite, squares};

use crate::versions;

/// Makes [`Kernels`] and its two implementations from a list of generic functions. Those under `by
/// hand` have a separate version for single precision, in the module `single` beside them.
macro_rules! kernels {
    ($(
        $(#[$doc:meta])*
        $module:ident::$name:ident($($argument:ident: $type:ty),* $(,)?);
    )* => by hand $(
        $(#[$hand_doc:meta])*
        $hand_module:ident::$hand:ident($($hand_argument:ident: $hand_type:ty),* $(,)?);
    )*) => {
        /// Loops over slices of one number type: with the best instructions of the processor in
        /// single precision, with portable ones in double precision.
        pub trait Kernels<F> {
            /// `c = start + a b`.
            ///
            /// # Panics
            /// If an operand is shorter than its sizes say.
            fn product(product: Product, start: ProductStart<'_, F>, a: &[F], b: &[F], c: &mut [F]);
            $( $(#[$doc])* fn $name($($argument: $type),*); )*
            $( $(#[$hand_doc])* fn $hand($($hand_argument: $hand_type),*); )*
        }

        mod double {
            use super::*;
            type F = f64;

            impl Kernels<f64> for f64 {
                fn product(product: Product, start: ProductStart<'_, F>, a: &[F], b: &[F], c: &mut [F]) {
                    gemm::double(product, start, a, b, c);
                }
                $( fn $name($($argument: $type),*) { $module::$name($($argument),*) } )*
                $( fn $hand($($hand_argument: $hand_type),*) {
                    $hand_module::$hand($($hand_argument),*)
                } )*
            }
        }

        mod single {
            use super::*;
            type F = f32;

            impl Kernels<f32> for f32 {
                fn product(product: Product, start: ProductStart<'_, F>, a: &[F], b: &[F], c: &mut [F]) {
                    gemm::single(product, start, a, b, c);
                }
                $( versions! { fn $name($($argument: $type),*) { $module::$name($($argument),*) } } )*
                $( fn $hand($($hand_argument: $hand_type),*) {
                    $hand_module::single::$hand($($hand_argument),*)
                } )*
            }
        }
    };
}

kernels! {
    /// Adds every row of `x`, `[rows x sums.len()]`, to `sums`, row after row.
    columns::column_sums(x: &[F], sums: &mut [F]);
    /// Adds every row of `x`, times its factor, to `sums`, row after row.
    columns::weighted_sums(x: &[F], factors: &[F], sums: &mut [F]);
    /// Overwrites row `r` of `out` with `factors[r]` times `row`.
    columns::outer(factors: &[F], row: &[F], out: &mut [F]);
    /// Overwrites `a` with `z` above zero and `slope z` below, with a slope per column.
    columns::prelu(z: &[F], slope: &[F], a: &mut [F]);
    /// Turns the gradient `d` by the output of [`prelu`](Kernels::prelu) into the gradient by `z`,
    /// and adds the gradient by the slopes to `d_slope`.
    columns::prelu_backward(z: &[F], slope: &[F], d: &mut [F], d_slope: &mut [F]);
    /// Given the gradient `d_out` by the result of [`prelu_dots`](Kernels::prelu_dots), replaces
    /// `z` by its gradient, and adds to `d_slope` and `d_weights`.
    columns::prelu_dots_backward(
        z: &mut [F], slope: &[F], weights: &[F], d_out: &[F],
        d_slope: &mut [F], d_weights: &mut [F],
    );
    /// Copies the rows of a table at `positions` to their places in `out`.
    table::gather(places: IdColumn, rows: &[F], positions: &[u32], out: &mut [F]);
    /// Copies the first `dim` numbers of the rows `ids`, each `stride` long, side by side to `out`.
    table::pick(from: &[F], stride: usize, ids: &[u32], dim: usize, out: &mut [F]);
    /// Adds the numbers at the places in `d_out` to the rows of a table at `positions`.
    table::scatter_add(places: IdColumn, d_out: &[F], positions: &[u32], d_rows: &mut [F]);
    /// Overwrites row `r` of `out` with that of `base` plus `factors[r]` times that of `scaled`.
    pairs::mix_rows(base: &[F], scaled: &[F], factors: &[F], out: &mut [F]);
    /// Overwrites every row of `out` with the same row of `base` plus that of `scaled` times
    /// `factors`, number by number.
    pairs::mix_columns(base: &[F], scaled: &[F], factors: &[F], out: &mut [F]);
    /// Given the gradient `d` by the result of [`mix_columns`](Kernels::mix_columns), adds to the
    /// gradients by its operands.
    pairs::mix_columns_backward(
        scaled: &[F], factors: &[F], d: &[F],
        d_base: &mut [F], d_scaled: &mut [F], d_factors: &mut [F],
    );
    /// Overwrites `sums`, `[examples x columns]`, with the sums of each example's rows of `x`.
    pairs::sum_rows(offsets: &[u32], x: &[F], columns: usize, sums: &mut [F]);
    /// Overwrites `out`, `[examples x width]`, with the sums of each example's events, `[events x
    /// width]`, times their weights.
    pairs::pool(offsets: &[u32], weights: &[F], events: &[F], width: usize, out: &mut [F]);
    /// Overwrites `d_events` with the gradient by the events of [`pool`](Kernels::pool).
    pairs::pool_backward_events(
        offsets: &[u32], weights: &[F], d: &[F], width: usize, d_events: &mut [F],
    );

    /// Overwrites `losses` with the binary cross-entropy of each logit, and `d_logits` with `share`
    /// times its gradient, or zero where that vanishes.
    entropy::cross_entropy(
        logits: &[F], labels: &[f32], share: F, losses: &mut [F], d_logits: &mut [F],
    );

    => by hand
    /// Overwrites `out[r]` with `bias` plus the product of row `r` of `x` and `weights`.
    dots::row_dots(x: &[F], weights: &[F], bias: F, out: &mut [F]);
    /// [`prelu`](Kernels::prelu) and [`row_dots`](Kernels::row_dots) in one pass.
    dots::prelu_dots(z: &[F], slope: &[F], weights: &[F], bias: F, out: &mut [F]);
    /// Overwrites `d_weights` with the gradient by the weights of [`pool`](Kernels::pool).
    dots::pool_backward(
        offsets: &[u32], d: &[F], events: &[F], width: usize, d_weights: &mut [F],
    );
    /// Overwrites `to`, `[columns x rows]`, with the transpose of `from`, `[rows x columns]`.
    columns::transpose(from: &[F], rows: usize, columns: usize, to: &mut [F]);
}

#[cfg(test)]
mod tests;
