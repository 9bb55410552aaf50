//! A checkpoint is saved in the course of a run: workers are held up or go on, and each piece of the
//! servers is copied at its own instant.

use std::collections::VecDeque;

use super::engine::Simulation;
use super::error::SimError;
use super::flight::Flight;
use super::queue::{Event, Saves};
use super::record::{Activity, Observer};
use super::save::{Copied, Held, Save, SaveFor, SavePolicy, SaveReport, Saved, SavedBy, Timed};
use super::training::Training;
use super::training_clock::Elapsed;
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::base::{ShardId, SimTime, WorkerId};
use crate::server::Unit;

/// How far a save is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
enum Phase {
    /// The chief is still in a step.
    AwaitsChief,
    /// Workers finish their steps.
    Gathers,
    /// Pieces are copied and written.
    Writes,
}

/// The save under way.
#[derive(Debug)]
struct Current {
    phase: Phase,
    report: SaveReport,
    /// Versions of the shards when the first piece was copied.
    versions: Vec<u64>,
    copy: Option<Copied>,
    plan: Vec<Timed>,
}

/// Saves that are due, under way and done.
#[derive(Debug, Default)]
pub(super) struct SaveDesk {
    how: Save,
    due: VecDeque<(SaveFor, SimTime, u64)>,
    current: Option<Current>,
    done: VecDeque<Saved>,
    /// Number of the save under way.
    number: u32,
    /// The worker that saves, while it does.
    chief: Option<WorkerId>,
    held: Held,
    /// Whether nobody begins a step any more: the job ends.
    closes: bool,
}

impl SaveDesk {
    pub(super) fn new(how: Save) -> SaveDesk {
        SaveDesk { how, ..SaveDesk::default() }
    }

    /// Says whether anybody may begin a step.
    pub(super) fn closes(&mut self, closes: bool) {
        self.closes = closes;
    }

    /// Whether something that happens elsewhere may let a save go on.
    #[inline]
    pub(super) fn is_waiting(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.phase == Phase::Gathers)
    }

    /// Whether the chief is still in a step.
    #[inline]
    fn awaits_chief(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.phase == Phase::AwaitsChief)
    }

    /// Whether workers are kept from beginning a step.
    #[inline]
    fn gathers(&self) -> bool {
        let gathers = |current: &Current| {
            self.how.gathers() && matches!(current.phase, Phase::Gathers | Phase::Writes)
        };
        self.closes || self.current.as_ref().is_some_and(gathers)
    }
}

impl Simulation {
    /// Has a checkpoint saved, as soon as the one under way is. It is there when
    /// [`take_saved`](Self::take_saved) yields it.
    pub fn save_checkpoint(&mut self, what: SaveFor) {
        let kind = std::mem::discriminant(&what);
        let waits = |due: &&mut (SaveFor, SimTime, u64)| std::mem::discriminant(&due.0) == kind;
        let now = (what, self.now(), self.session.progress.updates);
        match self.saves.due.iter_mut().find(waits) {
            // What was due for the same reason and has not begun is overtaken.
            Some(due) => *due = now,
            None => self.saves.due.push_back(now),
        }
        self.go_on_saving();
    }

    /// A checkpoint that has been saved.
    pub fn take_saved(&mut self) -> Option<Saved> {
        self.saves.done.pop_front()
    }

