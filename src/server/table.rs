//! One embedding table: a row's weights and slots are stored side by side, so that an update
//! touches one range of memory.

use ndarray::{ArrayView2, ShapeBuilder};

use super::admission::{Admission, AdmissionGate};
use super::eviction::RowLives;
use super::known::KnownRows;
use super::selection::Aspects;
use super::unknown::TableRows;
use crate::base::Streams;
use crate::nn::buffer::AlignedBuffer;
use crate::nn::kernels::amend::StoredRows;
use crate::nn::kernels::{Kernels, TouchedRow, UpdatedRows, all_finite};
use crate::optimizer::{Optimizer, RowSemantics, Slot, Tick};
use crate::params::Table;

/// The rows of one table.
#[derive(Clone, Debug)]
pub struct TableStore {
    pub(super) dim: usize,
    /// Numbers per row: weights, then slot after slot.
    pub(super) stride: usize,
    pub(super) data: AlignedBuffer<f32>,
    /// Updates of each row so far.
    pub(super) updates: Vec<u32>,
    /// Updates of each row that the rule has forgotten; empty if there are none.
    pub(super) forgotten: Vec<u32>,
    /// [`updates`](Self::updates) of the rows in the current update.
    counts: Vec<u32>,
    /// Which rows are admitted; `None` if all are.
    pub(super) gate: Option<AdmissionGate>,
    pub(super) known: KnownRows,
    /// The lives of its rows, if rows are evicted.
    pub(super) lives: Option<RowLives>,
}

impl TableStore {
    /// All rows at their initial values; row `id` of table `index` depends only on these numbers.
    pub fn new(
        table: &Table,
        index: usize,
        optimizer: &dyn Optimizer,
        streams: Streams,
    ) -> TableStore {
        let (dim, slots) = (table.dim, optimizer.slots());
        let stride = dim + Slot::all(slots, dim);
        let mut data = AlignedBuffer::zeros(table.rows as usize * stride);
        for (id, row) in data.chunks_exact_mut(stride.max(1)).enumerate() {
            let (weights, memory) = row.split_at_mut(dim);
            table.init.fill(streams, index as u64, id as u64, weights);
            Slot::begin(slots, dim, memory);
        }
        TableStore {
            dim,
            stride,
            data,
            updates: vec![0; table.rows as usize],
            forgotten: Vec::new(),
            counts: Vec::new(),
            gate: None,
            known: KnownRows::new(optimizer.rows() == RowSemantics::Lazy),
            lives: None,
        }
    }

    /// Marks all rows as not admitted: they read zeros, and the gate keeps their weights. `index` is
    /// the number of the table.
    pub fn admit(&mut self, admission: Admission, index: usize, streams: Streams) {
        let first = (0..self.rows()).flat_map(|id| self.weights(id).to_vec()).collect();
        let (rows, drawn) = (self.rows() as usize, (index as u64, streams));
        self.gate = Some(AdmissionGate::new(admission, rows, first, drawn));
        (0..self.rows()).for_each(|id| self.weights_mut(id).fill(0.0));
    }

    /// The gate of admission; `None` if all rows are admitted.
    pub fn gate(&self) -> Option<&AdmissionGate> {
        self.gate.as_ref()
    }

    /// Sets the number of counted pushes of each row.
    pub fn set_seen(&mut self, seen: &[u32]) {
        if let Some(gate) = &mut self.gate {
            gate.set_seen(seen);
        }
    }

    /// Whether the row is admitted.
    pub fn is_admitted(&self, id: u32) -> bool {
        self.gate.as_ref().is_none_or(|gate| gate.is_admitted(id))
    }

    /// The initial weights of a row; its current weights if there is no admission.
    pub fn first(&self, id: u32) -> &[f32] {
        self.gate.as_ref().map_or_else(|| self.weights(id), |gate| gate.first(id, self.dim))
    }

    /// Counts a push with the row; returns whether the row learns from it. The last push that a row
    /// needs gives it its initial weights.
    pub fn count_push(&mut self, id: u32) -> bool {
        let Some(gate) = &mut self.gate else { return true };
        let (admitted, first) = gate.count_push(id, self.dim);
        if let Some(first) = first {
            let start = id as usize * self.stride;
            self.data[start..start + self.dim].copy_from_slice(first);
        }
        admitted
    }

    /// Counts a pull of the row, which may admit it.
    pub(super) fn count_lookup(&mut self, id: u32) {
        let Some(gate) = &mut self.gate else { return };
        if let (_, Some(first)) = gate.count(id, self.dim) {
            let start = id as usize * self.stride;
            self.data[start..start + self.dim].copy_from_slice(first);
        }
    }

