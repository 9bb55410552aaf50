//! The average of a run's states: weights and moving statistics. Polyak & Juditsky 1992; over
//! checkpoints, Izmailov et al. 2018, arXiv 1803.05407.

use std::collections::VecDeque;

use crate::params::Layout;
use crate::scenario::start::Average;
use crate::server::{TensorValues, Tensors};
use crate::sim::Training;

/// Averages states as they come.
#[derive(Debug)]
pub struct Averaging {
    kind: Average,
    /// The last states, the oldest first; for an average with decay only the mean so far.
    states: VecDeque<Vec<f32>>,
    /// The sum of the weights of all states so far, where the weight of the last one is 1.
    total: f64,
    /// Whether the current state is to be added.
    pub(super) is_due: bool,
}

crate::persist!(Averaging { kind: fixed, states: state, total: state, is_due: state });

impl Averaging {
    /// The average of no states yet.
    pub fn new(kind: Average) -> Averaging {
        Averaging { kind, states: VecDeque::new(), total: 0.0, is_due: false }
    }

    /// Adds a state; all states have the same length.
    pub fn add(&mut self, state: Vec<f32>) {
        match (self.kind, self.states.front_mut()) {
            (Average::Last(most), _) => {
                // All states are kept: a running sum could not subtract its old rounding errors.
                self.states.push_back(state);
                let excess = self.states.len().saturating_sub(most as usize);
                self.states.drain(..excess);
            }
            (Average::Decay(decay), Some(mean)) => {
                self.total = 1.0 + decay * self.total;
                for (mean, x) in mean.iter_mut().zip(state) {
                    let before = f64::from(*mean);
                    *mean = (before + (f64::from(x) - before) / self.total) as f32;
                }
            }
            (Average::Decay(_), None) => {
                self.total = 1.0;
                self.states.push_back(state);
            }
        }
    }

    /// The average; `None` before the first state.
    pub fn mean(&self) -> Option<Vec<f32>> {
        let first = self.states.front()?;
        let of = |at: usize| {
            let sum: f64 = self.states.iter().map(|state| f64::from(state[at])).sum();
            (sum / self.states.len() as f64) as f32
        };
        Some((0..first.len()).map(of).collect())
    }
}

/// All averaged numbers, one after the other: dense weights, moving statistics, tables.
pub fn state(training: &Training) -> Vec<f32> {
    let server = training.server();
    let layout = server.layout();
    let numbers = layout.dense_len() as u64 + layout.moving_len() as u64 + layout.sparse_len();
    let mut all = Vec::with_capacity(numbers as usize);
    all.extend_from_slice(server.dense());
    all.extend_from_slice(&training.exported_moving());
    for index in 0..layout.tables.len() {
        let table = server.table(index);
        (0..table.rows()).for_each(|id| all.extend_from_slice(table.weights(id)));
    }
    all
}

/// Replaces the numbers of a checkpoint by those of such a state.
pub fn replace(tensors: &mut Tensors, layout: &Layout, state: &[f32]) {
    let (dense, rest) = state.split_at(layout.dense_len());
    let (moving, mut rows) = rest.split_at(layout.moving_len());
    let mut put = |name: &str, values: &[f32]| {
        let tensor = tensors.get_mut(name).expect("a checkpoint has all weights");
        tensor.values = TensorValues::F32(values.to_vec());
    };
    for block in &layout.dense {
        put(&block.name, &dense[block.range()]);
    }
    for block in &layout.moving {
        put(&block.name, &moving[block.range()]);
    }
    for table in &layout.tables {
        let (own, others) = rows.split_at(table.rows as usize * table.dim);
        put(&table.name, own);
        rows = others;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::persist::{Loader, Persist, Saver};
    use proptest::prelude::*;

    fn averaged(kind: Average, states: &[Vec<f32>]) -> Averaging {
        let mut average = Averaging::new(kind);
        states.iter().for_each(|state| average.add(state.clone()));
        average
    }

    #[test]
    fn of_the_last_states_the_plain_mean() {
        let states = [vec![100.0, 1.0], vec![1.0, 2.0], vec![2.0, 4.0], vec![6.0, 0.0]];
        assert_eq!(averaged(Average::Last(3), &states).mean(), Some(vec![3.0, 2.0]));
        assert_eq!(averaged(Average::Last(9), &states[1..]).mean(), Some(vec![3.0, 2.0]));
        assert_eq!(averaged(Average::Last(1), &states).mean(), Some(vec![6.0, 0.0]));
        assert_eq!(Averaging::new(Average::Last(3)).mean(), None);
    }

    #[test]
    fn with_decay_weights_fall_and_add_up_to_one() {
        let states = [vec![8.0], vec![4.0], vec![2.0]];
        // Weights 1/4, 1/2 and 1, over 7/4.
        let found = averaged(Average::Decay(0.5), &states).mean().unwrap();
        assert!((found[0] - (2.0 + 2.0 + 2.0) / 1.75).abs() < 1e-6, "{found:?}");
        assert_eq!(averaged(Average::Decay(0.5), &states[..1]).mean(), Some(vec![8.0]));
        assert_eq!(averaged(Average::Decay(0.0), &states).mean(), Some(vec![2.0]));
    }

    proptest! {
        #[test]
        fn an_average_of_equal_states_is_that_state(x in -1e6f32..1e6, n in 1usize..30, k in 1u32..9) {
            for kind in [Average::Last(k), Average::Decay(0.9)] {
                prop_assert_eq!(averaged(kind, &vec![vec![x]; n]).mean(), Some(vec![x]));
            }
        }

        #[test]
        fn one_that_was_saved_and_loaded_goes_on_the_same(
            states in prop::collection::vec(prop::collection::vec(-9.0f32..9.0, 3), 2..12), cut in 0usize..12
        ) {
            for kind in [Average::Last(4), Average::Decay(0.7)] {
                let cut = cut.min(states.len());
                let mut saved = Saver::default();
                averaged(kind, &states[..cut]).save(&mut saved);
                let bytes = saved.into_bytes();
                let mut loaded = Averaging::new(kind);
                loaded.load(&mut Loader::new(&bytes)).unwrap();
                states[cut..].iter().for_each(|state| loaded.add(state.clone()));
                prop_assert_eq!(loaded.mean(), averaged(kind, &states).mean());
            }
        }
    }
}
