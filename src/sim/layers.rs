//! The weights of each layer and table over time, the gradients applied to them, and the rows that
//! no push touches any more. They show which layers have converged and which features are dead.

use super::record::{GradientObservation, LayerObservation, RowsObservation, Spread};
use crate::nn::kernels::squares;
use crate::params::view::row_range;
use crate::params::{Gradient, Lookups};
use crate::server::ParameterServer;

/// Quantiles are computed from at most this many values, evenly spread over the parameters.
pub const SAMPLE: usize = 1 << 16;

/// The shares below which the quantiles of a [`Spread`] lie.
pub const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// Watches layers and tables, from one observation to the next. It holds two numbers per parameter
/// beside the server's.
#[derive(Clone, Debug, Default)]
pub struct LayerWatch {
    /// Number of the current stretch between two observations, from 1; 0 before the first.
    stretch: u32,
    /// Updates at the last observation.
    looked_at: u64,
    /// Pushes since that observation.
    pushes: u64,
    dense: LayerTotals,
    /// Sums of squares of the gradient, by dense layer.
    squares: Vec<f64>,
    tables: Vec<TableTotals>,
}

/// Data kept for a number of parameters.
#[derive(Clone, Debug, Default)]
struct LayerTotals {
    /// Their weights at the last observation.
    before: Vec<f32>,
    /// Sum of their gradients since that observation.
    gradients: Vec<f32>,
}

/// Data kept for a table.
#[derive(Clone, Debug, Default)]
struct TableTotals {
    rows: LayerTotals,
    /// Sum of squares of the gradient.
    squares: f64,
    /// By row, the last stretch in which a push touched it; 0 for none.
    touched: Vec<u32>,
}

impl LayerWatch {
    /// Whether an observation was already made after this many updates.
    pub fn has_observed(&self, updates: u64) -> bool {
        self.stretch > 0 && self.looked_at == updates
    }

    /// Counts an applied push; does nothing before the first observation.
    pub fn count_push(&mut self, server: &ParameterServer, lookups: &Lookups, gradient: &Gradient) {
        if self.stretch == 0 {
            return;
        }
        self.pushes += 1;
        add(&mut self.dense.gradients, &gradient.dense);
        for ((_, range), sum) in server.layout().layers().into_iter().zip(&mut self.squares) {
            *sum += squares(&gradient.dense[range]);
        }
        let tables = server.layout().tables.iter().enumerate();
        for ((t, table), totals) in tables.zip(&mut self.tables) {
            let rows = &gradient.rows[row_range(server.layout(), lookups, t)];
            totals.squares += squares(rows);
            let ids = &lookups.ids[table.space];
            for (&id, row) in ids.iter().zip(rows.chunks_exact(table.dim)) {
                let at = id as usize;
                add(&mut totals.rows.gradients[at * table.dim..][..table.dim], row);
                totals.touched[at] = self.stretch;
            }
        }
    }

    /// Observes every layer and table after this many updates, and starts a new stretch.
    pub fn observe(&mut self, server: &ParameterServer, updates: u64) -> Vec<LayerObservation> {
        let first = self.stretch == 0;
        if first {
            self.begin(server);
        }
        let mut layers = Vec::new();
        for ((layer, range), squares) in server.layout().layers().into_iter().zip(&self.squares) {
            let now = &server.dense()[range.clone()];
            let part = LayerInterval {
                now,
                before: &self.dense.before[range.clone()],
                gradients: &self.dense.gradients[range],
                squares: *squares,
            };
            layers.push(part.observe("dense", layer, (!first).then_some(self.pushes), None));
        }
        for (t, totals) in self.tables.iter().enumerate() {
            layers.push(self.observe_table(server, t, totals, first));
        }
        self.start_stretch(server, updates);
        layers
    }

    fn observe_table(
        &self,
        server: &ParameterServer,
        t: usize,
        totals: &TableTotals,
        first: bool,
    ) -> LayerObservation {
        let table = &server.layout().tables[t];
        let weights = weights_of(server, t);
        let row = |id: usize| &weights[id * table.dim..][..table.dim];
        let touched: Vec<usize> =
            (0..totals.touched.len()).filter(|&id| totals.touched[id] > 0).collect();
        let recent: Vec<usize> =
            touched.iter().copied().filter(|&id| totals.touched[id] == self.stretch).collect();
        let norms: f64 = touched.iter().map(|&id| squares(row(id)).sqrt()).sum();
        let count = |n: usize| n as f64 / totals.touched.len().max(1) as f64;
        let rows = RowsObservation {
            touched: count(touched.len()),
            idle: count(touched.len() - recent.len()),
            norm: (!touched.is_empty()).then(|| norms / touched.len() as f64),
        };
        // Rows that no push touched have no gradient, instead of a zero one.
        let sums = &totals.rows.gradients;
        let gradients: Vec<f32> =
            recent.iter().flat_map(|&id| &sums[id * table.dim..][..table.dim]).copied().collect();
        let part = LayerInterval {
            now: &weights,
            before: &totals.rows.before,
            gradients: &gradients,
            squares: totals.squares,
        };
        let pushes = (!first).then_some(self.pushes);
        part.observe("sparse", table.name.clone(), pushes, Some(rows))
    }

    fn begin(&mut self, server: &ParameterServer) {
        let layout = server.layout();
        self.dense.before = server.dense().to_vec();
        self.dense.gradients = vec![0.0; layout.dense_len()];
        self.squares = vec![0.0; layout.layers().len()];
        let table = |t: usize| {
            let before = weights_of(server, t);
            let gradients = vec![0.0; before.len()];
            let touched = vec![0; layout.tables[t].rows as usize];
            TableTotals { rows: LayerTotals { before, gradients }, squares: 0.0, touched }
        };
        self.tables = (0..layout.tables.len()).map(table).collect();
    }

