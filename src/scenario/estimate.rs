//! What a run will need, estimated before it starts.

use super::build::Prepared;
use super::spec::Scenario;
use crate::base::{ByteSize, SimSpan, SimTime};
use crate::cluster::shard_failures::Recovery;
use crate::data::{Batch, Ids};
use crate::optimizer::{RowSemantics, Slot};
use crate::params::lookups::locate_once;
use crate::params::view::rows_len;
use crate::params::{Layout, Lookups};
use crate::remedy::{Needs, RemedyChoice};
use crate::server::admission::AdmittedBy;
use crate::sim::Every;
use crate::sim::evaluate::{CHUNK, Views};
use crate::sim::feed::LastBatch;
use crate::sim::session::COMPARED;

/// An estimate of memory, disk and work.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct ResourceEstimate {
    /// Trained parameters outside tables.
    pub dense: u64,
    /// Numbers in all tables.
    pub sparse: u64,
    /// Embedding rows of an average batch.
    pub rows_per_batch: u64,
    /// Steps until the end, if a limit says so.
    pub pushes: Option<u64>,
    /// Examples of the training window.
    pub window: u64,
    /// About when its live stream is over, if there is one.
    pub stream_end: Option<SimTime>,
    /// Examples of the holdout.
    pub holdout: u64,
    /// Peak memory of our process.
    pub memory: ByteSize,
    /// Largest size of the results folder, while the run is under way.
    pub disk: ByteSize,
    /// The part of it that is free again at the end: snapshots, and files that replace others.
    pub passing: ByteSize,
}

impl ResourceEstimate {
    /// The estimate together with a stage before it: only one is in memory or has snapshots at a time,
    /// but the results of both are on the disk.
    pub fn and_before(self, stage: &ResourceEstimate) -> ResourceEstimate {
        let stays = self.stays().0.saturating_add(stage.stays().0);
        let passing = self.passing.max(stage.passing);
        ResourceEstimate {
            pushes: self.pushes.zip(stage.pushes).map(|(own, before)| own.saturating_add(before)),
            memory: self.memory.max(stage.memory),
            disk: ByteSize(stays.saturating_add(passing.0)),
            passing,
            ..self
        }
    }

    /// Size of the results folder at the end.
    pub fn stays(&self) -> ByteSize {
        ByteSize(self.disk.0.saturating_sub(self.passing.0))
    }

    /// Adds the snapshots of a run whose state has so many bytes: those that are kept, and the one
    /// that is being written.
    fn add_snapshots(&mut self, state: u64) {
        let bytes = SNAPSHOTS.saturating_mul(state.saturating_add(state / 10));
        self.passing.0 = self.passing.0.saturating_add(bytes);
        self.disk.0 = self.disk.0.saturating_add(bytes);
    }
}

/// Snapshots that exist at a time: two are kept, and a third is written before one is removed.
const SNAPSHOTS: u64 = 3;

/// Memory of the program itself.
const PROGRAM: u64 = 24 << 20;
/// Measured memory of a worker, of a step, and of each shard in a step: links, versions, messages.
const PER_WORKER: u64 = 600;
const PER_STEP: u64 = 400;
const PER_PAIR: u64 = 130;
/// Measured memory of an imposed staleness that is drawn ahead: an update, below the version that
/// its gradient is computed on.
const PER_DRAW: u64 = 80;

/// Memory of the pushes with a row, by which the holdout is divided.
const PER_WATCHED_ROW: u64 = 16;

/// Memory of what is known of a row that may be evicted.
const PER_LIFE: u64 = 72;

