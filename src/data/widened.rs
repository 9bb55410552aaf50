//! A log with further ids: those that a model has learned from other logs, and that this log does
//! not have. Their rows lie behind those of the log's own ids; no example refers to them.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::{Batch, Calendar, Coding, DataSource, Day, Ids, Instants, Remark, Schema};

/// A log with further ids.
#[derive(Debug)]
pub struct Widened {
    log: Arc<dyn DataSource>,
    schema: Schema,
    /// The ids of each space that has further ones.
    ids: Vec<Option<Ids>>,
}

impl Widened {
    /// The log with the ids of `known`, by id space, which it does not have itself. Spaces whose
    /// rows are not found by id stay as they are.
    pub fn over(log: Arc<dyn DataSource>, known: &[Option<Ids>]) -> Arc<dyn DataSource> {
        let mut schema = log.schema().clone();
        let mut all = vec![None; schema.spaces.len()];
        for (space, known) in known.iter().enumerate().take(all.len()) {
            let (Some(own), Some(known)) = (log.ids(space), known) else { continue };
            let have: FxHashSet<u64> = own.keys().iter().copied().collect();
            let further = |row: &usize| !have.contains(&known.keys()[*row]);
            let mut ids: Option<Ids> = None;
            for row in (0..known.len()).filter(further) {
                let ids = ids.get_or_insert_with(|| own.clone());
                ids.push(known.keys()[row], known.text(row));
            }
            if let Some(ids) = ids {
                // More rows than a table can have are refused where the model is built.
                schema.spaces[space].rows = u32::try_from(ids.len()).unwrap_or(u32::MAX);
                all[space] = Some(ids);
            }
        }
        if all.iter().all(Option::is_none) {
            return log;
        }
        Arc::new(Widened { log, schema, ids: all })
    }
}

impl DataSource for Widened {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn days(&self) -> &[Day] {
        self.log.days()
    }

    fn calendar(&self) -> Calendar {
        self.log.calendar()
    }

    fn instants(&self) -> Option<Instants<'_>> {
        self.log.instants()
    }

    fn extra(&self) -> &[String] {
        self.log.extra()
    }

    fn extra_number(&self, column: usize, id: u64) -> f64 {
        self.log.extra_number(column, id)
    }

    fn held_out(&self) -> Range<u64> {
        self.log.held_out()
    }

    fn read(&self, ids: &[u64], batch: &mut Batch) {
        self.log.read(ids, batch);
    }

    fn ids(&self, space: usize) -> Option<&Ids> {
        self.ids.get(space)?.as_ref().or_else(|| self.log.ids(space))
    }

    fn is_hashed(&self, space: usize) -> bool {
        self.log.is_hashed(space)
    }

    fn coding(&self) -> Option<&Coding> {
        self.log.coding()
    }

    fn carried(&self, space: usize) -> u64 {
        u64::from(self.schema.spaces[space].rows - self.log.schema().spaces[space].rows)
    }

    fn truth(&self, ids: &[u64]) -> Option<Vec<f64>> {
        self.log.truth(ids)
    }

    fn bytes(&self) -> u64 {
        self.log.bytes() + self.ids.iter().flatten().map(Ids::bytes).sum::<u64>()
    }

    fn facts(&self) -> Vec<(String, String)> {
        self.log.facts()
    }

    fn remarks(&self) -> Vec<Remark> {
        self.log.remarks()
    }
}
