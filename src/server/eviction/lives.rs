//! The lives of the rows of one table: which are there, since when, and what they went through.

use super::{EvictionConfig, LateGradients, RowRecord};
use crate::optimizer::Moment;

/// Part of a full table that one new row drives out.
const PART: u64 = 64;

/// What happened to the rows of a table so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LifeCounts {
    /// Times that a row came, for the first time or again.
    pub came: u64,
    /// Those of a row that had been evicted before.
    pub returned: u64,
    /// Rows evicted; in a dry run, those that would have been.
    pub evicted: u64,
    /// Gradients for a row that was evicted after its worker had read it.
    pub late: u64,
}

/// The lives of the rows of one table.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RowLives {
    /// By row; `None` if it is not there.
    rows: Vec<Option<RowRecord>>,
    /// By row: how often it was evicted, and the version of its shard when it last was.
    evictions: Vec<(u32, u64)>,
    /// The newest update of any row.
    newest: Moment,
    /// Rows that are there.
    alive: u64,
    counts: LifeCounts,
    /// Whether rows are only counted, and none is evicted.
    dry: bool,
}

/// The lives of rows, one number per row in each column.
#[derive(Clone, PartialEq, Debug, Default)]
pub(in crate::server) struct LifeColumns {
    /// Updates of the job at the last update of the row.
    pub last_update: Vec<u64>,
    /// Examples until then.
    pub last_example: Vec<u64>,
    /// Simulated nanoseconds until then.
    pub last_ns: Vec<u64>,
    /// Pushes since the row came.
    pub pushes: Vec<u32>,
    /// Score that the rule keeps.
    pub score: Vec<f32>,
    /// How often the row was evicted.
    pub evictions: Vec<u32>,
}

/// A push with a row, as its life sees it.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct RowPush {
    /// When.
    pub now: Moment,
    /// The version of the shard that its worker had read.
    pub read: u64,
    /// What becomes of late gradients.
    pub late: LateGradients,
}

impl RowLives {
    /// A table of `rows` rows of which none is there. In a `dry` run rows are only counted.
    pub(in crate::server) fn new(rows: usize, dry: bool) -> RowLives {
        let (rows, evictions) = (vec![None; rows], vec![(0, 0); rows]);
        RowLives { rows, evictions, dry, ..RowLives::default() }
    }

    /// Rows that are there.
    pub fn alive(&self) -> u64 {
        self.alive
    }

    /// What happened so far.
    pub fn counts(&self) -> LifeCounts {
        self.counts
    }

    /// What is known of a row, if it is there.
    pub fn record(&self, id: u32) -> Option<&RowRecord> {
        self.rows[id as usize].as_ref()
    }

    /// Whether nothing is evicted: a dry run only counts.
    pub fn is_dry(&self) -> bool {
        self.dry
    }

    /// How often the row was evicted; never in a dry run.
    pub fn evictions(&self, id: u32) -> u32 {
        if self.dry { 0 } else { self.evictions[id as usize].0 }
    }

    /// A push updates the row; returns whether it takes the gradient.
    pub(in crate::server) fn push(
        &mut self,
        id: u32,
        rule: &dyn EvictionConfig,
        push: RowPush,
    ) -> bool {
        let at = id as usize;
        let (times, version) = self.evictions[at];
        let is_late = self.rows[at].is_none() && times > 0 && version > push.read;
        if is_late {
            self.counts.late += 1;
            if push.late == LateGradients::Drop {
                return false;
            }
        }
        let row = self.rows[at].get_or_insert_with(|| {
            self.alive += 1;
            self.counts.came += 1;
            self.counts.returned += u64::from(times > 0);
            RowRecord::default()
        });
        row.score = rule.score(row, push.now);
        row.pushes = row.pushes.saturating_add(1);
        row.last = push.now;
        self.newest = push.now;
        true
    }

