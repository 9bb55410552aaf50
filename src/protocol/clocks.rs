//! The workers' clocks: the steps that each has finished, and how many workers are at each clock.
//!
//! A worker that has left has no clock among them, so no worker waits for it. A worker that joins
//! pulls the current parameters. Its clock becomes that of the slowest worker, unless its own is
//! ahead.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::WorkerId;

/// Clocks of all workers, and the workers that wait until the slowest has caught up.
#[derive(Clone, Debug)]
pub(super) struct Clocks {
    clocks: Vec<u64>,
    /// By how much each clock is ahead of the worker's finished steps: the steps that it has
    /// skipped.
    skipped: Vec<u64>,
    /// Whether each worker is present.
    there: Vec<bool>,
    /// Whether any worker has ever left.
    changed: bool,
    /// Number of workers at each clock.
    at: BTreeMap<u64, u32>,
    /// Waiting workers, by clock.
    waiting: BTreeSet<(u64, WorkerId)>,
}

impl Clocks {
    /// `workers` clocks at zero.
    pub(super) fn new(workers: u32) -> Clocks {
        let at = BTreeMap::from([(0, workers)]);
        let none = vec![0; workers as usize];
        Clocks {
            clocks: none.clone(),
            skipped: none,
            there: vec![true; workers as usize],
            changed: false,
            at,
            waiting: BTreeSet::new(),
        }
    }

    /// The worker's clock.
    pub(super) fn of(&self, worker: WorkerId) -> u64 {
        self.clocks[worker.index()]
    }

    /// Whether the worker is present.
    pub(super) fn is_present(&self, worker: WorkerId) -> bool {
        self.there[worker.index()]
    }

    /// Whether all workers have always been present.
    pub(super) fn is_complete(&self) -> bool {
        !self.changed
    }

    /// How many of the present workers are at `clock` or before.
    pub(super) fn up_to(&self, clock: u64) -> usize {
        self.at.range(..=clock).map(|(_, count)| *count as usize).sum()
    }

    /// The worker leaves.
    pub(super) fn leave(&mut self, worker: WorkerId) {
        self.changed = true;
        if std::mem::replace(&mut self.there[worker.index()], false) {
            let clock = self.clocks[worker.index()];
            self.waiting.remove(&(clock, worker));
            self.remove_clock(clock);
        }
    }

    /// The worker joins.
    pub(super) fn join(&mut self, worker: WorkerId) {
        let w = worker.index();
        if !std::mem::replace(&mut self.there[w], true) {
            let clock = self.clocks[w].max(self.slowest());
            self.skipped[w] += clock - self.clocks[w];
            self.clocks[w] = clock;
            *self.at.entry(clock).or_default() += 1;
        }
    }

    fn remove_clock(&mut self, clock: u64) {
        if let Some(count) = self.at.get_mut(&clock) {
            *count -= 1;
            if *count == 0 {
                self.at.remove(&clock);
            }
        }
    }

    /// The slowest clock.
    pub(super) fn slowest(&self) -> u64 {
        self.at.keys().next().copied().unwrap_or(0)
    }

    /// Steps by which the worker is ahead of the slowest.
    pub(super) fn lead(&self, worker: WorkerId) -> u64 {
        self.clocks[worker.index()].saturating_sub(self.slowest())
    }

    /// A worker with the slowest clock.
    pub(super) fn a_slowest(&self) -> WorkerId {
        let slowest = self.slowest();
        let mut all = self.clocks.iter().zip(&self.there);
        let index = all.position(|(&clock, &there)| there && clock == slowest).unwrap_or(0);
        WorkerId(index as u32)
    }

    /// Sets a worker's finished steps; returns whether the slowest clock has moved.
    pub(super) fn set(&mut self, worker: WorkerId, steps: u64) -> bool {
        let clock = steps + self.skipped[worker.index()];
        if self.clocks[worker.index()] == clock {
            return false;
        }
        let before = self.slowest();
        let old = std::mem::replace(&mut self.clocks[worker.index()], clock);
        if !self.there[worker.index()] {
            return false;
        }
        self.remove_clock(old);
        *self.at.entry(clock).or_default() += 1;
        self.slowest() > before
    }

    /// Moves a worker on by one step; returns whether the slowest clock has moved.
    pub(super) fn advance(&mut self, worker: WorkerId) -> bool {
        let steps = self.clocks[worker.index()] - self.skipped[worker.index()];
        self.set(worker, steps + 1)
    }

    /// Notes that a worker waits.
    pub(super) fn wait(&mut self, worker: WorkerId) {
        self.waiting.insert((self.clocks[worker.index()], worker));
    }

    /// Takes out a waiting worker that is at most `lead` steps ahead of the slowest.
    pub(super) fn release(&mut self, lead: u64) -> Option<WorkerId> {
        let first = *self.waiting.first()?;
        if first.0 > self.slowest().saturating_add(lead) {
            return None;
        }
        self.waiting.remove(&first);
        Some(first.1)
    }
}

crate::persist!(Clocks {
    clocks: state,
    skipped: state,
    there: state,
    changed: state,
    at: state,
    waiting: state
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_gone_holds_nobody_up_and_comes_back_where_the_slowest_is() {
        let mut clocks = Clocks::new(3);
        let [slow, fast, other] = [0, 1, 2].map(WorkerId);
        (1..=5).for_each(|clock| _ = clocks.set(fast, clock));
        (1..=4).for_each(|clock| _ = clocks.set(other, clock));
        clocks.wait(fast);
        assert_eq!((clocks.lead(fast), clocks.release(2)), (5, None));
        clocks.leave(slow);
        assert_eq!((clocks.lead(fast), clocks.release(2)), (1, Some(fast)));
        assert_eq!((clocks.a_slowest(), clocks.up_to(4), clocks.up_to(5)), (other, 1, 2));
        // A push that arrives late moves the clock of its own worker, and no other.
        assert!(!clocks.set(slow, 1));
        clocks.join(slow);
        assert_eq!((clocks.of(slow), clocks.slowest(), clocks.is_complete()), (4, 4, false));
        // Its steps count from there.
        assert!(!clocks.set(slow, 2));
        assert_eq!(clocks.of(slow), 5);
        clocks.leave(slow);
        clocks.leave(slow);
        assert_eq!(clocks.up_to(10), 2);
    }
}
