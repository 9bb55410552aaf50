//! Reused memory of a step.

use super::Real;

/// Makes `buffer` that long, with unspecified content: for what is written before it is read.
pub fn fit<F: Real>(buffer: &mut Vec<F>, len: usize) -> &mut [F] {
    buffer.resize(len, F::ZERO);
    buffer
}

/// Makes `buffer` that long and fills it with zeros: for what is added to.
pub fn zeroed<F: Real>(buffer: &mut Vec<F>, len: usize) -> &mut [F] {
    buffer.clear();
    buffer.resize(len, F::ZERO);
    buffer
}
