//! A worker's step: asking, pulling, computing, pushing.

use super::engine::Simulation;
use super::error::SimError;
use super::flight::Flight;
use super::queue::Event;
use super::record::{Activity, Observer, Record};
use super::work::Work;
use crate::base::{Purpose, ShardId, SimSpan, SimTime, WorkerId};
use crate::protocol::{Arrived, Cluster};

impl Simulation {
    pub(super) fn ready(
        &mut self,
        worker: WorkerId,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        self.turn_to(worker, Activity::Wait, observer);
        let w = &mut self.workers[worker.index()];
        w.asking = true;
        w.flight = None;
        let Simulation { protocol, decisions, queue, versions, steps, .. } = self;
        let cluster = Cluster { now: queue.now(), versions, steps };
        protocol.on_ready(worker, &cluster, decisions);
        self.carry_out(observer)
    }

    pub(super) fn grant(&mut self, worker: WorkerId, observer: &mut dyn Observer) {
        let index = worker.index();
        assert!(self.workers[index].asking, "the protocol granted {worker}, which had not asked");
        self.turn_to(worker, Activity::Pull, observer);
        let now = self.queue.now();
        let shards = self.shards.len() as u32;
        let push = self.flights.next();
        let mut flight = Flight::new(push, worker, self.steps[index], shards);
        flight.examples = self.session.work.batch();
        let w = &mut self.workers[index];
        match &mut self.session.work {
            Work::Training(training) => {
                let cargo = training.begin(worker, now);
                training.loads(&cargo, &mut w.loads);
                flight.cargo = Some(cargo);
            }
            Work::Null(null) => w.loads.clone_from(&null.loads),
        }
        w.asking = false;
        w.flight = Some(push);
        w.outstanding = shards;
        self.flights.push(flight);
        self.granted += 1;
        for shard in 0..shards {
            let bytes = self.workers[index].loads[shard as usize].request_bytes();
            let at = self.send(worker, bytes);
            self.queue.schedule(at, Event::PullArrives(worker, ShardId(shard)));
        }
    }

    pub(super) fn pull_arrives(
        &mut self,
        worker: WorkerId,
        shard: ShardId,
        observer: &mut dyn Observer,
    ) {
        let load = self.workers[worker.index()].loads[shard.index()];
        let link = self.links.shard_time(load.request_bytes());
        let (now, streams) = (self.queue.now(), self.streams);
        let (from, to) = self.shards[shard.index()].serve_pull(now, link, load, shard, streams);
        self.queue.schedule(to, Event::PullServed(worker, shard));
        service(worker, shard, Activity::Pull, (from, to), observer);
    }

    pub(super) fn pull_served(&mut self, worker: WorkerId, shard: ShardId) {
        let (index, now) = (worker.index(), self.queue.now());
        let w = &self.workers[index];
        let flight = self.flights.get(w.flight.expect("a pull has a flight"));
        flight.read(shard, self.versions[shard.index()], now);
        let (complete, step) = (flight.is_complete(), flight.step);
        self.ledgers[shard.index()].read();
        if let (Some(cargo), Some(training)) = (&mut flight.cargo, self.session.work.training_mut())
        {
            training.pull(cargo, shard);
            if complete {
                let span = w.machine.time(self.compute, worker, step, self.streams);
                training.compute(cargo, now + span);
            }
        }
        let bytes = w.loads[shard.index()].value_bytes();
        let sent = self.shards[shard.index()].link_out.serve(now, self.links.shard_time(bytes));
        let latency = self.latency(worker);
        self.queue.schedule(sent + latency, Event::PullReturns(worker, shard));
    }

    pub(super) fn pull_returns(&mut self, worker: WorkerId, shard: ShardId) {
        let now = self.queue.now();
        let w = &mut self.workers[worker.index()];
        let bytes = w.loads[shard.index()].value_bytes();
        let at = w.link_in.serve(now, self.links.worker_time(bytes));
        w.outstanding -= 1;
        if w.outstanding == 0 {
            self.queue.schedule(at, Event::ComputeStarts(worker));
        }
    }