impl Scenario {
    /// Estimates a run on `threads` host threads. Reads one batch of the log.
    pub fn estimate(&self, prepared: Option<&Prepared>, threads: usize) -> ResourceEstimate {
        let window = prepared.map_or(0, |p| p.train.iter().map(|day| day.examples).sum());
        let limits = self.stop_limits(window.max(1));
        let batch = self.examples_per_step();
        // Shards of dense parameters alone make an update of every so many steps of a worker.
        let per_update = match self.cluster.dense_shards {
            Some(_) => self.pushes_per_update().saturating_mul(self.worker.push_every.max(1)),
            None => self.pushes_per_update(),
        };
        let in_updates = limits.updates.map(|updates| updates.saturating_mul(per_update));
        let of_pass = window.max(1);
        // Every request of a stream is an example; late actions make a few more.
        let of_stream = self.live().map(|_| of_pass);
        let in_examples =
            limits.examples.or(of_stream).map(|examples| match self.train.last_batch {
                LastBatch::Full => examples.div_ceil(batch),
                LastBatch::Short => {
                    let passes = (examples / of_pass).saturating_mul(of_pass.div_ceil(batch));
                    passes.saturating_add((examples % of_pass).div_ceil(batch))
                }
            });
        let pushes = match (in_updates, in_examples) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let cluster = self.cluster_bytes(pushes);
        let mut estimate = ResourceEstimate {
            window,
            stream_end: prepared.and_then(|p| self.stream_end(p)),
            pushes: pushes.filter(|_| limits.time.is_none()),
            memory: ByteSize(PROGRAM.saturating_add(cluster)),
            disk: ByteSize(self.disk()),
            ..ResourceEstimate::default()
        };
        estimate.add_snapshots(cluster);
        if let Some(prepared) = prepared {
            self.add_training(&mut estimate, prepared, threads as u64);
        }
        estimate
    }

    /// About how many times the holdout is scored in a run of `steps`, with all views counted.
    pub fn evaluations(&self, steps: u64) -> u64 {
        let Some(holdout) = &self.holdout else { return 0 };
        let times = self.times(holdout.every, steps);
        let Views { workers, mean_of_views, mean_of_predictions } = holdout.views;
        let single = if mean_of_predictions { self.cluster.workers } else { workers };
        // Once more before the first step, and after the last if that is not due anyway.
        (times + 1).saturating_mul(1 + u64::from(single) + u64::from(mean_of_views))
    }

    /// How many pushes make an update of all shards; at least one.
    pub(crate) fn pushes_per_update(&self) -> u64 {
        let both = [Some(&self.protocol), self.sparse_protocol.as_ref()];
        let wanted = both.into_iter().flatten().map(|p| p.pushes_per_update(self.cluster.workers));
        // The shards with the protocol that waits for more of them are the last.
        wanted.max().map_or(1, u64::from).max(1)
    }

    /// Memory of workers, links and steps, without what is computed in the steps.
    fn cluster_bytes(&self, pushes: Option<u64>) -> u64 {
        if let Some(law) = &self.imposed_staleness {
            return PER_DRAW.saturating_mul(law.largest());
        }
        let (workers, shards) = (u64::from(self.cluster.workers), u64::from(self.cluster.shards));
        let steps = workers.saturating_add(self.held(pushes));
        PER_WORKER * workers + steps.saturating_mul(PER_STEP + PER_PAIR * shards)
    }

    /// Most pushes that wait for others of the same update beyond one of each worker, in a run of so
    /// many.
    fn held(&self, pushes: Option<u64>) -> u64 {
        let held = self.pushes_per_update().saturating_sub(u64::from(self.cluster.workers));
        held.min(pushes.unwrap_or(u64::MAX))
    }

    /// About how often something happens in a run of `steps`.
    fn times(&self, every: Every, steps: u64) -> u64 {
        let updates = steps / self.pushes_per_update();
        let examples = steps.saturating_mul(self.examples_per_step());
        match every {
            Every::Times(times) => times,
            Every::Updates(every) => updates / every.max(1),
            Every::Examples(every) => examples / every.max(1),
            // The length of the run in simulated time is not known beforehand.
            Every::SimTime(_) => 20,
        }
    }