    /// Ends the job: nobody begins a step any more, and what is due is saved, while pushes on their
    /// way arrive.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn close(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        self.saves.closes = true;
        // The chief's steps are over.
        if self.saves.awaits_chief() {
            self.gather();
        }
        self.go_on_saving();
        while self.saves.current.is_some() {
            self.advance(observer)?;
        }
        Ok(())
    }

    /// Saves and waits until it is done, whatever the limits of the run.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub(super) fn save_now(
        &mut self,
        how: &Save,
        observer: &mut dyn Observer,
    ) -> Result<Saved, SimError> {
        let usual = std::mem::replace(&mut self.saves.how, how.clone());
        self.save_checkpoint(SaveFor::Restart);
        while self.saves.done.is_empty() {
            self.advance(observer)?;
        }
        self.saves.how = usual;
        Ok(self.saves.done.pop_front().expect("it was just saved"))
    }

    /// Forgets the save under way, and who waits for its end.
    pub(super) fn forget_saves(&mut self) {
        let how = std::mem::take(&mut self.saves.how);
        self.saves = SaveDesk { number: self.saves.number + 1, ..SaveDesk::new(how) };
    }

    /// Whether this worker is kept from beginning a step; then it is noted that it would.
    pub(super) fn holds_up(&mut self, worker: WorkerId, life: u32) -> bool {
        let held = self.saves.gathers() || self.saves.chief == Some(worker);
        if held {
            // Who went and came back waits once.
            if life > 0 {
                self.saves.held.asks.retain(|(other, _)| *other != worker);
            }
            self.saves.held.asks.push((worker, life));
        }
        held
    }

    /// Whether this worker is kept from reading ahead; then it is noted that it would.
    pub(super) fn holds_up_ahead(&mut self, worker: WorkerId) -> bool {
        let held = self.saves.gathers();
        if held {
            let life = self.workers[worker.index()].standing.life();
            self.saves.held.ahead.push((worker, life));
        }
        held
    }

    /// Whether a grant has to wait, since a step would begin with it; then it is noted.
    pub(super) fn holds_grant(&mut self, worker: WorkerId, shard: Option<ShardId>) -> bool {
        if !self.saves.gathers() {
            return false;
        }
        let w = &self.workers[worker.index()];
        let (flight, next) = (w.flight, w.next);
        let life = w.standing.life();
        let mut is_open =
            |push: Option<_>| push.is_some_and(|push| !self.flights.get(push).is_granted());
        // A step that has begun to read reads on.
        if is_open(flight) || is_open(next) {
            return false;
        }
        self.saves.held.grants.push((worker, life, shard));
        true
    }

    /// The chief, if its step is over, begins to save.
    pub(super) fn chief_is_free(&mut self, worker: WorkerId) {
        if self.saves.awaits_chief() && self.chief() == Some(worker) {
            self.saves.chief = Some(worker);
            self.gather();
        }
    }

    /// The first worker that is there.
    fn chief(&self) -> Option<WorkerId> {
        let there = |w: &super::worker::Worker| w.standing.is_joined();
        self.workers.iter().position(there).map(|index| WorkerId(index as u32))
    }

    /// Begins what is due, and what nothing stands in the way of any more.
    pub(super) fn go_on_saving(&mut self) {
        if self.saves.current.is_none()
            && let Some((what, due, updates)) = self.saves.due.pop_front()
        {
            let report = SaveReport::new(what, due, updates);
            self.saves.number += 1;
            self.saves.current = Some(Current {
                phase: Phase::AwaitsChief,
                report,
                versions: Vec::new(),
                copy: None,
                plan: Vec::new(),
            });
            if self.saves.how.by == SavedBy::Servers || self.saves.closes {
                self.gather();
            }
        }
        let gathers = |current: &Current| current.phase == Phase::Gathers;
        if self.saves.current.as_ref().is_some_and(gathers) && self.unrest() == 0 {
            self.write();
        }
    }

    /// Steps in flight that something will happen to by itself.
    fn unrest(&self) -> u64 {
        self.flights.iter().filter(|flight: &&Flight| !flight.rests()).count() as u64
    }

    /// Waits for the workers, if they are to be waited for.
    fn gather(&mut self) {
        if !self.saves.how.gathers() {
            return self.write();
        }
        if let Some(current) = &mut self.saves.current {
            current.phase = Phase::Gathers;
        }
        if self.saves.how.policy == SavePolicy::Barrier {
            let at = self.queue.now() + self.saves.how.timeout;
            let event = Event::Saves(Saves::TimesOut(self.saves.number));
            self.queue.schedule(at, WorkerId(0), event);
        }
    }

    /// Copies the first pieces, and knows when to copy the others.
    fn write(&mut self) {
        let (now, number) = (self.queue.now(), self.saves.number);
        let unrest = self.unrest();
        let there = self.workers.iter().filter(|w| w.standing.is_joined()).count() as u64;
        let held = match self.saves.how.gathers() {
            true => there.saturating_sub(unrest),
            false => u64::from(self.saves.chief.is_some()),
        };
        let training = self.session.work.training();
        let (plan, ends) = self.saves.how.plan(training.map(|training| training.server()));
        let copy = training.map(|training| {
            training.copied(training.elapsed(&self.session.progress, &self.versions))
        });
        let Some(current) = &mut self.saves.current else { return };
        current.phase = Phase::Writes;
        current.report.begun = now;
        current.report.updates[1] = self.session.progress.updates;
        current.report.held = held;
        current.report.not_held = unrest;
        current.report.bytes = plan.iter().map(|timed| timed.piece.bytes).sum();
        current.versions.clone_from(&self.versions);
        current.copy = copy;
        for (index, timed) in (0..).zip(&plan) {
            let event = Event::Saves(Saves::Copies(number, index));
            self.queue.schedule(now + timed.after, WorkerId(0), event);
        }
        current.plan = plan;
        self.queue.schedule(now + ends, WorkerId(0), Event::Saves(Saves::Ends(number)));
    }

    /// Something happens in the course of a save.
    pub(super) fn saves(
        &mut self,
        step: Saves,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let (Saves::TimesOut(number) | Saves::Copies(number, _) | Saves::Ends(number)) = step;
        let Some(current) = &mut self.saves.current else { return Ok(()) };
        if number != self.saves.number {
            return Ok(());
        }
        match step {
            Saves::TimesOut(_) if current.phase == Phase::Gathers => self.write(),
            Saves::TimesOut(_) => {}
            Saves::Copies(_, index) => {
                let Timed { piece, .. } = &current.plan[index as usize];
                let s = piece.shard.index();
                let ahead = self.versions[s] - current.versions[s];
                current.report.skew = current.report.skew.max(ahead);
                if let (Some(copy), Some(training)) =
                    (&mut current.copy, self.session.work.training())
                {
                    training.server().copy_piece(piece, &mut copy.content);
                    if self.saves.how.unit == Unit::Tensor {
                        copy.note(training.server(), piece);
                    }
                }
            }
            Saves::Ends(_) => self.end_save(observer)?,
        }
        Ok(())
    }

    /// Everything is written: those who waited go on.
    fn end_save(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        let Some(current) = self.saves.current.take() else { return Ok(()) };
        let Current { mut report, copy, .. } = current;
        report.ended = self.queue.now();
        report.updates[2] = self.session.progress.updates;
        if let Some(copy) = &copy {
            let rows = copy.rows_without();
            report.rows_without_slots = rows.iter().map(|(_, rows)| rows.len() as u64).sum();
        }
        self.saves.done.push_back(Saved { report, copy });
        self.saves.chief = None;
        if self.saves.closes {
            self.go_on_saving();
            return Ok(());
        }
        let Held { asks, grants, ahead } = std::mem::take(&mut self.saves.held);
        for (worker, life) in asks {
            self.asks(worker, life, observer)?;
        }
        for (worker, life, shard) in grants {
            let w = &self.workers[worker.index()];
            if w.standing.life() == life && w.asking {
                self.grant(worker, shard, observer);
            }
        }
        for (worker, life) in ahead {
            let w = &self.workers[worker.index()];
            let computes = w.activity() == Activity::Compute && w.next.is_none() && !w.asking;
            if w.standing.life() == life && computes {
                self.ask_ahead(worker, observer)?;
            }
        }
        self.go_on_saving();
        Ok(())
    }
}

