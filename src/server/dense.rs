//! The dense group: one arena of weights, and slots by block.

use crate::base::Streams;
use crate::nn::kernels::finite;
use crate::optimizer::{Optimizer, Tick};
use crate::params::{Block, Layout};

/// Weights, slots and counters of the dense blocks.
#[derive(Clone, Debug)]
pub struct DenseStore {
    blocks: Vec<Block>,
    weights: Vec<f32>,
    /// All slots of a block lie together, slot after slot.
    slots: Vec<f32>,
    slots_per_weight: usize,
    /// Updates of each block so far.
    updates: Vec<u64>,
}

impl DenseStore {
    /// All blocks at their first values.
    pub fn new(layout: &Layout, optimizer: &dyn Optimizer, streams: Streams) -> DenseStore {
        let kinds = optimizer.slots();
        let mut weights = vec![0.0; layout.dense_len()];
        let mut slots = vec![0.0; layout.dense_len() * kinds.len()];
        for (index, block) in layout.dense.iter().enumerate() {
            // Counted from the end, so that blocks and tables never share a name.
            block.init.fill(streams, u64::MAX - index as u64, 0, &mut weights[block.range()]);
            let memory = &mut slots[block.start * kinds.len()..block.range().end * kinds.len()];
            for (kind, values) in kinds.iter().zip(memory.chunks_exact_mut(block.len().max(1))) {
                values.fill(kind.init);
            }
        }
        DenseStore {
            blocks: layout.dense.clone(),
            weights,
            slots,
            slots_per_weight: kinds.len(),
            updates: vec![0; layout.dense.len()],
        }
    }

    /// The arena of weights.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The arena of weights, to write.
    pub fn weights_mut(&mut self) -> &mut [f32] {
        &mut self.weights
    }

    /// Updates one block with its part of the dense gradient `g` (the whole arena); the block's
    /// own counters are set here. Returns whether its weights stayed finite.
    pub fn update(&mut self, block: usize, optimizer: &dyn Optimizer, g: &[f32], t: Tick) -> bool {
        self.updates[block] += 1;
        let tick = Tick { variable: self.updates[block], row: self.updates[block], ..t };
        let range = self.blocks[block].range();
        let k = self.slots_per_weight;
        let slots = &mut self.slots[range.start * k..range.end * k];
        let weights = &mut self.weights[range.clone()];
        optimizer.update(weights, slots, &g[range], &tick);
        finite(weights)
    }
}