    /// About how many checkpoints a run leaves behind.
    fn checkpoints(&self, steps: Option<u64>) -> u64 {
        let Some(saving) = &self.checkpoint else { return 0 };
        let single = [saving.best, saving.last, saving.average.is_some()];
        let single = single.into_iter().filter(|is_kept| *is_kept).count() as u64;
        let every = saving.every.zip(steps).map_or(0, |(every, steps)| self.times(every, steps));
        single.saturating_add(every)
    }

    /// Bytes of what is known of rows besides weights, slots and counts: their lives, Bloom filters,
    /// and what increments are told by.
    fn histories(&self, layout: &Layout) -> u64 {
        let rows: u64 = layout.tables.iter().map(|table| u64::from(table.rows)).sum();
        let lives = if self.eviction.is_some() { PER_LIFE.saturating_mul(rows) } else { 0 };
        let filter = match self.admission.map(|admission| admission.by) {
            Some(AdmittedBy::Bloom(filter)) => {
                2 * u64::from(filter.counters) * layout.tables.len() as u64
            }
            Some(AdmittedBy::Sliding(filter)) => {
                filter.bytes().saturating_mul(layout.tables.len() as u64)
            }
            _ => 0,
        };
        // A hash of each row, to find those that change.
        let increments = self.checkpoint.as_ref().is_some_and(|saving| saving.increments > 0);
        let hashes = if increments { 8 * rows } else { 0 };
        lives.saturating_add(filter).saturating_add(hashes)
    }

