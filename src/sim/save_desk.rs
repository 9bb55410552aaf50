//! The desk of saves: which checkpoints are due, the one being saved, and what waits for its end.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::copied::{Copied, SaveReport, Saved};
use super::save::{Save, SaveFor, Timed};
use super::training::Training;
use super::training_clock::Elapsed;
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::base::{ShardId, SimTime, WorkerId};

/// How far a save is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Phase {
    /// The chief is still in a step.
    AwaitsChief,
    /// Workers finish their steps.
    Gathers,
    /// Pieces are copied and written.
    Writes,
}

/// What waits for the end of a save.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Held {
    /// Workers that would begin a step, and in which life of theirs.
    pub asks: Vec<(WorkerId, u32)>,
    /// Workers that the protocol has let begin one, and the shard that they may read, if it is not
    /// all of them.
    pub grants: Vec<(WorkerId, u32, Option<ShardId>)>,
    /// Workers that would read ahead.
    pub ahead: Vec<(WorkerId, u32)>,
}

/// The save under way.
#[derive(Debug)]
pub(super) struct Current {
    pub phase: Phase,
    pub report: SaveReport,
    /// Versions of the shards when the first piece was copied.
    pub versions: Vec<u64>,
    pub copy: Option<Copied>,
    pub plan: Vec<Timed>,
}

impl Current {
    /// A save that has not begun.
    pub(super) fn new(report: SaveReport) -> Current {
        let (versions, plan) = (Vec::new(), Vec::new());
        Current { phase: Phase::AwaitsChief, report, versions, copy: None, plan }
    }
}

/// Saves that are due, under way and done.
#[derive(Debug, Default)]
pub(super) struct SaveDesk {
    pub how: Save,
    pub due: VecDeque<(SaveFor, SimTime, u64)>,
    pub current: Option<Current>,
    pub done: VecDeque<Saved>,
    /// Number of the save under way.
    pub number: u32,
    /// The worker that saves, while it does.
    pub chief: Option<WorkerId>,
    pub held: Held,
    /// Whether no worker begins a step any more: the job ends.
    pub closes: bool,
}

impl SaveDesk {
    /// No save is due.
    pub(super) fn new(how: Save) -> SaveDesk {
        SaveDesk { how, ..SaveDesk::default() }
    }

    fn is_in(&self, phase: Phase) -> bool {
        self.current.as_ref().is_some_and(|current| current.phase == phase)
    }

    /// Whether something that happens elsewhere may let a save go on.
    #[inline]
    pub(super) fn is_waiting(&self) -> bool {
        self.is_in(Phase::Gathers)
    }

    /// Whether the chief is still in a step.
    #[inline]
    pub(super) fn is_awaiting_chief(&self) -> bool {
        self.is_in(Phase::AwaitsChief)
    }

    /// Whether workers are kept from beginning a step.
    #[inline]
    pub(super) fn is_gathering(&self) -> bool {
        let gathers = |current: &Current| {
            self.how.gathers() && matches!(current.phase, Phase::Gathers | Phase::Writes)
        };
        self.closes || self.current.as_ref().is_some_and(gathers)
    }

    /// Keeps a worker from beginning a step, if it has to wait. Returns whether it has to.
    pub(super) fn hold_ask(&mut self, worker: WorkerId, life: u32) -> bool {
        let held = self.is_gathering() || self.chief == Some(worker);
        if held {
            // A worker that left and came back waits once.
            if life > 0 {
                self.held.asks.retain(|(other, _)| *other != worker);
            }
            self.held.asks.push((worker, life));
        }
        held
    }

    /// Keeps a worker from reading ahead, if it has to wait. Returns whether it has to.
    pub(super) fn hold_ahead(&mut self, worker: WorkerId, life: u32) -> bool {
        let held = self.is_gathering();
        if held {
            self.held.ahead.push((worker, life));
        }
        held
    }

    /// Keeps a grant for later.
    pub(super) fn hold_grant(&mut self, worker: WorkerId, life: u32, shard: Option<ShardId>) {
        self.held.grants.push((worker, life, shard));
    }

    /// Forgets the save under way, and what waits for its end.
    pub(super) fn forget(&mut self) {
        let how = std::mem::take(&mut self.how);
        *self = SaveDesk { number: self.number + 1, ..SaveDesk::new(how) };
    }

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
        let mut current = Current::new(SaveReport::default());
        // Overwritten at once; but it has the shape.
        current.copy =
            training.filter(|_| copied).map(|training| training.copied(Elapsed::default()));
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