    /// Resets the counts of pushes: admitted rows read zeros again, and get their weights back when
    /// they are admitted again.
    pub fn forget_admission(&mut self) {
        let TableStore { gate: Some(gate), dim, stride, data, .. } = self else { return };
        for (id, row) in (0..).zip(data.chunks_exact_mut((*stride).max(1))) {
            let weights = &mut row[..*dim];
            let kept =
                if gate.is_admitted(id) { weights.to_vec() } else { gate.first(id, *dim).to_vec() };
            gate.forget(id, &kept);
            weights.fill(0.0);
        }
    }

    /// Marks a row that another store of the same table knows. No row is ever unknown again.
    pub(super) fn copy_known_from(&mut self, id: u32, from: &TableStore) {
        if from.is_known(id) && !self.is_known(id) {
            self.mark_known(id);
        }
    }

    /// Copies the count of a row and its initial weights.
    pub fn copy_admission_from(&mut self, id: u32, from: &TableStore) {
        if let (Some(gate), Some(from)) = (&mut self.gate, &from.gate) {
            gate.copy_from(id, from, self.dim);
        }
    }

    /// Whether training has met the id of the row, in this job or in one that it started from.
    #[inline]
    pub fn is_known(&self, id: u32) -> bool {
        self.known.contains(id, self.counted_of(id))
    }

    /// Marks the row of an id that training has met.
    pub fn mark_known(&mut self, id: u32) {
        self.known.mark(id, self.updates.len());
    }

    /// Marks the rows of a gradient, if their updates do not tell that training has met them.
    pub(super) fn note_touched(&mut self, touched: &[TouchedRow]) {
        if !self.known.are_updated_rows() {
            touched.iter().for_each(|row| self.mark_known(row.id));
        }
    }

    /// The weights of a row.
    pub fn weights(&self, id: u32) -> &[f32] {
        let start = id as usize * self.stride;
        &self.data[start..start + self.dim]
    }

