//! Floor 1, the mathematics of networks: layers as forward and backward pairs, and the kernels
//! under them. Knows no worker, no server and no time.

pub mod loss;
pub mod real;

pub use real::Real;
