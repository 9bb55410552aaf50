//! A worker's step: asking, pulling, computing, pushing.
//!
//! What happens to a step names the step, not the worker: a step that has been broken off is no
//! longer found, and what was on its way to it is forgotten.

use super::engine::Simulation;
use super::error::SimError;
use super::queue::{Event, Life, Place};
use super::record::{Activity, Observer, Record};
use super::sharing::Onward;
use super::work::Work;
use crate::base::{Purpose, ShardId, SimSpan, SimTime, WorkerId};
use crate::protocol::{Arrived, Cluster, PushId, Read};

impl Simulation {
    pub(super) fn ready(
        &mut self,
        worker: WorkerId,
        life: u32,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let w = &self.workers[worker.index()];
        if !w.standing.acts(life) {
            return self.ends(worker, life, observer);
        }
        if let Some(wakes) = w.standing.sleeps_until() {
            self.queue.schedule(wakes, worker, Event::Ready(worker, life));
            return Ok(());
        }
        let pause = if w.begun > 0 { w.machine.between } else { SimSpan::ZERO };
        if !self.routine.computes_first() {
            if pause.is_zero() {
                return self.asks(worker, life, observer);
            }
            self.turn_to(worker, Activity::Wait, observer);
            self.queue.schedule(self.queue.now() + pause, worker, Event::Asks(worker, life));
            return Ok(());
        }
        self.turn_to(worker, Activity::Compute, observer);
        let (begins, step) = (self.queue.now() + pause, self.workers[worker.index()].begun);
        let at = self.computed(begins, worker, step);
        self.queue.schedule(at, worker, Event::Asks(worker, life));
        Ok(())
    }

    pub(super) fn asks(
        &mut self,
        worker: WorkerId,
        life: u32,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        if !self.workers[worker.index()].standing.acts(life) {
            return self.ends(worker, life, observer);
        }
        self.chief_is_free(worker);
        if self.holds_up(worker, life) {
            self.turn_to(worker, Activity::Wait, observer);
            return Ok(());
        }
        if self.goes_on(worker, observer) {
            return Ok(());
        }
        self.turn_to(worker, Activity::Wait, observer);
        self.workers[worker.index()].asking = true;
        let Simulation { protocol, decisions, queue, versions, steps, .. } = self;
        let cluster = Cluster { now: queue.now(), versions, steps };
        protocol.on_ready(worker, &cluster, decisions);
        self.carry_out(observer)
    }

