//! The server evicts rows: those that a rule gives up, whenever it is time to look for them, and
//! those that a full table drives out. In a dry run only their lives end: weights, optimizer state
//! and admission stay as they are.

use super::eviction::{Eviction, Looks};
use super::store::ParameterServer;
use super::table::TableStore;
use super::table_lives::FirstRow;
use crate::optimizer::Moment;
use crate::params::Table;

impl ParameterServer {
    /// Notes evicted rows from now on, for [`take_evicted`](Self::take_evicted).
    pub fn note_evicted(&mut self) {
        self.evicted.wanted = self.eviction.is_some();
    }

    /// The rows evicted since the last call, by id space and id.
    pub fn take_evicted(&mut self) -> Vec<(u32, u32)> {
        std::mem::take(&mut self.evicted.rows)
    }

    /// Counts looks for rows from this moment on: those before it were made by another job.
    pub fn begin_looks_at(&mut self, now: Moment) {
        let every = self.eviction.as_ref().and_then(Eviction::length);
        self.looked = every.map_or(0, |every| every.passed(now) as u64);
    }

    /// Evicts the rows that the rule gives up, if it is time to look for them.
    pub(super) fn evict_due(&mut self, now: Moment) {
        let Some(every) = self.eviction.as_ref().and_then(Eviction::length) else { return };
        let times = every.passed(now) as u64;
        if times > self.looked {
            self.looked = times;
            self.evict_all_expired(now);
        }
    }

    /// The job saves a checkpoint: evicts the rows that the rule gives up, if that is when they are
    /// looked for.
    pub fn evict_for_save(&mut self, now: Moment) {
        if self.eviction.as_ref().is_some_and(|eviction| eviction.every == Some(Looks::Save)) {
            self.evict_all_expired(now);
        }
    }

    fn evict_all_expired(&mut self, now: Moment) {
        (0..self.layout.tables.len()).for_each(|t| self.evict_expired(t, now));
    }

    fn evict_expired(&mut self, t: usize, now: Moment) {
        let Some(eviction) = &self.eviction else { return };
        let store = &self.content.tables[t];
        let Some(lives) = store.lives() else { return };
        let rule = &*eviction.rule;
        let gone = lives.expired(rule, now, eviction.at_least, |id| store.weights(id));
        self.evict(t, &gone);
    }

    /// Evicts rows of a table that holds more than it may; not those of the current update.
    pub(super) fn make_room(&mut self, t: usize, now: Moment) {
        let Some(Eviction { rule, at_most: Some(at_most), at_least, .. }) = &self.eviction else {
            return;
        };
        let store = &self.content.tables[t];
        let (most, lives) = (at_most.rows(store.stride()), store.lives());
        let Some(lives) = lives.filter(|lives| lives.alive() > most) else { return };
        let mut fresh: Vec<u32> = self.touched.iter().map(|row| row.id).collect();
        fresh.sort_unstable();
        let is_fresh = |id: u32| fresh.binary_search(&id).is_ok();
        let weights = |id| store.weights(id);
        let gone = lives.crowded_out(&**rule, now, (most, *at_least), is_fresh, weights);
        self.evict(t, &gone);
    }

    fn evict(&mut self, t: usize, gone: &[u32]) {
        let Some(eviction) = &self.eviction else { return };
        let store = &mut self.content.tables[t];
        let (table, slots) = (&self.layout.tables[t], self.sparse_rule.slots());
        let first = FirstRow { table, index: t, slots, streams: self.streams };
        for &id in gone {
            let shard = self.sharding.of_row(table.space, id).index();
            let version = self.versions[shard];
            match (eviction.dry_run, store.lives_mut()) {
                (true, Some(lives)) => lives.evict(id, version),
                _ => {
                    store.evict(id, &first, eviction, version);
                    if self.evicted.wanted {
                        self.evicted.rows.push((table.space as u32, id));
                    }
                }
            }
        }
        self.settle_row_index(t, gone.iter().copied());
    }

    /// The tables whose rows come and go, because they are evicted or must be admitted.
    pub fn living_tables(&self) -> impl Iterator<Item = (&Table, &TableStore)> {
        self.told_tables()
            .map(|(_, table, store)| (table, store))
            .filter(|(_, store)| is_living(store))
    }

    /// The tables of which there is something to tell, with their numbers: those whose rows come and go,
    /// or are found through a hash table.
    pub fn told_tables(&self) -> impl Iterator<Item = (usize, &Table, &TableStore)> {
        let tables = self.layout.tables.iter().zip(&self.content.tables).enumerate();
        let tables = tables.map(|(t, (table, store))| (t, table, store));
        tables.filter(|(t, _, store)| is_living(store) || self.row_index(*t).is_some())
    }
}

fn is_living(store: &TableStore) -> bool {
    store.lives().is_some() || store.gate().is_some()
}