    /// The weights of all rows, rows x dim.
    pub fn matrix(&self) -> ArrayView2<'_, f32> {
        let shape = (self.updates.len(), self.dim).strides((self.stride, 1));
        ArrayView2::from_shape(shape, &self.data).expect("the table has this shape")
    }

    /// The weights of a row, for writing.
    pub fn weights_mut(&mut self, id: u32) -> &mut [f32] {
        let start = id as usize * self.stride;
        &mut self.data[start..start + self.dim]
    }

    /// Number of updates of the row.
    pub fn updates(&self, id: u32) -> u32 {
        self.updates[id as usize]
    }

    /// Number of rows.
    pub fn rows(&self) -> u32 {
        self.updates.len() as u32
    }

    /// Copies the weights of the rows `ids` side by side to `out`.
    pub fn copy(&self, ids: &[u32], out: &mut [f32]) {
        f32::pick(&self.data, self.stride, ids, self.dim, out);
    }

    /// All rows, as records of weights and slots.
    pub fn records(&self) -> StoredRows<'_> {
        StoredRows { data: &self.data, stride: self.stride }
    }

    /// Copies the first slot of a row, which has one number per weight, to `out`.
    pub fn copy_slot(&self, id: u32, out: &mut [f32]) {
        let start = id as usize * self.stride + self.dim;
        out.copy_from_slice(&self.data[start..start + self.dim]);
    }

    /// Numbers per row: weights, then slot after slot.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Weights and slots of a row.
    pub fn row(&self, id: u32) -> &[f32] {
        &self.data[id as usize * self.stride..][..self.stride]
    }

    /// Weights and slots of a row, for writing.
    pub fn row_mut(&mut self, id: u32) -> &mut [f32] {
        &mut self.data[id as usize * self.stride..][..self.stride]
    }

    /// Updates of each row that the rule has counted.
    pub fn counted(&self) -> Vec<u32> {
        let forgotten = self.forgotten.iter().copied().chain(std::iter::repeat(0));
        self.updates.iter().zip(forgotten).map(|(all, forgotten)| all - forgotten).collect()
    }

    /// Updates of a row that the rule has counted.
    pub fn counted_of(&self, id: u32) -> u32 {
        self.updates(id) - self.forgotten.get(id as usize).copied().unwrap_or(0)
    }

    /// Sets the updates of a row that the rule has counted; the number of all updates never falls.
    pub fn set_counted(&mut self, id: u32, counted: u32) {
        let at = id as usize;
        self.updates[at] = self.updates[at].max(counted);
        if self.forgotten.is_empty() {
            if self.updates[at] == counted {
                return;
            }
            self.forgotten = vec![0; self.updates.len()];
        }
        self.forgotten[at] = self.updates[at] - counted;
    }

    /// Sets the number of counted pushes of a row.
    pub fn set_seen_of(&mut self, id: u32, seen: u32) {
        if let Some(gate) = &mut self.gate {
            gate.set_seen_of(id, seen);
        }
    }

    /// Sets the number of updates of each row, all counted by the rule.
    ///
    /// # Panics
    /// If it is not one number per row.
    pub fn set_updates(&mut self, updates: Vec<u32>) {
        assert_eq!(updates.len(), self.updates.len(), "one number per row");
        (self.updates, self.forgotten) = (updates, Vec::new());
    }

    /// Copies a row's weights, slots or counter from another store of the same table. The number of
    /// updates never falls: pulled views are compared with it.
    pub fn copy_from(&mut self, id: u32, from: &TableStore, what: Aspects) {
        let (start, end) = match (what.weights, what.slots) {
            (true, true) => (0, self.stride),
            (true, false) => (0, self.dim),
            (false, true) => (self.dim, self.stride),
            (false, false) => (0, 0),
        };
        self.row_mut(id)[start..end].copy_from_slice(&from.row(id)[start..end]);
        if what.weights {
            self.copy_admission_from(id, from);
            self.copy_known_from(id, from);
            // A row that a new job does not have yet stays there with its first values.
            if let (Some(lives), Some(from)) = (&mut self.lives, &from.lives)
                && from.record(id).is_some()
            {
                lives.copy_from(id, from);
            }
        }
        if what.counters {
            // The count, which may fall, no longer tells it.
            if self.is_known(id) {
                self.mark_known(id);
            }
            let at = id as usize;
            let counted = from.updates[at] - from.forgotten.get(at).copied().unwrap_or(0);
            self.updates[at] = self.updates[at].max(counted);
            if self.forgotten.is_empty() {
                self.forgotten = vec![0; self.updates.len()];
            }
            self.forgotten[at] = self.updates[at] - counted;
        }
    }

    /// Updates the touched rows with their parts of `gradients`, `dim` numbers per row; `tick.row`
    /// is set here. Returns the first row whose weights did not stay finite.
    pub fn update_rows(
        &mut self,
        touched: &[TouchedRow],
        optimizer: &dyn Optimizer,
        gradients: &[f32],
        tick: Tick,
    ) -> Option<u32> {
        self.counts.clear();
        let (updates, forgotten) = (&mut self.updates, &self.forgotten);
        self.counts.extend(touched.iter().map(|row| {
            let count = &mut updates[row.id as usize];
            *count = count.saturating_add(1);
            *count
        }));
        if !forgotten.is_empty() {
            for (count, row) in self.counts.iter_mut().zip(touched) {
                *count -= forgotten[row.id as usize];
            }
        }
        let TableStore { dim, stride, ref mut data, ref counts, .. } = *self;
        let mut rows = UpdatedRows { data, stride, dim, touched, gradients };
        if optimizer.update_rows(&mut rows, counts, &tick) {
            return None;
        }
        touched.iter().map(|row| row.id).find(|&id| !all_finite(self.weights(id)))
    }

    /// Updates one row; `tick.row` is set here. Returns whether its weights stayed finite.
    pub fn update(&mut self, id: u32, optimizer: &dyn Optimizer, g: &[f32], tick: Tick) -> bool {
        let (weights, slots, tick) = self.touch(id, tick);
        optimizer.update(weights, slots, g, &tick);
        all_finite(weights)
    }

    /// As [`update`](Self::update), with the first slot from the time when the gradient's
    /// parameters were read.
    pub fn update_since(
        &mut self,
        id: u32,
        optimizer: &dyn Optimizer,
        (g, then): (&[f32], &[f32]),
        tick: Tick,
    ) -> bool {
        let (weights, slots, tick) = self.touch(id, tick);
        optimizer.update_since(weights, slots, g, then, &tick);
        all_finite(weights)
    }

    /// Counts an update of a row; returns its weights and slots, and the tick with its count.
    fn touch(&mut self, id: u32, tick: Tick) -> (&mut [f32], &mut [f32], Tick) {
        let count = &mut self.updates[id as usize];
        *count = count.saturating_add(1);
        let forgotten = self.forgotten.get(id as usize).copied().unwrap_or(0);
        let tick = Tick { row: u64::from(*count - forgotten), ..tick };
        let start = id as usize * self.stride;
        let (weights, slots) = self.data[start..start + self.stride].split_at_mut(self.dim);
        (weights, slots, tick)
    }

    /// Updates every row for which `untouched` holds with a zero gradient, for rules with
    /// [`RowSemantics::Dense`]; does nothing for others. Returns the first row that did not stay
    /// finite.
    pub fn update_untouched(
        &mut self,
        optimizer: &dyn Optimizer,
        tick: Tick,
        mut untouched: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        if optimizer.rows() == RowSemantics::Lazy {
            return None;
        }
        let zero = vec![0.0; self.dim];
        let mut bad = None;
        for id in 0..self.rows() {
            if untouched(id) && !self.update(id, optimizer, &zero, tick) {
                bad = bad.or(Some(id));
            }
        }
        bad
    }
}