    fn add_training(&self, estimate: &mut ResourceEstimate, prepared: &Prepared, threads: u64) {
        let layout = prepared.model.layout();
        let (batch, lookups) = sample(prepared, self.examples_per_step() as usize);
        let rows = rows_len(layout, &lookups) as u64;
        let moving = layout.moving_len() as u64;
        estimate.dense = layout.dense_len() as u64;
        estimate.sparse = layout.sparse_len();
        estimate.rows_per_batch = lookups.distinct() as u64;
        estimate.holdout = prepared.holdout.len() as u64;
        let sparse_rule = self.sparse_optimizer.as_ref().unwrap_or(&self.optimizer);
        let (dense_rule, sparse_rule) = (self.optimizer.build(), sparse_rule.build());
        let dense = layout.dense.iter().map(|b| b.len() + Slot::all(dense_rule.slots(), b.len()));
        // Besides its numbers, a row has a count of its updates.
        let admitted = |dim: usize| if self.admission.is_some() { dim + 1 } else { 0 };
        let row =
            |dim: usize| (dim + Slot::all(sparse_rule.slots(), dim) + 1 + admitted(dim)) as u64;
        let sparse = layout.tables.iter().map(|t| u64::from(t.rows).saturating_mul(row(t.dim)));
        let (dense, sparse) = (4 * dense.sum::<usize>() as u64, 4 * sparse.sum::<u64>());
        let server = (dense + sparse)
            .saturating_add(self.histories(layout))
            .saturating_add(self.row_indexes(prepared));
        // What an update may change: all rows, if it can evict them or its rule moves those that were
        // not touched.
        let all_rows = self.eviction.is_some() || sparse_rule.rows() == RowSemantics::Dense;
        let touched = if all_rows {
            server - dense
        } else {
            estimate.rows_per_batch.saturating_mul(
                4 * layout.tables.iter().map(|table| row(table.dim)).max().unwrap_or(0),
            )
        };
        let (changed, pushes) = (dense.saturating_add(touched), estimate.pushes);
        let watched_rows = self.watched_rows(prepared);
        // A step in flight holds its batch, and either its view or its gradient. A watched step
        // holds both.
        let view = 4 * (estimate.dense + rows + moving);
        let examples = batch.len().max(1) as u64;
        // A day may be shorter than a step.
        let times = self.examples_per_step().div_ceil(examples);
        let step = (bytes(&batch) + bytes_of(&lookups)).saturating_mul(times)
            + view
            + if dense_rule.carries_slots() { 4 * estimate.dense } else { 0 }
            + if sparse_rule.carries_slots() { 4 * rows } else { 0 };
        let (under_way, held) = match &self.imposed_staleness {
            // The number of gradients in flight is random: this is rarely exceeded.
            Some(law) => ((1.5 * law.mean()) as u64 + 16, 0),
            None => {
                let workers = u64::from(self.cluster.workers);
                (workers * (1 + u64::from(self.worker.prefetch)), self.held(estimate.pushes))
            }
        };
        // Measured, a push that waits takes 1.5 times the memory of a step.
        let in_flight = under_way.saturating_add(held.saturating_mul(2));
        let needs = self.needs(layout);
        let watched = self.watched(in_flight, needs);
        let remedies =
            self.remedy.iter().map(|r| 4 * r.numbers(self.cluster.workers, layout)).sum();
        // Memory that outlives a step: dense sums, or a replica with velocity and the rows that it
        // has met.
        let kept = if self.worker.local.plan().keeps_replica() {
            8 * estimate.dense + 8 * estimate.sparse
        } else if self.worker.push_every > 1 {
            4 * estimate.dense
        } else {
            0
        };
        let kept = kept + if self.worker.pull_every > 1 || needs.spares { step } else { 0 };
        let own = (0..layout.moving.len()).any(|block| layout.stays_with_workers(block));
        let kept = kept + if own { 4 * moving } else { 0 };
        let kept = kept + if needs.spares { 4 * (estimate.dense + moving) } else { 0 };
        let holdout = if estimate.holdout > 0 {
            estimate.holdout * ((bytes(&batch) + bytes_of(&lookups)) / examples + 16)
        } else {
            0
        };
        // The ids in checkpoints.
        let source = &prepared.source;
        let listed = (0..source.schema().spaces.len()).filter_map(|s| source.ids(s));
        let keys = listed.map(Ids::bytes).sum::<u64>();
        // Each thread finds distinct rows with two arrays over each id space.
        let spaces = &prepared.source.schema().spaces;
        let located = 8 * spaces.iter().map(|space| u64::from(space.rows)).sum::<u64>();
        let scored = if estimate.holdout > 0 { CHUNK as u64 } else { 0 };
        let events = batch.events() as f64 / examples as f64;
        let tape = tape(layout, examples.saturating_mul(times).max(scored), events);
        // What a snapshot saves.
        let stream = self.stream_bytes(prepared).saturating_add(self.serving_bytes(prepared));
        let audit = if self.record.audit { 8 * estimate.window } else { 0 };
        let state = [
            server + keys,
            // Measured, a push that waits takes 1.3 times the bytes of a step.
            under_way.saturating_add(held).saturating_add(held / 2).saturating_mul(step),
            watched.saturating_mul(view),
            remedies,
            u64::from(self.cluster.workers).saturating_mul(kept),
            audit,
            stream,
            watched_rows,
            self.kept_by_shards(pushes, server, changed, 0),
            self.averaged(estimate, moving),
            if self.saving_takes_time() { 2 * server } else { 0 },
            if self.record.layers.is_some() { 8 * estimate.dense + 8 * estimate.sparse } else { 0 },
        ];
        estimate.add_snapshots(state.into_iter().fold(0, u64::saturating_add));
        let parts = [
            prepared.source.bytes(),
            server,
            in_flight.saturating_mul(step),
            watched.saturating_mul(view),
            remedies,
            u64::from(self.cluster.workers).saturating_mul(kept),
            holdout,
            self.add_checkpoints(estimate, server + keys, moving),
            watched_rows,
            self.kept_by_shards(pushes, server, changed, step),
            threads.saturating_mul(located.saturating_add(tape)),
            located,
            audit,
            stream,
            // Weights and sums of gradients. Those of tables exist a second time while they are
            // compared.
            if self.record.layers.is_some() {
                8 * estimate.dense + 12 * estimate.sparse
            } else {
                0
            },
        ];
        let needed = parts.into_iter().fold(0, u64::saturating_add);
        // Allocators round up and buffers grow by doubling.
        let all = estimate.memory.0.saturating_add(needed).saturating_add(needed / 5);
        estimate.memory.0 = all;
    }

