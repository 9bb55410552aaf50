//! Workers that join and leave: they crash, are repaired, follow schedules, sleep, start late.
//!
//! When a worker ceases to be present it is counted out: the protocol is told, and its step is
//! lost. The step is not lost if the worker leaves gracefully and finishes it, or if its push is
//! under way and may arrive. When the worker is present again it is counted in and asks again. Each
//! count-out ends its *life*: events scheduled for that life have no effect any more.

use super::coordinator::Notice;
use super::error::SimError;
use super::plan::RunConstants;
use super::queue::{Event, Life};
use super::record::{Activity, Record};
use super::simulation::Simulation;
use super::turn::Turn;
use crate::base::{SimTime, WorkerId};
use crate::cluster::failures::{InFlightMessages, Lost};
use crate::online::EventTimes;
use crate::protocol::PushId;

/// Why and how a worker ceases to be present.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Departure {
    /// A shard that it needs has failed.
    ShardFailed,
    /// Its machine crashes.
    Crash,
    /// It leaves at once.
    Abrupt,
    /// It leaves when its step is over.
    Graceful,
}

impl Simulation {
    /// Schedules the known events of the workers' lives.
    pub(super) fn plan_lives(&mut self) {
        let Simulation { presence, queue, workers, plan: RunConstants { streams, .. }, .. } = self;
        let churn = &presence.churn;
        let mut plan = |at, life| queue.plan(at, life);
        for &(_, worker, latest) in &churn.starts {
            workers[worker.index()].presence.late = true;
            latest.into_iter().for_each(|at| plan(at, Life::Begins(worker)));
        }
        for (index, schedule) in (0..).zip(&churn.memberships) {
            if !schedule.is_present(SimTime::ZERO) {
                presence.there[index as usize] = false;
                let all = (0..).map(WorkerId).zip(workers.iter_mut());
                all.filter(|(worker, _)| schedule.covers(*worker))
                    .for_each(|(_, w)| w.presence.away += 1);
            }
            schedule
                .next(SimTime::ZERO)
                .into_iter()
                .for_each(|at| plan(at, Life::ScheduleChanges(index)));
        }
        if workers.iter().any(|w| !w.presence.may_be_present()) {
            plan(SimTime::ZERO, Life::Opens);
        }
        for (worker, process) in (0..).map(WorkerId).zip(&churn.processes) {
            if let Some(process) = process {
                plan(SimTime::ZERO + process.up_time(worker.0, 0, *streams), Life::Fails(worker));
            }
        }
        (0..).zip(&churn.crashes).for_each(|(index, crash)| plan(crash.0, Life::Crashes(index)));
        (0..).zip(&churn.sleeps).for_each(|(index, sleep)| plan(sleep.0, Life::Sleeps(index)));
    }
}

