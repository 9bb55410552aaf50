//! A checkpoint is saved during a run: workers wait or continue, and each piece of the servers is
//! copied at its own instant.

use super::copied::{SaveReport, Saved};
use super::error::SimError;
use super::flight::{Flight, Flights};
use super::queue::{Event, EventQueue, Saves};
use super::record::{Activity, Observer};
use super::save::{Save, SavePolicy, SaveReason, SavedBy, Timed};
use super::save_desk::{Current, Phase, SaveDesk, WaitingWorkers};
use super::session::TrainingSession;
use super::simulation::Simulation;
use super::training::Training;
use super::turn::Turn;
use super::worker::Worker;
use crate::base::WorkerId;
use crate::server::CopyUnit;

/// The rooms that a save touches: it changes only its desk, and schedules its events; at its start
/// the servers may evict rows.
struct Saving<'a> {
    desk: &'a mut SaveDesk,
    queue: &'a mut EventQueue,
    flights: &'a Flights,
    workers: &'a [Worker],
    session: &'a mut TrainingSession,
    versions: &'a [u64],
}

impl Saving<'_> {
    /// Notes that a checkpoint is due, and starts it if it can.
    fn demand(&mut self, what: SaveReason) {
        let kind = std::mem::discriminant(&what);
        let progress = &self.session.progress;
        let now = (what, progress.now, progress.updates);
        match self.desk.due.iter_mut().find(|due| std::mem::discriminant(&due.0) == kind) {
            // It replaces one that was due for the same reason and has not started.
            Some(due) => *due = now,
            None => self.desk.due.push_back(now),
        }
        self.proceed();
    }

    /// The job ends: no worker starts a step any more.
    fn close(&mut self) {
        self.desk.is_closing = true;
        // The chief takes no more steps.
        if self.desk.is_awaiting_chief() {
            self.gather();
        }
        self.proceed();
    }

    /// A worker is between two steps: if it is the chief, it starts to save.
    fn offer_chief(&mut self, worker: WorkerId) {
        // The chief is the first worker that is present.
        let chief = self.workers.iter().position(|worker| worker.presence.is_joined());
        if chief == Some(worker.index()) {
            self.desk.chief = Some(worker);
            self.gather();
        }
    }

    /// Starts the saves that are due and need not wait any more.
    fn proceed(&mut self) {
        if self.desk.current.is_none()
            && let Some((what, due, updates)) = self.desk.due.pop_front()
        {
            self.desk.number += 1;
            self.desk.current = Some(Current::new(SaveReport::new(what, due, updates)));
            if self.desk.how.by == SavedBy::Servers || self.desk.is_closing {
                self.gather();
            }
        }
        if self.desk.is_waiting() && self.unrest() == 0 {
            self.write();
        }
    }

    /// Number of steps in flight that are not at rest.
    fn unrest(&self) -> u64 {
        self.flights.iter().filter(|flight: &&Flight| !flight.is_at_rest()).count() as u64
    }

    /// Waits for the workers, if the policy says so.
    fn gather(&mut self) {
        if !self.desk.how.stops_workers() {
            return self.write();
        }
        if let Some(current) = &mut self.desk.current {
            current.phase = Phase::Gathers;
        }
        if self.desk.how.policy == SavePolicy::Barrier {
            let at = self.queue.now() + self.desk.how.timeout;
            let event = Event::Saves(Saves::TimesOut(self.desk.number));
            self.queue.schedule(at, WorkerId(0), event);
        }
    }

    /// Copies the first pieces, and schedules the others.
    fn write(&mut self) {
        let (now, number) = (self.queue.now(), self.desk.number);
        let unrest = self.unrest();
        let present = self.workers.iter().filter(|w| w.presence.is_joined()).count() as u64;
        let held = match self.desk.how.stops_workers() {
            true => present.saturating_sub(unrest),
            false => u64::from(self.desk.chief.is_some()),
        };
        self.session.prepare_save();
        let training = self.session.work.training();
        let (plan, ends) = self.desk.how.plan(training.map(Training::server));
        let progress = &self.session.progress;
        let Some(current) = &mut self.desk.current else { return };
        current.phase = Phase::Writes;
        current.report.begun = now;
        current.report.updates[1] = progress.updates;
        current.report.held = held;
        current.report.not_held = unrest;
        current.report.bytes = plan.iter().map(|timed| timed.piece.bytes).sum();
        current.versions.clear();
        current.versions.extend_from_slice(self.versions);
        current.copy =
            training.map(|training| training.copied(training.elapsed(progress, self.versions)));
        for (index, timed) in (0..).zip(&plan) {
            let event = Event::Saves(Saves::Copies(number, index));
            self.queue.schedule(now + timed.after, WorkerId(0), event);
        }
        current.plan = plan;
        self.queue.schedule(now + ends, WorkerId(0), Event::Saves(Saves::Ends(number)));
    }

    /// Copies the piece of this number.
    fn copy(&mut self, index: u32) {
        let Some(current) = &mut self.desk.current else { return };
        let Timed { piece, .. } = &current.plan[index as usize];
        let s = piece.shard.index();
        let ahead = self.versions[s] - current.versions[s];
        current.report.skew = current.report.skew.max(ahead);
        if let (Some(copy), Some(training)) = (&mut current.copy, self.session.work.training()) {
            training.server().copy_piece(piece, &mut copy.content);
            if self.desk.how.unit == CopyUnit::Tensor {
                copy.note(training.server(), piece);
            }
        }
    }

    /// All data are written. Returns what has waited for it.
    fn end(&mut self) -> WaitingWorkers {
        let Some(current) = self.desk.current.take() else { return WaitingWorkers::default() };
        let Current { mut report, copy, .. } = current;
        report.ended = self.queue.now();
        report.updates[2] = self.session.progress.updates;
        if let (Some(copy), Some(training)) = (&copy, self.session.work.training()) {
            let rows = copy.rows_without(training.server());
            report.half_rows = copy.half_rows(training.server());
            report.rows_without_slots = rows.iter().map(|(_, rows)| rows.len() as u64).sum();
        }
        self.desk.done.push_back(Saved { report, copy });
        self.desk.chief = None;
        match self.desk.is_closing {
            true => WaitingWorkers::default(),
            false => std::mem::take(&mut self.desk.held),
        }
    }
}

