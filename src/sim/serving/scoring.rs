//! Requests are scored by several copies, in groups, on host threads.

use std::collections::VecDeque;
use std::sync::Arc;

use super::scores::{Age, Scores};
use crate::base::{Pending, Pool, SimTime};
use crate::data::{Batch, DataSource};
use crate::model::Model;
use crate::online::ItemClass;
use crate::params::view::row_range;
use crate::params::{Layout, Locator, Lookups, View};
use crate::server::DenseValues;
use crate::sim::workspace::ThreadWorkspace;

/// Groups per host thread that are scored ahead.
const GROUPS_AHEAD: usize = 8;

/// Requests that are scored together: as many as evaluation scores.
pub(super) const GROUP: usize = 256;

/// Requests that came while no copy changed.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// Their examples.
    pub(super) batch: Batch,
    /// The distinct rows of these.
    pub(super) lookups: Lookups,
    /// How old the serving copy's parameters are for each.
    pub(super) ages: Vec<Age>,
    /// How well known the item of each was, if the stream knows.
    pub(super) items: Vec<ItemClass>,
    /// What is added to the logit of each.
    pub(super) offsets: Vec<f32>,
    /// The rows, by copy.
    pub(super) rows: Vec<Vec<f32>>,
}

/// A group whose scores are being computed, by copy.
#[derive(Debug)]
struct Running {
    part: Arc<Part>,
    scores: Vec<Pending<Vec<f32>, ThreadWorkspace>>,
}

/// The requests that are being scored, in order. Rows change with each message, dense parameters
/// rarely: so requests between which rows have changed are scored together, each with the rows of its
/// own moment, as long as the dense parameters are the same.
#[derive(Debug, Default)]
pub(super) struct Scorer {
    locator: Option<Locator>,
    /// The requests of the next group.
    open: Vec<Part>,
    /// Their dense parameters, by copy.
    dense: Vec<DenseValues>,
    running: VecDeque<Running>,
}

impl Scorer {
    /// Reads the examples `ids` and finds their rows.
    pub(super) fn read(
        &mut self,
        ids: &[u64],
        source: &dyn DataSource,
        model: &dyn Model,
    ) -> (Batch, Lookups) {
        let (mut batch, mut lookups) = (Batch::default(), Lookups::default());
        source.read(ids, &mut batch);
        let locator = self
            .locator
            .get_or_insert_with(|| Locator::for_layout(source.schema(), model.layout()));
        locator.locate(&batch, &mut lookups);
        (batch, lookups)
    }

    /// Has requests scored with these dense parameters of each copy, now or together with later
    /// ones. `now` is when the scores are needed; results do not depend on it.
    pub(super) fn score(
        &mut self,
        part: Part,
        dense: Vec<DenseValues>,
        model: &Arc<dyn Model>,
        (pool, now): (&mut Pool<ThreadWorkspace>, SimTime),
        into: &mut Scores,
    ) {
        let waiting: usize = self.open.iter().map(|part| part.batch.len()).sum();
        let fits = waiting + part.batch.len() <= GROUP;
        if !fits || !self.dense.iter().zip(&dense).all(|(open, new)| open.is_same(new)) {
            self.start_group(model, (pool, now), into);
        }
        self.open.push(part);
        self.dense = dense;
    }

    /// Starts to score the requests of the next group.
    fn start_group(
        &mut self,
        model: &Arc<dyn Model>,
        (pool, now): (&mut Pool<ThreadWorkspace>, SimTime),
        into: &mut Scores,
    ) {
        let parts = std::mem::take(&mut self.open);
        let Some(locator) = self.locator.as_ref().filter(|_| !parts.is_empty()) else { return };
        let part = Arc::new(Part::joined(parts, locator, model.layout()));
        if self.running.len() >= GROUPS_AHEAD * pool.threads() {
            self.finish_first(pool, into);
        }
        let scores = self.dense.drain(..).enumerate().map(|(copy, values)| {
            let (part, model) = (Arc::clone(&part), Arc::clone(model));
            pool.submit(now, move |workspace: &mut ThreadWorkspace| {
                let DenseValues { dense, moving } = &values;
                let Part { batch, lookups, rows, .. } = part.as_ref();
                let view = View { dense, moving, rows: &rows[copy], lookups };
                let mut logits = Vec::new();
                model.scores(view, batch, &mut workspace.network, &mut logits);
                logits
            })
        });
        let scores = scores.collect();
        self.running.push_back(Running { part, scores });
    }

    /// Waits for all scores.
    pub(super) fn finish(
        &mut self,
        model: &Arc<dyn Model>,
        pool: &mut Pool<ThreadWorkspace>,
        into: &mut Scores,
    ) {
        self.start_group(model, (&mut *pool, SimTime::ZERO), into);
        while !self.running.is_empty() {
            self.finish_first(pool, into);
        }
    }

    fn finish_first(&mut self, pool: &mut Pool<ThreadWorkspace>, into: &mut Scores) {
        let Some(Running { part, scores }) = self.running.pop_front() else { return };
        let with_offsets = |pending| {
            let mut logits: Vec<f32> = pool.wait(pending);
            logits.iter_mut().zip(&part.offsets).for_each(|(logit, offset)| *logit += offset);
            logits
        };
        let logits: Vec<Vec<f32>> = scores.into_iter().map(with_offsets).collect();
        let groups: Vec<u64> = part.batch.info.iter().map(|info| info.group).collect();
        into.add(&part.batch.labels, &groups, (&part.ages, &part.items), &logits);
    }
}

impl Part {
    /// Requests that came one after the other, each with the rows of its own moment.
    fn joined(mut parts: Vec<Part>, locator: &Locator, layout: &Layout) -> Part {
        if parts.len() == 1 {
            return parts.swap_remove(0);
        }
        let mut all = Part::default();
        for copy in 0..parts[0].rows.len() {
            let tables = 0..layout.tables.len();
            let pieces = tables.flat_map(|table| {
                let of = move |part: &Part| row_range(layout, &part.lookups, table);
                parts.iter().map(move |part| &part.rows[copy][of(part)])
            });
            all.rows.push(pieces.collect::<Vec<&[f32]>>().concat());
        }
        for part in parts {
            locator.append(&mut all.lookups, &part.lookups);
            all.batch.append(&part.batch);
            all.ages.extend(part.ages);
            all.items.extend(part.items);
            all.offsets.extend(part.offsets);
        }
        all
    }
}

// Saved only after `finish`.
crate::persist!(Scorer { locator: scratch, open: scratch, dense: scratch, running: scratch });