impl SaveDesk {
    /// Saves itself, with the save under way.
    pub(super) fn save_all(&self, out: &mut Saver<'_>) {
        self.save(out);
        out.plain(&self.current.as_ref().map(|current| current.copy.is_some()));
        out.each(&self.current);
    }

    /// Loads what [`save_all`](Self::save_all) has saved of a job with this training.
    pub(super) fn load_all(
        &mut self,
        training: Option<&Training>,
        from: &mut Loader<'_>,
    ) -> Result<(), LoadError> {
        self.load(from)?;
        let Some(copied) = from.plain::<Option<bool>>()? else { return Ok(()) };
        let mut current = Current {
            phase: Phase::Gathers,
            report: SaveReport::default(),
            versions: Vec::new(),
            // Overwritten at once; but it has the shape.
            copy: training.filter(|_| copied).map(|training| training.copied(Elapsed::default())),
            plan: Vec::new(),
        };
        current.load(from)?;
        if current.phase == Phase::Writes {
            current.plan = self.how.plan(training.map(Training::server)).0;
        }
        self.current = Some(current);
        Ok(())
    }
}

// What is done has been taken before the state is saved.
crate::persist!(SaveDesk {
    how: fixed,
    due: state,
    current: emptied,
    done: emptied,
    number: state,
    chief: state,
    held: plain,
    closes: state
});
crate::persist!(Current { phase: plain, report: state, versions: state, copy: each, plan: fixed });