    /// The rows that the rule gives up, in the order of their ids; the `keep` rows worth most stay.
    pub(in crate::server) fn expired<'w>(
        &self,
        rule: &dyn EvictionConfig,
        now: Moment,
        keep: u64,
        weights: impl Fn(u32) -> &'w [f32],
    ) -> Vec<u32> {
        let Some(limit) = rule.limit() else { return Vec::new() };
        let mut gone = self.worths(rule, now, weights);
        gone.retain(|(worth, _)| *worth <= limit);
        let spare = (self.alive.saturating_sub(keep)).min(gone.len() as u64) as usize;
        if spare < gone.len() {
            gone.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            gone.truncate(spare);
        }
        let mut ids: Vec<u32> = gone.into_iter().map(|(_, id)| id).collect();
        ids.sort_unstable();
        ids
    }

    /// The rows that a table of more than `most` rows gives up, those worth least: none of `fresh`,
    /// and none of the `keep` rows worth most.
    pub(in crate::server) fn crowded_out<'w>(
        &self,
        rule: &dyn EvictionConfig,
        now: Moment,
        (most, keep): (u64, u64),
        fresh: impl Fn(u32) -> bool,
        weights: impl Fn(u32) -> &'w [f32],
    ) -> Vec<u32> {
        if self.alive <= most {
            return Vec::new();
        }
        let wanted =
            (self.alive - most).max(most / PART).max(1).min(self.alive.saturating_sub(keep));
        let mut rows = self.worths(rule, now, weights);
        rows.retain(|(_, id)| !fresh(*id));
        rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        rows.into_iter().take(wanted as usize).map(|(_, id)| id).collect()
    }

    fn worths<'w>(
        &self,
        rule: &dyn EvictionConfig,
        now: Moment,
        weights: impl Fn(u32) -> &'w [f32],
    ) -> Vec<(f64, u32)> {
        let rows = (0u32..).zip(&self.rows);
        let there = rows.filter_map(|(id, row)| Some((id, row.as_ref()?)));
        there.map(|(id, row)| (rule.worth(row, weights(id), now, self.newest), id)).collect()
    }

    /// The row goes, when its shard has this version.
    pub(in crate::server) fn evict(&mut self, id: u32, version: u64) {
        if self.rows[id as usize].take().is_some() {
            self.alive -= 1;
            self.counts.evicted += 1;
            let (times, at) = &mut self.evictions[id as usize];
            (*times, *at) = (*times + 1, version);
        }
    }

    /// Takes over the life of a row from another table of as many rows.
    pub(in crate::server) fn copy_from(&mut self, id: u32, from: &RowLives) {
        let at = id as usize;
        self.set(id, from.rows[at], from.evictions[at].0);
    }

    /// Sets the life of a row whose shard goes back. In a dry run lives go on: they are no part of
    /// what shards have.
    pub(in crate::server) fn go_back(
        &mut self,
        id: u32,
        record: Option<RowRecord>,
        evictions: u32,
    ) {
        if self.dry {
            return;
        }
        match (self.rows[id as usize].is_some(), record.is_some()) {
            // It was evicted since then, and is there again.
            (false, true) => self.counts.returned += 1,
            // It had not come back at that time.
            (true, false) if self.evictions(id) > 0 => {
                self.counts.returned = self.counts.returned.saturating_sub(1);
            }
            _ => {}
        }
        self.set(id, record, evictions);
    }

    /// Sets the life of a row that comes from a checkpoint.
    pub(in crate::server) fn set(&mut self, id: u32, record: Option<RowRecord>, evictions: u32) {
        let at = id as usize;
        let (before, after) = (u64::from(self.rows[at].is_some()), u64::from(record.is_some()));
        self.alive = self.alive + after - before;
        // A row that another content does not have did not come: it was not evicted.
        self.counts.came = self.counts.came + after - before;
        if let Some(record) = record
            && record.last.updates > self.newest.updates
        {
            self.newest = record.last;
        }
        self.rows[at] = record;
        self.evictions[at].0 = evictions;
    }

    /// The lives of all rows as columns.
    pub(in crate::server) fn columns(&self) -> LifeColumns {
        let all = || self.rows.iter().map(|row| row.unwrap_or_default());
        LifeColumns {
            last_update: all().map(|row| row.last.updates).collect(),
            last_example: all().map(|row| row.last.examples).collect(),
            last_ns: all().map(|row| (row.last.seconds * 1e9).round() as u64).collect(),
            pushes: all().map(|row| row.pushes).collect(),
            score: all().map(|row| row.score as f32).collect(),
            evictions: self.evictions.iter().map(|(times, _)| *times).collect(),
        }
    }

    /// Sets the lives of the `known` rows from columns of as many rows. Without columns these rows
    /// are there as if nothing had happened to them.
    pub(in crate::server) fn set_columns(&mut self, known: &[bool], columns: Option<&LifeColumns>) {
        for (id, (at, known)) in (0u32..).zip(known.iter().enumerate()) {
            let record = columns.map_or(RowRecord::default(), |of| RowRecord {
                last: Moment {
                    updates: of.last_update[at],
                    examples: of.last_example[at],
                    seconds: of.last_ns[at] as f64 / 1e9,
                },
                pushes: of.pushes[at],
                score: f64::from(of.score[at]),
            });
            let evictions = columns.map_or(0, |of| of.evictions[at]);
            self.set(id, known.then_some(record), evictions);
        }
    }

    /// Lets all rows that are there count as updated at this moment.
    pub(in crate::server) fn begin_at(&mut self, now: Moment) {
        self.rows.iter_mut().flatten().for_each(|row| row.last = now);
        self.newest = now;
    }

    /// Whether every row that came is there or was evicted.
    pub fn adds_up(&self) -> bool {
        let there = self.rows.iter().filter(|row| row.is_some()).count() as u64;
        there == self.alive && self.counts.came == self.alive + self.counts.evicted
    }
}