    /// Memory of the averages of parameters that checkpoints keep.
    fn averaged(&self, estimate: &ResourceEstimate, moving: u64) -> u64 {
        let average = self.checkpoint.as_ref().and_then(|saving| saving.average);
        let state = 4 * (estimate.dense + estimate.sparse + moving);
        average.map_or(0, |average| average.copies().saturating_mul(state))
    }

    fn saving_takes_time(&self) -> bool {
        self.checkpoint.as_ref().is_some_and(|saving| !saving.save.is_instant())
    }

    /// Adds the disk space of checkpoints, where servers hold `server` bytes. Returns their memory.
    fn add_checkpoints(&self, estimate: &mut ResourceEstimate, server: u64, moving: u64) -> u64 {
        let averaged = self.averaged(estimate, moving);
        let checkpoints = self.checkpoints(estimate.pushes);
        // One more exists while a file is replaced.
        let files = if checkpoints > 0 { checkpoints + 1 } else { 0 };
        estimate.disk.0 = estimate.disk.0.saturating_add(files.saturating_mul(server));
        if files > 0 {
            estimate.passing.0 = estimate.passing.0.saturating_add(server);
        }
        let copies = match (&self.start, checkpoints) {
            // The file, its tensors, these in the order of this log, and the new parameters twice.
            (Some(_), _) => 5,
            (None, 1..) => 2,
            (None, 0) => 0,
        };
        // One copy is being made while another is being written.
        let copies = copies + if self.saving_takes_time() { 2 } else { 0 };
        averaged.saturating_add(server.saturating_mul(copies))
    }

    /// Memory of the states that shards keep to return to: of `server` bytes, where an update
    /// changes `update` bytes and a step has views of `step` bytes, in a run of so many pushes.
    fn kept_by_shards(&self, pushes: Option<u64>, server: u64, update: u64, step: u64) -> u64 {
        let failures = &self.cluster.shard_failures;
        if failures.is_none() || self.imposed_staleness.is_some() {
            return 0;
        }
        let workers = u64::from(self.cluster.workers);
        let views = if failures.keeps_views() { workers.saturating_mul(step) } else { 0 };
        let base = self.cluster.compute.base(u64::from(self.train.batch)).0.max(1);
        let most = pushes.unwrap_or(u64::MAX);
        let updates = |span: SimSpan| (span.0 / base + 1).saturating_mul(workers).min(most);
        let states = match (failures.recovery, failures.checkpoint.every) {
            (Recovery::Replica, _) if failures.lag.is_zero() => 0,
            (Recovery::Replica, _) => updates(failures.lag).saturating_mul(update),
            (_, every) => {
                // An increment holds what was touched, at most everything. Marks of rows are a part.
                // There are no more of them than updates, and each update is in one.
                let increments = failures.checkpoint.increments.map_or(0, |increment| {
                    let number = every.map_or(0, |every| every.0 / increment.0.max(1)).min(most);
                    let each = updates(increment).saturating_mul(update).min(server);
                    let all = number.saturating_mul(each).min(most.saturating_mul(update));
                    all.saturating_add(server / 2)
                });
                server.saturating_add(increments)
            }
        };
        states.saturating_add(views)
    }

    /// Memory of the pushes with each row by which the holdout is divided, if there are such rows.
    fn watched_rows(&self, prepared: &Prepared) -> u64 {
        let (schema, layout) = (prepared.source.schema(), prepared.model.layout());
        // Names that cannot be used were refused before.
        let spaces = self.row_spaces(schema, layout).unwrap_or_default();
        spaces.iter().map(|space| PER_WATCHED_ROW * u64::from(space.rows)).sum()
    }

