//! Who is there: workers crash and are repaired, leave and join, sleep, and begin late.
//!
//! A worker is there when its machine is up, every schedule has it, and it has begun. When it ceases
//! to be there it is counted out: the protocol is told, and the step that it is in is lost, unless
//! it leaves gracefully and finishes it, or its push is on the way and may arrive. When it is there
//! again it is counted in and asks anew. Each time it is counted out its *life* ends: events that
//! were scheduled for that life find that it is over.

use std::ops::Range;

use super::audit::Audit;
use super::engine::Simulation;
use super::error::SimError;
use super::queue::{Event, Life};
use super::record::{Activity, Observer, Record};
use super::worker::Worker;
use crate::base::{SimTime, WorkerId};
use crate::cluster::Churn;
use crate::cluster::failures::{Lost, OnTheWay};
use crate::protocol::{Cluster, PushId};

/// What has come, gone and been lost; of one worker, or of all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Workers there when the run began.
    pub at_start: u64,
    /// Crashes of workers that were there.
    pub crashes: u64,
    /// Leaves by schedule.
    pub leaves: u64,
    /// Times that a worker was there again, or at last.
    pub joins: u64,
    /// Steps lost with their workers.
    pub lost_steps: u64,
    /// Examples lost in them, or with gradients that a worker had kept.
    pub lost_examples: u64,
}

/// Whether a worker is there.
#[derive(Clone, Debug)]
pub struct Standing {
    joined: bool,
    life: u32,
    /// Schedules that do not have it.
    away: u32,
    /// Crashes that are not repaired.
    down: u32,
    /// Whether it waits for updates before it begins.
    late: bool,
    /// Whether it leaves when its step is over.
    leaving: bool,
    /// While it sleeps: what it would be doing.
    asleep: Option<Activity>,
    wakes: SimTime,
    /// Random crashes of its machine.
    failures: u64,
    tally: Tally,
}

impl Default for Standing {
    fn default() -> Self {
        Standing {
            joined: true,
            life: 0,
            away: 0,
            down: 0,
            late: false,
            leaving: false,
            asleep: None,
            wakes: SimTime::ZERO,
            failures: 0,
            tally: Tally { at_start: 1, ..Tally::default() },
        }
    }
}

impl Standing {
    /// Whether it is one of the workers at present, as protocols see it.
    pub fn is_joined(&self) -> bool {
        self.joined
    }

    /// Its comings and goings.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How often it has been counted out.
    pub(super) fn life(&self) -> u32 {
        self.life
    }

    /// Whether it goes on with what it was to do in this life.
    pub(super) fn acts(&self, life: u32) -> bool {
        life == self.life && !self.leaving
    }

    /// Until when it sleeps, if it does.
    pub(super) fn sleeps_until(&self) -> Option<SimTime> {
        self.asleep.map(|_| self.wakes)
    }

    /// Ends this life of it, with all that was scheduled for it.
    pub(super) fn begin_anew(&mut self) {
        self.life += 1;
    }

    /// Whether it sleeps; then what it would do is noted.
    pub(super) fn sleeps_through(&mut self, activity: Activity) -> bool {
        let asleep = self.asleep.is_some();
        if let Some(before) = &mut self.asleep {
            *before = activity;
        }
        asleep
    }

    /// Whether nothing keeps it from being there.
    fn may_be_there(&self) -> bool {
        self.away == 0 && self.down == 0 && !self.late
    }
}

/// Why and how a worker ceases to be there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Exit {
    Crash,
    Abrupt,
    Graceful,
}

/// Who is there, and what it cost.
#[derive(Debug)]
pub struct Presence {
    churn: Churn,
    /// When each worker begins.
    starts: Vec<SimTime>,
    /// By schedule: whether its workers are there.
    there: Vec<bool>,
    /// Of those that wait for updates, how many have begun; and the updates of the next.
    begun: usize,
    next_start: u64,
    tally: Tally,
    audit: Option<Audit>,
    /// Whether it matters which examples a step has.
    follows: bool,
    /// Events of this chapter since a push has landed, and the pushes landed then.
    in_vain: (u64, u64),
}

