//! A restart in the course of a run: what the switches of [`Restart`] do to the job.

use super::engine::{Simulation, State};
use super::error::SimError;
use super::queue::{Event, Life};
use super::record::{Activity, Observer, Record};
use super::restart::{ClockAt, DataAt, Fresh, InFlight, Kept, Restart, SlotsAt, WorkersAt};
use super::save::Copied;
use super::spare::LastPushes;
use super::training::Training;
use super::training_clock::Elapsed;
use crate::base::{Purpose, SimTime, Streams, WorkerId};
use crate::cluster::failures::Lost;
use crate::data::order::Position;
use crate::protocol::{Cluster, Merge, PushId};
use crate::server::table::TableStore;
use crate::server::{Aspects, Selection, UnknownName};
use crate::sim::Progress;

impl Simulation {
    /// From now on it is known which examples are in flight, so that a later restart can have them
    /// trained on again. To be called before the first event.
    pub fn follow_examples(&mut self) {
        self.presence.follow();
    }

    /// The job restarts here and now, from a checkpoint of this moment. A job without gradients has
    /// nothing but its workers to restart.
    ///
    /// # Errors
    /// If the parameters to begin anew have a name that the model does not have; nothing has
    /// happened then. And as [`step`](Self::step), while gradients in flight are finished.
    pub fn restart(
        &mut self,
        restart: &Restart,
        fresh: Fresh,
        observer: &mut dyn Observer,
    ) -> Result<(), RestartError> {
        let training = self.session.work.training();
        let reinit = training.map(|t| restart.selection(t.model().layout())).transpose()?;
        if restart.workers == WorkersAt::Anew && restart.in_flight == InFlight::Apply {
            self.drain(observer)?;
        }
        let saved = match &restart.save {
            Some(how) if !how.is_instant() => self.save_now(how, observer)?.copy,
            _ => None,
        };
        if restart.workers == WorkersAt::Anew {
            self.end_steps(restart, observer);
            self.protocol = fresh.protocol;
        }
        let (progress, streams) = (self.session.progress, self.streams);
        if let Some(training) = self.session.work.training_mut() {
            if restart.workers == WorkersAt::Anew {
                training.forget_workers();
            }
            if let Some(saved) = &saved {
                training.take_copy(saved, restart);
            }
            if restart.remedies == Kept::Reset {
                training.remedies = fresh.remedies;
            }
            if restart.clock == ClockAt::Reset {
                training.clock.forget_progress(&progress);
            }
            if restart.counters == Kept::Reset {
                training.clock.forget_versions(&self.versions);
            }
            training.begin_anew(restart, reinit.as_ref(), streams);
            training.clock.hold_down(&progress, restart.warm_up, restart.frozen);
        }
        if restart.workers == WorkersAt::Anew {
            self.begin_steps(restart, observer)?;
        }
        Ok(())
    }

    /// Begins no new step, and finishes those in flight, as far as they can be.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    fn drain(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        self.saves.closes(true);
        let mut outcome = Ok(State::Running);
        while matches!(outcome, Ok(State::Running)) && self.flights.iter().any(|f| !f.rests()) {
            outcome = self.step(observer);
        }
        self.saves.closes(false);
        outcome.map(|_| ())
    }

    /// Every step in flight is lost, and every worker with it.
    fn end_steps(&mut self, restart: &Restart, observer: &mut dyn Observer) {
        let requeue = restart.in_flight == InFlight::Requeue && restart.data == DataAt::Continue;
        let fate = if requeue { Lost::Requeue } else { Lost::Drop };
        for worker in (0..self.workers.len() as u32).map(WorkerId) {
            let lost = self.workers[worker.index()].flight;
            if let Some(push) = lost {
                observer.observe(&Record::Aborted { worker, push });
            }
            self.lose(worker, lost, fate);
        }
        // Pushes that the protocol held back.
        let held: Vec<PushId> = self.flights.iter().map(|flight| flight.push).collect();
        for push in held {
            let flight = self.break_off(push);
            self.presence.lost(flight.examples);
            if let Some(training) = self.session.work.training_mut() {
                training.give_back(flight.worker, &flight.ids, fate);
            }
            self.flights.recycle(flight);
        }
        let now = self.queue.now();
        self.queue.forget_steps();
        self.forget_saves();
        self.shards.iter_mut().for_each(|shard| shard.empty(now));
        self.workers.iter_mut().for_each(|worker| worker.begin_anew(now));
        self.steps.fill(0);
        (self.fastest, self.in_vain) = (0, 0);
    }

    /// Every worker that is there begins, and the protocol hears of those that are not.
    fn begin_steps(
        &mut self,
        restart: &Restart,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let (now, workers) = (self.queue.now(), self.workers.len() as u32);
        for worker in (0..workers).map(WorkerId) {
            let standing = &self.workers[worker.index()].standing;
            if standing.is_joined() {
                let life = standing.life();
                self.turn_to(worker, Activity::Wait, observer);
                let at = now + restart.start.at(worker, workers, self.streams).since(SimTime::ZERO);
                self.queue.schedule(at, worker, Event::Ready(worker, life));
            } else {
                // A push that kept it from coming back is gone.
                self.queue.schedule(now, WorkerId(0), Event::Life(Life::Settles(worker)));
                let Simulation { protocol, decisions, queue, versions, steps, .. } = self;
                let cluster = Cluster { now: queue.now(), versions, steps };
                protocol.on_leave(worker, None, &cluster, decisions);
                self.carry_out(observer)?;
            }
        }
        Ok(())
    }
}

