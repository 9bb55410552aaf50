//! A worker's step: pulling, computing, pushing.
//!
//! Events of a step name the step, not the worker. So an aborted step is not found any more, and
//! messages to it are ignored.
//!
//! With `prefetch` a worker pulls for its next step while it computes the current one. So it may
//! have two steps in flight: the one that it computes or pushes, and one *ahead* that only reads.
//! The step ahead becomes the current one when the push has been taken in. Its gradient starts only
//! then, since it needs the data that the worker keeps from step to step.

use super::books::Books;
use super::coordinator::{Coordinator, Notice};
use super::flight::Flights;
use super::network::{NetworkState, Request, Service};
use super::outages::Outages;
use super::plan::RunConstants;
use super::queue::{Event, EventQueue, Life};
use super::record::{Activity, Observer, Record};
use super::session::TrainingSession;
use super::work::Work;
use super::worker::Worker;
use crate::base::{ShardId, SimSpan, SimTime, WorkerId};
use crate::online::EventTimes;
use crate::protocol::{Arrived, PushId, Read};

/// The rooms that the steps of workers touch: no checkpoints, no joins and leaves.
pub(super) struct Journey<'a> {
    pub(super) plan: &'a RunConstants,
    pub(super) queue: &'a mut EventQueue,
    pub(super) network: &'a mut NetworkState,
    pub(super) workers: &'a mut [Worker],
    pub(super) flights: &'a mut Flights,
    pub(super) coordinator: &'a mut Coordinator,
    pub(super) books: &'a mut Books,
    pub(super) session: &'a mut TrainingSession,
    pub(super) outages: &'a mut Outages,
    /// Whether the example ids of a step are kept.
    pub(super) follows: bool,
    pub(super) observer: &'a mut dyn Observer,
}