impl Presence {
    /// All workers are there, before the run.
    pub(super) fn new(
        churn: Churn,
        starts: Vec<SimTime>,
        window: Option<Vec<Range<u64>>>,
    ) -> Presence {
        let come_back = churn.lost != Lost::Drop && !churn.is_none();
        Presence {
            follows: window.is_some() || come_back,
            there: vec![true; churn.memberships.len()],
            begun: 0,
            next_start: churn.starts.first().map_or(u64::MAX, |start| start.0),
            tally: Tally { at_start: starts.len() as u64, ..Tally::default() },
            audit: window.map(Audit::new),
            in_vain: (0, 0),
            churn,
            starts,
        }
    }

    /// All comings and goings.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Who may come, go and die.
    pub fn churn(&self) -> &Churn {
        &self.churn
    }

    /// How often each example was used, if that is counted.
    pub fn audit(&self) -> Option<&Audit> {
        self.audit.as_ref()
    }

    /// Whether it matters which examples a step has.
    pub(super) fn follows(&self) -> bool {
        self.follows
    }

    /// Notes a step that was lost although its worker had finished it.
    pub(super) fn lost(&mut self, examples: u64) {
        self.tally.lost_steps += 1;
        self.tally.lost_examples += examples;
    }

    /// From now on, it matters which examples a step has.
    pub(super) fn follow(&mut self) {
        self.follows = true;
    }

    /// Notes the examples of a push that every shard has applied.
    pub(super) fn used(&mut self, examples: &[u64]) {
        if let Some(audit) = &mut self.audit {
            audit.note(examples);
        }
    }
}

impl Simulation {
    /// Schedules what is known of the workers' lives.
    pub(super) fn open(&mut self) {
        let Simulation { presence, queue, workers, streams, .. } = self;
        let churn = &presence.churn;
        let mut plan = |at: SimTime, life: Life| {
            if at < SimTime::MAX {
                queue.schedule(at, WorkerId(0), Event::Life(life));
            }
        };
        for &(_, worker, latest) in &churn.starts {
            workers[worker.index()].standing.late = true;
            latest.into_iter().for_each(|at| plan(at, Life::Begins(worker)));
        }
        for (index, schedule) in (0..).zip(&churn.memberships) {
            if !schedule.is_there(SimTime::ZERO) {
                presence.there[index as usize] = false;
                let all = (0..).map(WorkerId).zip(workers.iter_mut());
                all.filter(|(worker, _)| schedule.covers(*worker))
                    .for_each(|(_, w)| w.standing.away += 1);
            }
            schedule.next(SimTime::ZERO).into_iter().for_each(|at| plan(at, Life::Tide(index)));
        }
        if workers.iter().any(|w| !w.standing.may_be_there()) {
            plan(SimTime::ZERO, Life::Opens);
        }
        for (worker, process) in (0..).map(WorkerId).zip(&churn.processes) {
            if let Some(process) = process {
                plan(SimTime::ZERO + process.runs(worker, 0, *streams), Life::Fails(worker));
            }
        }
        (0..).zip(&churn.crashes).for_each(|(index, crash)| plan(crash.0, Life::Crashes(index)));
        (0..).zip(&churn.sleeps).for_each(|(index, sleep)| plan(sleep.0, Life::Sleeps(index)));
    }

    fn plan(&mut self, at: SimTime, life: Life) {
        if at < SimTime::MAX {
            self.queue.schedule(at, WorkerId(0), Event::Life(life));
        }
    }

