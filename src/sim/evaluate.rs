//! Quality on the holdout: outside virtual time, with its own draws, on a copy of its inputs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::holdout::HoldoutLabels;
use super::record::EvaluatedView;
use super::step_data::StepData;
use super::workspace::ThreadWorkspace;
use crate::base::{Pool, Purpose, SimTime, Streams, WorkerId, stream::unit};
use crate::data::{Batch, DataSource, ExampleInfo, Schema};
use crate::metrics::{GroupWeight, Quality, Undefined, auc, session_auc};
use crate::model::Model;
use crate::params::view::row_range;
use crate::params::{Layout, Locator, Lookups, View};
use crate::server::ParameterServer;

/// Examples scored at a time: as many as in an ordinary batch, so that evaluation does not increase
/// the working memory of a host thread.
pub const CHUNK: usize = 256;

/// Chunks per host thread whose rows are gathered before they are scored: enough that no thread
/// waits, and few, since a large holdout has thousands.
const CHUNKS_AHEAD: usize = 4;

/// The parameters to evaluate besides the server's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Views {
    /// Number of single workers' views: the parameters that worker 0, 1, ... holds at that moment.
    /// Rows that it does not hold are the server's.
    #[schemars(range(max = 1000))]
    pub workers: u32,
    /// The mean of all workers' dense views.
    pub mean_of_views: bool,
    /// The mean over all workers of the predicted probabilities.
    pub mean_of_predictions: bool,
}

impl Views {
    /// Whether only the server's parameters are evaluated.
    pub fn is_empty(&self) -> bool {
        *self == Views::default()
    }
}

/// The figure by which the best step is chosen, on the selection half.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BestBy {
    /// AUC.
    #[default]
    Auc,
    /// Mean AUC over sessions.
    SessionAuc,
}

impl BestBy {
    /// Whether it is AUC.
    pub fn is_auc(&self) -> bool {
        *self == BestBy::Auc
    }
}

/// The holdout: its examples are read and their rows located once.
#[derive(Debug)]
pub struct Evaluator {
    model: Arc<dyn Model>,
    chunks: Vec<Arc<(Batch, Lookups)>>,
    labels: Vec<f32>,
    groups: Vec<u64>,
    /// Whether each example belongs to the half that selects the best step.
    selects: Vec<bool>,
    halves: HoldoutLabels,
    best_by: BestBy,
    /// Logits of the true probabilities, if the log contains them.
    truth: Option<Vec<f32>>,
    /// The id spaces of the fields, and of the columns of the history.
    columns: [Vec<usize>; 2],
}

/// Whether an example belongs to the half that selects the best step: with its whole group, or by
/// itself if the log has no groups.
pub fn selects(streams: Streams, share: f64, schema: &Schema, example: &ExampleInfo) -> bool {
    let drawn = if schema.group.is_empty() { example.id } else { example.group };
    unit(streams.key(Purpose::Selection, drawn, 0)) < share
}

/// One evaluation.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// Quality on the reporting half.
    pub quality: Quality,
    /// AUC on the selection half, or the other figure by which the best step is [chosen](BestBy);
    /// `None` if it is not defined.
    pub selection_auc: Option<f64>,
    /// Why figures are not defined.
    pub undefined: Vec<Undefined>,
}

