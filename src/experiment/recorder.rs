//! The observer that writes a results folder: series during the run, distributions at the end.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::best::Best;
use super::health::Health;
use super::popularity::RowPopularity;
use super::{by_row, layers, presence, served, shard_failures, stream, tables};
use crate::metrics::undefined::in_words;
use crate::metrics::{Histogram, Moments, Quality, Undefined};
use crate::results::disk;
use crate::results::table::{TableRow, TableWriter};
use crate::results::tables::{
    ByRowRow, CuckooRow, DivergenceRow, EvaluationRow, LayerRow, ONLY_CLASS, ServedRow, ServiceRow,
    ShardRow, StalenessRow, StreamRow, TableRowsRow, TimelineRow, TrainingRow, WorkerRow,
};
use crate::sim::record::TableState;
use crate::sim::{
    Cadence, EvaluatedView, Every, Finished, LayerDivergence, Limits, Observer, Progress, Record,
    Simulation,
};

/// What the recorder must know of a run.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Names of the machine classes, by index.
    pub classes: Vec<String>,
    /// Names of the id spaces of the data, by index.
    pub spaces: Vec<String>,
    /// How often the training series gets a row.
    pub every: Every,
    /// When the run ends.
    pub limits: Limits,
    /// Number of workers.
    pub workers: usize,
    /// Most rows of the timeline.
    pub timeline: u64,
    /// Whether there is a series of layers.
    pub layers: bool,
    /// Whether there is a series of the rows of tables.
    pub tables: bool,
    /// Whether there is a series of the hash tables that find rows.
    pub cuckoo: bool,
    /// Whether there is a series of quality by rows.
    pub by_row: bool,
    /// Whether there is a series of a live stream.
    pub stream: bool,
    /// Whether there is a series of what a serving copy serves.
    pub served: bool,
}

/// Whether series begin or are continued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Begin {
    /// They begin.
    Afresh,
    /// They exist already.
    Reopen,
}

/// Running totals since the last row of the training series.
#[derive(Clone, Copy, Debug, Default)]
struct IntervalTotals {
    pushes: u64,
    loss: f64,
    norm: f64,
    staleness: f64,
    gap: Moments,
}

/// Records a run into its folder.
///
/// A failed write is remembered and reported by [`finish`](Self::finish) and `problem`, because the
/// simulation itself knows nothing of files.
#[derive(Debug)]
pub struct Recorder {
    recording: Recording,
    evaluations: TableWriter,
    training: TableWriter,
    divergence: TableWriter,
    timeline: TableWriter,
    service: TableWriter,
    /// Only if the scenario asks for it.
    layers: Option<TableWriter>,
    tables: Option<TableWriter>,
    cuckoo: Option<TableWriter>,
    by_row: Option<TableWriter>,
    stream: Option<TableWriter>,
    served: Option<TableWriter>,
    timeline_left: u64,
    cadence: Cadence,
    interval: IntervalTotals,
    /// By class and measure, an index into [`MEASURES`].
    histograms: BTreeMap<(usize, usize), Histogram>,
    workers: Vec<Moments>,
    workers_max: Vec<u64>,
    shards: Vec<Histogram>,
    rows: RowPopularity,
    summary: RunTotals,
    best: Best,
    health: Health,
    problem: Option<io::Error>,
}

/// Totals of a run.
#[derive(Clone, Debug, Default)]
pub struct RunTotals {
    /// Staleness of applied pushes.
    pub staleness: Histogram,
    /// Age of applied pushes in simulated seconds.
    pub age: Moments,
    /// Gap of the pushes for which it was measured.
    pub gap: Moments,
    /// Pushes that read different versions at different shards.
    pub mixed: u64,
    /// Finished pushes.
    pub pushes: u64,
    /// The last evaluation of the server's parameters.
    pub last: Option<(Progress, Quality)>,
    /// The last training loss.
    pub loss: Option<f64>,
    /// The last divergence of the dense group: mean over layers.
    pub divergence: Option<f64>,
}