    /// Something happens in the workers' lives.
    pub(super) fn live(&mut self, life: Life, observer: &mut dyn Observer) -> Result<(), SimError> {
        self.is_alive()?;
        let (now, streams) = (self.queue.now(), self.streams);
        match life {
            Life::Opens => self.count_out_absent(observer),
            Life::Fails(worker) => {
                let standing = &mut self.workers[worker.index()].standing;
                let process = self.presence.churn.processes[worker.index()].as_ref();
                let process = process.expect("only what has a process fails");
                let back = now + process.is_down(worker, standing.failures, streams);
                standing.failures += 1;
                standing.down += 1;
                self.plan(back, Life::Repaired(worker));
                self.settle(worker, Exit::Crash, observer)
            }
            Life::Repaired(worker) => {
                let standing = &mut self.workers[worker.index()].standing;
                let process = self.presence.churn.processes[worker.index()].as_ref();
                let process = process.expect("only what has a process fails");
                let next = now + process.runs(worker, standing.failures, streams);
                standing.down -= 1;
                self.plan(next, Life::Fails(worker));
                self.settle(worker, Exit::Crash, observer)
            }
            Life::Crashes(index) => {
                let (_, worker, span) = self.presence.churn.crashes[index as usize];
                self.workers[worker.index()].standing.down += 1;
                self.plan(now + span, Life::Recovers(worker));
                self.settle(worker, Exit::Crash, observer)
            }
            Life::Recovers(worker) => {
                self.workers[worker.index()].standing.down -= 1;
                self.settle(worker, Exit::Crash, observer)
            }
            Life::Tide(index) => self.tide(index, observer),
            Life::Sleeps(index) => {
                let (_, worker, span) = self.presence.churn.sleeps[index as usize];
                self.fall_asleep(worker, now + span, observer);
                Ok(())
            }
            Life::Wakes(worker) => {
                let standing = &mut self.workers[worker.index()].standing;
                if now >= standing.wakes
                    && let Some(before) = standing.asleep.take()
                {
                    self.turn_to(worker, before, observer);
                }
                Ok(())
            }
            Life::Begins(worker) => {
                self.workers[worker.index()].standing.late = false;
                self.settle(worker, Exit::Abrupt, observer)
            }
            Life::Settles(worker) => self.settle(worker, Exit::Abrupt, observer),
        }
    }

    /// Counts out those that are not there from the start.
    fn count_out_absent(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        for worker in (0..self.workers.len() as u32).map(WorkerId) {
            if !self.workers[worker.index()].standing.may_be_there() {
                self.workers[worker.index()].standing.tally.at_start = 0;
                self.presence.tally.at_start -= 1;
                self.count_out(worker, None, observer)?;
            }
        }
        Ok(())
    }

    /// A schedule turns.
    fn tide(&mut self, index: u32, observer: &mut dyn Observer) -> Result<(), SimError> {
        let now = self.queue.now();
        let schedule = self.presence.churn.memberships[index as usize].clone();
        let there = schedule.is_there(now);
        schedule.next(now).into_iter().for_each(|at| self.plan(at, Life::Tide(index)));
        if std::mem::replace(&mut self.presence.there[index as usize], there) == there {
            return Ok(());
        }
        let exit = if schedule.abruptly { Exit::Abrupt } else { Exit::Graceful };
        let last = schedule.last.unwrap_or(u32::MAX).min(self.workers.len() as u32 - 1);
        for worker in (schedule.first..=last).map(WorkerId) {
            let standing = &mut self.workers[worker.index()].standing;
            if there {
                standing.away -= 1;
            } else {
                standing.away += 1;
            }
            self.settle(worker, exit, observer)?;
        }
        Ok(())
    }

    /// Draws the consequences of a worker's being there or not.
    fn settle(
        &mut self,
        worker: WorkerId,
        exit: Exit,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let w = &mut self.workers[worker.index()];
        match (w.standing.joined, w.standing.may_be_there()) {
            (true, true) => w.standing.leaving = false,
            (true, false) if exit == Exit::Graceful && !w.is_idle() => w.standing.leaving = true,
            (true, false) => return self.count_out(worker, Some(exit), observer),
            // Otherwise its last push is still on its way.
            (false, true) if w.flight.is_none() => return self.count_in(worker, observer),
            (false, _) => self.turn_to_absence(worker, observer),
        }
        Ok(())
    }