    /// Starts a new stretch.
    fn start_stretch(&mut self, server: &ParameterServer, updates: u64) {
        self.stretch += 1;
        self.looked_at = updates;
        self.pushes = 0;
        self.dense.before.copy_from_slice(server.dense());
        self.dense.gradients.fill(0.0);
        self.squares.fill(0.0);
        for (t, totals) in self.tables.iter_mut().enumerate() {
            totals.rows.before = weights_of(server, t);
            totals.rows.gradients.fill(0.0);
            totals.squares = 0.0;
        }
    }
}

/// One layer or table between two observations.
struct LayerInterval<'a> {
    now: &'a [f32],
    before: &'a [f32],
    /// Sums of gradients since the last observation.
    gradients: &'a [f32],
    /// Sum over pushes of the squared norm of the gradient.
    squares: f64,
}

impl LayerInterval<'_> {
    /// `pushes` is the number since the last observation; `None` at the first.
    fn observe(
        self,
        group: &'static str,
        layer: String,
        pushes: Option<u64>,
        rows: Option<RowsObservation>,
    ) -> LayerObservation {
        let weights = spread(self.now, 1.0);
        let apart = self.now.iter().zip(self.before);
        let moved: f64 = apart.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        let pushed = pushes.filter(|pushes| *pushes > 0);
        let gradients = pushed.map(|pushes| {
            let n = pushes as f64;
            let zeros = self.gradients.iter().filter(|g| **g == 0.0).count();
            let sum = squares(self.gradients).sqrt();
            GradientObservation {
                norm: (self.squares / n).sqrt(),
                mean: spread(self.gradients, 1.0 / n),
                agreement: (self.squares > 0.0).then(|| sum / self.squares.sqrt()),
                zero: zeros as f64 / self.gradients.len().max(1) as f64,
            }
        });
        LayerObservation {
            group,
            layer,
            parameters: self.now.len() as u64,
            pushes: pushes.unwrap_or(0),
            change: pushes.map(|_| moved.sqrt() / weights.norm.max(f64::MIN_POSITIVE)),
            weights,
            gradients,
            rows,
        }
    }
}

/// The spread of the values, each times `factor`; zeros if there are none.
fn spread(values: &[f32], factor: f64) -> Spread {
    let n = values.len().max(1) as f64;
    let norm = squares(values).sqrt() * factor;
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n * factor;
    let variance = values.iter().map(|v| (f64::from(*v) * factor - mean).powi(2)).sum::<f64>() / n;
    let drawn = values.len().min(SAMPLE);
    let place = |k: usize| (k as u128 * values.len() as u128 / drawn.max(1) as u128) as usize;
    let mut sample: Vec<f32> = (0..drawn).map(|k| values[place(k)]).collect();
    sample.sort_unstable_by(f32::total_cmp);
    let at = |q: f64| (q * sample.len().saturating_sub(1) as f64).round() as usize;
    let quantiles =
        QUANTILES.map(|q| sample.get(at(q)).map_or(0.0, |value| f64::from(*value) * factor));
    Spread { norm, mean, deviation: variance.sqrt(), quantiles }
}

fn weights_of(server: &ParameterServer, t: usize) -> Vec<f32> {
    let store = server.table(t);
    (0..store.rows()).flat_map(|id| store.weights(id)).copied().collect()
}

fn add(sums: &mut [f32], values: &[f32]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

crate::persist!(LayerTotals { before: state, gradients: state });
crate::persist!(TableTotals { rows: state, squares: state, touched: state });
crate::persist!(LayerWatch {
    stretch: state,
    looked_at: state,
    pushes: state,
    dense: state,
    squares: state,
    tables: state
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_and_the_rest_is_exact() {
        let values: Vec<f32> = (0..=100).map(|k| k as f32).collect();
        let all = spread(&values, 2.0);
        assert_eq!(all.quantiles, [10.0, 50.0, 100.0, 150.0, 190.0]);
        assert_eq!(all.mean, 100.0);
        assert!((all.deviation - 2.0 * 850.0f64.sqrt()).abs() < 1e-9, "{all:?}");
        assert!((all.norm - 2.0 * 338_350.0f64.sqrt()).abs() < 1e-3);
        assert_eq!(spread(&[], 1.0).quantiles, [0.0; 5]);
    }

    #[test]
    fn many_values_are_sampled_from_one_end_to_the_other() {
        let values: Vec<f32> = (0..10 * SAMPLE).map(|k| k as f32).collect();
        let all = spread(&values, 1.0 / values.len() as f64);
        for (found, wanted) in all.quantiles.iter().zip(QUANTILES) {
            assert!((found - wanted).abs() < 1e-3, "{found} {wanted}");
        }
    }

    #[test]
    fn gradients_that_cancel_do_not_agree() {
        let look = |gradients: &[f32], squares, pushes| {
            let part = LayerInterval { now: &[3.0, 4.0], before: &[3.0, 3.0], gradients, squares };
            part.observe("dense", "l".into(), pushes, None)
        };
        assert_eq!(look(&[0.0; 2], 0.0, None).change, None);
        let same = look(&[8.0, 0.0], 16.0, Some(4));
        assert!((same.change.unwrap() - 0.2).abs() < 1e-9);
        let gradients = same.gradients.unwrap();
        assert_eq!((gradients.norm, gradients.mean.norm, gradients.zero), (2.0, 2.0, 0.5));
        assert_eq!(gradients.agreement, Some(2.0));
        assert_eq!(look(&[0.0; 2], 16.0, Some(4)).gradients.unwrap().agreement, Some(0.0));
        assert_eq!(look(&[0.0; 2], 0.0, Some(4)).gradients.unwrap().agreement, None);
    }
}
