//! Requests are scored by several copies, in groups, on host threads.

use std::collections::VecDeque;
use std::sync::Arc;

use super::scores::{Age, Scores};
use crate::base::{Pending, Pool, SimTime};
use crate::data::{Batch, DataSource};
use crate::model::Model;
use crate::online::ItemClass;
use crate::params::{Locator, Lookups, View};
use crate::server::DenseValues;
use crate::sim::workspace::ThreadWorkspace;

/// Groups per host thread that are scored ahead.
const GROUPS_AHEAD: usize = 8;

/// A group of requests, read and located.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The examples and their distinct rows.
    pub(super) data: Arc<(Batch, Lookups)>,
    /// How old the serving copy's parameters are for each.
    pub(super) ages: Vec<Age>,
    /// How well known the item of each was, if the stream knows.
    pub(super) items: Vec<ItemClass>,
    /// What is added to the logit of each.
    pub(super) offsets: Vec<f32>,
}

/// A group whose scores are being computed, by copy.
#[derive(Debug)]
struct Running {
    group: Group,
    scores: Vec<Pending<Vec<f32>, ThreadWorkspace>>,
}

/// The groups that are being scored, in order.
#[derive(Debug, Default)]
pub(super) struct Scorer {
    locator: Option<Locator>,
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

    /// Has a group scored with the rows and dense parameters of each copy. `now` is when it is
    /// needed; results do not depend on it.
    pub(super) fn score(
        &mut self,
        group: Group,
        copies: Vec<(Vec<f32>, DenseValues)>,
        model: &Arc<dyn Model>,
        (pool, now): (&mut Pool<ThreadWorkspace>, SimTime),
        into: &mut Scores,
    ) {
        if self.running.len() >= GROUPS_AHEAD * pool.threads() {
            self.finish_first(pool, into);
        }
        let scores = copies.into_iter().map(|(rows, values)| {
            let (data, model) = (Arc::clone(&group.data), Arc::clone(model));
            pool.submit(now, move |workspace: &mut ThreadWorkspace| {
                let (batch, lookups) = (&data.0, &data.1);
                let DenseValues { dense, moving } = &values;
                let view = View { dense, moving, rows: &rows, lookups };
                let mut logits = Vec::new();
                model.scores(view, batch, &mut workspace.network, &mut logits);
                logits
            })
        });
        let scores = scores.collect();
        self.running.push_back(Running { group, scores });
    }

    /// Waits for all scores.
    pub(super) fn finish(&mut self, pool: &mut Pool<ThreadWorkspace>, into: &mut Scores) {
        while !self.running.is_empty() {
            self.finish_first(pool, into);
        }
    }

    fn finish_first(&mut self, pool: &mut Pool<ThreadWorkspace>, into: &mut Scores) {
        let Some(Running { group, scores }) = self.running.pop_front() else { return };
        let batch = &group.data.0;
        let with_offsets = |pending| {
            let mut logits: Vec<f32> = pool.wait(pending);
            logits.iter_mut().zip(&group.offsets).for_each(|(logit, offset)| *logit += offset);
            logits
        };
        let logits: Vec<Vec<f32>> = scores.into_iter().map(with_offsets).collect();
        let groups: Vec<u64> = batch.info.iter().map(|info| info.group).collect();
        into.add(&batch.labels, &groups, (&group.ages, &group.items), &logits);
    }
}

// Saved only when no group is being scored.
crate::persist!(Scorer { locator: scratch, running: scratch });