    /// What a worker does that is not to act any more: it leaves, if it has not yet.
    pub(super) fn ends(
        &mut self,
        worker: WorkerId,
        life: u32,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let standing = &self.workers[worker.index()].standing;
        if life != standing.life {
            return Ok(());
        }
        self.count_out(worker, Some(Exit::Graceful), observer)
    }

    /// The worker ceases to be there; without an exit it has never been.
    fn count_out(
        &mut self,
        worker: WorkerId,
        exit: Option<Exit>,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let w = &mut self.workers[worker.index()];
        let standing = &mut w.standing;
        (standing.joined, standing.leaving, standing.asleep) = (false, false, None);
        standing.life += 1;
        (w.asking, w.holds) = (false, false);
        let arrives = self.presence.churn.on_the_way == OnTheWay::Arrives;
        let lost = w.flight.filter(|&push| !(arrives && self.flights.get(push).sent));
        for tally in [&mut w.standing.tally, &mut self.presence.tally] {
            tally.crashes += u64::from(exit == Some(Exit::Crash));
            tally.leaves += u64::from(matches!(exit, Some(Exit::Abrupt | Exit::Graceful)));
        }
        self.lose(worker, lost, self.presence.churn.lost);
        self.turn_to_absence(worker, observer);
        let crashed = exit == Some(Exit::Crash);
        observer.observe(&Record::Left { worker, crashed, lost });
        let Simulation { protocol, decisions, queue, versions, steps, .. } = self;
        let cluster = Cluster { now: queue.now(), versions, steps };
        protocol.on_leave(worker, lost, &cluster, decisions);
        self.carry_out(observer)
    }

    /// Loses a step with its worker, the step ahead, and what the worker kept.
    pub(super) fn lose(&mut self, worker: WorkerId, lost: Option<PushId>, fate: Lost) {
        let w = &mut self.workers[worker.index()];
        let mut examples = std::mem::take(&mut w.examples_kept);
        let mut ids = std::mem::take(&mut w.ids_kept);
        // What is kept from step to step comes back with the gradients that are still to be computed.
        let keeps = self.routine.keeps();
        if let (true, Some(training)) = (keeps, self.session.work.training_mut()) {
            for push in [w.pushed, w.flight].into_iter().flatten() {
                if let Some(cargo) = self.flights.find(push).and_then(|f| f.cargo.as_mut()) {
                    training.finish(cargo);
                }
            }
        }
        if let Some(push) = lost {
            self.workers[worker.index()].flight = None;
            let mut flight = self.break_off(push);
            // A step that was to push nothing counts those kept before.
            examples = flight.examples;
            ids.append(&mut flight.ids);
            self.flights.recycle(flight);
        }
        let ahead = self.workers[worker.index()].next.take();
        if let Some(push) = ahead {
            let mut flight = self.break_off(push);
            examples += flight.examples;
            ids.append(&mut flight.ids);
            self.flights.recycle(flight);
        }
        let w = &mut self.workers[worker.index()];
        for tally in [&mut w.standing.tally, &mut self.presence.tally] {
            tally.lost_steps += u64::from(lost.is_some()) + u64::from(ahead.is_some());
            tally.lost_examples += examples;
        }
        if let Some(training) = self.session.work.training_mut() {
            training.give_back(worker, &ids, fate);
            training.forget(worker);
        }
    }