impl Evaluator {
    /// Reads the examples `ids`. Whole groups, or single examples of a log without groups, go to the
    /// selection half with probability `selection_share`; if it is zero, selection and report use
    /// all examples.
    pub fn new(
        model: Arc<dyn Model>,
        source: &dyn DataSource,
        ids: &[u64],
        selection_share: f64,
        streams: Streams,
    ) -> Evaluator {
        let mut locator = Locator::for_layout(source.schema(), model.layout());
        let (mut chunks, mut labels, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        let mut selects = Vec::with_capacity(ids.len());
        for ids in ids.chunks(CHUNK) {
            let (mut batch, mut lookups) = (Batch::default(), Lookups::default());
            source.read(ids, &mut batch);
            locator.locate(&batch, &mut lookups);
            labels.extend_from_slice(&batch.labels);
            groups.extend(batch.info.iter().map(|info| info.group));
            let of = |example| self::selects(streams, selection_share, source.schema(), example);
            selects.extend(batch.info.iter().map(of));
            chunks.push(Arc::new((batch, lookups)));
        }
        let halves = HoldoutLabels::new(&labels, &groups, &selects, &source.schema().group);
        let logit = |p: f64| libm::log(p / (1.0 - p)) as f32;
        let truth = source.truth(ids).map(|truth| truth.into_iter().map(logit).collect());
        let best_by = BestBy::default();
        let schema = source.schema();
        let history = schema.history.iter().flat_map(|history| &history.columns);
        let columns = [
            schema.fields.iter().map(|field| field.space).collect(),
            history.map(|column| column.space).collect(),
        ];
        Evaluator { model, chunks, labels, groups, selects, halves, best_by, truth, columns }
    }

    /// Chooses the best step by the given figure.
    pub fn choosing_by(mut self, best_by: BestBy) -> Evaluator {
        self.best_by = best_by;
        self
    }

    /// Quality of the true probabilities on the reporting half, if the log contains them. A model
    /// can exceed it only by chance.
    pub fn bayes(&self) -> Option<Quality> {
        self.truth.as_ref().map(|logits| self.judge(logits).quality)
    }

    /// Number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether the holdout is empty.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Logits of all examples under the server's parameters, with `dense` instead of its dense
    /// arena, `view` instead of the rows that the view holds, and `moving`.
    pub fn logits(
        &self,
        server: &ParameterServer,
        (dense, moving): (Arc<Vec<f32>>, &[f32]),
        view: Option<&StepData>,
        pool: &mut Pool<ThreadWorkspace>,
    ) -> Vec<f32> {
        let held = view.map(|view| WorkerRows::new(server.layout(), view));
        let evaluated = server.evaluated();
        let ahead = CHUNKS_AHEAD * pool.threads();
        let mut pending = VecDeque::with_capacity(ahead);
        let mut logits = Vec::with_capacity(self.len());
        for chunk in &self.chunks {
            if pending.len() == ahead
                && let Some(first) = pending.pop_front()
            {
                logits.extend(pool.wait(first));
            }
            let mut rows = Vec::new();
            evaluated.gather(&chunk.1, &mut rows);
            if let Some(held) = &held {
                held.overlay(server.layout(), &chunk.1, &mut rows);
            }
            let (chunk, dense) = (Arc::clone(chunk), Arc::clone(&dense));
            let moving = match view {
                Some(view) => view.moving.clone(),
                None => moving.to_vec(),
            };
            let model = Arc::clone(&self.model);
            pending.push_back(pool.submit(
                SimTime::ZERO,
                move |workspace: &mut ThreadWorkspace| {
                    let (batch, lookups) = (&chunk.0, &chunk.1);
                    let view = View { dense: &dense, moving: &moving, rows: &rows, lookups };
                    let mut logits = Vec::new();
                    model.scores(view, batch, &mut workspace.network, &mut logits);
                    logits
                },
            ));
        }
        for last in pending {
            logits.extend(pool.wait(last));
        }
        logits
    }

    /// The share of the ids that the examples look up, in fields and histories, which the model has
    /// not met; `None` if they look up none.
    pub fn unknown_ids(&self, server: &ParameterServer) -> Option<f64> {
        let (mut unknown, mut all) = (0u64, 0u64);
        for chunk in &self.chunks {
            let lookups = &chunk.1;
            let is_unknown = |(space, ids): (usize, &Vec<u32>)| -> Vec<bool> {
                ids.iter().map(|&id| !server.knows(space, id)).collect()
            };
            let flags: Vec<Vec<bool>> = lookups.ids.iter().enumerate().map(is_unknown).collect();
            for (positions, columns) in
                [&lookups.fields, &lookups.history].into_iter().zip(&self.columns)
            {
                let read = positions.iter().zip(columns.iter().cycle());
                for (&position, &space) in read.filter(|(at, _)| **at != Lookups::UNREAD) {
                    all += 1;
                    unknown += u64::from(flags[space][position as usize]);
                }
            }
        }
        (all > 0).then(|| unknown as f64 / all as f64)
    }

    /// For every example, the number of updates of the rarest row of its fields. Histories do not
    /// count, since nearly all contain a rare row.
    pub fn rarest(&self, schema: &Schema, server: &ParameterServer) -> Vec<u32> {
        let layout = server.layout();
        let is_read = |f: usize| layout.reads.as_ref().is_none_or(|reads| reads.fields[f]);
        let table_of = |space| layout.tables.iter().position(|table| table.space == space);
        let tables: Vec<Option<usize>> = (0..schema.fields.len())
            .map(|f| table_of(schema.fields[f].space).filter(|_| is_read(f)))
            .collect();
        let batches = self.chunks.iter().map(|chunk| &chunk.0);
        let examples = batches.flat_map(|batch| batch.fields.chunks_exact(tables.len().max(1)));
        let updates =
            |(&id, &table): (&u32, &Option<usize>)| Some(server.table(table?).updates(id));
        examples.map(|ids| ids.iter().zip(&tables).filter_map(updates).min().unwrap_or(0)).collect()
    }

    /// The id of every example in a field.
    pub fn ids(&self, field: usize) -> impl Iterator<Item = u32> {
        let batches = self.chunks.iter().map(|chunk| &chunk.0);
        batches.flat_map(move |batch| {
            let fields = batch.fields.len() / batch.len().max(1);
            batch.fields.iter().skip(field).step_by(fields.max(1)).copied()
        })
    }

    /// Whether each example belongs to the half that reports.
    pub fn reports(&self) -> Vec<bool> {
        let nobody = self.selects.iter().all(|selects| *selects);
        self.selects.iter().map(|selects| nobody || !selects).collect()
    }

    /// Logits, labels and groups of the chosen examples.
    pub fn among(&self, logits: &[f32], chosen: &[usize]) -> (Vec<f32>, Vec<f32>, Vec<u64>) {
        let pick = |from: &[f32]| chosen.iter().map(|&i| from[i]).collect::<Vec<f32>>();
        let groups = chosen.iter().map(|&i| self.groups[i]).collect();
        (pick(logits), pick(&self.labels), groups)
    }

    /// AUC of these logits among the chosen examples.
    pub fn auc_among(&self, logits: &[f32], chosen: &[usize]) -> Option<f64> {
        let (logits, labels, _) = self.among(logits, chosen);
        auc(&logits, &labels)
    }

    /// Quality of these logits.
    pub fn judge(&self, logits: &[f32]) -> Evaluated {
        let half = |wanted: bool| {
            let of = |i: &usize| self.selects[*i] == wanted;
            let chosen: Vec<usize> = (0..self.len()).filter(of).collect();
            // If a half is empty, all examples are used.
            if chosen.is_empty() { (0..self.len()).collect() } else { chosen }
        };
        let (report, select) = (half(false), half(true));
        let (reported, chosen) = (self.among(logits, &report), self.among(logits, &select));
        let quality = Quality::of(&reported.0, &reported.1, &reported.2);
        let selection_auc = match self.best_by {
            BestBy::Auc => auc(&chosen.0, &chosen.1),
            BestBy::SessionAuc => {
                session_auc(&chosen.0, &chosen.1, &chosen.2, GroupWeight::Equal).value
            }
        };
        let undefined = self.undefined(&quality, selection_auc);
        Evaluated { quality, selection_auc, undefined }
    }

    /// Why figures of an evaluation are not defined.
    pub fn undefined(&self, quality: &Quality, selection_auc: Option<f64>) -> Vec<Undefined> {
        self.halves.undefined(quality, selection_auc, !self.best_by.is_auc())
    }

    /// Evaluates the server, with `moving` as its non-trainable arena, and the chosen views, in a
    /// fixed order. `told` gets the logits too.
    pub fn evaluate(
        &self,
        views: Views,
        held: &[(WorkerId, &StepData)],
        (server, moving): (&ParameterServer, &[f32]),
        pool: &mut Pool<ThreadWorkspace>,
        mut told: impl FnMut(EvaluatedView, &Evaluated, &[f32]),
    ) {
        let dense = Arc::new(server.dense().to_vec());
        let logits = self.logits(server, (dense, moving), None, pool);
        let mut judged = self.judge(&logits);
        judged.quality.unknown_ids = self.unknown_ids(server);
        told(EvaluatedView::Server, &judged, &logits);
        if views.is_empty() || held.is_empty() {
            return;
        }
        let mut probabilities = vec![0.0f64; self.len()];
        for (index, (worker, view)) in held.iter().enumerate() {
            let single = (index as u32) < views.workers;
            if !single && !views.mean_of_predictions {
                break;
            }
            let dense = Arc::new(view.dense.clone());
            let logits = self.logits(server, (dense, moving), Some(view), pool);
            if single {
                told(EvaluatedView::Worker(*worker), &self.judge(&logits), &logits);
            }
            for (sum, z) in probabilities.iter_mut().zip(&logits) {
                *sum += 1.0 / (1.0 + libm::exp(-f64::from(*z)));
            }
        }
        if views.mean_of_views {
            let dense = Arc::new(mean_dense(held));
            let logits = self.logits(server, (dense, moving), None, pool);
            told(EvaluatedView::MeanOfViews, &self.judge(&logits), &logits);
        }
        if views.mean_of_predictions {
            let logit = |sum: &f64| {
                let p = sum / held.len() as f64;
                libm::log(p / (1.0 - p)) as f32
            };
            let logits: Vec<f32> = probabilities.iter().map(logit).collect();
            told(EvaluatedView::MeanOfPredictions, &self.judge(&logits), &logits);
        }
    }
}

/// The mean of the workers' dense views, summed in their order.
fn mean_dense(held: &[(WorkerId, &StepData)]) -> Vec<f32> {
    let mut sum = vec![0.0f64; held.first().map_or(0, |(_, view)| view.dense.len())];
    for (_, view) in held {
        for (a, b) in sum.iter_mut().zip(&view.dense) {
            *a += f64::from(*b);
        }
    }
    sum.into_iter().map(|x| (x / held.len() as f64) as f32).collect()
}

/// The rows that a worker holds, with an index by id.
struct WorkerRows<'a> {
    view: &'a StepData,
    /// Position among the view's distinct ids, by id space and id.
    positions: Vec<BTreeMap<u32, usize>>,
    starts: Vec<usize>,
}

impl<'a> WorkerRows<'a> {
    fn new(layout: &Layout, view: &'a StepData) -> WorkerRows<'a> {
        let index = |ids: &Vec<u32>| ids.iter().enumerate().map(|(at, &id)| (id, at)).collect();
        let starts = (0..layout.tables.len()).map(|t| row_range(layout, &view.lookups, t).start);
        WorkerRows {
            view,
            positions: view.lookups.ids.iter().map(index).collect(),
            starts: starts.collect(),
        }
    }

    fn overlay(&self, layout: &Layout, lookups: &Lookups, rows: &mut [f32]) {
        for (t, table) in layout.tables.iter().enumerate() {
            let into = &mut rows[row_range(layout, lookups, t)];
            let ids = &lookups.ids[table.space];
            for (id, row) in ids.iter().zip(into.chunks_exact_mut(table.dim)) {
                if let Some(at) = self.positions[table.space].get(id) {
                    let start = self.starts[t] + at * table.dim;
                    row.copy_from_slice(&self.view.rows[start..start + table.dim]);
                }
            }
        }
    }
}
