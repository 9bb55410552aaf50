//! A run without its cluster: work, progress, limits, and periodic actions.

use std::ops::Range;

use super::by_row::{RowClassLook, RowSpace};
use super::cargo::Cargo;
use super::divergence::divergence;
use super::evaluate::{Evaluated, Evaluator, Views};
use super::layers::LayerWatch;
use super::live_feed::Live;
use super::progress::{Cadence, Every, Limits, Progress};
use super::record::{EvaluatedView, Observer, Record, table_states};
use super::row_watch::{Division, RowWatch};
use super::serving::{ServedLook, ServedSlice};
use super::step_data::StepData;
use super::training::{Observed, Training};
use super::work::Work;
use crate::base::{SimTime, WorkerId};
use crate::online::EventTimes;
use crate::protocol::PushId;

/// Evaluation of a run.
#[derive(Debug)]
pub struct Evaluation {
    /// The holdout.
    pub evaluator: Evaluator,
    /// How often it is evaluated.
    pub every: Every,
    /// Which parameters are evaluated besides the server's.
    pub views: Views,
}

/// The measurements of a run, and how often they are made.
#[derive(Debug, Default)]
pub struct Watch {
    /// Quality on the holdout.
    pub evaluation: Option<Evaluation>,
    /// Distances of the workers' views.
    pub divergence: Option<Every>,
    /// Weights and gradients of every layer.
    pub layers: Option<Every>,
    /// What a live stream is like.
    pub stream: Option<Every>,
    /// Number of examples of one pass, if there are passes.
    pub window: Option<u64>,
    /// The gap between view and server is measured every this many pushes.
    pub gap_every: Option<u64>,
    /// The staleness of rows is measured every this many pushes.
    pub rows_every: Option<u64>,
    /// The id spaces by whose rows the holdout is divided.
    pub by_row: Vec<RowSpace>,
    /// The examples whose uses are counted.
    pub audit: Option<Vec<Range<u64>>>,
}

/// At most this many workers' views are compared with the server and with each other: the first
/// ones.
pub const COMPARED: u32 = 100;

impl Watch {
    /// The data of this step to keep for later measurements.
    pub(super) fn observed(&self, worker: WorkerId, push: PushId) -> Observed {
        let due = |every: Option<u64>| every.is_some_and(|n| push.0.is_multiple_of(n.max(1)));
        let views = self.evaluation.as_ref().map(|evaluation| evaluation.views).unwrap_or_default();
        let everybody = views.mean_of_views || views.mean_of_predictions;
        let compared = self.divergence.is_some() && worker.0 < COMPARED;
        Observed {
            view: due(self.gap_every) || compared || worker.0 < views.workers || everybody,
            rows: due(self.rows_every),
        }
    }
}

/// Work, progress and periodic actions.
#[derive(Debug)]
pub struct TrainingSession {
    /// The work of the run.
    pub work: Work,
    /// The progress.
    pub progress: Progress,
    /// The limits.
    pub limits: Limits,
    /// The measurements.
    pub watch: Watch,
    evaluate: Option<Cadence>,
    diverge: Option<Cadence>,
    layers: Option<(Cadence, LayerWatch)>,
    stream: Option<Cadence>,
    /// When the stream was last looked at.
    looked_at: Option<(u64, SimTime)>,
    rows: Vec<RowWatch>,
    evaluated_at: Option<u64>,
    /// Best AUC so far on the selection half, and evaluations since then.
    best: Option<f64>,
    since_best: u64,
}

impl TrainingSession {
    /// A session at its start.
    pub fn new(work: Work, limits: Limits, watch: Watch) -> TrainingSession {
        let cadence = |every: Every| Cadence::new(every, limits);
        let evaluate = watch.evaluation.as_ref().map(|evaluation| cadence(evaluation.every));
        let diverge = watch.divergence.map(cadence);
        let layers = watch.layers.map(|every| (cadence(every), LayerWatch::default()));
        let stream = watch.stream.map(cadence);
        let rows = watch.by_row.iter().map(RowWatch::new).collect();
        let progress = Progress::default();
        TrainingSession {
            work,
            progress,
            limits,
            watch,
            evaluate,
            diverge,
            layers,
            stream,
            looked_at: None,
            rows,
            evaluated_at: None,
            best: None,
            since_best: 0,
        }
    }

    /// The live stream, if examples come from one.
    #[inline]
    pub fn stream(&self) -> Option<&Live> {
        self.work.training()?.feed.stream()
    }

    /// The worker loses the examples that it has taken of a live stream for a step that has not
    /// begun; returns their number.
    pub(super) fn unreserve(&mut self, worker: WorkerId) -> u64 {
        self.stream_mut().map_or(0, |live| live.unreserve(worker))
    }

    /// Every shard has made its update with the examples of these requests.
    pub(super) fn note_lags(&mut self, events: EventTimes) {
        let now = self.progress.now;
        if let Some(live) = self.stream_mut() {
            live.note_update(events, now);
        }
    }