    /// Lets a worker read `shard`, or all shards that it may not read yet.
    pub(super) fn grant(
        &mut self,
        worker: WorkerId,
        shard: Option<ShardId>,
        observer: &mut dyn Observer,
    ) {
        let w = &self.workers[worker.index()];
        assert!(w.asking, "the protocol granted {worker}, which had not asked");
        // Who asks although its step may read everything asks for the step ahead.
        let ahead = w.flight.is_some_and(|push| self.flights.get(push).is_granted());
        let push = match if ahead { w.next } else { w.flight } {
            Some(push) => push,
            None => self.begin(worker, ahead),
        };
        if !ahead {
            self.turn_to(worker, Activity::Pull, observer);
        }
        match shard {
            Some(shard) => {
                let closed = self.flights.get(push).grant(shard);
                assert!(closed, "the protocol granted {shard} to {worker} twice");
                self.pull(push, shard);
            }
            None => {
                for shard in (0..self.shards.len() as u32).map(ShardId) {
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
            // Nothing had to be read: the worker has it all.
            if !self.routine.prefetch {
                self.compute(push);
            }
            self.has_read(push, self.queue.now());
        }
    }

    /// Begins the worker's next step, or the one ahead: with a batch, and nothing read.
    fn begin(&mut self, worker: WorkerId, ahead: bool) -> PushId {
        let now = self.queue.now();
        let shards = self.shards.len() as u32;
        let w = &mut self.workers[worker.index()];
        let pushes_dense = self.routine.pushes(w.begun);
        let flight = self.flights.begin(worker, w.begun, shards);
        flight.ahead = ahead;
        *(if ahead { &mut w.next } else { &mut w.flight }) = Some(flight.push);
        w.begun += 1;
        w.examples_kept += self.session.work.examples();
        flight.examples = w.examples_kept;
        self.granted += 1;
        match &mut self.session.work {
            Work::Training(training) => {
                let looks = self.session.watch.looks(worker, flight.push);
                let cargo = training.begin(worker, now, looks);
                training.loads(&cargo, &mut flight.loads);
                if self.presence.follows() {
                    flight.ids.append(&mut w.ids_kept);
                    flight.ids.extend(cargo.view().iter().flat_map(|step| &step.examples));
                }
                flight.cargo = Some(cargo);
            }
            Work::Null(null) => flight.loads.clone_from(&null.loads),
        }
        for shard in (0..shards).map(ShardId) {
            if !pushes_dense && self.dense_alone[shard.index()] {
                flight.spare(shard);
            }
        }
        if flight.written() > 0 {
            w.examples_kept = 0;
        }
        flight.push
    }

    /// Sends for what a shard holds of a step, unless the worker goes on with what it has.
    fn pull(&mut self, push: PushId, shard: ShardId) {
        let (s, now) = (shard.index(), self.queue.now());
        let flight = self.flights.get(push);
        let (worker, step, load) = (flight.worker, flight.step, flight.loads[s]);
        let holds = self.workers[worker.index()].holds;
        let spared = |this: &Simulation| this.spares_pull(worker, step, shard);
        if self.dense_alone[s] && holds && (!self.routine.pulls(step) || spared(self)) {
            let version = self.workers[worker.index()].held[s];
            let flight = self.flights.get(push);
            flight.read(shard, version, now);
            if flight.writes(shard) {
                self.ledgers[s].read(self.versions[s] - version);
            }
            if let (Some(cargo), Some(training)) =
                (&mut flight.cargo, self.session.work.training_mut())
            {
                training.keep(cargo, shard);
            }
            return;
        }
        self.flights.get(push).outstanding += 1;
        self.send(worker, load.request_bytes(), Event::PullArrives(push, shard));
    }

    pub(super) fn pull_arrives(
        &mut self,
        push: PushId,
        shard: ShardId,
        observer: &mut dyn Observer,
    ) {
        let Some(flight) = self.flights.find(push) else { return };
        let (worker, load) = (flight.worker, flight.loads[shard.index()]);
        let link = self.links.shard_time(load.request_bytes());
        self.shards[shard.index()].count_pull(load);
        let event = Event::PullEnters(push, shard);
        if self.receive(worker, shard, link, event) {
            self.pull_enters(push, shard, observer);
        }
    }

    pub(super) fn pull_enters(
        &mut self,
        push: PushId,
        shard: ShardId,
        observer: &mut dyn Observer,
    ) {
        let Some(flight) = self.flights.find(push) else { return };
        let (worker, load) = (flight.worker, flight.loads[shard.index()]);
        let work = self.shards[shard.index()].pull_time(load, shard, self.streams);
        self.process(worker, shard, (work, 1.0), Event::PullServed(push, shard), observer);
    }

    pub(super) fn pull_served(
        &mut self,
        push: PushId,
        shard: ShardId,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let (s, now) = (shard.index(), self.queue.now());
        let Some(flight) = self.flights.find(push) else { return Ok(()) };
        let (worker, version) = (flight.worker, self.versions[s]);
        let bytes = flight.loads[s].value_bytes();
        flight.read(shard, version, now);
        if flight.writes(shard) {
            self.ledgers[s].read(0);
        }
        let complete = flight.is_complete();
        if let (Some(cargo), Some(training)) = (&mut flight.cargo, self.session.work.training_mut())
        {
            training.pull(cargo, shard, &self.session.progress);
        }
        if complete && !self.routine.prefetch {
            self.compute(push);
        }
        self.workers[worker.index()].held[s] = version;
        let span = self.links.shard_time(bytes);
        let onward =
            Onward { worker, event: Event::PullReturns(push, shard), after: self.latency(worker) };
        self.pass(Place::ShardOut(shard), span, onward);
        let Simulation { protocol, decisions, queue, versions, steps, .. } = self;
        let cluster = Cluster { now: queue.now(), versions, steps };
        protocol.on_read(Read { push, worker, shard, version }, &cluster, decisions);
        self.carry_out(observer)
    }

    /// The view is complete, and the worker's step before is over if it prefetches: its gradient may be
    /// computed ahead of need.
    fn compute(&mut self, push: PushId) {
        let flight = self.flights.get(push);
        let (worker, step) = (flight.worker, flight.step);
        let w = &mut self.workers[worker.index()];
        w.holds = true;
        let before = w.pushed;
        let Some(training) = self.session.work.training_mut() else { return };
        // What outlives a step comes back with the gradient of the step before.
        if let Some(cargo) = before.and_then(|before| self.flights.find(before)?.cargo.as_mut())
            && self.routine.keeps()
        {
            training.finish(cargo);
        }
        let w = &self.workers[worker.index()];
        let span = if self.routine.computes_first() {
            SimSpan::ZERO
        } else {
            let draw = (worker, w.draw_of(step));
            self.routine.time(&w.machine, self.compute, draw, self.streams)
        };
        let due = self.queue.now() + span;
        let flight = self.flights.get(push);
        let pushes_dense = self.routine.pushes(step);
        if let Some(cargo) = &mut flight.cargo {
            training.compute(cargo, &self.routine, pushes_dense, due);
        }
    }

    pub(super) fn pull_returns(
        &mut self,
        push: PushId,
        shard: ShardId,
        observer: &mut dyn Observer,
    ) {
        let now = self.queue.now();
        let Some(flight) = self.flights.find(push) else { return };
        let worker = flight.worker;
        let bytes = flight.loads[shard.index()].value_bytes();
        let w = &mut self.workers[worker.index()];
        let span = self.links.worker_time(bytes);
        if w.link_in.is_shared() && !span.is_zero() {
            let event = Event::PullPasses(push, shard);
            self.pass(
                Place::WorkerIn(worker),
                span,
                Onward { worker, event, after: SimSpan::ZERO },
            );
            return;
        }
        let at = w.link_in.serve(now, span);
        self.pull_passes(push, at, observer);
    }

    /// Values have passed, or will have at `at`, the worker's link.
    pub(super) fn pull_passes(&mut self, push: PushId, at: SimTime, observer: &mut dyn Observer) {
        let Some(flight) = self.flights.find(push) else { return };
        let worker = flight.worker;
        flight.outstanding -= 1;
        if flight.outstanding > 0 {
            return;
        }
        if flight.is_granted() {
            self.has_read(push, at);
        } else if !flight.ahead {
            self.turn_to(worker, Activity::Wait, observer);
        }
    }

    pub(super) fn compute_starts(
        &mut self,
        push: PushId,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let Some(flight) = self.flights.find(push) else { return Ok(()) };
        let (worker, step) = (flight.worker, flight.step);
        if self.routine.prefetch {
            self.compute(push);
        }
        self.turn_to(worker, Activity::Compute, observer);
        let now = self.queue.now();
        let at = if self.routine.computes_first() { now } else { self.computed(now, worker, step) };
        self.queue.schedule(at, worker, Event::ComputeEnds(push));
        self.ask_ahead(worker, observer)
    }

    pub(super) fn compute_ends(&mut self, push: PushId, observer: &mut dyn Observer) {
        let Some(flight) = self.flights.find(push) else { return };
        let (worker, written) = (flight.worker, flight.written());
        flight.outstanding = written as u32;
        flight.sent = true;
        if let (Some(cargo), Some(training)) = (&mut flight.cargo, self.session.work.training_mut())
        {
            training.computed(cargo);
        }
        if written == 0 {
            return self.keep(push);
        }
        self.turn_to(worker, Activity::Push, observer);
        self.spare_pushes(push);
        for shard in (0..self.shards.len() as u32).map(ShardId) {
            let flight = self.flights.get(push);
            if flight.writes(shard) {
                let bytes = flight.loads[shard.index()].push_bytes();
                self.send(worker, bytes, Event::PushArrives(push, shard));
            }
        }
    }

    /// A step that pushes nothing is over: the worker keeps its gradient.
    fn keep(&mut self, push: PushId) {
        let mut flight = self.flights.remove(push);
        let worker = flight.worker;
        self.kept += 1;
        self.steps[worker.index()] += 1;
        self.fastest = self.fastest.max(self.steps[worker.index()]);
        self.workers[worker.index()].flight = None;
        self.workers[worker.index()].ids_kept.append(&mut flight.ids);
        if let (Some(cargo), Some(training)) =
            (flight.cargo.take(), self.session.work.training_mut())
        {
            training.recycle(*cargo, self.routine.keeps());
        }
        self.flights.recycle(flight);
        let life = self.workers[worker.index()].standing.life();
        self.queue.schedule(self.queue.now(), worker, Event::Ready(worker, life));
    }

    pub(super) fn push_arrives(
        &mut self,
        push: PushId,
        shard: ShardId,
        observer: &mut dyn Observer,
    ) {
        let Some(flight) = self.flights.find(push) else { return };
        let (worker, load) = (flight.worker, flight.loads[shard.index()]);
        let link = self.links.shard_time(load.push_bytes());
        self.shards[shard.index()].count_push(load);
        if self.receive(worker, shard, link, Event::PushEnters(push, shard)) {
            self.push_enters(push, shard, observer);
        }
    }

    pub(super) fn push_enters(
        &mut self,
        push: PushId,
        shard: ShardId,
        observer: &mut dyn Observer,
    ) {
        let Some(flight) = self.flights.find(push) else { return };
        let (worker, load) = (flight.worker, flight.loads[shard.index()]);
        let at = &mut self.shards[shard.index()];
        let (work, weight) = (at.push_time(load, shard, self.streams), at.push_weight());
        self.process(worker, shard, (work, weight), Event::PushServed(push, shard), observer);
    }

    pub(super) fn push_served(
        &mut self,
        push: PushId,
        shard: ShardId,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let Some(flight) = self.flights.find(push) else { return Ok(()) };
        let worker = flight.worker;
        let index = worker.index();
        flight.outstanding -= 1;
        flight.arrive(shard);
        let last = flight.outstanding == 0;
        let pulled = flight.version(shard).expect("a push has read");
        let arrived = Arrived { push, worker, shard, step: flight.step, pulled };
        if last {
            let w = &mut self.workers[index];
            w.finished += 1;
            w.examples += flight.examples;
            w.flight = None;
            w.pushed = Some(push);
            self.steps[index] += 1;
            self.fastest = self.fastest.max(self.steps[index]);
            flight.clock_lag = self.fastest - self.steps[index];
        }
        let Simulation { protocol, decisions, queue, versions, steps, .. } = self;
        let cluster = Cluster { now: queue.now(), versions, steps };
        protocol.on_push(arrived, &cluster, decisions);
        self.carry_out(observer)?;
        if last {
            // The answer of the last shard is what the worker waits for.
            self.freed(worker);
        }
        Ok(())
    }

    /// The worker's step is over: it hears of it after one latency, if it is there.
    pub(super) fn freed(&mut self, worker: WorkerId) {
        let standing = &self.workers[worker.index()].standing;
        if standing.is_joined() {
            let life = standing.life();
            let at = self.queue.now() + self.latency(worker);
            self.queue.schedule(at, worker, Event::Ready(worker, life));
        } else {
            self.queue.schedule(self.queue.now(), worker, Event::Life(Life::Settles(worker)));
        }
    }

    pub(super) fn turn_to(
        &mut self,
        worker: WorkerId,
        activity: Activity,
        observer: &mut dyn Observer,
    ) {
        let now = self.queue.now();
        let began = self.steps[worker.index()];
        if self.workers[worker.index()].standing.sleeps_through(activity) {
            return;
        }
        let (before, from, step) = self.workers[worker.index()].turn_to(activity, now, began);
        if now > from && observer.wants_timeline() {
            let class = self.workers[worker.index()].machine.class;
            let (activity, to) = (before, now);
            observer.observe(&Record::Activity { worker, class, activity, from, to, step });
        }
    }

    /// When the worker's step `step` is computed if it begins at `start`.
    fn computed(&mut self, start: SimTime, worker: WorkerId, step: u64) -> SimTime {
        let w = &mut self.workers[worker.index()];
        let (draw, machine) = ((worker, w.draw_of(step)), &mut w.machine);
        let span = self.routine.time(machine, self.compute, draw, self.streams);
        machine.finish(start, span)
    }

    /// Latency of the worker's next message, in either direction.
    pub(super) fn latency(&mut self, worker: WorkerId) -> SimSpan {
        let w = &mut self.workers[worker.index()];
        w.messages += 1;
        self.links.latency(self.streams.draw(Purpose::Network, u64::from(worker.0), w.messages))
    }
}
