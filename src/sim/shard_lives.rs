//! Shards that crash and come back.
//!
//! A crash takes the shard's content, the requests that it has received and not served, and the
//! parts of pushes that it holds. Its version goes on counting. The content that comes back is laid
//! in place when the shard serves again; until then evaluations see what it had.

use super::coordinator::Notice;
use super::error::SimError;
use super::lives::Departure;
use super::network::Request;
use super::outages::Answer;
use super::queue::{Event, Life, ShardLife};
use super::record::{Activity, Record};
use super::simulation::Simulation;
use super::turn::Turn;
use crate::base::{ShardId, WorkerId};
use crate::cluster::failures::Lost;
use crate::cluster::shard_failures::{Meanwhile, Readers, Recovery};
use crate::protocol::PushId;

impl Turn<'_> {
    /// Handles an event of the shards' lives.
    pub(super) fn advance_shard(&mut self, life: ShardLife) -> Result<(), SimError> {
        let Simulation { outages, queue, .. } = &mut *self.sim;
        match life {
            ShardLife::Fails(shard) => {
                outages.fail(shard, queue);
                self.crash_shard(shard)
            }
            ShardLife::Repaired(shard) => {
                outages.repaired(shard, queue);
                self.repair_shard(shard)
            }
            ShardLife::Crashes(index) => {
                let (_, shard, span) = outages.plan().crashes[index as usize];
                queue.plan_shard(queue.now() + span, ShardLife::Recovers(shard));
                self.crash_shard(shard)
            }
            ShardLife::Recovers(shard) => self.repair_shard(shard),
            ShardLife::Noticed(shard, number) => {
                match outages.is_down(shard) && outages.number(shard) == number {
                    true => self.notice(shard),
                    false => Ok(()),
                }
            }
        }
    }

    fn crash_shard(&mut self, shard: ShardId) -> Result<(), SimError> {
        let Simulation { outages, queue, network, flights, coordinator, session, plan, .. } =
            &mut *self.sim;
        let (now, versions) = (queue.now(), coordinator.versions());
        outages.save_due(shard, (now, versions), session.work.training(), true);
        if !outages.crash(shard, now, coordinator.version(shard)) {
            return Ok(());
        }
        if !plan.empty[shard.index()] {
            let mut events = network.crash(shard, now);
            events.append(&mut queue.take_requests(shard));
            for event in events {
                let (request, push) = match event {
                    Event::PullEnters(push, _) | Event::PullServed(push, _) => {
                        (Request::Pull, push)
                    }
                    Event::PushEnters(push, _) | Event::PushServed(push, _) => {
                        (Request::Push, push)
                    }
                    _ => continue,
                };
                if let Some(flight) = flights.find(push) {
                    flight.wait(shard, now);
                    outages.wait(shard, request, push);
                }
            }
            if !outages.keeps_parts() {
                flights.iter_mut().for_each(|flight| flight.lose_arrived(shard));
            }
        }
        let (number, after) = (outages.number(shard), outages.plan().how.noticed_after);
        self.observer.observe(&Record::ShardDown { shard });
        if after.is_zero() {
            return self.notice(shard);
        }
        self.sim.queue.plan_shard(now + after, ShardLife::Noticed(shard, number));
        Ok(())
    }

    /// The failure of a shard becomes known, if it is not yet.
    fn notice(&mut self, shard: ShardId) -> Result<(), SimError> {
        let now = self.sim.queue.now();
        if !self.sim.outages.notice(shard, now) {
            return Ok(());
        }
        let how = &self.sim.outages.plan().how;
        if how.recovery == Recovery::All {
            return match self.sim.outages.is_stopped() {
                true => Ok(()),
                false => self.stop_job(shard),
            };
        }
        if how.meanwhile != Meanwhile::Block {
            for (request, push) in self.sim.outages.take_waiting(shard) {
                self.turn_away(request, push, shard)?;
            }
        }
        Ok(())
    }

    fn repair_shard(&mut self, shard: ShardId) -> Result<(), SimError> {
        let now = self.sim.queue.now();
        if !self.sim.outages.repair(shard) {
            return Ok(());
        }
        let is_news = self.sim.outages.notice(shard, now);
        let common = self.sim.outages.plan().how.recovery == Recovery::All;
        if common && is_news && !self.sim.outages.is_stopped() {
            self.stop_job(shard)?;
        }
        self.sim.outages.end(shard, now);
        if !common {
            self.bring_back(shard);
        }
        self.observer.observe(&Record::ShardBack { shard });
        if common {
            let is_whole = self.sim.outages.down().next().is_none();
            return if is_whole { self.resume_job() } else { Ok(()) };
        }
        for (request, push) in self.sim.outages.take_waiting(shard) {
            self.request_arrives(request, push, shard)?;
        }
        if !self.sim.outages.is_known() {
            self.start_stopped_workers()?;
        }
        Ok(())
    }

    fn bring_back(&mut self, shard: ShardId) {
        let Simulation { outages, queue, coordinator, session, .. } = &mut *self.sim;
        let present = (queue.now(), coordinator.version(shard));
        outages.bring_back(shard, present, session.work.training_mut());
    }

    /// A request reaches a shard's link.
    pub(super) fn request_arrives(
        &mut self,
        request: Request,
        push: PushId,
        shard: ShardId,
    ) -> Result<(), SimError> {
        if self.sim.outages.is_down(shard)
            && !self.sim.plan.empty[shard.index()]
            && let Some(flight) = self.sim.flights.find(push)
            && !flight.asks_nothing(shard)
        {
            return self.turn_away(request, push, shard);
        }
        self.journey().request_arrives(request, push, shard);
        Ok(())
    }

    /// A request meets a shard that is down.
    fn turn_away(
        &mut self,
        request: Request,
        push: PushId,
        shard: ShardId,
    ) -> Result<(), SimError> {
        let Simulation { outages, flights, workers, queue, .. } = &mut *self.sim;
        let Some(flight) = flights.find(push) else { return Ok(()) };
        let worker = flight.worker;
        match outages.answer(shard) {
            // The push of a worker that has left waits.
            Answer::Fails if workers[worker.index()].presence.is_joined() => {
                self.fail_worker(worker, shard)
            }
            Answer::Without => {
                let reads = outages.plan().how.reads;
                match request {
                    Request::Pull => match self.journey().pull_without(push, shard, reads) {
                        Some(notice) => self.consult(notice),
                        None => Ok(()),
                    },
                    Request::Push => {
                        let outcome = self.journey().push_without(push, shard);
                        self.take_in(outcome)
                    }
                }
            }
            Answer::Fails | Answer::Serves | Answer::Waits => {
                flight.wait(shard, queue.now());
                outages.wait(shard, request, push);
                Ok(())
            }
        }
    }

    /// The worker loses its step, and waits until no shard is known to be down.
    fn fail_worker(&mut self, worker: WorkerId, shard: ShardId) -> Result<(), SimError> {
        let before = self.sim.presence.tally().lost_steps;
        self.sim.workers[worker.index()].presence.stopped = true;
        let outcome = self.count_out(worker, Some(Departure::ShardFailed));
        let lost = self.sim.presence.tally().lost_steps - before;
        self.sim.outages.count_steps(shard, lost);
        outcome
    }

    fn start_stopped_workers(&mut self) -> Result<(), SimError> {
        for worker in (0..self.sim.workers.len() as u32).map(WorkerId) {
            let stopped = &mut self.sim.workers[worker.index()].presence.stopped;
            if std::mem::take(stopped) {
                self.settle(worker, Departure::Abrupt)?;
            }
        }
        Ok(())
    }

    /// Ends all steps: no worker begins one until all shards are back.
    fn stop_job(&mut self, shard: ShardId) -> Result<(), SimError> {
        let fate = match self.sim.outages.plan().how.readers {
            Readers::GoOn => self.sim.presence.churn.lost,
            // They will read these examples again.
            Readers::Back => Lost::Drop,
        };
        self.sim.outages.stop(shard);
        let before = self.sim.presence.tally().lost_steps;
        self.end_steps(fate);
        let lost = self.sim.presence.tally().lost_steps - before;
        self.sim.outages.count_steps(shard, lost);
        self.sim.saves.interrupt();
        let Simulation { session, coordinator, plan, .. } = &mut *self.sim;
        if let Some(training) = session.work.training_mut() {
            training.forget_workers();
        }
        coordinator.begin_anew(&plan.first_protocol);
        for worker in (0..self.sim.workers.len() as u32).map(WorkerId) {
            if self.sim.workers[worker.index()].presence.is_joined() {
                self.journey().turn_to(worker, Activity::Wait);
            } else {
                // The push that kept it from returning is lost.
                let (now, event) =
                    (self.sim.queue.now(), Event::Life(Life::LastPushArrives(worker)));
                self.sim.queue.schedule(now, WorkerId(0), event);
                self.consult(Notice::Left(worker, None))?;
            }
        }
        self.sim.proceed_with_saves();
        Ok(())
    }

    /// All shards are back: they return to the last common checkpoint, and all workers begin.
    fn resume_job(&mut self) -> Result<(), SimError> {
        for shard in (0..self.sim.shards().len() as u32).map(ShardId) {
            self.bring_back(shard);
        }
        let position = self.sim.outages.resume();
        let Simulation { session, queue, workers, presence, .. } = &mut *self.sim;
        if let (Some(position), Some(training)) = (position, session.work.training_mut()) {
            training.feed.seek(position);
        }
        let now = queue.now();
        for (worker, w) in (0..).map(WorkerId).zip(workers) {
            if w.presence.is_joined() {
                let at = presence.starts[worker.index()].max(now);
                queue.schedule(at, worker, Event::Ready(worker, w.presence.life()));
            }
        }
        self.sim.proceed_with_saves();
        Ok(())
    }
}