    fn stream_mut(&mut self) -> Option<&mut Live> {
        self.work.training_mut()?.feed.stream_mut()
    }

    /// Whether a limit is reached.
    pub fn is_over(&self) -> bool {
        self.limits.is_reached(&self.progress)
            || self.limits.patience.is_some_and(|patience| self.since_best >= patience)
    }

    /// A moment up to `horizon`, with no other event before it, at which an action by simulated
    /// time is due.
    pub fn next_time(&self, horizon: SimTime) -> Option<SimTime> {
        let next = |cadence: &Option<Cadence>| cadence.as_ref()?.next_time(horizon);
        let layers = self.layers.as_ref().and_then(|(cadence, _)| cadence.next_time(horizon));
        let earlier = |a: Option<SimTime>, b: Option<SimTime>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let training = earlier(next(&self.evaluate), next(&self.diverge));
        earlier(earlier(training, layers), next(&self.stream))
    }

    /// Reports an update that every shard has applied.
    pub fn updated(&self, in_flight: usize, observer: &mut dyn Observer) {
        let progress = &self.progress;
        let rate = self.work.training().map_or(f64::NAN, |t| t.last_rates().dense);
        observer.observe(&Record::Updated { progress, rate, in_flight });
    }

    /// Carries out the actions that are due. `views` yields the workers' views.
    pub fn observe_due<'a, I>(&mut self, views: impl FnOnce() -> I, observer: &mut dyn Observer)
    where
        I: Iterator<Item = (WorkerId, &'a StepData)>,
    {
        let progress = self.progress;
        let due = |cadence: &mut Option<Cadence>| {
            cadence.as_mut().is_some_and(|cadence| cadence.is_due(&progress))
        };
        let (evaluate, diverge) = (due(&mut self.evaluate), due(&mut self.diverge));
        if self.layers.as_mut().is_some_and(|(cadence, _)| cadence.is_due(&progress)) {
            self.observe_layers(observer);
        }
        if due(&mut self.stream) {
            self.observe_stream(observer);
        }
        if evaluate || diverge {
            let held = by_worker(views());
            if diverge {
                let first = held.partition_point(|(worker, _)| worker.0 < COMPARED);
                self.measure_divergence(&held[..first], observer);
            }
            if evaluate {
                self.evaluate(&held, observer);
            }
        }
    }

    /// Evaluates at the start, before any update, and at the end.
    pub fn evaluate_at_ends<'a, I>(&mut self, views: I, observer: &mut dyn Observer)
    where
        I: Iterator<Item = (WorkerId, &'a StepData)>,
    {
        if self.evaluated_at != Some(self.progress.updates) {
            self.evaluate(&by_worker(views), observer);
        }
        self.observe_layers(observer);
        self.observe_stream(observer);
    }

    /// The serving copy does everything that is due until now. It does so by itself whenever a score
    /// depends on it; this is for programs that want to know the scores so far.
    pub fn serve_until(&mut self, now: SimTime) {
        if let Some(training) = self.work.training_mut() {
            training.serve_now(now);
        }
    }

    /// What each copy has served in the stretches of time that have ended, all together.
    pub fn served(&self) -> Vec<ServedLook> {
        let room = self.work.training().and_then(Training::serving);
        room.map(|room| room.whole(self.progress.now)).unwrap_or_default()
    }

    /// The same by how well known the items of the requests were; nothing if the stream does not
    /// know.
    pub fn served_slices(&self) -> Vec<ServedSlice> {
        let room = self.work.training().and_then(Training::serving);
        room.map(|room| room.slices()).unwrap_or_default()
    }

    /// Tells what was served in the stretches of time that have ended.
    #[inline]
    pub(super) fn observe_served(&mut self, observer: &mut dyn Observer) {
        let Some(training) = self.work.training_mut() else { return };
        training.tell_served(|served| observer.observe(&Record::Served(&served)));
    }

    /// The run has ended: tells what was served in the last stretch of time.
    pub(super) fn end_serving(&mut self, observer: &mut dyn Observer) {
        if let Some(training) = self.work.training_mut() {
            training.end_serving(self.progress.now);
        }
        self.observe_served(observer);
    }

    /// Tells what a live stream is like now.
    fn observe_stream(&mut self, observer: &mut dyn Observer) {
        let progress = self.progress;
        let moment = Some((progress.updates, progress.now));
        if self.stream.is_some()
            && std::mem::replace(&mut self.looked_at, moment) != moment
            && let Some(live) = self.stream_mut()
        {
            let stream = live.look(progress.now);
            observer.observe(&Record::Stream { progress: &progress, stream: &stream });
        }
    }

    /// Counts a push that every shard has applied.
    pub(super) fn count_push(&mut self, cargo: &Cargo) {
        for rows in &mut self.rows {
            rows.count_push(cargo.lookups(), self.progress.updates + 1);
        }
        let Some((_, layers)) = &mut self.layers else { return };
        if let (Some(training), Some(gradient)) = (self.work.training(), cargo.gradient()) {
            layers.count_push(training.server(), cargo.lookups(), gradient);
        }
    }

    fn observe_layers(&mut self, observer: &mut dyn Observer) {
        let (Some((_, watch)), Some(training)) = (&mut self.layers, self.work.training()) else {
            return;
        };
        if !watch.has_observed(self.progress.updates) {
            let layers = watch.observe(training.server(), self.progress.updates);
            observer.observe(&Record::Layers { progress: &self.progress, layers: &layers });
        }
    }

    /// Tells how many rows the tables hold, where rows come and go.
    fn observe_tables(&self, observer: &mut dyn Observer) {
        let Some(training) = self.work.training() else { return };
        let tables = table_states(training.server());
        if !tables.is_empty() {
            observer.observe(&Record::Tables { progress: &self.progress, tables: &tables });
        }
    }

    fn measure_divergence(&mut self, held: &[(WorkerId, &StepData)], observer: &mut dyn Observer) {
        if let Some(training) = self.work.training() {
            let layers = divergence(training.server(), held);
            observer.observe(&Record::Diverged { progress: &self.progress, layers: &layers });
        }
    }

    fn evaluate(&mut self, held: &[(WorkerId, &StepData)], observer: &mut dyn Observer) {
        self.observe_tables(observer);
        let (Some(evaluation), progress) = (&self.watch.evaluation, self.progress) else {
            return;
        };
        let (views, window) = (evaluation.views, self.watch.window);
        let passes = window.map(|window| progress.examples as f64 / window.max(1) as f64);
        let divisions = self.divide();
        let (mut selection, mut scores) = (None, Vec::new());
        self.evaluate_now(views, held, |view, evaluated, logits| {
            if view == EvaluatedView::Server {
                selection = evaluated.selection_auc;
                scores.extend_from_slice(if divisions.is_empty() { &[] } else { logits });
            }
            observer.observe(&Record::Evaluated {
                progress: &progress,
                view,
                quality: &evaluated.quality,
                selection_auc: evaluated.selection_auc,
                undefined: &evaluated.undefined,
                passes,
            });
        });
        self.observe_by_row(&divisions, &scores, observer);
        self.evaluated_at = Some(self.progress.updates);
        // An evaluation that is not defined is neither better nor worse.
        let Some(auc) = selection else { return };
        if self.best.is_none_or(|best| auc > best) {
            (self.best, self.since_best) = (selection, 0);
        } else {
            self.since_best += 1;
        }
    }

    /// The classes of the holdout by rows, as the server is now.
    fn divide(&mut self) -> Vec<Division> {
        let (Some(training), Some(evaluation)) = (self.work.training(), &self.watch.evaluation)
        else {
            return Vec::new();
        };
        let server = training.server();
        self.rows.iter_mut().for_each(|rows| rows.begin(server));
        let updates = self.progress.updates;
        let of = |rows: &RowWatch| rows.divide(&evaluation.evaluator, server, updates);
        self.rows.iter().flat_map(of).collect()
    }

    fn observe_by_row(&self, of: &[Division], logits: &[f32], observer: &mut dyn Observer) {
        let Some(evaluation) = self.watch.evaluation.as_ref().filter(|_| !of.is_empty()) else {
            return;
        };
        let judge = |division: &Division| division.judge(&evaluation.evaluator, logits);
        let classes: Vec<RowClassLook> = of.iter().flat_map(judge).collect();
        observer.observe(&Record::ByRow { progress: &self.progress, classes: &classes });
    }

    /// Evaluates the server and the chosen views, whether or not it is due; does nothing without a
    /// holdout.
    pub(super) fn evaluate_now(
        &mut self,
        views: Views,
        held: &[(WorkerId, &StepData)],
        told: impl FnMut(EvaluatedView, &Evaluated, &[f32]),
    ) {
        let (Some(training), Some(evaluation)) = (self.work.training_mut(), &self.watch.evaluation)
        else {
            return;
        };
        let moving = training.exported_moving();
        let (server, pool) = training.server_and_pool();
        evaluation.evaluator.evaluate(views, held, (server, &moving), pool, told);
    }
}

/// One view per worker, the latest, in the order of the workers.
pub(super) fn by_worker<'a>(
    views: impl Iterator<Item = (WorkerId, &'a StepData)>,
) -> Vec<(WorkerId, &'a StepData)> {
    let mut held: Vec<_> = views.collect();
    held.sort_by_key(|(worker, _)| *worker);
    held.reverse();
    held.dedup_by_key(|(worker, _)| *worker);
    held.reverse();
    held
}

crate::persist!(TrainingSession {
    work: state,
    progress: state,
    limits: fixed,
    watch: fixed,
    evaluate: each,
    diverge: each,
    layers: each,
    stream: each,
    looked_at: state,
    rows: each,
    evaluated_at: state,
    best: state,
    since_best: state
});