/// Distributions that are kept by machine class: versions, steps, microseconds.
const MEASURES: [&str; 3] = ["version", "clock_lag", "age_us"];

impl Recorder {
    /// Creates the series in `folder`, or opens existing ones to continue them. In the second case
    /// the state is [loaded](crate::base::Persist::load) next, and [`cut`](Self::cut) drops rows
    /// written after that state.
    ///
    /// # Errors
    /// If a file cannot be created or opened.
    pub fn open(folder: &Path, begin: Begin, recording: Recording) -> io::Result<Recorder> {
        fn table<R: TableRow>(folder: &Path, begin: Begin) -> io::Result<TableWriter> {
            match begin {
                Begin::Afresh => TableWriter::create::<R>(folder),
                Begin::Reopen => TableWriter::reopen::<R>(folder),
            }
        }
        Ok(Recorder {
            evaluations: table::<EvaluationRow>(folder, begin)?,
            training: table::<TrainingRow>(folder, begin)?,
            divergence: table::<DivergenceRow>(folder, begin)?,
            timeline: table::<TimelineRow>(folder, begin)?,
            service: table::<ServiceRow>(folder, begin)?,
            layers: recording.layers.then(|| table::<LayerRow>(folder, begin)).transpose()?,
            tables: recording.tables.then(|| table::<TableRowsRow>(folder, begin)).transpose()?,
            by_row: recording.by_row.then(|| table::<ByRowRow>(folder, begin)).transpose()?,
            stream: recording.stream.then(|| table::<StreamRow>(folder, begin)).transpose()?,
            served: recording.served.then(|| table::<ServedRow>(folder, begin)).transpose()?,
            cuckoo: recording.cuckoo.then(|| table::<CuckooRow>(folder, begin)).transpose()?,
            timeline_left: recording.timeline,
            cadence: Cadence::new(recording.every, recording.limits),
            interval: IntervalTotals::default(),
            histograms: BTreeMap::new(),
            workers: vec![Moments::default(); recording.workers],
            workers_max: vec![0; recording.workers],
            shards: Vec::new(),
            rows: RowPopularity::default(),
            summary: RunTotals::default(),
            best: Best::default(),
            health: Health::default(),
            problem: None,
            recording,
        })
    }

    /// Drops the rows that were written after the loaded state.
    ///
    /// # Errors If a file is not as it was when the state was saved.
    pub fn cut(&mut self) -> io::Result<()> {
        self.tables_mut().try_for_each(TableWriter::cut)
    }

