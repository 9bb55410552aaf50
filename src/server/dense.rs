//! The dense group: one arena of weights, and slots by block.

use super::selection::Aspects;
use crate::base::Streams;
use crate::nn::kernels::all_finite;
use crate::optimizer::{Optimizer, Slot, Tick};
use crate::params::{Block, Layout};

/// Weights, slots and counters of the dense blocks.
#[derive(Clone, Debug)]
pub struct DenseStore {
    blocks: Vec<Block>,
    weights: Vec<f32>,
    /// All slots of a block are stored together, slot after slot.
    slots: Vec<f32>,
    /// Where the slots of each block begin, and where the last ones end.
    starts: Vec<usize>,
    /// Updates of each block so far.
    updates: Vec<u64>,
}

impl DenseStore {
    /// All blocks at their initial values.
    pub fn new(layout: &Layout, optimizer: &dyn Optimizer, streams: Streams) -> DenseStore {
        let kinds = optimizer.slots();
        let mut weights = vec![0.0; layout.dense_len()];
        let mut starts = vec![0];
        for block in &layout.dense {
            starts.push(starts[starts.len() - 1] + Slot::all(kinds, block.len()));
        }
        let mut slots = vec![0.0; starts[layout.dense.len()]];
        for (index, block) in layout.dense.iter().enumerate() {
            // Counted from the end, so that a block and a table never share a name.
            block.init.fill(streams, u64::MAX - index as u64, 0, &mut weights[block.range()]);
            Slot::begin(kinds, block.len(), &mut slots[starts[index]..starts[index + 1]]);
        }
        DenseStore {
            blocks: layout.dense.clone(),
            weights,
            slots,
            starts,
            updates: vec![0; layout.dense.len()],
        }
    }

    /// The arena of weights.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The arena of weights, for writing.
    pub fn weights_mut(&mut self) -> &mut [f32] {
        &mut self.weights
    }

    /// Updates one block with its part of the dense gradient `g` (the whole arena); this sets the
    /// block's own counters. `then` is empty or holds the first slot of the whole arena at the time
    /// when the gradient's parameters were read. Returns whether the weights stayed finite.
    pub fn update(
        &mut self,
        block: usize,
        optimizer: &dyn Optimizer,
        g: &[f32],
        then: &[f32],
        t: Tick,
    ) -> bool {
        self.updates[block] += 1;
        let tick = Tick { variable: self.updates[block], row: self.updates[block], ..t };
        let range = self.blocks[block].range();
        let slots = &mut self.slots[self.starts[block]..self.starts[block + 1]];
        let weights = &mut self.weights[range.clone()];
        match then.get(range.clone()) {
            Some(then) => optimizer.update_since(weights, slots, &g[range], then, &tick),
            None => optimizer.update(weights, slots, &g[range], &tick),
        }
        all_finite(weights)
    }

    /// Copies a block's weights, slots or counters from another store of the same blocks.
    pub fn copy_from(&mut self, block: usize, from: &DenseStore, what: Aspects) {
        if what.weights {
            let range = self.blocks[block].range();
            self.weights[range.clone()].copy_from_slice(&from.weights[range]);
        }
        if what.slots {
            let range = self.starts[block]..self.starts[block + 1];
            self.slots[range.clone()].copy_from_slice(&from.slots[range]);
        }
        if what.counters {
            self.updates[block] = from.updates[block];
        }
    }

    /// All slots of a block, slot after slot.
    pub fn slots(&self, block: usize) -> &[f32] {
        &self.slots[self.starts[block]..self.starts[block + 1]]
    }

    /// All slots of a block, for writing.
    pub fn slots_mut(&mut self, block: usize) -> &mut [f32] {
        &mut self.slots[self.starts[block]..self.starts[block + 1]]
    }

    /// Updates of each block so far.
    pub fn updates(&self) -> &[u64] {
        &self.updates
    }

    /// The same, for writing.
    pub fn updates_mut(&mut self) -> &mut [u64] {
        &mut self.updates
    }

    /// The first slot of a block; it has one number per weight.
    pub fn slot(&self, block: usize) -> &[f32] {
        &self.slots[self.starts[block]..][..self.blocks[block].len()]
    }
}

crate::persist!(DenseStore {
    blocks: fixed,
    weights: sized,
    slots: sized,
    starts: fixed,
    updates: sized
});
