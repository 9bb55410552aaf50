//! The rows of a table come and go: they are met, evicted, and return.

use super::admission::AdmissionGate;
use super::eviction::lives::RowPush;
use super::eviction::{Eviction, EvictionConfig, ReturnsWith, RowLives, RowRecord};
use super::table::TableStore;
use crate::base::Streams;
use crate::nn::kernels::TouchedRow;
use crate::optimizer::{Moment, Slot};
use crate::params::Table;

/// What became of the id of a row.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct RowLife {
    /// Whether training has met it.
    pub known: bool,
    /// Its record, if rows are evicted and it is there.
    pub record: Option<RowRecord>,
    /// How often it was evicted.
    pub evictions: u32,
}

crate::persist!(RowLife { known: state, record: state, evictions: state });

/// How the rows of a table begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstRow<'a> {
    /// The table.
    pub table: &'a Table,
    /// Its index.
    pub index: usize,
    /// The slots of a row.
    pub slots: &'a [Slot],
    /// The draws of first values.
    pub streams: Streams,
}

impl FirstRow<'_> {
    fn fill(&self, id: u32, weights: &mut [f32]) {
        self.table.init.fill(self.streams, self.index as u64, u64::from(id), weights);
    }
}

impl TableStore {
    /// Rows come and go from now on; none is there yet.
    pub fn let_rows_go(&mut self, eviction: &Eviction) {
        self.known.ask_marks_only();
        self.lives = Some(RowLives::new(self.updates.len(), eviction.dry_run));
    }

    /// Whether the row is there; every row is if none is ever evicted. A dry run evicts none.
    pub fn is_there(&self, id: u32) -> bool {
        self.lives.as_ref().is_none_or(|lives| lives.is_dry() || lives.record(id).is_some())
    }

    /// The lives of its rows, if rows are evicted.
    pub fn lives(&self) -> Option<&RowLives> {
        self.lives.as_ref()
    }

    /// Rows that are there: those of ids that training has met, and that are admitted and not
    /// evicted. In a dry run, those that would be there.
    pub fn rows_there(&self) -> u64 {
        match &self.lives {
            Some(lives) => lives.alive(),
            None => (0..self.rows()).filter(|&id| self.is_known(id)).count() as u64,
        }
    }

    /// Ids that have been met and are not admitted.
    pub fn rows_waiting(&self) -> u64 {
        let waiting = |gate: &AdmissionGate| {
            let met = gate.seen().iter().zip(0u32..).filter(|(seen, _)| **seen > 0);
            met.filter(|(_, id)| !gate.is_admitted(*id)).count() as u64
        };
        self.gate.as_ref().map_or(0, waiting)
    }

    /// Lets all rows that are there count as updated at this moment.
    pub fn begin_lives_at(&mut self, now: Moment) {
        if let Some(lives) = &mut self.lives {
            lives.begin_at(now);
        }
    }

    /// The same, for writing.
    pub(super) fn lives_mut(&mut self) -> Option<&mut RowLives> {
        self.lives.as_mut()
    }

    /// A push updates these rows; those that do not take it are left out.
    pub(super) fn live(
        &mut self,
        touched: &mut Vec<TouchedRow>,
        rule: &dyn EvictionConfig,
        push: RowPush,
    ) {
        if let Some(lives) = &mut self.lives {
            touched.retain(|row| lives.push(row.id, rule, push));
        }
    }

    /// Evicts a row: from now on it is as at its first day, but for what returns with it.
    pub(super) fn evict(&mut self, id: u32, first: &FirstRow<'_>, how: &Eviction, version: u64) {
        let dim = self.dim;
        let row = &mut self.data[id as usize * self.stride..][..self.stride];
        let (weights, memory) = row.split_at_mut(dim);
        match how.returns {
            ReturnsWith::FirstValues => first.fill(id, weights),
            ReturnsWith::Zeros => weights.fill(0.0),
            ReturnsWith::OldWeights => {}
        }
        if !how.keep_slots {
            Slot::begin(first.slots, dim, memory);
            if self.forgotten.is_empty() {
                self.forgotten = vec![0; self.updates.len()];
            }
            self.forgotten[id as usize] = self.updates[id as usize];
        }
        if let Some(gate) = &mut self.gate
            && gate.is_admitted(id)
        {
            let kept = weights.to_vec();
            gate.forget(id, &kept);
            weights.fill(0.0);
        }
        self.known.forget(id);
        if let Some(lives) = &mut self.lives {
            lives.evict(id, version);
        }
    }

    /// Whether the row is known, and its life.
    pub(super) fn life_of(&self, id: u32) -> RowLife {
        let record = self.lives.as_ref().and_then(|lives| lives.record(id).copied());
        let evictions = self.lives.as_ref().map_or(0, |lives| lives.evictions(id));
        RowLife { known: self.is_known(id), record, evictions }
    }

    /// Sets whether the row is known, and its life. Its counted updates are set before.
    pub(super) fn set_life(&mut self, id: u32, life: &RowLife) {
        if let Some(lives) = &mut self.lives {
            lives.go_back(id, life.record, life.evictions);
        }
        match life.known {
            true if self.is_known(id) => {}
            true => self.mark_known(id),
            false => self.known.forget(id),
        }
    }

    /// Takes over from another store of the same table whether the row is there and known, and its
    /// life.
    pub(super) fn copy_life_from(&mut self, id: u32, from: &TableStore) {
        self.copy_known_from(id, from);
        if let (Some(lives), Some(others)) = (&mut self.lives, &from.lives) {
            lives.copy_from(id, others);
            if !from.is_known(id) {
                self.known.forget(id);
            }
        }
    }
}
