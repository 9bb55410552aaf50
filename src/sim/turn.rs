//! One event and how it is carried out: a simulation, and the observer. Events of workers' steps
//! are in `journey`, the fate of pushes in `updates`; this file connects them through the protocol.

use super::coordinator::Notice;
use super::error::SimError;
use super::journey::{Journey, tell_service};
use super::network::Request;
use super::queue::Event;
use super::record::{Activity, Observer, Record};
use super::simulation::Simulation;
use super::updates::Updates;
use crate::base::WorkerId;
use crate::protocol::Decision;

/// A simulation during an event.
pub(super) struct Turn<'a> {
    pub(super) sim: &'a mut Simulation,
    pub(super) observer: &'a mut dyn Observer,
}

impl Turn<'_> {
    /// The rooms that the steps of workers touch.
    #[inline]
    pub(super) fn journey(&mut self) -> Journey<'_> {
        let Simulation {
            plan,
            queue,
            network,
            workers,
            flights,
            coordinator,
            books,
            session,
            presence,
            outages,
            ..
        } = &mut *self.sim;
        let (follows, observer) = (presence.keeps_ids(), &mut *self.observer);
        Journey {
            plan,
            queue,
            network,
            workers,
            flights,
            coordinator,
            books,
            session,
            outages,
            follows,
            observer,
        }
    }

    /// The rooms that updates touch.
    #[inline]
    pub(super) fn updates(&mut self) -> Updates<'_> {
        let Simulation {
            plan,
            queue,
            workers,
            flights,
            coordinator,
            books,
            watchdog,
            session,
            presence,
            outages,
            ..
        } = &mut *self.sim;
        let (keeps, observer) = (plan.routine.keeps(), &mut *self.observer);
        Updates {
            queue,
            workers,
            flights,
            coordinator,
            books,
            watchdog,
            session,
            presence,
            outages,
            keeps,
            observer,
        }
    }

    /// Carries out an event.
    pub(super) fn dispatch(&mut self, event: Event) -> Result<(), SimError> {
        match event {
            Event::Life(life) => return self.advance_life(life),
            Event::Shards(life) => return self.advance_shard(life),
            Event::Saves(step) => return self.advance_save(step),
            Event::Stream => return self.serve_line(),
            Event::Ready(worker, life) => return self.begin_next_step(worker, life),
            Event::Asks(worker, life) => return self.ask(worker, life),
            Event::Departs(station, turn) => {
                let sim = &mut *self.sim;
                if let Some(service) = sim.network.depart(&mut sim.queue, station, turn) {
                    tell_service(service, self.observer);
                }
            }
            Event::PullArrives(push, shard) => {
                return self.request_arrives(Request::Pull, push, shard);
            }
            Event::PullEnters(push, shard) => {
                self.journey().request_enters(Request::Pull, push, shard);
            }
            Event::PullServed(push, shard) => {
                if let Some(notice) = self.journey().pull_served(push, shard) {
                    return self.consult(notice);
                }
            }
            Event::PullReturns(push, shard) => self.journey().pull_returns(push, shard),
            Event::PullPasses(push, shard) => {
                let now = self.sim.queue.now();
                self.journey().pull_passes(push, shard, now);
            }
            Event::ComputeStarts(push) => {
                if let Some(worker) = self.journey().compute_starts(push) {
                    return self.ask_ahead(worker);
                }
            }
            Event::ComputeEnds(push) => self.journey().compute_ends(push),
            Event::PushArrives(push, shard) => {
                return self.request_arrives(Request::Push, push, shard);
            }
            Event::PushEnters(push, shard) => {
                self.journey().request_enters(Request::Push, push, shard);
            }
            Event::PushServed(push, shard) => {
                let outcome = self.journey().push_served(push, shard);
                return self.take_in(outcome);
            }
        }
        Ok(())
    }

    /// A shard has taken in a push: tells the protocol, and the worker if its step is over.
    pub(super) fn take_in(
        &mut self,
        outcome: Option<(Notice, Option<WorkerId>)>,
    ) -> Result<(), SimError> {
        let Some((notice, done)) = outcome else { return Ok(()) };
        self.consult(notice)?;
        // The worker waits for the answer of the last shard.
        if let Some(worker) = done {
            self.journey().free(worker);
        }
        Ok(())
    }

    /// The worker is free for its next step, unless this life of it is over.
    fn begin_next_step(&mut self, worker: WorkerId, life: u32) -> Result<(), SimError> {
        if !self.sim.workers[worker.index()].presence.is_active_in(life) {
            return self.leave(worker, life);
        }
        match self.journey().prepare_next_step(worker, life) {
            true => self.ask(worker, life),
            false => Ok(()),
        }
    }

    /// The worker asks to pull, unless this life of it is over or a save makes it wait.
    pub(super) fn ask(&mut self, worker: WorkerId, life: u32) -> Result<(), SimError> {
        if !self.sim.workers[worker.index()].presence.is_active_in(life) {
            return self.leave(worker, life);
        }
        self.sim.offer_chief(worker);
        if self.sim.saves.hold_ask(worker, life) {
            self.journey().turn_to(worker, Activity::Wait);
            return Ok(());
        }
        if self.journey().take_up_next(worker) {
            return Ok(());
        }
        if !self.has_examples(worker) {
            return self.wait_for_examples(worker, life);
        }
        self.journey().turn_to(worker, Activity::Held);
        self.sim.workers[worker.index()].asking = true;
        self.consult(Notice::Asks(worker))
    }

    /// Asks to pull for the worker's next step, if the worker prefetches and stays, and has examples
    /// for it.
    pub(super) fn ask_ahead(&mut self, worker: WorkerId) -> Result<(), SimError> {
        let Simulation { workers, saves, plan, .. } = &mut *self.sim;
        let w = &workers[worker.index()];
        let life = w.presence.life();
        let stays = plan.routine.prefetch && w.presence.is_active_in(life);
        if !stays || saves.hold_ahead(worker, life) {
            return Ok(());
        }
        if !self.has_examples(worker) {
            return Ok(());
        }
        self.sim.workers[worker.index()].asking = true;
        self.consult(Notice::Asks(worker))
    }

    /// Tells the protocol, and carries out its decisions.
    pub(super) fn consult(&mut self, notice: Notice) -> Result<(), SimError> {
        let now = self.sim.queue.now();
        self.sim.coordinator.consult(now, notice);
        let Some(decisions) = self.sim.coordinator.take_decisions() else { return Ok(()) };
        let mut all = (0..decisions.len()).map(|index| decisions.get(index));
        let outcome = all.try_for_each(|decision| self.carry_out(decision));
        self.sim.coordinator.reuse(decisions);
        outcome
    }

    fn carry_out(&mut self, decision: Decision<'_>) -> Result<(), SimError> {
        match decision {
            Decision::Grant(worker, shard) => {
                if self.sim.saves.is_gathering() && !self.has_reads_left(worker) {
                    let w = &self.sim.workers[worker.index()];
                    let (life, is_held) = (w.presence.life(), w.activity() == Activity::Held);
                    self.sim.saves.hold_grant(worker, life, shard);
                    if is_held {
                        self.journey().turn_to(worker, Activity::Wait);
                    }
                } else {
                    self.journey().grant(worker, shard);
                }
            }
            Decision::Discard(shard, push) => self.updates().discard(shard, push),
            Decision::Abort(worker) => self.abort(worker),
            Decision::Apply(shard, pushes, merge) => {
                return self.updates().apply(shard, pushes, merge);
            }
        }
        Ok(())
    }

    /// Whether the worker's step has begun to read, and may not read everything yet.
    fn has_reads_left(&mut self, worker: WorkerId) -> bool {
        let Simulation { workers, flights, .. } = &mut *self.sim;
        let w = &workers[worker.index()];
        let steps = [w.flight, w.next].into_iter().flatten();
        steps.into_iter().any(|push| !flights.get(push).is_granted())
    }

    /// Aborts the worker's step, if its push has not arrived everywhere.
    fn abort(&mut self, worker: WorkerId) {
        let w = &mut self.sim.workers[worker.index()];
        let Some(push) = w.flight.take() else { return };
        w.asking = false;
        self.updates().abandon(push);
        self.sim.books.steps.aborted += 1;
        self.observer.observe(&Record::Aborted { worker, push });
        self.journey().free(worker);
    }
}
