//! A restart during a run: what the switches of [`Restart`] do to the job.

use super::coordinator::Notice;
use super::engine::State;
use super::error::SimError;
use super::line::Line;
use super::queue::{Event, Life};
use super::record::{Activity, Observer, Record};
use super::restart::{ClockAt, DataAt, Fresh, InFlight, Kept, Restart, WorkersAt};
use super::simulation::Simulation;
use super::turn::Turn;
use super::worker::Worker;
use crate::base::{SimTime, WorkerId};
use crate::cluster::failures::Lost;
use crate::protocol::PushId;
use crate::server::UnknownName;

impl Simulation {
    /// Keeps the example ids of steps in flight from now on, so that a later restart can train on
    /// them again. Must be called before the first event.
    pub fn follow_examples(&mut self) {
        self.presence.keep_ids();
    }

    /// Restarts the job now, from a checkpoint of this moment. In a job without gradients, only the
    /// workers restart.
    ///
    /// # Errors
    /// If a parameter to re-initialise has a name that the model does not have; the job is
    /// unchanged then. Also as [`step`](Self::step), while gradients in flight are finished.
    pub fn restart(
        &mut self,
        restart: &Restart,
        fresh: Fresh,
        observer: &mut dyn Observer,
    ) -> Result<(), RestartError> {
        Turn { sim: self, observer }.restart(restart, fresh)
    }
}

impl Turn<'_> {
    fn restart(&mut self, restart: &Restart, fresh: Fresh) -> Result<(), RestartError> {
        let training = self.sim.session.work.training();
        let reinit = training.map(|t| restart.selection(t.model().layout())).transpose()?;
        if restart.workers == WorkersAt::Anew && restart.in_flight == InFlight::Apply {
            self.drain()?;
        }
        let saved = match &restart.save {
            Some(how) if !how.is_instant() => self.save_now(how)?.copy,
            _ => None,
        };
        if restart.workers == WorkersAt::Anew {
            let requeue =
                restart.in_flight == InFlight::Requeue && restart.data == DataAt::Continue;
            self.end_steps(if requeue { Lost::Requeue } else { Lost::Drop });
            self.sim.saves.forget();
            self.sim.coordinator.restart(fresh.protocol);
        }
        let (progress, streams) = (self.sim.session.progress, self.sim.plan.streams);
        if let Some(training) = self.sim.session.work.training_mut() {
            if restart.workers == WorkersAt::Anew {
                training.forget_workers();
            }
            if let Some(saved) = &saved {
                training.restore_copy(saved, restart);
            }
            if restart.remedies == Kept::Reset {
                training.remedies = fresh.remedies;
            }
            if restart.clock == ClockAt::Reset {
                training.clock.forget_progress(&progress);
            }
            if restart.counters == Kept::Reset {
                training.clock.forget_versions(self.sim.coordinator.versions());
            }
            training.begin_anew(restart, reinit.as_ref(), streams);
            training.clock.hold_down(&progress, restart.warm_up, restart.frozen);
        }
        if restart.workers == WorkersAt::Anew {
            self.begin_steps(restart)?;
        }
        Ok(())
    }

    /// Starts no new step, and finishes those in flight as far as possible.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    fn drain(&mut self) -> Result<(), SimError> {
        self.sim.saves.is_closing = true;
        let mut outcome = Ok(State::Running);
        while matches!(outcome, Ok(State::Running))
            && self.sim.flights.iter().any(|f| !f.is_at_rest())
        {
            outcome = self.sim.step(self.observer);
        }
        self.sim.saves.is_closing = false;
        outcome.map(|_| ())
    }

    /// Loses every step in flight, and what every worker holds.
    pub(super) fn end_steps(&mut self, fate: Lost) {
        for worker in (0..self.sim.workers.len() as u32).map(WorkerId) {
            let lost = self.sim.workers[worker.index()].flight;
            if let Some(push) = lost {
                self.observer.observe(&Record::Aborted { worker, push });
            }
            self.lose(worker, lost, fate);
        }
        // Pushes that the protocol held back.
        let held: Vec<PushId> = self.sim.flights.iter().map(|flight| flight.push).collect();
        for push in held {
            let step = self.updates().abandon(push);
            self.sim.presence.count_lost(1, step.examples);
            if let Some(training) = self.sim.session.work.training_mut() {
                training.give_back(step.worker, &step.ids, fate);
            }
        }
        let now = self.sim.queue.now();
        self.sim.queue.forget_steps();
        self.sim.line = Line::default();
        self.sim.network.clear(now);
        self.sim.workers.iter_mut().for_each(Worker::start_again);
        self.sim.watchdog.forget_steps();
    }

    /// Starts every present worker, and tells the protocol of the absent ones.
    fn begin_steps(&mut self, restart: &Restart) -> Result<(), SimError> {
        let (now, workers) = (self.sim.queue.now(), self.sim.workers.len() as u32);
        for worker in (0..workers).map(WorkerId) {
            let presence = &self.sim.workers[worker.index()].presence;
            if presence.is_joined() {
                let life = presence.life();
                self.journey().turn_to(worker, Activity::Wait);
                let at = now
                    + restart.start.at(worker, workers, self.sim.plan.streams).since(SimTime::ZERO);
                // While a job waits for a shard, its workers begin when that is back.
                if !self.sim.outages.is_stopped() {
                    self.sim.queue.schedule(at, worker, Event::Ready(worker, life));
                }
            } else {
                // The push that kept it from returning is lost.
                self.sim.queue.schedule(
                    now,
                    WorkerId(0),
                    Event::Life(Life::LastPushArrives(worker)),
                );
                self.consult(Notice::Left(worker, None))?;
            }
        }
        Ok(())
    }
}

/// Why a job cannot restart.
#[derive(Debug, thiserror::Error)]
pub enum RestartError {
    /// `reinit` names parameters that do not exist.
    #[error("`reinit`: {0}")]
    Name(#[from] UnknownName),
    /// Staleness is imposed: there is no cluster.
    #[error(
        "with an imposed staleness there are no workers, and nothing that could restart: leave out `imposed_staleness`"
    )]
    NoCluster,
    /// Finishing the steps in flight failed.
    #[error(transparent)]
    Simulation(#[from] SimError),
}
