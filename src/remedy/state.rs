//! Memory of a remedy: numbers beside every parameter, and running statistics.

use super::ParameterSet;
use crate::base::Persist;
use crate::nn::kernels::amend::Memory;
use crate::params::Layout;

/// Some numbers per parameter, laid out as the parameters are. The numbers of a table are made on
/// first use.
#[derive(Clone, Debug)]
pub struct PerParameter {
    /// Numbers per parameter.
    width: usize,
    first: f32,
    dense: Vec<f32>,
    /// By table: its number of rows and its numbers per row.
    shapes: Vec<(usize, usize)>,
    tables: Vec<Vec<f32>>,
}

impl PerParameter {
    /// `width` numbers per parameter of `layout`, all of them `first`.
    pub fn new(layout: &Layout, width: usize, first: f32) -> PerParameter {
        let shapes: Vec<_> =
            layout.tables.iter().map(|table| (table.rows as usize, table.dim)).collect();
        PerParameter {
            width,
            first,
            dense: vec![first; layout.dense_len() * width],
            tables: vec![Vec::new(); shapes.len()],
            shapes,
        }
    }

    /// The numbers beside some parameters. Each row has first those of the first kind, then those
    /// of the second, and so on.
    pub fn at(&mut self, place: &ParameterSet) -> Memory<'_> {
        match place {
            ParameterSet::Dense(range) => Memory {
                data: &mut self.dense[range.start * self.width..range.end * self.width],
                stride: range.len() * self.width,
            },
            ParameterSet::Rows(table) => {
                let (rows, dim) = self.shapes[*table];
                let data = &mut self.tables[*table];
                if data.is_empty() {
                    data.resize(rows * dim * self.width, self.first);
                }
                Memory { data, stride: dim * self.width }
            }
        }
    }
}

/// Mean and variance of a stream: of all values while there are few, later of the recent ones.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Running {
    count: u64,
    mean: f64,
    variance: f64,
}

/// Values after which old ones begin to be forgotten.
const MEMORY: u64 = 1_000;

impl Running {
    /// Takes in a value.
    pub fn add(&mut self, value: f64) {
        self.count = (self.count + 1).min(MEMORY);
        let weight = 1.0 / self.count as f64;
        let apart = value - self.mean;
        self.mean += weight * apart;
        self.variance = (1.0 - weight) * (self.variance + weight * apart * apart);
    }

    /// The mean; 0 without values.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation; 0 without values.
    pub fn deviation(&self) -> f64 {
        self.variance.max(0.0).sqrt()
    }
}

/// One value per shard, made when first asked for.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PerShard<T> {
    shards: Vec<T>,
}

impl<T: Default> PerShard<T> {
    /// The value of a shard.
    pub fn at(&mut self, shard: crate::base::ShardId) -> &mut T {
        if self.shards.len() <= shard.index() {
            self.shards.resize_with(shard.index() + 1, T::default);
        }
        &mut self.shards[shard.index()]
    }

    /// The value of a shard, if it was asked for before.
    pub fn get(&self, shard: crate::base::ShardId) -> Option<&T> {
        self.shards.get(shard.index())
    }
}

crate::persist!(PerParameter {
    width: fixed,
    first: fixed,
    dense: state,
    shapes: fixed,
    tables: state
});
crate::persist!(Running { count: state, mean: state, variance: state });

crate::persist!([T: Persist + Default] PerShard<T> { shards: state });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_mean_is_exact_while_there_are_few() {
        let mut running = Running::default();
        [1.0, 2.0, 6.0].into_iter().for_each(|x| running.add(x));
        assert!((running.mean() - 3.0).abs() < 1e-12);
        assert!((running.deviation() - (14.0f64 / 3.0).sqrt()).abs() < 1e-12);
        (0..20_000).for_each(|_| running.add(10.0));
        assert!((running.mean() - 10.0).abs() < 1e-6 && running.deviation() < 1e-3);
    }
}