impl Turn<'_> {
    /// Handles an event of the workers' lives.
    pub(super) fn advance_life(&mut self, life: Life) -> Result<(), SimError> {
        let (now, streams) = (self.sim.queue.now(), self.sim.plan.streams);
        match life {
            Life::Opens => self.count_out_absent(),
            Life::Fails(worker) => {
                let presence = &mut self.sim.workers[worker.index()].presence;
                let process = self.sim.presence.churn.processes[worker.index()].as_ref();
                let process = process.expect("only what has a process fails");
                let back = now + process.down_time(worker.0, presence.failures, streams);
                presence.failures += 1;
                presence.down += 1;
                self.sim.queue.plan(back, Life::Repaired(worker));
                self.settle(worker, Departure::Crash)
            }
            Life::Repaired(worker) => {
                let presence = &mut self.sim.workers[worker.index()].presence;
                let process = self.sim.presence.churn.processes[worker.index()].as_ref();
                let process = process.expect("only what has a process fails");
                let next = now + process.up_time(worker.0, presence.failures, streams);
                presence.down -= 1;
                self.sim.queue.plan(next, Life::Fails(worker));
                self.settle(worker, Departure::Crash)
            }
            Life::Crashes(index) => {
                let (_, worker, span) = self.sim.presence.churn.crashes[index as usize];
                self.sim.workers[worker.index()].presence.down += 1;
                self.sim.queue.plan(now + span, Life::Recovers(worker));
                self.settle(worker, Departure::Crash)
            }
            Life::Recovers(worker) => {
                self.sim.workers[worker.index()].presence.down -= 1;
                self.settle(worker, Departure::Crash)
            }
            Life::ScheduleChanges(index) => self.change_by_schedule(index),
            Life::Sleeps(index) => {
                let (_, worker, span) = self.sim.presence.churn.sleeps[index as usize];
                self.fall_asleep(worker, now + span);
                Ok(())
            }
            Life::Wakes(worker) => {
                let presence = &mut self.sim.workers[worker.index()].presence;
                if now >= presence.wakes
                    && let Some(before) = presence.asleep.take()
                {
                    self.journey().turn_to(worker, before);
                }
                Ok(())
            }
            Life::Begins(worker) => {
                self.sim.workers[worker.index()].presence.late = false;
                self.settle(worker, Departure::Abrupt)
            }
            Life::LastPushArrives(worker) => self.settle(worker, Departure::Abrupt),
        }
    }

    /// Counts out workers that are absent from the start.
    fn count_out_absent(&mut self) -> Result<(), SimError> {
        for worker in (0..self.sim.workers.len() as u32).map(WorkerId) {
            if !self.sim.workers[worker.index()].presence.may_be_present() {
                self.sim.workers[worker.index()].presence.tally.at_start = 0;
                self.sim.presence.tally.at_start -= 1;
                self.count_out(worker, None)?;
            }
        }
        Ok(())
    }

    /// A schedule reaches a join or a leave.
    fn change_by_schedule(&mut self, index: u32) -> Result<(), SimError> {
        let now = self.sim.queue.now();
        let schedule = self.sim.presence.churn.memberships[index as usize].clone();
        let there = schedule.is_present(now);
        schedule
            .next(now)
            .into_iter()
            .for_each(|at| self.sim.queue.plan(at, Life::ScheduleChanges(index)));
        if std::mem::replace(&mut self.sim.presence.there[index as usize], there) == there {
            return Ok(());
        }
        let exit = if schedule.abruptly { Departure::Abrupt } else { Departure::Graceful };
        let last = schedule.last.unwrap_or(u32::MAX).min(self.sim.workers.len() as u32 - 1);
        for worker in (schedule.first..=last).map(WorkerId) {
            let presence = &mut self.sim.workers[worker.index()].presence;
            if there {
                presence.away -= 1;
            } else {
                presence.away += 1;
            }
            self.settle(worker, exit)?;
        }
        Ok(())
    }

    /// Counts a worker in or out, if its presence has changed.
    pub(super) fn settle(&mut self, worker: WorkerId, exit: Departure) -> Result<(), SimError> {
        let w = &mut self.sim.workers[worker.index()];
        match (w.presence.joined, w.presence.may_be_present()) {
            (true, true) => w.presence.leaving = false,
            (true, false) if exit == Departure::Graceful && !w.is_idle() => {
                w.presence.leaving = true
            }
            (true, false) => return self.count_out(worker, Some(exit)),
            // Otherwise its last push is still under way.
            (false, true) if w.flight.is_none() => return self.count_in(worker),
            (false, _) => self.turn_to_absence(worker),
        }
        Ok(())
    }

    /// A worker that is to leave leaves, if it has not yet.
    pub(super) fn leave(&mut self, worker: WorkerId, life: u32) -> Result<(), SimError> {
        let presence = &self.sim.workers[worker.index()].presence;
        if life != presence.life {
            return Ok(());
        }
        self.count_out(worker, Some(Departure::Graceful))
    }

    /// The worker ceases to be present; without an exit it never was.
    pub(super) fn count_out(
        &mut self,
        worker: WorkerId,
        exit: Option<Departure>,
    ) -> Result<(), SimError> {
        let w = &mut self.sim.workers[worker.index()];
        let presence = &mut w.presence;
        (presence.joined, presence.leaving, presence.asleep) = (false, false, None);
        presence.life += 1;
        (w.asking, w.holds) = (false, false);
        // A push that a failed shard does not take in cannot arrive.
        let arrives = self.sim.presence.churn.on_the_way == InFlightMessages::Arrives
            && exit != Some(Departure::ShardFailed);
        let lost = w.flight.filter(|&push| !(arrives && self.sim.flights.get(push).sent));
        for tally in [&mut w.presence.tally, &mut self.sim.presence.tally] {
            tally.crashes += u64::from(exit == Some(Departure::Crash));
            tally.stops += u64::from(exit == Some(Departure::ShardFailed));
            tally.leaves +=
                u64::from(matches!(exit, Some(Departure::Abrupt | Departure::Graceful)));
        }
        self.lose(worker, lost, self.sim.presence.churn.lost);
        self.turn_to_absence(worker);
        let crashed = exit == Some(Departure::Crash);
        self.observer.observe(&Record::Left { worker, crashed, lost });
        // The protocol knows already of one that has waited in vain for a stream that is over.
        if self.sim.line.take_back(worker) {
            return Ok(());
        }
        self.consult(Notice::Left(worker, lost))
    }

    /// Loses a worker's step, its step ahead, and the data that it kept.
    pub(super) fn lose(&mut self, worker: WorkerId, lost: Option<PushId>, fate: Lost) {
        let w = &mut self.sim.workers[worker.index()];
        let mut examples = std::mem::take(&mut w.examples_kept);
        w.events_kept = EventTimes::default();
        let mut ids = std::mem::take(&mut w.ids_kept);
        // The data kept from step to step return with gradients that are still to be computed.
        let keeps = self.sim.plan.routine.keeps();
        if let (true, Some(training)) = (keeps, self.sim.session.work.training_mut()) {
            for push in [w.pushed, w.flight].into_iter().flatten() {
                if let Some(cargo) = self.sim.flights.find(push).and_then(|f| f.cargo.as_mut()) {
                    training.finish(cargo);
                }
            }
        }
        if let Some(push) = lost {
            self.sim.workers[worker.index()].flight = None;
            let mut step = self.updates().abandon(push);
            // The count of a step includes the examples kept before.
            examples = step.examples;
            ids.append(&mut step.ids);
        }
        let ahead = self.sim.workers[worker.index()].next.take();
        if let Some(push) = ahead {
            let mut step = self.updates().abandon(push);
            examples += step.examples;
            ids.append(&mut step.ids);
        }
        let steps = u64::from(lost.is_some()) + u64::from(ahead.is_some());
        examples += self.sim.session.unreserve(worker);
        self.sim.workers[worker.index()].presence.tally.count_lost(steps, examples);
        self.sim.presence.count_lost(steps, examples);
        if let Some(training) = self.sim.session.work.training_mut() {
            training.give_back(worker, &ids, fate);
            training.forget(worker, self.sim.session.progress.now);
        }
    }

    /// The worker is present again, and asks.
    fn count_in(&mut self, worker: WorkerId) -> Result<(), SimError> {
        let presence = &mut self.sim.workers[worker.index()].presence;
        presence.joined = true;
        let life = presence.life;
        presence.tally.joins += 1;
        self.sim.presence.tally.joins += 1;
        self.journey().turn_to(worker, Activity::Wait);
        self.observer.observe(&Record::Joined { worker });
        // A job that has stopped starts all workers together.
        if !self.sim.outages.is_stopped() {
            let at = self.sim.presence.starts[worker.index()].max(self.sim.queue.now());
            self.sim.queue.schedule(at, worker, Event::Ready(worker, life));
        }
        self.consult(Notice::Joined(worker))
    }

    fn turn_to_absence(&mut self, worker: WorkerId) {
        let w = &self.sim.workers[worker.index()];
        let away = w.presence.away > 0 || w.presence.late;
        let activity = if away { Activity::Away } else { Activity::Down };
        if w.activity() != activity {
            self.journey().turn_to(worker, activity);
        }
    }

    /// At the end: reports workers that are absent, asleep or without examples, since no later event does.
    pub(super) fn report_absent(&mut self) {
        for worker in (0..self.sim.workers.len() as u32).map(WorkerId) {
            let w = &mut self.sim.workers[worker.index()];
            let ends = [Activity::Down, Activity::Away, Activity::Starved];
            let gone = ends.contains(&w.activity());
            let next = w.presence.asleep.take().or(gone.then(|| w.activity()));
            if let Some(activity) = next {
                self.journey().turn_to(worker, activity);
            }
        }
    }

    fn fall_asleep(&mut self, worker: WorkerId, until: SimTime) {
        let w = &mut self.sim.workers[worker.index()];
        if !w.presence.joined || until <= w.presence.wakes {
            return;
        }
        w.presence.wakes = until;
        self.sim.queue.plan(until, Life::Wakes(worker));
        let w = &self.sim.workers[worker.index()];
        if w.presence.asleep.is_none() {
            let before = w.activity();
            self.journey().turn_to(worker, Activity::Sleep);
            self.sim.workers[worker.index()].presence.asleep = Some(before);
        }
    }
}
