//! Workers that wait for examples of a live stream.

use std::collections::{BTreeSet, VecDeque};

use crate::base::WorkerId;

/// Workers that wait for examples, in the order in which they began to wait.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Each with its life.
    waiting: VecDeque<(WorkerId, u32)>,
    /// Whether an event is scheduled that lets the first of them try again.
    is_woken: bool,
    /// Present workers that wait no longer, since the stream is over.
    dismissed: BTreeSet<WorkerId>,
}

impl Line {
    /// Whether nobody waits.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The workers that wait.
    pub(super) fn workers(&self) -> impl Iterator<Item = WorkerId> + '_ {
        self.waiting.iter().map(|(worker, _)| *worker)
    }

    /// A worker begins to wait, in this life of it.
    pub(super) fn join(&mut self, worker: WorkerId, life: u32) {
        self.waiting.push_back((worker, life));
    }

    /// The worker that waits longest.
    pub(super) fn first(&self) -> Option<(WorkerId, u32)> {
        self.waiting.front().copied()
    }

    /// The worker that waits longest waits no longer.
    pub(super) fn leave(&mut self) {
        self.waiting.pop_front();
    }

    /// Whether an event is scheduled that lets the first try again.
    pub(super) fn is_woken(&self) -> bool {
        self.is_woken
    }

    /// That event is scheduled.
    pub(super) fn schedule(&mut self) {
        self.is_woken = true;
    }

    /// That event has come.
    pub(super) fn wake(&mut self) {
        self.is_woken = false;
    }

    /// The stream is over: the worker gets no examples any more.
    pub(super) fn dismiss(&mut self, worker: WorkerId) {
        self.dismissed.insert(worker);
    }

    /// The worker ceases to be present. Returns whether it was dismissed before.
    pub(super) fn take_back(&mut self, worker: WorkerId) -> bool {
        self.dismissed.remove(&worker)
    }
}

crate::persist!(Line { waiting: state, is_woken: state, dismissed: state });