    /// Makes sure that everything written so far is on the disk.
    ///
    /// # Errors
    /// The first write that failed, now or before.
    pub fn sync(&mut self) -> io::Result<()> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        self.tables_mut().try_for_each(TableWriter::sync)
    }

    /// Totals so far.
    pub fn totals(&self) -> &RunTotals {
        &self.summary
    }

    /// The best evaluation so far.
    pub fn best(&self) -> &Best {
        &self.best
    }

    /// What has been seen of the health of the training.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The first write that failed, once.
    pub fn take_problem(&mut self) -> Option<io::Error> {
        self.problem.take()
    }

    fn keep(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            self.problem.get_or_insert(error);
        }
    }

    fn finished(&mut self, push: &Finished) {
        self.summary.pushes += 1;
        if !push.applied {
            return;
        }
        let values = [push.staleness_rounded, push.clock_lag, push.age.0 / 1000];
        for (measure, value) in values.into_iter().enumerate() {
            self.histograms.entry((push.class, measure)).or_default().add(value);
        }
        self.summary.staleness.add(push.staleness_rounded);
        self.summary.age.add(push.age.seconds());
        self.summary.mixed += u64::from(push.mixed);
        if let Some(gap) = push.gap {
            self.summary.gap.add(gap);
            self.interval.gap.add(gap);
        }
        let w = push.worker.index();
        self.workers[w].add(push.staleness);
        self.workers_max[w] = self.workers_max[w].max(push.staleness_rounded);
        self.interval.pushes += 1;
        self.interval.loss += push.loss;
        self.interval.norm += push.gradient_norm;
        self.interval.staleness += push.staleness;
    }

    fn updated(&mut self, progress: &Progress, rate: f64, in_flight: usize) {
        if !self.cadence.is_due(progress) || self.interval.pushes == 0 {
            return;
        }
        let IntervalTotals { pushes, loss, norm, staleness, gap } =
            std::mem::take(&mut self.interval);
        let n = pushes as f64;
        self.summary.loss = Some(loss / n);
        self.health.trained(progress, loss / n);
        let outcome = self.training.row(&TrainingRow {
            update: progress.updates,
            examples: progress.examples,
            sim_s: progress.now.seconds(),
            loss: Some(loss / n),
            rate: Some(rate),
            gradient_norm: Some(norm / n),
            staleness_mean: Some(staleness / n),
            in_flight: Some(in_flight as f64),
            gap_mean: gap.mean(),
        });
        self.keep(outcome);
    }

    fn diverged(&mut self, progress: &Progress, layers: &[LayerDivergence]) {
        let dense = layers.iter().filter(|layer| layer.group == "dense");
        let mean: Moments = dense.fold(Moments::default(), |mut moments, layer| {
            moments.add(layer.from_server);
            moments
        });
        self.summary.divergence = mean.mean().or(self.summary.divergence);
        for layer in layers {
            let mut row = |measure: &str, mean: f64, max: Option<f64>| {
                self.divergence.row(&DivergenceRow {
                    update: progress.updates,
                    sim_s: progress.now.seconds(),
                    group: layer.group.to_string(),
                    layer: layer.layer.clone(),
                    measure: measure.to_string(),
                    mean: Some(mean),
                    max,
                })
            };
            let mut outcome = row("from_server", layer.from_server, Some(layer.from_server_max));
            if let (Ok(()), Some(spread)) = (&outcome, layer.from_each_other) {
                outcome = row("from_each_other", spread, None);
            }
            self.keep(outcome);
        }
    }

    fn evaluated(
        &mut self,
        progress: &Progress,
        view: EvaluatedView,
        quality: &Quality,
        (selection, undefined): (Option<f64>, &[Undefined]),
        passes: Option<f64>,
    ) {
        if view == EvaluatedView::Server {
            self.summary.last = Some((*progress, *quality));
            self.best.offer(progress, quality, selection);
            self.health.evaluated(progress, quality);
        }
        let row = EvaluationRow {
            update: progress.updates,
            examples: progress.examples,
            passes,
            sim_s: progress.now.seconds(),
            view,
            auc: quality.auc,
            session_auc: quality.session_auc,
            log_loss: quality.log_loss,
            normalised_entropy: quality.ne,
            calibration: quality.calibration,
            selection_auc: selection,
            undefined: in_words(undefined),
            unknown_ids: quality.unknown_ids,
        };
        let outcome = self
            .evaluations
            .row(&row)
            .and_then(|()| self.evaluations.flush())
            .and_then(|()| self.training.flush())
            .and_then(|()| self.divergence.flush());
        self.keep(outcome);
    }

    fn tables(&mut self, progress: &Progress, states: &[TableState<'_>]) {
        let rows = states.iter().map(|state| tables::row(progress, state));
        let cuckoo = states.iter().filter_map(|state| tables::cuckoo_row(progress, state));
        let outcome = add(&mut self.tables, rows).and_then(|()| add(&mut self.cuckoo, cuckoo));
        self.keep(outcome);
    }

    /// Writes one row of the timeline, for workers and shards alike, until there are enough.
    fn timeline(&mut self, record: &Record<'_>) {
        if self.timeline_left == 0 {
            return;
        }
        self.timeline_left -= 1;
        let outcome = match record {
            Record::Activity { worker, class, activity, from, to, step } => {
                let class = self.class(*class).to_string();
                self.timeline.row(&TimelineRow {
                    worker: worker.0,
                    class,
                    activity: *activity,
                    start_s: from.seconds(),
                    end_s: to.seconds(),
                    step: Some(*step),
                })
            }
            Record::Service { shard, worker, activity, from, to } => {
                self.service.row(&ServiceRow {
                    shard: shard.0,
                    worker: worker.0,
                    activity: *activity,
                    start_s: from.seconds(),
                    end_s: to.seconds(),
                })
            }
            _ => Ok(()),
        };
        self.keep(outcome);
    }

    /// Writes the distributions.
    ///
    /// # Errors
    /// The first write that failed, now or before.
    pub fn finish(&mut self, folder: &Path, simulation: Option<&Simulation>) -> io::Result<()> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        for table in self.tables_mut() {
            table.sync()?;
        }
        self.write_staleness(folder)?;
        self.rows.write(folder, &self.recording.spaces)?;
        if let Some(simulation) = simulation {
            self.write_workers(folder, simulation)?;
            self.write_shards(folder, simulation)?;
            presence::write(folder, simulation, |class| self.class(class))?;
            shard_failures::write(folder, simulation)?;
            served::write_slices(folder, simulation)?;
        }
        // `summary.json` says that the run is done. It must not reach the disk before the files
        // that it describes.
        disk::sync_folder_of(&folder.join("staleness.csv"))
    }

    /// The series that are written during the run.
    fn tables_mut(&mut self) -> impl Iterator<Item = &mut TableWriter> {
        let Recorder { evaluations, training, divergence, timeline, service, .. } = self;
        let always = [evaluations, training, divergence, timeline, service].into_iter();
        let some = [&mut self.layers, &mut self.tables, &mut self.cuckoo, &mut self.by_row];
        let some = some.into_iter().chain([&mut self.stream, &mut self.served]);
        always.chain(some.flatten())
    }

    fn class(&self, index: usize) -> &str {
        self.recording.classes.get(index).map_or(ONLY_CLASS, String::as_str)
    }

    fn write_staleness(&self, folder: &Path) -> io::Result<()> {
        let buckets = self.histograms.iter().flat_map(|((class, measure), histogram)| {
            histogram.iter().map(|bucket| StalenessRow {
                class: self.class(*class).to_string(),
                measure: MEASURES[*measure].to_string(),
                low: bucket.low,
                high: bucket.high,
                count: bucket.count,
            })
        });
        TableWriter::write(folder, buckets)
    }

    fn write_shards(&self, folder: &Path, simulation: &Simulation) -> io::Result<()> {
        let shards = simulation.shards().iter().zip(simulation.versions());
        let rows = shards.enumerate().map(|(index, (shard, version))| {
            let staleness = self.shards.get(index);
            ShardRow {
                shard: index as u32,
                updates: *version,
                busy_s: shard.processor.busy(simulation.now()).seconds(),
                queue_wait_s: (shard.processor.waited + shard.link_in.waited).seconds(),
                bytes_in: shard.bytes_in,
                bytes_out: shard.bytes_out,
                staleness_mean: staleness.and_then(Histogram::mean),
                staleness_p99: staleness.and_then(|h| h.quantile(0.99)),
                staleness_max: staleness.and_then(Histogram::max),
                rows_read: Some(shard.rows_read as f64),
                rows_written: Some(shard.rows_written as f64),
            }
        });
        TableWriter::write(folder, rows)
    }

    fn write_workers(&self, folder: &Path, simulation: &Simulation) -> io::Result<()> {
        let rows = simulation.workers().iter().enumerate().map(|(index, worker)| {
            let spent = simulation.time_spent(worker);
            WorkerRow {
                worker: index as u32,
                class: self.class(worker.machine.class).to_string(),
                slowdown: Some(worker.machine.slowdown.value()),
                steps: worker.finished,
                examples: worker.examples,
                busy_s: spent.computing.seconds(),
                network_s: spent.network.seconds(),
                queued_s: Some(spent.queued.seconds()),
                served_s: Some(spent.served.seconds()),
                held_s: Some(spent.held.seconds()),
                waiting_s: spent.waiting.seconds(),
                staleness_mean: self.workers[index].mean(),
                staleness_max: Some(self.workers_max[index]),
                starved_s: self.stream.is_some().then(|| spent.starved.seconds()),
            }
        });
        TableWriter::write(folder, rows)
    }
}