    /// The worker is there, and asks.
    fn count_in(&mut self, worker: WorkerId, observer: &mut dyn Observer) -> Result<(), SimError> {
        let standing = &mut self.workers[worker.index()].standing;
        standing.joined = true;
        let life = standing.life;
        standing.tally.joins += 1;
        self.presence.tally.joins += 1;
        self.turn_to(worker, Activity::Wait, observer);
        observer.observe(&Record::Joined { worker });
        let at = self.presence.starts[worker.index()].max(self.queue.now());
        self.queue.schedule(at, worker, Event::Ready(worker, life));
        let Simulation { protocol, decisions, queue, versions, steps, .. } = self;
        let cluster = Cluster { now: queue.now(), versions, steps };
        protocol.on_join(worker, &cluster, decisions);
        self.carry_out(observer)
    }

    fn turn_to_absence(&mut self, worker: WorkerId, observer: &mut dyn Observer) {
        let w = &self.workers[worker.index()];
        let away = w.standing.away > 0 || w.standing.late;
        let activity = if away { Activity::Away } else { Activity::Down };
        if w.activity() != activity {
            self.turn_to(worker, activity, observer);
        }
    }

    /// At the end: tells of those who are gone or asleep, since nothing more would.
    pub(super) fn tell_of_absent(&mut self, observer: &mut dyn Observer) {
        for worker in (0..self.workers.len() as u32).map(WorkerId) {
            let w = &mut self.workers[worker.index()];
            let gone = [Activity::Down, Activity::Away].contains(&w.activity());
            let next = w.standing.asleep.take().or(gone.then(|| w.activity()));
            if let Some(activity) = next {
                self.turn_to(worker, activity, observer);
            }
        }
    }

    fn fall_asleep(&mut self, worker: WorkerId, until: SimTime, observer: &mut dyn Observer) {
        let w = &mut self.workers[worker.index()];
        if !w.standing.joined || until <= w.standing.wakes {
            return;
        }
        w.standing.wakes = until;
        self.plan(until, Life::Wakes(worker));
        let w = &self.workers[worker.index()];
        if w.standing.asleep.is_none() {
            let before = w.activity();
            self.turn_to(worker, Activity::Sleep, observer);
            self.workers[worker.index()].standing.asleep = Some(before);
        }
    }

    /// Lets those begin that have waited for so many updates.
    pub(super) fn begin_late(&mut self, updates: u64) {
        while updates >= self.presence.next_start {
            let presence = &mut self.presence;
            let (_, worker, _) = presence.churn.starts[presence.begun];
            presence.begun += 1;
            presence.next_start =
                presence.churn.starts.get(presence.begun).map_or(u64::MAX, |start| start.0);
            self.plan(self.queue.now(), Life::Begins(worker));
        }
    }

    /// Refuses to go on for ever with workers that come and go while nothing lands.
    fn is_alive(&mut self) -> Result<(), SimError> {
        let (count, landed) = &mut self.presence.in_vain;
        *count = if *landed == self.landed { *count + 1 } else { 0 };
        *landed = self.landed;
        let most = 1_000 * (self.workers.len() as u64 + 10);
        if *count > most && self.session.limits.time.is_none() {
            return Err(self.stalled());
        }
        Ok(())
    }
}

impl Worker {
    /// Whether it is in no step, or waits to begin one.
    fn is_idle(&self) -> bool {
        let doing = self.standing.asleep.unwrap_or(self.activity());
        self.flight.is_none() && doing == Activity::Wait
    }
}

crate::persist!(Tally {
    at_start: state,
    crashes: state,
    leaves: state,
    joins: state,
    lost_steps: state,
    lost_examples: state
});
crate::persist!(Standing {
    joined: state,
    life: state,
    away: state,
    down: state,
    late: state,
    leaving: state,
    asleep: state,
    wakes: state,
    failures: state,
    tally: state
});

crate::persist!(Presence {
    churn: fixed,
    starts: fixed,
    there: state,
    begun: state,
    next_start: state,
    tally: state,
    audit: each,
    follows: fixed,
    in_vain: state
});