    /// What the remedies need to be given.
    fn needs(&self, layout: &Layout) -> Needs {
        let build = |choice: &RemedyChoice| choice.build(self.cluster.workers, layout).needs();
        self.remedy.iter().map(build).fold(Needs::default(), Needs::and)
    }

    /// How many steps in flight keep their view for a remedy, an evaluation or a record.
    fn watched(&self, in_flight: u64, needs: Needs) -> u64 {
        let views = self.holdout.as_ref().map(|holdout| holdout.views).unwrap_or_default();
        if needs.view || needs.row_staleness || views.mean_of_views || views.mean_of_predictions {
            return in_flight;
        }
        let compared = if self.record.divergence.is_some() { COMPARED } else { 0 };
        let sampled = |every: Option<u64>| every.map_or(0, |every| in_flight / every.max(1));
        let sampled = sampled(self.record.gap_every).max(sampled(self.record.rows_every));
        (u64::from(compared.max(views.workers)) + sampled).min(in_flight)
    }

    fn disk(&self) -> u64 {
        let evaluations = self.holdout.as_ref().map_or(0, |_| 200 * 1_000);
        200_000
            + evaluations
            + self.record.timeline.saturating_mul(60)
            + 120 * u64::from(self.cluster.workers)
            + 3_000_000
    }
}

/// Memory of a network's tape: inputs and outputs of every layer, values and gradients. They exist
/// once per example, or once per event for the layers of an attention unit.
fn tape(layout: &Layout, examples: u64, events: f64) -> u64 {
    let widths = |attention: bool| -> u64 {
        let of = |layer: &str| layer.starts_with("attention") == attention;
        let blocks = layout.dense.iter().filter(|block| of(&block.layer) && block.shape.0 > 1);
        blocks.map(|block| (block.shape.0 + block.shape.1) as u64).sum()
    };
    let per_example = widths(false) as f64 + widths(true) as f64 * events;
    (TAPE_FACTOR * 4.0 * per_example * examples as f64) as u64
}

/// Numbers that a tape holds per input and output of a layer: value, pre-activation, gradients.
const TAPE_FACTOR: f64 = 3.0;

/// A batch from the middle of the window, and its distinct rows.
pub(crate) fn sample(prepared: &Prepared, size: usize) -> (Batch, Lookups) {
    let day = prepared.train[prepared.train.len() / 2];
    let size = (size as u64).min(day.examples);
    // Examples are taken from the whole day, as in a shuffled batch.
    let ids: Vec<u64> = (0..size).map(|k| day.first + k * day.examples / size.max(1)).collect();
    let mut batch = Batch::default();
    prepared.source.read(&ids, &mut batch);
    // The model may be above the limits that are checked by this estimate.
    let lookups = locate_once(prepared.source.schema(), prepared.model.layout(), &batch);
    (batch, lookups)
}

fn bytes(batch: &Batch) -> u64 {
    let words = batch.fields.len() + batch.history.len() + batch.numeric.len() + batch.len();
    4 * words as u64 + 28 * batch.len() as u64
}

fn bytes_of(lookups: &Lookups) -> u64 {
    4 * (3 * lookups.distinct() + lookups.fields.len() + lookups.history.len()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_of_all_shards_waits_for_the_protocol_that_needs_more_pushes() {
        let text = "[timing_only]\n[train.stop]\nupdates = 20\n[cluster]\nshards = 3\ndense_shards = 1\n\
                    [sparse_protocol]\nkind = \"gba\"\nbatches = 100\n";
        let scenario = Scenario::from_text(text).unwrap();
        assert_eq!(scenario.estimate(None, 1).pushes, Some(2_000));
    }
}
