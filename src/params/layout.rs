//! Which parameters a model has, and where they are stored.

use std::ops::Range;

use rand::RngExt;
use rand_distr::StandardNormal;

use super::moving::{Home, Moving};
use crate::base::{Purpose, Streams};
use crate::nn::Real;

/// The three groups for which protocol, optimizer and checkpoint content may differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Group {
    /// Embedding rows and wide weights.
    Sparse,
    /// Trained weights outside tables.
    Dense,
    /// Moving statistics, set but not trained.
    NonTrainable,
}

/// The initial value of a parameter.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Init {
    /// The same number everywhere.
    Constant(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Uniform in `[-bound, bound]`.
    Uniform(f64),
}

/// A named part of the dense (or non-trainable) arena: a weight matrix, a bias.
#[derive(Clone, PartialEq, Debug)]
pub struct Block {
    /// Unique name, such as `mlp.0.weight`.
    pub name: String,
    /// The layer it belongs to, such as `mlp.0`: the unit of divergence plots and
    /// re-initialisation.
    pub layer: String,
    /// Rows and columns; a vector has one row.
    pub shape: (usize, usize),
    /// First element in the arena.
    pub start: usize,
    /// Initial value.
    pub init: Init,
}

impl Block {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.0 * self.shape.1
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its position in its arena.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.len()
    }
}

/// A table of embedding rows over one id space of the data.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// Unique name, such as `item`.
    pub name: String,
    /// Index of the id space in the data's schema.
    pub space: usize,
    /// Number of rows.
    pub rows: u32,
    /// Numbers per row.
    pub dim: usize,
    /// Initial value of a row.
    pub init: Init,
}

/// Which columns of the log a model reads: only their ids are pulled and pushed. A row that is only
/// present in a batch must not count as touched, or a lazy optimizer would move it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reads {
    /// For each field of the schema, whether it is read.
    pub fields: Vec<bool>,
    /// Whether the history is read.
    pub history: bool,
}

/// All parameters of a model.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Layout {
    /// The columns that are read; all columns if absent.
    pub reads: Option<Reads>,
    /// Embedding tables.
    pub tables: Vec<Table>,
    /// Trained blocks, contiguous from 0.
    pub dense: Vec<Block>,
    /// Moving statistics, contiguous from 0 in their own arena.
    pub moving: Vec<Block>,
    /// The rules of the first of them; the others move by the default rule.
    pub moving_rules: Vec<Moving>,
}

impl Layout {
    /// Adds a trained block and returns its index.
    pub fn add_block(
        &mut self,
        layer: &str,
        part: &str,
        shape: (usize, usize),
        init: Init,
    ) -> usize {
        push(&mut self.dense, layer, part, shape, init)
    }

    /// Adds a non-trainable block and returns its index.
    pub fn add_moving_block(
        &mut self,
        layer: &str,
        part: &str,
        shape: (usize, usize),
        init: Init,
    ) -> usize {
        push(&mut self.moving, layer, part, shape, init)
    }

    /// Adds a non-trainable block with its own rule and returns its index.
    pub fn add_moving_block_by(
        &mut self,
        layer: &str,
        part: &str,
        shape: (usize, usize),
        init: Init,
        rule: Moving,
    ) -> usize {
        let index = self.add_moving_block(layer, part, shape, init);
        self.moving_rules.resize(index, Moving::default());
        self.moving_rules.push(rule);
        index
    }

    /// How a non-trainable block moves.
    pub fn moving_rule(&self, block: usize) -> Moving {
        self.moving_rules.get(block).copied().unwrap_or_default()
    }

    /// Whether every worker keeps its own copy of a non-trainable block, so that it is never sent.
    pub fn stays_with_workers(&self, block: usize) -> bool {
        matches!(self.moving_rule(block).home, Home::Workers(_))
    }

    /// Adds a table and returns its index.
    pub fn add_table(
        &mut self,
        name: &str,
        space: usize,
        rows: u32,
        dim: usize,
        init: Init,
    ) -> usize {
        self.tables.push(Table { name: name.to_string(), space, rows, dim, init });
        self.tables.len() - 1
    }

    /// Number of trained dense parameters.
    pub fn dense_len(&self) -> usize {
        self.dense.last().map_or(0, |block| block.range().end)
    }

    /// Number of non-trainable parameters.
    pub fn moving_len(&self) -> usize {
        self.moving.last().map_or(0, |block| block.range().end)
    }

    /// Number of parameters in all tables.
    pub fn sparse_len(&self) -> u64 {
        self.tables.iter().map(|table| u64::from(table.rows) * table.dim as u64).sum()
    }

    /// The layers of the dense group in order, each with its contiguous range of the arena.
    pub fn layers(&self) -> Vec<(String, Range<usize>)> {
        let mut layers: Vec<(String, Range<usize>)> = Vec::new();
        for block in &self.dense {
            match layers.last_mut() {
                Some((name, range)) if *name == block.layer => range.end = block.range().end,
                _ => layers.push((block.layer.clone(), block.range())),
            }
        }
        layers
    }
}

fn push(
    blocks: &mut Vec<Block>,
    layer: &str,
    part: &str,
    shape: (usize, usize),
    init: Init,
) -> usize {
    let start = blocks.last().map_or(0, |block| block.range().end);
    let name = format!("{layer}.{part}");
    blocks.push(Block { name, layer: layer.to_string(), shape, start, init });
    blocks.len() - 1
}

impl Init {
    /// Fills `values` with initial values, a pure function of the seed and the parameter's name
    /// (`entity`, `count`): a dense block is (`u64::MAX - index`, 0), a row is (table, id).
    pub fn fill<F: Real>(self, streams: Streams, entity: u64, count: u64, values: &mut [F]) {
        match self {
            Init::Constant(value) => values.fill(F::from_f64(value)),
            Init::Normal(deviation) => {
                let mut rng = streams.rng(Purpose::Init, entity, count);
                values.fill_with(|| F::from_f64(deviation * rng.sample::<f64, _>(StandardNormal)));
            }
            Init::Uniform(bound) => {
                let mut rng = streams.rng(Purpose::Init, entity, count);
                values.fill_with(|| F::from_f64(bound * (2.0 * rng.random::<f64>() - 1.0)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_contiguous_and_layers_group_them() {
        let mut layout = Layout::default();
        layout.add_block("mlp.0", "weight", (4, 3), Init::Normal(0.1));
        layout.add_block("mlp.0", "bias", (1, 3), Init::Constant(0.0));
        layout.add_block("mlp.last", "weight", (3, 1), Init::Normal(0.1));
        assert_eq!(layout.dense_len(), 18);
        assert_eq!(
            layout.layers(),
            vec![("mlp.0".to_string(), 0..15), ("mlp.last".to_string(), 15..18),]
        );
    }

    #[test]
    fn a_first_value_depends_on_the_name_alone() {
        let fill = |entity, count| {
            let mut row = [0.0f32; 4];
            Init::Normal(0.01).fill(Streams::new(3), entity, count, &mut row);
            row
        };
        assert_eq!(fill(1, 5), fill(1, 5));
        assert_ne!(fill(1, 5), fill(1, 6));
        assert!(fill(1, 5).iter().all(|x| x.abs() < 0.06));
    }
}
