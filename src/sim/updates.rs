//! The fate of pushes: shards apply or discard them, and steps end.

use super::books::Books;
use super::coordinator::Coordinator;
use super::divergence::{apart, gradient_norm};
use super::error::SimError;
use super::flight::{Flight, Flights};
use super::outages::Outages;
use super::presence::Presence;
use super::queue::EventQueue;
use super::record::{Finished, Observer, Record, RowStaleness};
use super::session::TrainingSession;
use super::training::Member;
use super::watchdog::Watchdog;
use super::worker::Worker;
use crate::base::{ShardId, WorkerId};
use crate::protocol::{Merge, PushId};

/// The rooms that updates touch: no messages, no checkpoint files, and of workers only their machines and what they wait for.
pub(super) struct Updates<'a> {
    pub(super) queue: &'a mut EventQueue,
    pub(super) workers: &'a mut [Worker],
    pub(super) flights: &'a mut Flights,
    pub(super) coordinator: &'a mut Coordinator,
    pub(super) books: &'a mut Books,
    pub(super) watchdog: &'a mut Watchdog,
    pub(super) session: &'a mut TrainingSession,
    pub(super) presence: &'a mut Presence,
    pub(super) outages: &'a mut Outages,
    /// Whether workers keep anything from step to step.
    pub(super) keeps: bool,
    pub(super) observer: &'a mut dyn Observer,
}

/// The remains of a step that will not land.
#[derive(Debug)]
pub(super) struct Abandoned {
    /// Its worker.
    pub worker: WorkerId,
    /// Examples of its push.
    pub examples: u64,
    /// Their ids, if examples are followed.
    pub ids: Vec<u64>,
}

