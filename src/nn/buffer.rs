//! Memory that steps reuse.

use std::ops::{Deref, DerefMut};

use super::Real;
use crate::base::persist::{LoadError, Loader, Persist, Saver};

/// Sets the length of `buffer` and leaves its content unspecified: for data that is written before
/// it is read.
pub fn fit<F: Real>(buffer: &mut Vec<F>, len: usize) -> &mut [F] {
    buffer.resize(len, F::ZERO);
    buffer
}

/// Sets the length of `buffer` and fills it with zeros: for sums.
pub fn zeroed<F: Real>(buffer: &mut Vec<F>, len: usize) -> &mut [F] {
    buffer.clear();
    buffer.resize(len, F::ZERO);
    buffer
}

/// Bytes of a cache line.
const LINE: usize = 64;

/// Numbers that begin at a cache line, so that a register or row of one line never touches two.
#[derive(Debug, Default)]
pub struct AlignedBuffer<F> {
    memory: Vec<F>,
    from: usize,
    len: usize,
}

impl<F: Real> AlignedBuffer<F> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> AlignedBuffer<F> {
        let mut lines = AlignedBuffer::default();
        lines.fit(len);
        lines
    }

    /// Sets the length and leaves the content unspecified: for data written before it is read.
    pub fn fit(&mut self, len: usize) -> &mut [F] {
        let room = len + LINE / size_of::<F>();
        if self.memory.len() < room {
            self.memory = vec![F::ZERO; room];
            // At most the numbers of a line; none where the platform does not know the address.
            let from = self.memory.as_ptr().align_offset(LINE);
            self.from = if from <= room - len { from } else { 0 };
        }
        self.len = len;
        self
    }

    /// Sets the length and fills the buffer with zeros: for sums.
    pub fn zeroed(&mut self, len: usize) -> &mut [F] {
        self.fit(len).fill(F::ZERO);
        self
    }
}

impl<F> Deref for AlignedBuffer<F> {
    type Target = [F];

    fn deref(&self) -> &[F] {
        &self.memory[self.from..self.from + self.len]
    }
}

impl<F> DerefMut for AlignedBuffer<F> {
    fn deref_mut(&mut self) -> &mut [F] {
        &mut self.memory[self.from..self.from + self.len]
    }
}

impl<F: Real> Clone for AlignedBuffer<F> {
    fn clone(&self) -> AlignedBuffer<F> {
        let mut lines = AlignedBuffer::zeros(self.len);
        lines.copy_from_slice(self);
        lines
    }
}

impl Persist for AlignedBuffer<f32> {
    fn save(&self, out: &mut Saver<'_>) {
        out.length(self.len);
        out.each(self.iter());
    }

    fn load(&mut self, from: &mut Loader<'_>) -> Result<(), LoadError> {
        let length = from.length()?;
        self.fit(length);
        from.each(self.iter_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_begin_at_a_line_whatever_becomes_of_them() {
        let mut lines = AlignedBuffer::<f32>::default();
        assert!(lines.is_empty());
        for len in [0, 1, 100, 3, 1000, 0, 17] {
            lines.zeroed(len).fill(1.5);
            let copy = lines.clone();
            assert_eq!((lines.len(), &*copy), (len, &vec![1.5; len][..]));
            assert!(lines.as_ptr().addr().is_multiple_of(LINE));
            assert!(copy.as_ptr().addr().is_multiple_of(LINE));
        }
    }
}