impl Journey<'_> {
    pub(super) fn shards(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..self.network.shards().len() as u32).map(ShardId)
    }

    /// The worker is free for its next step. Returns whether it asks at once.
    pub(super) fn prepare_next_step(&mut self, worker: WorkerId, life: u32) -> bool {
        let w = &self.workers[worker.index()];
        if let Some(wakes) = w.presence.sleeps_until() {
            self.queue.schedule(wakes, worker, Event::Ready(worker, life));
            return false;
        }
        let pause = if w.begun > 0 { w.machine.between } else { SimSpan::ZERO };
        let begins = self.queue.now() + pause;
        let at = if self.plan.routine.computes_first() {
            self.turn_to(worker, Activity::Compute);
            self.computed_at(begins, worker, self.workers[worker.index()].begun)
        } else if pause.is_zero() {
            return true;
        } else {
            self.turn_to(worker, Activity::Wait);
            begins
        };
        self.queue.schedule(at, worker, Event::Asks(worker, life));
        false
    }

    /// Lets a worker read `shard`, or all shards that it may not read yet.
    pub(super) fn grant(&mut self, worker: WorkerId, shard: Option<ShardId>) {
        let w = &self.workers[worker.index()];
        assert!(w.asking, "the protocol granted {worker}, which had not asked");
        // If its step may read everything already, the request was for the step ahead.
        let ahead = w.flight.is_some_and(|push| self.flights.get(push).is_granted());
        let push = match if ahead { w.next } else { w.flight } {
            Some(push) => push,
            None => self.begin(worker, ahead),
        };
        if !ahead && self.workers[worker.index()].activity() != Activity::Pull {
            self.turn_to(worker, Activity::Pull);
        }
        match shard {
            Some(shard) => {
                let closed = self.flights.get(push).grant(shard);
                assert!(closed, "the protocol granted {shard} to {worker} twice");
                self.pull(push, shard);
            }
            None => {
                for shard in self.shards() {
                    if self.flights.get(push).grant(shard) {
                        self.pull(push, shard);
                    }
                }
            }
        }
        let flight = self.flights.get(push);
        if flight.is_granted() {
            self.workers[worker.index()].asking = false;
        }
        if flight.is_complete() {
            // Nothing had to be read: the worker has all parameters.
            if !self.plan.routine.prefetch {
                self.compute(push);
            }
            self.note_read(push, self.queue.now());
        }
    }

    /// Begins the worker's next step, or the one ahead: with a batch, and no shard read.
    fn begin(&mut self, worker: WorkerId, ahead: bool) -> PushId {
        let now = self.queue.now();
        let shards = self.shards();
        if self.outages.is_possible() {
            let present = (now, self.coordinator.versions());
            self.outages.save_position(present, self.session.work.training());
        }
        let w = &mut self.workers[worker.index()];
        let pushes_dense = self.plan.routine.pushes(w.begun);
        let flight = self.flights.begin(worker, w.begun, self.network.shards().len() as u32);
        flight.ahead = ahead;
        *(if ahead { &mut w.next } else { &mut w.flight }) = Some(flight.push);
        w.begun += 1;
        self.books.steps.begun += 1;
        match &mut self.session.work {
            Work::Training(training) => {
                let observed = self.session.watch.observed(worker, flight.push);
                let cargo = training.begin(worker, now, observed);
                if let Some(step) = cargo.view() {
                    w.examples_kept += step.examples.len() as u64;
                    w.events_kept.merge(step.events);
                }
                training.loads(&cargo, &mut flight.loads);
                if self.follows {
                    flight.ids.append(&mut w.ids_kept);
                    flight.ids.extend(cargo.view().iter().flat_map(|step| &step.examples));
                }
                flight.cargo = Some(cargo);
            }
            Work::Null(null) => {
                w.examples_kept += null.batch;
                flight.loads.clone_from(&null.loads);
            }
        }
        (flight.examples, flight.events) = (w.examples_kept, w.events_kept);
        for shard in shards {
            if !pushes_dense && self.plan.dense_alone[shard.index()] {
                flight.exclude(shard);
            }
        }
        if flight.written() > 0 {
            (w.examples_kept, w.events_kept) = (0, EventTimes::default());
        }
        flight.push
    }

    /// Requests one shard's part of a step, unless the worker reuses the part that it has.
    fn pull(&mut self, push: PushId, shard: ShardId) {
        let (s, now) = (shard.index(), self.queue.now());
        let flight = self.flights.get(push);
        let (worker, step, load) = (flight.worker, flight.step, flight.loads[s]);
        let keeps = self.plan.dense_alone[s] && self.workers[worker.index()].holds;
        if keeps && (!self.plan.routine.pulls(step) || self.spares_pull(worker, step, shard)) {
            let version = self.workers[worker.index()].held[s];
            let flight = self.flights.get(push);
            flight.read(shard, version, now);
            if flight.writes(shard) {
                self.books.read(shard, self.coordinator.version(shard) - version);
            }
            if let (Some(cargo), Some(training)) =
                (&mut flight.cargo, self.session.work.training_mut())
            {
                training.keep(cargo, shard);
            }
            return;
        }
        self.flights.get(push).outstanding += 1;
        let event = Event::PullArrives(push, shard);
        self.network.send(self.queue, worker, load.request_bytes(), event);
    }

    /// A request reaches a shard's link.
    pub(super) fn request_arrives(&mut self, request: Request, push: PushId, shard: ShardId) {
        let Some(flight) = self.flights.find(push) else { return };
        if self.network.arrive(self.queue, &flight.message(request, shard)) {
            self.request_enters(request, push, shard);
        }
    }

    /// A request enters the queue of a shard's processor.
    pub(super) fn request_enters(&mut self, request: Request, push: PushId, shard: ShardId) {
        let Some(flight) = self.flights.find(push) else { return };
        let passage = self.network.enter(self.queue, &flight.message(request, shard));
        flight.enter(shard, passage);
        if passage.ends < SimTime::MAX {
            let (worker, from, to) = (flight.worker, passage.begins(), passage.ends);
            tell_service(Service { shard, worker, request, from, to }, self.observer);
        }
    }

    /// A shard reads the values of a step. Returns the notice for the protocol.
    pub(super) fn pull_served(&mut self, push: PushId, shard: ShardId) -> Option<Notice> {
        let flight = self.flights.find(push)?;
        let (worker, version) = (flight.worker, self.coordinator.version(shard));
        let now = self.queue.now();
        flight.read(shard, version, now);
        flight.served(shard, now);
        if flight.writes(shard) {
            self.books.read(shard, 0);
        }
        let (complete, message) = (flight.is_complete(), flight.message(Request::Pull, shard));
        if let (Some(cargo), Some(training)) = (&mut flight.cargo, self.session.work.training_mut())
        {
            training.pull(cargo, shard, &self.session.progress);
        }
        if complete && !self.plan.routine.prefetch {
            self.compute(push);
        }
        self.workers[worker.index()].held[shard.index()] = version;
        self.network.answer(self.queue, &message);
        Some(Notice::Read(Read { push, worker, shard, version }))
    }

    /// The view is complete, and the worker's step before is over if it prefetches: its gradient
    /// may be computed ahead of need.
    pub(super) fn compute(&mut self, push: PushId) {
        let flight = self.flights.get(push);
        let (worker, step) = (flight.worker, flight.step);
        let routine = &self.plan.routine;
        let w = &mut self.workers[worker.index()];
        w.holds = true;
        let before = w.pushed;
        let Some(training) = self.session.work.training_mut() else { return };
        // The data that the worker keeps returns with the gradient of the step before.
        if let Some(cargo) = before.and_then(|before| self.flights.find(before)?.cargo.as_mut())
            && routine.keeps()
        {
            training.finish(cargo);
        }
        let span = match routine.computes_first() {
            true => SimSpan::ZERO,
            false => self.plan.time(&w.machine, (worker, w.draw_of(step))),
        };
        let due = self.queue.now() + span;
        let pushes_dense = routine.pushes(step);
        if let Some(cargo) = &mut self.flights.get(push).cargo {
            training.compute(cargo, routine, pushes_dense, due);
        }
    }

    /// Values reach their worker's link.
    pub(super) fn pull_returns(&mut self, push: PushId, shard: ShardId) {
        let Some(flight) = self.flights.find(push) else { return };
        let message = flight.message(Request::Pull, shard);
        if let Some(at) = self.network.take_in(self.queue, &message) {
            self.pull_passes(push, shard, at);
        }
    }

    /// Values have passed the worker's link, or will have passed it at `at`.
    pub(super) fn pull_passes(&mut self, push: PushId, shard: ShardId, at: SimTime) {
        let Some(flight) = self.flights.find(push) else { return };
        let worker = flight.worker;
        flight.answer(shard);
        if flight.outstanding > 0 {
            return;
        }
        if flight.is_granted() {
            self.note_read(push, at);
        } else if !flight.ahead {
            self.turn_to(worker, Activity::Held);
        }
    }

    /// The worker has all values of its step, or will have them at `at`.
    fn note_read(&mut self, push: PushId, at: SimTime) {
        let flight = self.flights.get(push);
        if flight.ahead {
            flight.passed = Some(at);
        } else {
            let worker = flight.worker;
            self.queue.schedule(at, worker, Event::ComputeStarts(push));
        }
    }

    /// Makes the worker's step ahead its current one; returns whether there is one.
    pub(super) fn take_up_next(&mut self, worker: WorkerId) -> bool {
        let w = &mut self.workers[worker.index()];
        let Some(push) = w.next.take() else { return false };
        let flight = self.flights.get(push);
        let is_held = flight.outstanding == 0 && !flight.is_granted();
        self.turn_to(worker, if is_held { Activity::Held } else { Activity::Pull });
        self.workers[worker.index()].flight = Some(push);
        let now = self.queue.now();
        let flight = self.flights.get(push);
        flight.ahead = false;
        if let Some(at) = flight.passed {
            self.queue.schedule(at.max(now), worker, Event::ComputeStarts(push));
        }
        true
    }

    /// A worker begins to compute. Returns the worker, if the step still exists.
    pub(super) fn compute_starts(&mut self, push: PushId) -> Option<WorkerId> {
        let flight = self.flights.find(push)?;
        let (worker, step) = (flight.worker, flight.step);
        if self.plan.routine.prefetch {
            self.compute(push);
        }
        self.turn_to(worker, Activity::Compute);
        let now = self.queue.now();
        let computes_first = self.plan.routine.computes_first();
        let at = if computes_first { now } else { self.computed_at(now, worker, step) };
        self.queue.schedule(at, worker, Event::ComputeEnds(push));
        Some(worker)
    }

    /// A worker has its gradient and sends it.
    pub(super) fn compute_ends(&mut self, push: PushId) {
        let Some(flight) = self.flights.find(push) else { return };
        let (worker, written) = (flight.worker, flight.written());
        flight.outstanding = written as u32;
        flight.sent = true;
        if let (Some(cargo), Some(training)) = (&mut flight.cargo, self.session.work.training_mut())
        {
            training.add_batch_statistics(cargo, self.session.progress.now);
        }
        if written == 0 {
            return self.keep(push);
        }
        self.turn_to(worker, Activity::Push);
        self.spare_pushes(push);
        for shard in self.shards() {
            let flight = self.flights.get(push);
            if flight.writes(shard) {
                let bytes = flight.loads[shard.index()].push_bytes();
                self.network.send(self.queue, worker, bytes, Event::PushArrives(push, shard));
            }
        }
    }

    /// A step that pushes nothing is over: the worker keeps its gradient.
    fn keep(&mut self, push: PushId) {
        let mut flight = self.flights.remove(push);
        let worker = flight.worker;
        self.books.steps.kept += 1;
        self.coordinator.count_step(worker);
        let w = &mut self.workers[worker.index()];
        w.flight = None;
        w.ids_kept.append(&mut flight.ids);
        self.flights.recycle(flight, &mut self.session.work, self.plan.routine.keeps());
        let life = self.workers[worker.index()].presence.life();
        self.queue.schedule(self.queue.now(), worker, Event::Ready(worker, life));
    }

    /// A shard has taken in a push. Returns the notice for the protocol, and the worker if this
    /// ends its step.
    pub(super) fn push_served(
        &mut self,
        push: PushId,
        shard: ShardId,
    ) -> Option<(Notice, Option<WorkerId>)> {
        let flight = self.flights.find(push)?;
        let worker = flight.worker;
        flight.served(shard, self.queue.now());
        flight.answer(shard);
        flight.arrive(shard);
        let last = flight.outstanding == 0;
        let pulled = flight.version(shard).expect("a push has read");
        let arrived = Arrived { push, worker, shard, step: flight.step, pulled };
        if last {
            let w = &mut self.workers[worker.index()];
            w.finished += 1;
            w.examples += flight.examples;
            w.flight = None;
            w.awaited = flight.awaited();
            w.pushed = Some(push);
            flight.clock_lag = self.coordinator.count_step(worker);
        }
        Some((Notice::Arrived(arrived), last.then_some(worker)))
    }

    /// The worker's step is over: a present worker is told after one latency.
    pub(super) fn free(&mut self, worker: WorkerId) {
        let presence = &self.workers[worker.index()].presence;
        let now = self.queue.now();
        if presence.is_joined() {
            let event = Event::Ready(worker, presence.life());
            let at = now + self.network.latency(worker);
            self.queue.schedule(at, worker, event);
        } else {
            self.queue.schedule(now, worker, Event::Life(Life::LastPushArrives(worker)));
        }
    }

    /// Changes the activity of the worker.
    pub(super) fn turn_to(&mut self, worker: WorkerId, activity: Activity) {
        let now = self.queue.now();
        let w = &mut self.workers[worker.index()];
        if w.presence.note_if_asleep(activity) {
            return;
        }
        let awaited = self.flights.awaited(w);
        let (before, from, step) =
            w.turn_to(activity, now, self.coordinator.steps(worker), awaited);
        if now > from && self.observer.wants_timeline() {
            let (class, activity, to) = (w.machine.class, before, now);
            self.observer.observe(&Record::Activity { worker, class, activity, from, to, step });
        }
    }

    /// When the worker's step `step` is computed, if it begins at `start`.
    fn computed_at(&mut self, start: SimTime, worker: WorkerId, step: u64) -> SimTime {
        let w = &mut self.workers[worker.index()];
        let span = self.plan.time(&w.machine, (worker, w.draw_of(step)));
        w.machine.finish(start, span)
    }
}

/// Reports a service, if it takes any time.
pub(super) fn tell_service(service: Service, observer: &mut dyn Observer) {
    let Service { shard, worker, request, from, to } = service;
    if to > from && observer.wants_timeline() {
        let activity = match request {
            Request::Pull => Activity::Pull,
            Request::Push => Activity::Push,
        };
        observer.observe(&Record::Service { shard, worker, activity, from, to });
    }
}
