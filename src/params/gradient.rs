//! The gradient that a worker pushes.

/// A gradient of the mean loss over a batch, on exactly the view it was computed from.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Gradient<F = f32> {
    /// Number of examples that it is the mean of.
    pub examples: u32,
    /// Mean loss of the batch, before the update.
    pub loss: f64,
    /// Gradient of the dense arena.
    pub dense: Vec<F>,
    /// Gradients of the distinct rows, laid out as [`View::rows`](super::View::rows).
    pub rows: Vec<F>,
    /// The batch's own statistics for the non-trainable arena (not a gradient). The server moves
    /// its moving averages towards them.
    pub moving: Vec<F>,
}

impl<F: Copy + Default> Gradient<F> {
    /// Sets the lengths and fills with zeros, keeping the memory.
    pub fn reset(&mut self, dense: usize, rows: usize, moving: usize) {
        for (buffer, len) in
            [(&mut self.dense, dense), (&mut self.rows, rows), (&mut self.moving, moving)]
        {
            buffer.clear();
            buffer.resize(len, F::default());
        }
        self.examples = 0;
        self.loss = 0.0;
    }
}

crate::persist!(Gradient {
    examples: state,
    loss: state,
    dense: state,
    rows: state,
    moving: state
});