crate::persist!(RowRecord { last: state, pushes: state, score: state });
crate::persist!(LifeCounts { came: state, returned: state, evicted: state, late: state });
crate::persist!(RowLives {
    rows: state,
    evictions: sized,
    newest: state,
    alive: state,
    counts: state,
    dry: fixed
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::Horizon;
    use crate::server::eviction::{EvictionRule, age, least_frequent, least_recent, score};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn at(updates: u64) -> Moment {
        Moment { updates, examples: 10 * updates, seconds: updates as f64 / 4.0 }
    }

    fn push(updates: u64) -> RowPush {
        RowPush { now: at(updates), read: updates, late: LateGradients::Apply }
    }

    fn rules() -> Vec<EvictionRule> {
        let (updates, examples) = (Horizon::Updates(5), Horizon::Examples(50));
        vec![
            EvictionRule::Age(age::Config { after: updates, ..age::Config::default() }),
            EvictionRule::Age(age::Config { after: examples, relative_to: age::Now::NewestUpdate }),
            EvictionRule::LeastRecent(least_recent::Config {}),
            EvictionRule::LeastFrequent(least_frequent::Config { up_to: Some(1) }),
            EvictionRule::Score(score::Config { half_life: Horizon::Updates(3), up_to: 0.4 }),
        ]
    }

    proptest! {
        /// Random traffic against a plain map that knows only ages, pushes and scores.
        #[test]
        fn random_traffic_is_that_of_a_plain_map(
            traffic in proptest::collection::vec((0u32..12, 0u8..6), 1..200),
            keep in 0u64..4,
            most in 3u64..9,
        ) {
            for (number, rule) in rules().iter().enumerate() {
                let rule: &dyn EvictionConfig = &**rule;
                let mut lives = RowLives::new(12, false);
                // By id: update of the last push, pushes, score.
                let mut map: BTreeMap<u32, (u64, u32, f64)> = BTreeMap::new();
                let (mut came, mut evicted) = (0u64, 0u64);
                for (now, (id, act)) in (1u64..).zip(&traffic) {
                    prop_assert!(lives.push(*id, rule, push(now)));
                    came += u64::from(!map.contains_key(id));
                    let row = map.entry(*id).or_insert((now, 0, 0.0));
                    let decay = 0.5f64.powf((now - row.0) as f64 / 3.0);
                    *row = (now, row.1 + 1, row.2 * decay + 1.0);
                    let newest = now;
                    let worth = |(last, pushes, score): (u64, u32, f64), now: u64| match number {
                        0 => -((now - last) as f64) / 5.0,
                        1 => -((newest - last) as f64) / 5.0,
                        2 => last as f64,
                        3 => f64::from(pushes),
                        _ => score * 0.5f64.powf((now - last) as f64 / 3.0),
                    };
                    let limit = [Some(-1.0), Some(-1.0), None, Some(1.0), Some(0.4)][number];
                    let mut order: Vec<(f64, u32)> =
                        map.iter().map(|(id, row)| (worth(*row, now), *id)).collect();
                    order.sort_by(|a, b| a.partial_cmp(b).unwrap());
                    let wanted: Vec<u32> = match act {
                        0 => {
                            let spare = map.len().saturating_sub(keep as usize);
                            let low = order.iter().filter(|(w, _)| limit.is_some_and(|l| *w <= l));
                            let mut low: Vec<u32> = low.map(|(_, id)| *id).take(spare).collect();
                            low.sort_unstable();
                            let found = lives.expired(rule, at(now), keep, |_| &[]);
                            // Powers of a half are not the same to the last bit.
                            if number == 4 {
                                prop_assert!(found.len() as i64 - low.len() as i64 <= 1);
                                found
                            } else {
                                prop_assert_eq!(&found, &low);
                                low
                            }
                        }
                        1 => {
                            let over = (map.len() as u64).saturating_sub(most);
                            let over = over.min((map.len() as u64).saturating_sub(keep));
                            let others = order.iter().filter(|(_, other)| other != id);
                            let low: Vec<u32> = others.map(|(_, id)| *id).take(over as usize).collect();
                            let fresh = |other: u32| other == *id;
                            let found =
                                lives.crowded_out(rule, at(now), (most, keep), fresh, |_| &[]);
                            prop_assert_eq!(found.len(), low.len());
                            prop_assert!(number == 4 || found == low);
                            found
                        }
                        _ => Vec::new(),
                    };
                    for id in wanted {
                        lives.evict(id, now);
                        map.remove(&id);
                        evicted += 1;
                    }
                    prop_assert!(lives.adds_up());
                    let found: Vec<u32> =
                        (0..12).filter(|id| lives.record(*id).is_some()).collect();
                    prop_assert_eq!(found, map.keys().copied().collect::<Vec<u32>>());
                    prop_assert_eq!((lives.counts().came, lives.counts().evicted), (came, evicted));
                }
            }
        }
    }

    #[test]
    fn a_gradient_is_late_if_its_worker_read_before_the_eviction() {
        let rule = EvictionRule::default();
        let mut lives = RowLives::new(2, false);
        assert!(lives.push(1, &*rule, push(3)));
        lives.evict(1, 10);
        let late = |read, late| RowPush { now: at(11), read, late };
        assert!(!lives.clone().push(1, &*rule, late(9, LateGradients::Drop)));
        assert!(
            lives.clone().push(1, &*rule, late(10, LateGradients::Drop)),
            "it read the empty row"
        );
        assert!(
            lives.clone().push(0, &*rule, late(9, LateGradients::Drop)),
            "it was never evicted"
        );
        assert!(lives.push(1, &*rule, late(9, LateGradients::Apply)));
        let LifeCounts { came, returned, evicted, late } = lives.counts();
        assert_eq!((came, returned, evicted, late), (2, 1, 1, 1));
    }
}
