//! The states to which a shard can return: its checkpoint with the increments since, or the way
//! back to the state of its replica.

use std::collections::VecDeque;

use super::training::Training;
use crate::base::{ShardId, SimTime};
use crate::cluster::shard_failures::Replay;
use crate::params::Lookups;
use crate::server::{Excerpt, RowChoice, RowMarks};

/// What the content of a shard contains.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Contained {
    /// Updates.
    pub updates: u64,
    /// Examples in them.
    pub examples: u64,
}

/// A moment to which a shard can return.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Stamp {
    /// When it was.
    pub at: SimTime,
    /// What the content contained.
    pub contained: Contained,
    /// Updates as the update rules count.
    counted: u64,
}

/// The way back over one update.
#[derive(Clone, Debug, Default)]
struct UndoneUpdate {
    /// The moment before it; its time is that of the update.
    before: Stamp,
    /// What it changed, as it was before; `None` for timing alone.
    excerpt: Option<Excerpt>,
}

/// The states to which one shard can return.
#[derive(Clone, Debug, Default)]
pub(super) struct ShardStates {
    /// Whether a first state has been kept.
    is_kept: bool,
    /// The last full checkpoint; `None` for timing alone.
    full: Option<Excerpt>,
    /// The increments since then, in order.
    increments: Vec<Excerpt>,
    /// The moment of the last of them.
    stamp: Stamp,
    /// What rows looked like then, if there are increments.
    marks: RowMarks,
    /// No checkpoint is due up to this moment.
    saved_until: SimTime,
    /// The updates that a replica does not have yet, in order.
    undo: VecDeque<UndoneUpdate>,
}

/// Where a shard returns, and how well.
#[derive(Clone, Copy, Debug)]
pub(super) struct GoneBack {
    /// The moment to which it returned.
    pub stamp: Stamp,
    /// Rows with older values than they had at that moment, since increments were missing or in a
    /// wrong order.
    pub stale_rows: u64,
}

/// The state of a shard at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Present<'a> {
    /// The shard.
    pub shard: ShardId,
    /// The moment.
    pub at: SimTime,
    /// Its version.
    pub version: u64,
    /// What its content contains.
    pub contained: Contained,
    /// Its content; `None` for timing alone.
    pub training: Option<&'a Training>,
}

impl Present<'_> {
    fn stamp(&self) -> Stamp {
        let counted = self
            .training
            .map_or(self.version, |training| training.clock.update(self.shard, self.version));
        Stamp { at: self.at, contained: self.contained, counted }
    }
}

impl ShardStates {
    /// Whether nothing has been kept yet.
    pub(super) fn is_new(&self) -> bool {
        !self.is_kept
    }

    /// The last moment of which it is known what had to be saved until then.
    pub(super) fn saved_until(&self) -> SimTime {
        self.saved_until
    }

    /// Notes that nothing had to be saved until `now`.
    pub(super) fn skip_until(&mut self, now: SimTime) {
        self.saved_until = now;
    }

    /// Saves a full checkpoint. `goes_on` says whether increments may follow.
    pub(super) fn save_full(&mut self, now: &Present<'_>, goes_on: bool) {
        let server = now.training.map(Training::server);
        // Before the next one is made, so that memory holds only one.
        self.full = None;
        self.full = server.map(|server| server.excerpt(now.shard, RowChoice::All));
        self.increments = Vec::new();
        if let (Some(server), true) = (server, goes_on) {
            self.marks = server.row_marks(now.shard);
        }
        (self.stamp, self.saved_until, self.is_kept) = (now.stamp(), now.at, true);
    }

    /// Saves an increment.
    pub(super) fn save_increment(&mut self, now: &Present<'_>) {
        if let Some(server) = now.training.map(Training::server) {
            self.increments.push(server.excerpt(now.shard, RowChoice::Since(&self.marks)));
            self.marks = server.row_marks(now.shard);
        }
        (self.stamp, self.saved_until) = (now.stamp(), now.at);
    }

    /// Notes the way back over the next update, from these batches.
    pub(super) fn note_update(&mut self, now: &Present<'_>, batches: &[&Lookups]) {
        let excerpt = now
            .training
            .map(|training| training.server().excerpt(now.shard, RowChoice::Of(batches)));
        self.undo.push_back(UndoneUpdate { before: now.stamp(), excerpt });
    }

    /// The replica has all updates up to this moment.
    pub(super) fn forget_undo(&mut self, until: SimTime) {
        while self.undo.front().is_some_and(|undone| undone.before.at <= until) {
            self.undo.pop_front();
        }
    }

    /// Returns to the last checkpoint. `missing` chooses the increment that is missing, if one is.
    pub(super) fn restore(
        &mut self,
        shard: ShardId,
        version: u64,
        training: Option<&mut Training>,
        (replay, slots, missing): (Replay, bool, u64),
    ) -> GoneBack {
        let mut gone = GoneBack { stamp: self.stamp, stale_rows: 0 };
        let (Some(training), Some(full)) = (training, &self.full) else { return gone };
        // A new process fills its tables anew.
        training.server.forget_row_indexes(shard);
        training.server.lay(shard, full, slots);
        let all = &self.increments[..];
        match (replay, all) {
            (Replay::LastTwoSwapped, [.., late, last]) => {
                gone.stale_rows = late.rows() - late.rows_in_none_of(std::slice::from_ref(last));
            }
            (Replay::OneMissing, [_, ..]) => {
                let missing = (missing % all.len() as u64) as usize;
                gone.stale_rows = all[missing].rows_in_none_of(&all[missing + 1..]);
            }
            _ => {}
        }
        let order = replay.order(all.len(), missing);
        order.into_iter().for_each(|index| training.server.lay(shard, &all[index], slots));
        let counted = if slots { self.stamp.counted } else { 0 };
        training.clock.set_update(shard, version, counted);
        // The next increment holds what is touched from now on.
        if !self.marks.is_empty() {
            self.marks = training.server().row_marks(shard);
        }
        gone
    }

    /// Returns to the state of the replica; `None` if it had everything.
    pub(super) fn take_over(
        &mut self,
        shard: ShardId,
        version: u64,
        mut training: Option<&mut Training>,
    ) -> Option<GoneBack> {
        let stamp = self.undo.front()?.before;
        for undone in std::mem::take(&mut self.undo).into_iter().rev() {
            if let (Some(training), Some(excerpt)) = (training.as_deref_mut(), &undone.excerpt) {
                training.server.lay(shard, excerpt, true);
            }
        }
        if let Some(training) = training {
            training.clock.set_update(shard, version, stamp.counted);
        }
        Some(GoneBack { stamp, stale_rows: 0 })
    }
}

crate::persist!(Contained { updates: state, examples: state });
crate::persist!(Stamp { at: state, contained: state, counted: state });
crate::persist!(UndoneUpdate { before: state, excerpt: state });
crate::persist!(ShardStates {
    is_kept: state,
    full: state,
    increments: state,
    stamp: state,
    marks: state,
    saved_until: state,
    undo: state
});