impl Updates<'_> {
    /// A shard applies these pushes as one update.
    pub(super) fn apply(
        &mut self,
        shard: ShardId,
        pushes: &[PushId],
        merge: Merge,
    ) -> Result<(), SimError> {
        let version = self.coordinator.version(shard);
        assert!(!pushes.is_empty(), "the protocol made an update of {shard} out of no push");
        for &push in pushes {
            let staleness = self.land(shard, push, version);
            let flight = self.flights.get(push);
            flight.staleness += staleness;
            self.observer.observe(&Record::Applied { shard, worker: flight.worker, staleness });
        }
        self.books.update(shard);
        self.before_update(shard, pushes);
        let outcome = match self.with_effect(shard, pushes) {
            None => self.update(shard, pushes, merge, version),
            Some(some) if some.is_empty() => Ok(()),
            Some(some) => self.update(shard, &some, merge, version),
        };
        self.coordinator.count_update(shard);
        for &push in pushes {
            if self.flights.get(push).is_landed() {
                self.finish(push);
            }
        }
        outcome?;
        let updates = self.coordinator.updates();
        if updates > self.session.progress.updates {
            self.session.progress.updates = updates;
            self.presence.begin_late(updates, self.queue);
            self.session.updated(self.flights.len(), self.observer);
            self.session.observe_due(|| self.flights.views(), self.observer);
        }
        Ok(())
    }

    /// Removes a step from a shard's account; returns its staleness there.
    fn land(&mut self, shard: ShardId, push: PushId, version: u64) -> u64 {
        let flight = self.flights.find(push).unwrap_or_else(|| {
            panic!("the protocol decided on {push:?}, which is not in flight: it decided twice, or never saw it")
        });
        flight.land(shard);
        let staleness = version - flight.version(shard).expect("what has arrived has read");
        self.books.land(shard, staleness);
        staleness
    }

    /// Carries out an update on the parameters.
    fn update(
        &mut self,
        shard: ShardId,
        pushes: &[PushId],
        merge: Merge,
        version: u64,
    ) -> Result<(), SimError> {
        let progress = self.session.progress;
        let Some(training) = self.session.work.training_mut() else {
            return Ok(());
        };
        let mut cargoes: Vec<_> = pushes
            .iter()
            .map(|&push| {
                let flight = self.flights.get(push);
                let read = flight.version(shard).unwrap_or(version);
                (push.0, version - read, flight.cargo.take().expect("a step has cargo"))
            })
            .collect();
        let mut members: Vec<Member<'_>> = cargoes
            .iter_mut()
            .map(|(push, staleness, cargo)| Member {
                push: *push,
                staleness: *staleness,
                cargo: cargo.as_mut(),
            })
            .collect();
        let outcome = training.apply(shard, &mut members, merge, version + 1, &progress);
        let mut last = (f64::NAN, f64::NAN);
        for (push, _, cargo) in cargoes {
            if let (Some(gradient), true) = (cargo.gradient(), outcome.is_err()) {
                last = (gradient.loss, gradient_norm(&gradient.dense, &gradient.rows));
            }
            self.flights.get(PushId(push)).cargo = Some(cargo);
        }
        outcome.map_err(|bad| {
            let flight = self.flights.get(*pushes.last().expect("an update has members"));
            let read = flight.version(shard).unwrap_or(version);
            SimError::BlowUp {
                update: version + 1,
                at: progress.now,
                parameter: bad.parameter,
                worker: flight.worker,
                staleness: version - read,
                gradient_norm: last.1,
                loss: last.0,
            }
        })
    }

    /// Measures the parameters just before an update.
    fn before_update(&mut self, shard: ShardId, pushes: &[PushId]) {
        let Some(training) = self.session.work.training() else {
            return;
        };
        if let Some(every) = self.session.watch.gap_every {
            for &push in pushes.iter().filter(|push| push.0.is_multiple_of(every.max(1))) {
                let flight = self.flights.get(push);
                if let Some(view) = flight.cargo.as_ref().and_then(|cargo| cargo.view()) {
                    flight.apart += apart(training.server(), shard, &view.dense);
                }
            }
        }
        let Some(every) = self.session.watch.rows_every else {
            return;
        };
        for &push in pushes.iter().filter(|push| push.0.is_multiple_of(every.max(1))) {
            let flight = self.flights.get(push);
            let Some(step) = flight.cargo.as_ref().and_then(|cargo| cargo.view()) else {
                continue;
            };
            let mut now = vec![0; step.row_updates.len()];
            training.server().row_updates(None, &step.lookups, &mut now);
            let sharding = training.server().sharding();
            let mut at = 0;
            for (space, ids) in step.lookups.ids.iter().enumerate() {
                let here = sharding.held(&step.lookups, space, shard);
                let mine: Vec<usize> = here.map(|i| at + i as usize).collect();
                let pick = |from: &[u32]| mine.iter().map(|&i| from[i]).collect::<Vec<u32>>();
                let (pulled, now) = (pick(&step.row_updates), pick(&now));
                self.observer.observe(&Record::Rows(RowStaleness {
                    space,
                    pulled: &pulled,
                    now: &now,
                }));
                at += ids.len();
            }
        }
    }

    /// A shard discards its part of a push.
    pub(super) fn discard(&mut self, shard: ShardId, push: PushId) {
        let version = self.coordinator.version(shard);
        self.land(shard, push, version);
        let flight = self.flights.get(push);
        flight.discarded += 1;
        if flight.is_landed() {
            self.finish(push);
        }
    }

    /// Removes a step that will not land from all accounts.
    pub(super) fn abandon(&mut self, push: PushId) -> Abandoned {
        let mut flight = self.flights.remove(push);
        if flight.is_awaited() {
            self.workers[flight.worker.index()].awaited = flight.awaited();
        }
        self.books.close(&flight, self.coordinator.versions());
        self.watchdog.note_step(false);
        let ids = std::mem::take(&mut flight.ids);
        let abandoned = Abandoned { worker: flight.worker, examples: flight.examples, ids };
        self.flights.recycle(flight, &mut self.session.work, self.keeps);
        abandoned
    }

    /// Ends a push that every shard has applied or discarded.
    fn finish(&mut self, push: PushId) {
        let flight = self.flights.remove(push);
        self.books.steps.landed += 1;
        let applied = flight.discarded == 0;
        self.watchdog.note_step(applied);
        if applied {
            self.session.progress.pushes += 1;
            self.session.progress.examples += flight.examples;
            self.presence.count_uses(&flight.ids);
        } else {
            self.books.steps.discarded += 1;
        }
        let staleness = flight.staleness as f64 / flight.written() as f64;
        // A push that no shard has applied may not have been computed.
        let taken = (flight.discarded as usize) < flight.written();
        let gradient = flight.cargo.as_ref().filter(|_| taken).and_then(|cargo| cargo.gradient());
        let to_norm = gradient.filter(|_| self.observer.wants_gradient_norms());
        let finished = Finished {
            at: self.queue.now(),
            push,
            worker: flight.worker,
            class: self.workers[flight.worker.index()].machine.class,
            examples: flight.examples,
            staleness,
            staleness_rounded: staleness.round() as u64,
            clock_lag: flight.clock_lag,
            age: self.queue.now().since(flight.first_read),
            mixed: flight.is_mixed(),
            applied,
            loss: gradient.map_or(f64::NAN, |g| g.loss),
            gradient_norm: to_norm.map_or(f64::NAN, |g| gradient_norm(&g.dense, &g.rows)),
            gap: self.gap(&flight),
        };
        if let (true, Some(cargo)) = (applied, &flight.cargo) {
            self.session.count_push(cargo);
            self.session.note_lags(flight.events);
        }
        self.observer.observe(&Record::Finished(&finished));
        self.flights.recycle(flight, &mut self.session.work, self.keeps);
    }

    /// The gap of a step, if it was measured at every shard.
    fn gap(&self, flight: &Flight) -> Option<f64> {
        let every = self.session.watch.gap_every?;
        let size = flight.cargo.as_ref()?.view()?.dense.len();
        let due = flight.push.0.is_multiple_of(every.max(1)) && flight.discarded == 0;
        (due && size > 0).then(|| (flight.apart / size as f64).sqrt())
    }
}
