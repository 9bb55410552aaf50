//! The desk of saves: the checkpoints that are due, the current save, and what waits for its end.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::copied::{Copied, SaveReport, Saved};
use super::save::{Save, SaveReason, Timed};
use super::training::Training;
use super::training_clock::Elapsed;
use crate::base::persist::{LoadError, Loader, Persist, Saver};
use crate::base::{ShardId, SimTime, WorkerId};

/// The phase of a save.
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
pub(super) struct WaitingWorkers {
    /// Workers that would start a step, each with its current life.
    pub asks: Vec<(WorkerId, u32)>,
    /// Workers that the protocol has allowed to start one, and the shard that they may read, or
    /// `None` for all shards.
    pub grants: Vec<(WorkerId, u32, Option<ShardId>)>,
    /// Workers that would read ahead.
    pub ahead: Vec<(WorkerId, u32)>,
}

/// The current save.
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

/// Saves that are due, current and done.
#[derive(Debug, Default)]
pub(super) struct SaveDesk {
    pub how: Save,
    pub due: VecDeque<(SaveReason, SimTime, u64)>,
    pub current: Option<Current>,
    pub done: VecDeque<Saved>,
    /// Number of the current save.
    pub number: u32,
    /// The worker that saves, during its save.
    pub chief: Option<WorkerId>,
    pub held: WaitingWorkers,
    /// Whether no worker starts a step any more, since the job ends.
    pub is_closing: bool,
}

impl SaveDesk {
    /// No save is due.
    pub(super) fn new(how: Save) -> SaveDesk {
        SaveDesk { how, ..SaveDesk::default() }
    }

    fn is_in(&self, phase: Phase) -> bool {
        self.current.as_ref().is_some_and(|current| current.phase == phase)
    }

    /// Whether an event elsewhere may let a save continue.
    #[inline]
    pub(super) fn is_waiting(&self) -> bool {
        self.is_in(Phase::Gathers)
    }

    /// Whether the chief is still in a step.
    #[inline]
    pub(super) fn is_awaiting_chief(&self) -> bool {
        self.is_in(Phase::AwaitsChief)
    }

    /// Whether workers must wait before they start a step.
    #[inline]
    pub(super) fn is_gathering(&self) -> bool {
        let gathers = |current: &Current| {
            self.how.stops_workers() && matches!(current.phase, Phase::Gathers | Phase::Writes)
        };
        self.is_closing || self.current.as_ref().is_some_and(gathers)
    }

    /// Makes a worker wait before it starts a step, if it must. Returns whether it must.
    pub(super) fn hold_ask(&mut self, worker: WorkerId, life: u32) -> bool {
        let held = self.is_gathering() || self.chief == Some(worker);
        if held {
            // A worker that left and returned waits once.
            if life > 0 {
                self.held.asks.retain(|(other, _)| *other != worker);
            }
            self.held.asks.push((worker, life));
        }
        held
    }

    /// Makes a worker wait before it reads ahead, if it must. Returns whether it must.
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

    /// Drops the current save, and everything that waits for its end.
    pub(super) fn forget(&mut self) {
        let how = std::mem::take(&mut self.how);
        *self = SaveDesk { number: self.number + 1, ..SaveDesk::new(how) };
    }

    /// The steps of all workers end: the current save begins again, and what waits for its end is
    /// dropped.
    pub(super) fn interrupt(&mut self) {
        self.number += 1;
        self.chief = None;
        self.held = WaitingWorkers::default();
        if let Some(Current { report, .. }) = self.current.take() {
            self.due.push_front((report.what, report.due, report.updates[0]));
        }
    }

    /// Saves the desk, with the current save.
    pub(super) fn save_all(&self, out: &mut Saver<'_>) {
        self.save(out);
        out.plain(&self.current.as_ref().map(|current| current.copy.is_some()));
        out.each(&self.current);
    }

    /// Loads the state that [`save_all`](Self::save_all) has saved, for a job with this training.
    pub(super) fn load_all(
        &mut self,
        training: Option<&Training>,
        from: &mut Loader<'_>,
    ) -> Result<(), LoadError> {
        self.load(from)?;
        let Some(copied) = from.plain::<Option<bool>>()? else { return Ok(()) };
        let mut current = Current::new(SaveReport::default());
        // Overwritten at once; this gives it the right shape.
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

// Finished saves have been taken before the state is saved.
crate::persist!(SaveDesk {
    how: fixed,
    due: state,
    current: emptied,
    done: emptied,
    number: state,
    chief: state,
    held: plain,
    is_closing: state
});
crate::persist!(Current { phase: plain, report: state, versions: state, copy: each, plan: fixed });
