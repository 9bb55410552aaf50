//! The workers' clocks: steps finished by each, and how many workers stand at each clock.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::WorkerId;

/// Clocks of all workers, and who waits until the slowest has caught up.
#[derive(Clone, Debug)]
pub(super) struct Clocks {
    clocks: Vec<u64>,
    /// Number of workers at each clock.
    at: BTreeMap<u64, u32>,
    /// Those that wait, by clock.
    waiting: BTreeSet<(u64, WorkerId)>,
}

impl Clocks {
    /// `workers` clocks at zero.
    pub(super) fn new(workers: u32) -> Clocks {
        let at = BTreeMap::from([(0, workers)]);
        Clocks { clocks: vec![0; workers as usize], at, waiting: BTreeSet::new() }
    }

    /// The slowest clock.
    pub(super) fn slowest(&self) -> u64 {
        self.at.keys().next().copied().unwrap_or(0)
    }

    /// Steps by which the worker is ahead of the slowest.
    pub(super) fn lead(&self, worker: WorkerId) -> u64 {
        self.clocks[worker.index()] - self.slowest()
    }

    /// A worker that stands at the slowest clock.
    pub(super) fn a_slowest(&self) -> WorkerId {
        let slowest = self.slowest();
        let index = self.clocks.iter().position(|&clock| clock == slowest).unwrap_or(0);
        WorkerId(index as u32)
    }

    /// Sets a worker's clock; returns whether the slowest clock has moved.
    pub(super) fn set(&mut self, worker: WorkerId, clock: u64) -> bool {
        if self.clocks[worker.index()] == clock {
            return false;
        }
        let before = self.slowest();
        let old = std::mem::replace(&mut self.clocks[worker.index()], clock);
        if let Some(count) = self.at.get_mut(&old) {
            *count -= 1;
            if *count == 0 {
                self.at.remove(&old);
            }
        }
        *self.at.entry(clock).or_default() += 1;
        self.slowest() > before
    }

    /// Notes that a worker waits.
    pub(super) fn wait(&mut self, worker: WorkerId) {
        self.waiting.insert((self.clocks[worker.index()], worker));
    }

    /// Takes out somebody who waits and is at most `lead` steps ahead of the slowest.
    pub(super) fn release(&mut self, lead: u64) -> Option<WorkerId> {
        let first = *self.waiting.first()?;
        if first.0 > self.slowest().saturating_add(lead) {
            return None;
        }
        self.waiting.remove(&first);
        Some(first.1)
    }
}