    pub(super) fn compute_starts(&mut self, worker: WorkerId, observer: &mut dyn Observer) {
        self.turn_to(worker, Activity::Compute, observer);
        let step = self.steps[worker.index()];
        let machine = &self.workers[worker.index()].machine;
        let span = machine.time(self.compute, worker, step, self.streams);
        self.queue.schedule(self.queue.now() + span, Event::ComputeEnds(worker));
    }

    pub(super) fn compute_ends(&mut self, worker: WorkerId, observer: &mut dyn Observer) {
        self.turn_to(worker, Activity::Push, observer);
        let shards = self.shards.len() as u32;
        self.workers[worker.index()].outstanding = shards;
        for shard in 0..shards {
            let bytes = self.workers[worker.index()].loads[shard as usize].push_bytes();
            let at = self.send(worker, bytes);
            self.queue.schedule(at, Event::PushArrives(worker, ShardId(shard)));
        }
    }

    pub(super) fn push_arrives(
        &mut self,
        worker: WorkerId,
        shard: ShardId,
        observer: &mut dyn Observer,
    ) {
        let load = self.workers[worker.index()].loads[shard.index()];
        let link = self.links.shard_time(load.push_bytes());
        let (now, streams) = (self.queue.now(), self.streams);
        let (from, to) = self.shards[shard.index()].serve_push(now, link, load, shard, streams);
        self.queue.schedule(to, Event::PushServed(worker, shard));
        service(worker, shard, Activity::Push, (from, to), observer);
    }

    pub(super) fn push_served(
        &mut self,
        worker: WorkerId,
        shard: ShardId,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let index = worker.index();
        let w = &mut self.workers[index];
        w.outstanding -= 1;
        let last = w.outstanding == 0;
        let flight = self.flights.get(w.flight.expect("a push has a flight"));
        let arrived = Arrived {
            push: flight.push,
            worker,
            shard,
            step: flight.step,
            pulled: flight.version(shard).expect("a push has read"),
        };
        if last {
            w.finished += 1;
            w.examples += flight.examples;
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
            let at = self.queue.now() + self.latency(worker);
            self.queue.schedule(at, Event::Ready(worker));
        }
        Ok(())
    }

    pub(super) fn turn_to(
        &mut self,
        worker: WorkerId,
        activity: Activity,
        observer: &mut dyn Observer,
    ) {
        let now = self.queue.now();
        let began = self.steps[worker.index()];
        let (before, from, step) = self.workers[worker.index()].turn_to(activity, now, began);
        if now > from && observer.wants_timeline() {
            let class = self.workers[worker.index()].machine.class;
            let (activity, to) = (before, now);
            observer.observe(&Record::Activity { worker, class, activity, from, to, step });
        }
    }

    /// Sends a message of `bytes` from a worker; returns when it reaches the shard's link.
    pub(super) fn send(&mut self, worker: WorkerId, bytes: u64) -> SimTime {
        let now = self.queue.now();
        let time = self.links.worker_time(bytes);
        let sent = self.workers[worker.index()].link_out.serve(now, time);
        sent + self.latency(worker)
    }

    /// Latency of the worker's next message, in either direction.
    pub(super) fn latency(&mut self, worker: WorkerId) -> SimSpan {
        let w = &mut self.workers[worker.index()];
        w.messages += 1;
        self.links.latency(self.streams.draw(Purpose::Network, u64::from(worker.0), w.messages))
    }
}

fn service(
    worker: WorkerId,
    shard: ShardId,
    activity: Activity,
    (from, to): (SimTime, SimTime),
    observer: &mut dyn Observer,
) {
    if to > from && observer.wants_timeline() {
        observer.observe(&Record::Service { shard, worker, activity, from, to });
    }
}
