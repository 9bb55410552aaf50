//! Examples side by side, ready for a model.

use std::ops::Range;

/// Data of an example besides its features.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExampleInfo {
    /// Identity of the example in its source, by which repeated examples are recognised.
    pub id: u64,
    /// Day number; 0 for examples held out by the source.
    pub day: u32,
    /// Session or user, for the grouped AUC.
    pub group: u64,
}

/// `B` examples. Buffers are reused from batch to batch.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Batch {
    /// 0 or 1, one per example.
    pub labels: Vec<f32>,
    /// Ids of the categorical fields, `[B x F]` row by row.
    pub fields: Vec<u32>,
    /// Where each example's history begins in event units, `B + 1` numbers (or one zero for an
    /// empty batch); all zero without a history.
    pub history_offsets: Vec<u32>,
    /// Ids of the history events, `[events x columns]`, the most recent event first.
    pub history: Vec<u32>,
    /// Numeric columns, `[B x M]`.
    pub numeric: Vec<f32>,
    /// One entry per example.
    pub info: Vec<ExampleInfo>,
    /// Weights of the examples in the loss; empty, as in every log, if all are 1.
    pub weights: Vec<f32>,
    /// What is added to the logit of each example before its loss; empty, as in every log, if
    /// nothing is.
    pub offsets: Vec<f32>,
}

impl Batch {
    /// Number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of history events of all examples together.
    pub fn events(&self) -> usize {
        self.history_offsets.last().map_or(0, |&end| end as usize)
    }

    /// Replaces the content by a copy of the examples `range` of `other`.
    ///
    /// # Panics
    /// If `other` has fewer examples.
    pub fn copy_part(&mut self, other: &Batch, range: Range<usize>) {
        self.clear();
        let all = other.len().max(1);
        let (fields, numeric) = (other.fields.len() / all, other.numeric.len() / all);
        let columns = other.history.len() / other.events().max(1);
        self.labels.extend_from_slice(&other.labels[range.clone()]);
        self.fields.extend_from_slice(&other.fields[range.start * fields..range.end * fields]);
        self.numeric.extend_from_slice(&other.numeric[range.start * numeric..range.end * numeric]);
        self.info.extend_from_slice(&other.info[range.clone()]);
        self.weights.extend_from_slice(other.weights.get(range.clone()).unwrap_or_default());
        self.offsets.extend_from_slice(other.offsets.get(range.clone()).unwrap_or_default());
        if other.history_offsets.len() > all {
            let offsets = &other.history_offsets[range.start..=range.end];
            let first = offsets[0];
            self.history_offsets.clear();
            self.history_offsets.extend(offsets.iter().map(|end| end - first));
            let events = first as usize * columns..offsets[offsets.len() - 1] as usize * columns;
            self.history.extend_from_slice(&other.history[events]);
        }
    }

    /// Adds the examples of another batch of the same log. Either both have weights and offsets, or
    /// neither has.
    pub fn append(&mut self, other: &Batch) {
        let events = self.events() as u32;
        if self.history_offsets.is_empty() {
            self.history_offsets.push(0);
        }
        self.labels.extend_from_slice(&other.labels);
        self.fields.extend_from_slice(&other.fields);
        self.numeric.extend_from_slice(&other.numeric);
        self.history.extend_from_slice(&other.history);
        let ends = other.history_offsets.iter().skip(1);
        self.history_offsets.extend(ends.map(|end| end + events));
        self.info.extend_from_slice(&other.info);
        self.weights.extend_from_slice(&other.weights);
        self.offsets.extend_from_slice(&other.offsets);
    }

    /// Removes the examples and keeps the memory.
    pub fn clear(&mut self) {
        self.labels.clear();
        self.fields.clear();
        self.history_offsets.clear();
        self.history_offsets.push(0);
        self.history.clear();
        self.numeric.clear();
        self.info.clear();
        self.weights.clear();
        self.offsets.clear();
    }
}

crate::persist!(ExampleInfo { id: state, day: state, group: state });
crate::persist!(Batch {
    labels: state,
    fields: state,
    history_offsets: state,
    history: state,
    numeric: state,
    info: state,
    weights: state,
    offsets: state
});
