//! The data of a step before its gradient: a batch with its distinct rows, and its view.

use crate::data::Batch;
use crate::online::EventTimes;
use crate::params::{Lookups, View};
use crate::remedy::SeenParameters;
use crate::server::Carried;

/// A batch with its distinct rows, and the buffers of its pull.
#[derive(Debug, Default)]
pub struct StepData {
    /// The ids of its examples.
    pub examples: Vec<u64>,
    /// When their requests came, if they come from a live stream.
    pub events: EventTimes,
    /// The inputs of a model: labels, numeric columns, and where histories begin. The ids that the
    /// examples look up are in [`lookups`](Self::lookups).
    pub batch: Batch,
    /// Their distinct rows.
    pub lookups: Lookups,
    /// The dense view.
    pub dense: Vec<f32>,
    /// The non-trainable view.
    pub moving: Vec<f32>,
    /// The view of the distinct rows.
    pub rows: Vec<f32>,
    /// Updates of each distinct id's row when it was pulled; empty if not needed.
    pub row_updates: Vec<u32>,
    /// The carried slots, for update rules.
    pub carried: Carried,
}

impl StepData {
    /// The view that was pulled.
    pub fn view(&self) -> View<'_, f32> {
        let StepData { dense, moving, rows, lookups, .. } = self;
        View { dense, moving, rows, lookups }
    }

    /// The view, for remedies.
    pub fn as_seen(&self) -> SeenParameters<'_> {
        let StepData { dense, rows, row_updates, .. } = self;
        SeenParameters { dense, rows, row_updates }
    }
}

/// Sets the length of `buffer` and leaves its content unspecified. If it must grow, it gets some
/// spare: the next batch has about as many rows, and fresh memory is expensive.
pub(super) fn fit<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) {
    if len > buffer.capacity() {
        buffer.clear();
        buffer.reserve_exact(len + len / 16);
    }
    buffer.resize(len, T::default());
}

crate::persist!(StepData {
    examples: state,
    events: state,
    batch: state,
    lookups: state,
    dense: state,
    moving: state,
    rows: state,
    row_updates: state,
    carried: state
});