/// Adds rows to a series, if the run has it.
fn add<R: TableRow>(
    series: &mut Option<TableWriter>,
    mut rows: impl Iterator<Item = R>,
) -> io::Result<()> {
    let Some(series) = series else { return Ok(()) };
    rows.try_for_each(|row| series.row(&row))?;
    series.flush()
}

crate::persist!(IntervalTotals {
    pushes: state,
    loss: state,
    norm: state,
    staleness: state,
    gap: state
});
crate::persist!(RunTotals {
    staleness: state,
    age: state,
    gap: state,
    mixed: state,
    pushes: state,
    last: state,
    loss: state,
    divergence: state
});

// A table saves the length of its file: rows written after a snapshot are cut off again.
crate::persist!(Recorder {
    recording: fixed,
    evaluations: state,
    training: state,
    divergence: state,
    timeline: state,
    service: state,
    layers: each,
    tables: each,
    cuckoo: each,
    by_row: each,
    stream: each,
    served: each,
    timeline_left: state,
    cadence: state,
    interval: state,
    histograms: state,
    workers: state,
    workers_max: state,
    shards: state,
    rows: state,
    summary: state,
    best: state,
    health: state,
    problem: emptied
});

impl Observer for Recorder {
    fn observe(&mut self, record: &Record<'_>) {
        match record {
            Record::Applied { shard, staleness, .. } => {
                if self.shards.len() <= shard.index() {
                    self.shards.resize_with(shard.index() + 1, Histogram::default);
                }
                self.shards[shard.index()].add(*staleness);
            }
            Record::Finished(push) => self.finished(push),
            Record::Updated { progress, rate, in_flight } => {
                self.updated(progress, *rate, *in_flight);
            }
            Record::Rows(rows) => self.rows.add(rows),
            Record::Diverged { progress, layers } => self.diverged(progress, layers),
            Record::Evaluated { progress, view, quality, selection_auc, undefined, passes } => {
                let selection = (*selection_auc, *undefined);
                self.evaluated(progress, *view, quality, selection, *passes);
            }
            Record::Layers { progress, layers: looks } => {
                let rows = looks.iter().map(|look| layers::row(progress, look));
                let outcome = add(&mut self.layers, rows);
                self.keep(outcome);
            }
            Record::ByRow { progress, classes } => {
                let rows = classes.iter().map(|look| by_row::row(progress, look));
                let outcome = add(&mut self.by_row, rows);
                self.keep(outcome);
            }
            Record::Tables { progress, tables } => self.tables(progress, tables),
            Record::Stream { progress, stream: look } => {
                let rows = std::iter::once(stream::row(progress, look));
                let outcome = add(&mut self.stream, rows);
                self.keep(outcome);
            }
            Record::Served(look) => {
                let outcome = add(&mut self.served, std::iter::once(served::row(look)));
                self.keep(outcome);
            }
            Record::Aborted { .. }
            | Record::Left { .. }
            | Record::Joined { .. }
            | Record::ShardDown { .. }
            | Record::ShardBack { .. } => {}
            Record::Activity { .. } | Record::Service { .. } => self.timeline(record),
        }
    }

    fn wants_timeline(&self) -> bool {
        self.timeline_left > 0
    }

    fn wants_gradient_norms(&self) -> bool {
        true
    }
}
