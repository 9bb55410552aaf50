//! Floor 1, the mathematics of networks: layers as forward and backward pairs, and the kernels
//! below them. It knows no worker, no server and no time.
//!
//! A layer works on contiguous row-major slices that its caller owns. So a step allocates nothing
//! once the caller's buffers have grown to the size of a batch. Sums run in a fixed order.

pub mod activation;
pub mod attention;
pub mod buffer;
#[cfg(test)]
pub(crate) mod check;
pub mod dice;
mod elementary;
pub mod gemm;
pub mod kernels;
pub mod linear;
pub mod loss;
pub mod normalization;
pub mod real;

pub use activation::Activation;
pub use kernels::IdColumn as Column;
pub use linear::Linear;
pub use real::Real;