/// Why a job cannot restart.
#[derive(Debug, thiserror::Error)]
pub enum RestartError {
    /// Parameters that do not exist are to begin anew.
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

impl Training {
    /// Forgets whatever workers keep from step to step. Moving statistics that they keep for
    /// themselves are in the checkpoint as they are exported.
    pub(super) fn forget_workers(&mut self) {
        let exported = self.exported_moving();
        self.server.content_mut().moving.copy_from_slice(&exported);
        self.keepsakes.clear();
        self.kept.clear();
        self.last = LastPushes::default();
        self.merged = (Vec::new(), Merge::default());
        self.moments.begin_at(self.server.moving());
    }

    /// The servers hold what was saved; and where examples in flight are lost, those follow that
    /// followed when the save began.
    fn take_copy(&mut self, saved: &Copied, restart: &Restart) {
        let layout = self.server.layout().clone();
        let all = Selection::all(&layout);
        let content = self.server.content_mut();
        content.take(&saved.content, &all, Aspects::ALL);
        content.take_moving(&saved.moving, &layout, &all);
        if restart.workers == WorkersAt::Anew && restart.in_flight != InFlight::Requeue {
            self.feed.seek(saved.position);
        }
    }

    /// What the server holds and where the data stands, as the switches say.
    pub(super) fn begin_anew(
        &mut self,
        restart: &Restart,
        reinit: Option<&Selection>,
        streams: Streams,
    ) {
        let redraws = reinit.is_some_and(|names| !names.is_empty()) || restart.perturb > 0.0;
        let all = Selection::all(self.server.layout());
        let slots = restart.slots == SlotsAt::Zero;
        let counters = restart.counters == Kept::Reset;
        if slots || counters || restart.moving == Kept::Reset {
            // First values of slots and statistics are no draws.
            let first = self.server.first_content(streams);
            let what = Aspects { weights: false, slots, counters };
            self.server.content_mut().take(&first, &all, what);
            if restart.moving == Kept::Reset {
                let layout = self.server.layout().clone();
                self.server.content_mut().take_moving(&first.moving, &layout, &all);
            }
        }
        if restart.admission == Kept::Reset {
            let tables = &mut self.server.content_mut().tables;
            tables.iter_mut().for_each(TableStore::forget_admission);
        }
        if restart.shrink < 1.0 || redraws {
            let seed = streams.key(Purpose::Reinit, 0, 0);
            let first = self.server.first_content(Streams::new(seed));
            let layout = self.server.layout().clone();
            let content = self.server.content_mut();
            if restart.shrink < 1.0 || restart.perturb > 0.0 {
                content.shrink_and_perturb(restart.shrink, restart.perturb, &first);
            }
            if let Some(names) = reinit {
                content.take(&first, names, Aspects::ALL);
                content.take_moving(&first.moving, &layout, names);
            }
        }
        if restart.moving == Kept::Reset {
            self.moments.begin_at(self.server.moving());
        }
        match restart.data {
            DataAt::Continue => {}
            DataAt::Reshuffle => {
                self.feed.seek(Position { pass: self.feed.position().pass + 1, offset: 0 });
            }
            DataAt::Replay => self.feed.seek(Position::default()),
        }
    }

    /// How far the job is, as its checkpoint says.
    pub fn elapsed(&self, progress: &Progress, versions: &[u64]) -> Elapsed {
        self.clock.elapsed(progress, versions)
    }

    /// What the servers hold now, as a checkpoint of a job that is so far.
    pub(super) fn copied(&self, elapsed: Elapsed) -> Copied {
        Copied {
            content: self.server.content().clone(),
            moving: self.exported_moving(),
            elapsed,
            position: self.feed.position(),
            updated: Vec::new(),
        }
    }
}