impl TableRows for TableStore {
    fn rows(&self) -> u32 {
        self.rows()
    }

    fn weights(&self, id: u32) -> &[f32] {
        self.weights(id)
    }

    fn is_known(&self, id: u32) -> bool {
        self.is_known(id)
    }

    fn copy(&self, ids: &[u32], out: &mut [f32]) {
        self.copy(ids, out);
    }
}

crate::persist!(TableStore {
    dim: fixed,
    stride: fixed,
    data: sized,
    updates: sized,
    forgotten: via(
        |out| forgotten.save(out),
        |from| {
            forgotten.load(from)?;
            let length = if forgotten.is_empty() { 0 } else { updates.len() };
            from.expect_length(length, forgotten.len())
        }
    ),
    counts: scratch,
    gate: each,
    known: state,
    lives: each
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::OptimizerChoice;
    use crate::params::Init;

    #[test]
    fn a_row_that_momentum_carries_to_infinity_is_named() {
        let table =
            Table { name: "item".into(), space: 0, rows: 3, dim: 1, init: Init::Constant(0.0) };
        let keys = serde_json::json!({"kind": "momentum", "rows": "dense"});
        let rule = serde_json::from_value::<OptimizerChoice>(keys).unwrap().build();
        let mut store = TableStore::new(&table, 0, rule.as_ref(), Streams::new(1));
        let tick = Tick { rate: 1.0, global: 1, ..Tick::default() };
        assert!(store.update(1, rule.as_ref(), &[1e38], tick));
        let bad: Vec<_> =
            (0..4).map(|_| store.update_untouched(rule.as_ref(), tick, |_| true)).collect();
        assert_eq!((bad[0], bad[3]), (None, Some(1)));
    }

    fn gated(after: u32) -> (TableStore, std::sync::Arc<dyn Optimizer>) {
        let table =
            Table { name: "item".into(), space: 0, rows: 3, dim: 2, init: Init::Normal(1.0) };
        let keys = serde_json::json!({"kind": "sgd"});
        let rule = serde_json::from_value::<OptimizerChoice>(keys).unwrap().build();
        let mut store = TableStore::new(&table, 0, rule.as_ref(), Streams::new(1));
        store.admit(Admission { after, ..Admission::default() }, 0, Streams::new(1));
        (store, rule)
    }

    #[test]
    fn a_row_reads_zeros_until_it_has_been_met_often_enough() {
        let (mut store, rule) = gated(2);
        let first = store.first(1).to_vec();
        assert_eq!(store.weights(1), [0.0, 0.0]);
        assert!(!store.count_push(1) && !store.is_admitted(1));
        assert_eq!(store.weights(1), [0.0, 0.0]);
        assert!(
            !store.count_push(1) && store.is_admitted(1),
            "the last push that it needs is lost too"
        );
        assert_eq!(store.weights(1), first);
        assert!(store.count_push(1));
        store.update(1, rule.as_ref(), &[1.0, 1.0], Tick { rate: 0.5, ..Tick::default() });
        assert_eq!(store.weights(1), [first[0] - 0.5, first[1] - 0.5]);
        assert_eq!(store.gate().unwrap().seen(), [0, 2, 0]);
    }

    #[test]
    fn forgotten_counts_hide_a_row_until_it_is_admitted_again() {
        let (mut store, rule) = gated(1);
        store.count_push(0);
        store.update(0, rule.as_ref(), &[1.0, 1.0], Tick { rate: 0.5, ..Tick::default() });
        let (trained, unmet) = (store.weights(0).to_vec(), store.first(2).to_vec());
        store.forget_admission();
        assert_eq!((store.weights(0), store.is_admitted(0)), (&[0.0, 0.0][..], false));
        assert!(!store.count_push(0) && !store.count_push(2));
        assert_eq!((store.weights(0), store.weights(2)), (&trained[..], &unmet[..]));
    }

    #[test]
    fn what_is_not_finite_is_seen() {
        assert!(all_finite(&[1.0, -3e38, 0.0]));
        assert!(!all_finite(&[1.0, f32::NAN]));
        assert!(!all_finite(&[f32::INFINITY, f32::NEG_INFINITY]));
    }
}
