//! Imposed staleness: training without a cluster; the age of each gradient is drawn.
//!
//! Update t is made with a gradient computed on the parameters after update t - tau(t), where
//! tau(t) is drawn and at most t. This tests the optimisation half alone, and shows the effect of
//! staleness without the other effects of a cluster (Dai et al. 2018, arXiv:1810.03264).

use std::collections::BTreeMap;

use super::cargo::Cargo;
use super::divergence::gradient_norm;
use super::engine::State;
use super::error::SimError;
use super::record::{Finished, Observer, Record};
use super::session::TrainingSession;
use super::training::{Member, Observed};
use crate::base::{ShardId, SimSpan, SimTime, Streams, WorkerId};
use crate::cluster::{DelayChoice, Routine};
use crate::protocol::{Merge, PushId};

/// A run with imposed staleness. Its virtual clock stands still; its time is the update.
#[derive(Debug)]
pub struct Imposed {
    session: TrainingSession,
    law: DelayChoice,
    streams: Streams,
    /// Updates whose staleness has been drawn: `0 .. planned`.
    planned: u64,
    /// By version: the updates whose gradients are computed on it.
    due: BTreeMap<u64, Vec<u64>>,
    /// Gradients under way, by update.
    flying: BTreeMap<u64, Flying>,
}

/// Between two steps a run can be stopped and saved, so none of them does more than this: draws of
/// staleness, and gradients begun.
const DRAWS: u64 = 100_000;
const PULLS: usize = 1_000;

#[derive(Debug, Default)]
struct Flying {
    cargo: Box<Cargo>,
    staleness: u64,
}

impl Imposed {
    /// A run of `session`, whose work must be a training job, with delays from `law`.
    pub fn new(session: TrainingSession, law: DelayChoice, streams: Streams) -> Imposed {
        Imposed { session, law, streams, planned: 0, due: BTreeMap::new(), flying: BTreeMap::new() }
    }

    /// The run without its delays.
    pub fn session(&self) -> &TrainingSession {
        &self.session
    }

    /// The same, for measurements.
    pub fn session_mut(&mut self) -> &mut TrainingSession {
        &mut self.session
    }

    /// Runs to the end.
    ///
    /// # Errors
    /// If a parameter is no longer finite.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        self.evaluate_at_ends(observer);
        while self.step(observer)? == State::Running {}
        self.evaluate_at_ends(observer);
        Ok(())
    }

    /// The first evaluation, and the last; for programs that call [`step`](Self::step) themselves.
    pub fn evaluate_at_ends(&mut self, observer: &mut dyn Observer) {
        self.session.evaluate_at_ends(std::iter::empty(), observer);
    }

    /// Makes one update, or a part of the work before it if that is much.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn step(&mut self, observer: &mut dyn Observer) -> Result<State, SimError> {
        if self.session.is_over() {
            return Ok(State::Ended);
        }
        let version = self.session.progress.updates;
        if !self.plan(version) || !self.pull_due(version) {
            return Ok(State::Running);
        }
        let flying = self.flying.remove(&version).expect("every update was planned");
        self.apply(version, flying, observer)?;
        Ok(State::Running)
    }

    /// Draws staleness far enough ahead to know every update that reads the current version; `false`
    /// if there is more to draw.
    fn plan(&mut self, version: u64) -> bool {
        for _ in 0..DRAWS {
            if self.planned > version.saturating_add(self.law.largest()) {
                return true;
            }
            let update = self.planned;
            let staleness = self.law.draw(update, self.streams).min(update);
            self.due.entry(update - staleness).or_default().push(update);
            self.planned += 1;
        }
        false
    }

    /// Begins the gradients that are computed on the current version; `false` if there are more.
    fn pull_due(&mut self, version: u64) -> bool {
        let mut now = self.due.remove(&version).unwrap_or_default();
        let later = now.split_off(now.len().min(PULLS));
        now.into_iter().for_each(|update| self.pull(update, version));
        let is_all = later.is_empty();
        if !is_all {
            self.due.insert(version, later);
        }
        is_all
    }

    fn pull(&mut self, update: u64, version: u64) {
        let progress = self.session.progress;
        let Some(training) = self.session.work.training_mut() else { return };
        let mut cargo = training.begin(WorkerId(0), SimTime::ZERO, Observed::default());
        for shard in 0..training.server().sharding().shards() {
            training.pull(&mut cargo, ShardId(shard), &progress);
        }
        training.compute(&mut cargo, &Routine::default(), true, SimTime(update));
        self.flying.insert(update, Flying { cargo, staleness: update - version });
    }

    fn apply(
        &mut self,
        update: u64,
        mut flying: Flying,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let progress = self.session.progress;
        let Some(training) = self.session.work.training_mut() else { return Ok(()) };
        let mut outcome = Ok(());
        training.add_batch_statistics(&mut flying.cargo, progress.now);
        for shard in 0..training.server().sharding().shards() {
            let staleness = flying.staleness;
            let mut members = [Member { push: update, staleness, cargo: &mut flying.cargo }];
            let applied = training.apply(
                ShardId(shard),
                &mut members,
                Merge::default(),
                update + 1,
                &progress,
            );
            outcome = outcome.and(applied);
        }
        let gradient = flying.cargo.gradient().expect("it was just applied");
        let wanted = outcome.is_err() || observer.wants_gradient_norms();
        let finished = Finished {
            at: SimTime::ZERO,
            push: PushId(update),
            worker: WorkerId(0),
            class: 0,
            examples: u64::from(gradient.examples),
            staleness: flying.staleness as f64,
            staleness_rounded: flying.staleness,
            clock_lag: 0,
            age: SimSpan::ZERO,
            mixed: false,
            applied: true,
            loss: gradient.loss,
            gradient_norm: match wanted {
                true => gradient_norm(&gradient.dense, &gradient.rows),
                false => f64::NAN,
            },
            gap: None,
        };
        self.session.count_push(&flying.cargo);
        if let Some(training) = self.session.work.training_mut() {
            training.recycle(*flying.cargo, false);
        }
        observer.observe(&Record::Finished(&finished));
        outcome.map_err(|bad| SimError::BlowUp {
            update: update + 1,
            at: SimTime::ZERO,
            parameter: bad.parameter,
            worker: WorkerId(0),
            staleness: finished.staleness_rounded,
            gradient_norm: finished.gradient_norm,
            loss: finished.loss,
        })?;
        self.session.progress.pushes += 1;
        self.session.progress.examples += finished.examples;
        self.session.progress.updates += 1;
        self.session.updated(self.flying.len(), observer);
        self.session.observe_due(std::iter::empty, observer);
        Ok(())
    }
}

impl Imposed {
    /// Finishes all computations, so that the whole state can be saved.
    pub fn finish_gradients(&mut self) {
        self.finish_gradients_while(&mut || true);
    }

    /// The same, as long as `goes_on` says so; returns whether all are finished.
    pub fn finish_gradients_while(&mut self, goes_on: &mut dyn FnMut() -> bool) -> bool {
        let Some(training) = self.session.work.training_mut() else { return true };
        self.flying.values_mut().all(|flying| {
            training.finish(&mut flying.cargo);
            goes_on()
        })
    }
}

crate::persist!(Flying { cargo: state, staleness: state });
crate::persist!(Imposed {
    session: state,
    law: fixed,
    streams: fixed,
    planned: state,
    due: state,
    flying: state
});