impl Simulation {
    fn saving(&mut self) -> Saving<'_> {
        let Simulation { saves, queue, flights, workers, session, coordinator, .. } = self;
        let versions = coordinator.versions();
        Saving { desk: saves, queue, flights, workers, session, versions }
    }

    /// Has a checkpoint saved as soon as the current save is over. [`take_saved`](Self::take_saved)
    /// returns it when it is done.
    pub fn save_checkpoint(&mut self, what: SaveReason) {
        self.saving().demand(what);
    }

    /// The next saved checkpoint, if there is one.
    pub fn take_saved(&mut self) -> Option<Saved> {
        self.saves.done.pop_front()
    }

    /// Ends the job: no worker starts a step any more, due checkpoints are saved, and pushes under
    /// way arrive.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn close(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        self.saving().close();
        while self.saves.current.is_some() {
            self.advance(observer)?;
        }
        Ok(())
    }

    /// Starts the save that has waited for the steps in flight, if they are at rest.
    pub(super) fn proceed_with_saves(&mut self) {
        self.saving().proceed();
    }

    /// Lets the chief save, if the save waits for it and this worker is the chief.
    pub(super) fn offer_chief(&mut self, worker: WorkerId) {
        if self.saves.is_awaiting_chief() {
            self.saving().offer_chief(worker);
        }
    }
}

impl Turn<'_> {
    /// Saves and waits until it is done, regardless of the limits of the run.
    ///
    /// # Errors
    /// As [`Simulation::step`].
    pub(super) fn save_now(&mut self, how: &Save) -> Result<Saved, SimError> {
        let usual = std::mem::replace(&mut self.sim.saves.how, how.clone());
        self.sim.save_checkpoint(SaveReason::Restart);
        while self.sim.saves.done.is_empty() {
            self.sim.advance(self.observer)?;
        }
        self.sim.saves.how = usual;
        Ok(self.sim.saves.done.pop_front().expect("it was just saved"))
    }

    /// Handles an event of a save.
    pub(super) fn advance_save(&mut self, step: Saves) -> Result<(), SimError> {
        let (Saves::TimesOut(number) | Saves::Copies(number, _) | Saves::Ends(number)) = step;
        if self.sim.saves.current.is_none() || number != self.sim.saves.number {
            return Ok(());
        }
        match step {
            Saves::TimesOut(_) if self.sim.saves.is_waiting() => self.sim.saving().write(),
            Saves::TimesOut(_) => {}
            Saves::Copies(_, index) => self.sim.saving().copy(index),
            Saves::Ends(_) => {
                let held = self.sim.saving().end();
                self.release(held)?;
                self.sim.proceed_with_saves();
            }
        }
        Ok(())
    }

    /// Lets the workers continue that have waited for a save.
    fn release(&mut self, held: WaitingWorkers) -> Result<(), SimError> {
        let WaitingWorkers { asks, grants, ahead } = held;
        for (worker, life) in asks {
            self.ask(worker, life)?;
        }
        for (worker, life, shard) in grants {
            let w = &self.sim.workers[worker.index()];
            if w.presence.life() == life && w.asking {
                self.journey().grant(worker, shard);
            }
        }
        for (worker, life) in ahead {
            let w = &self.sim.workers[worker.index()];
            let computes = w.activity() == Activity::Compute && w.next.is_none() && !w.asking;
            if w.presence.life() == life && computes {
                self.ask_ahead(worker)?;
            }
        }
        Ok(())
    }
}
