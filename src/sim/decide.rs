//! What becomes of pushes: the protocol's decisions, carried out.

use super::divergence::{apart, gradient_norm};
use super::engine::{Simulation, held};
use super::error::SimError;
use super::flight::Flight;
use super::record::{Finished, Observer, Record, RowStaleness};
use super::training::Member;
use crate::base::{ShardId, WorkerId};
use crate::protocol::{Decision, Merge, PushId};

impl Simulation {
    pub(super) fn carry_out(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        if self.decisions.is_empty() {
            return Ok(());
        }
        let decisions = std::mem::take(&mut self.decisions);
        let mut outcome = Ok(());
        for index in 0..decisions.len() {
            match decisions.get(index) {
                Decision::Grant(worker, shard) => {
                    if !self.holds_grant(worker, shard) {
                        self.grant(worker, shard, observer);
                    }
                }
                Decision::Discard(shard, push) => self.discard(shard, push, observer),
                Decision::Abort(worker) => self.abort(worker, observer),
                Decision::Apply(shard, pushes, merge) => {
                    outcome = self.apply(shard, pushes, merge, observer);
                    if outcome.is_err() {
                        break;
                    }
                }
            }
        }
        self.decisions = decisions;
        self.decisions.clear();
        outcome
    }

    fn apply(
        &mut self,
        shard: ShardId,
        pushes: &[PushId],
        merge: Merge,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let s = shard.index();
        let version = self.versions[s];
        assert!(!pushes.is_empty(), "the protocol made an update of {shard} out of no push");
        for &push in pushes {
            let staleness = self.land(shard, push, version);
            let flight = self.flights.get(push);
            flight.staleness += staleness;
            observer.observe(&Record::Applied { shard, worker: flight.worker, staleness });
        }
        self.ledgers[s].update();
        self.before_update(shard, pushes, observer);
        let outcome = self.update(shard, pushes, merge, version);
        self.versions[s] = version + 1;
        for &push in pushes {
            if self.flights.get(push).is_landed() {
                self.finish(push, observer);
            }
        }
        outcome?;
        let updates = self.versions.iter().copied().min().unwrap_or(0);
        if updates > self.session.progress.updates {
            self.session.progress.updates = updates;
            self.begin_late(updates);
            self.session.updated(self.flights.len(), observer);
            let Simulation { session, flights, .. } = self;
            session.look(|| held(flights), observer);
        }
        Ok(())
    }

    /// Takes a step off a shard's account; returns its staleness there.
    fn land(&mut self, shard: ShardId, push: PushId, version: u64) -> u64 {
        let flight = self.flights.find(push).unwrap_or_else(|| {
            panic!("the protocol decided on {push:?}, which is not in flight: it decided twice, or never saw it")
        });
        flight.land(shard);
        let staleness = version - flight.version(shard).expect("what has arrived has read");
        self.ledgers[shard.index()].land(staleness);
        staleness
    }

    /// The parameters' part of an update.
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

    /// What is measured on the parameters as they are just before an update.
    fn before_update(&mut self, shard: ShardId, pushes: &[PushId], observer: &mut dyn Observer) {
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
                observer.observe(&Record::Rows(RowStaleness { space, pulled: &pulled, now: &now }));
                at += ids.len();
            }
        }
    }

    fn discard(&mut self, shard: ShardId, push: PushId, observer: &mut dyn Observer) {
        let version = self.versions[shard.index()];
        self.land(shard, push, version);
        let flight = self.flights.get(push);
        flight.discarded += 1;
        if flight.is_landed() {
            self.finish(push, observer);
        }
    }

    /// Breaks off the step that a worker is in, if its push has not arrived everywhere.
    fn abort(&mut self, worker: WorkerId, observer: &mut dyn Observer) {
        let w = &mut self.workers[worker.index()];
        let Some(push) = w.flight.take() else { return };
        w.asking = false;
        let flight = self.break_off(push);
        self.flights.recycle(flight);
        self.aborted += 1;
        observer.observe(&Record::Aborted { worker, push });
        self.freed(worker);
    }

    /// Takes a step that will not land off all accounts.
    pub(super) fn break_off(&mut self, push: PushId) -> Box<Flight> {
        let mut flight = self.flights.remove(push);
        for (s, ledger) in self.ledgers.iter_mut().enumerate() {
            let shard = ShardId(s as u32);
            if flight.holds(shard) {
                let read = flight.version(shard).expect("what is held was read");
                ledger.land(self.versions[s] - read);
            }
        }
        self.in_vain += 1;
        if let (Some(cargo), Some(training)) =
            (flight.cargo.take(), self.session.work.training_mut())
        {
            training.recycle(*cargo, self.routine.keeps());
        }
        flight
    }

    /// A push that every shard has applied or discarded.
    fn finish(&mut self, push: PushId, observer: &mut dyn Observer) {
        let mut flight = self.flights.remove(push);
        self.landed += 1;
        let applied = flight.discarded == 0;
        if applied {
            self.in_vain = 0;
            self.session.progress.pushes += 1;
            self.session.progress.examples += flight.examples;
            self.presence.used(&flight.ids);
        } else {
            self.in_vain += 1;
            self.discarded += 1;
        }
        let staleness = flight.staleness as f64 / flight.written() as f64;
        // What no shard has applied need never have been computed.
        let taken = (flight.discarded as usize) < flight.written();
        let gradient = flight.cargo.as_ref().filter(|_| taken).and_then(|cargo| cargo.gradient());
        let to_norm = gradient.filter(|_| observer.wants_gradient_norms());
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
            mixed: flight.mixed(),
            applied,
            loss: gradient.map_or(f64::NAN, |g| g.loss),
            gradient_norm: to_norm.map_or(f64::NAN, |g| gradient_norm(&g.dense, &g.rows)),
            gap: self.gap(&flight),
        };
        if let (true, Some(cargo)) = (applied, &flight.cargo) {
            self.session.pushed(cargo);
        }
        observer.observe(&Record::Finished(&finished));
        if let (Some(cargo), Some(training)) =
            (flight.cargo.take(), self.session.work.training_mut())
        {
            training.recycle(*cargo, self.routine.keeps());
        }
        self.flights.recycle(flight);
    }

    /// The gap of a step whose turn it was to be measured at every shard.
    fn gap(&self, flight: &Flight) -> Option<f64> {
        let every = self.session.watch.gap_every?;
        let size = flight.cargo.as_ref()?.view()?.dense.len();
        let due = flight.push.0.is_multiple_of(every.max(1)) && flight.discarded == 0;
        (due && size > 0).then(|| (flight.apart / size as f64).sqrt())
    }
}
