//! Detects a run that would never end.

use super::progress::Limits;
use crate::base::SimTime;

/// Why a run would never end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Endless {
    /// The clock stands still, and only the clock could end the run.
    Clock,
    /// This many steps in a row were discarded, aborted or lost.
    Fruitless(u64),
    /// Workers join and leave, and no push lands.
    Restless,
}

/// The next event.
#[derive(Clone, Copy, Debug)]
pub(super) struct NextEvent {
    /// Its time.
    pub at: SimTime,
    /// The current time of the run.
    pub now: SimTime,
    /// Whether a worker joins, leaves or sleeps, or a shard crashes or returns.
    pub is_life: bool,
    /// Steps that have landed so far.
    pub landed: u64,
    /// Number of workers.
    pub workers: usize,
    /// Number of shards.
    pub shards: usize,
}

/// Counts events without any progress.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    /// Events at the current instant.
    at_instant: u64,
    /// Steps since the last one that every shard has applied.
    in_vain: u64,
    /// Joins and leaves since a push landed, and the number of pushes landed then.
    lives: u64,
    landed: u64,
}

impl Watchdog {
    /// Checks the next event of a run with these limits.
    ///
    /// # Errors
    /// If there were far more events without progress than in any run that ends.
    #[inline]
    pub(super) fn watch(&mut self, next: NextEvent, limits: &Limits) -> Result<(), Endless> {
        self.at_instant = if next.at > next.now { 0 } else { self.at_instant + 1 };
        // Far more than a step needs with all workers and shards.
        let most = 1_000 * (next.workers * next.shards + 1_000) as u64;
        if self.at_instant > most && limits.updates.is_none() && limits.examples.is_none() {
            return Err(Endless::Clock);
        }
        let most = 1_000 * (next.workers as u64 + 10);
        if self.in_vain > most && limits.time.is_none() {
            return Err(Endless::Fruitless(self.in_vain));
        }
        if next.is_life {
            self.lives = if self.landed == next.landed { self.lives + 1 } else { 0 };
            self.landed = next.landed;
            if self.lives > most && limits.time.is_none() {
                return Err(Endless::Restless);
            }
        }
        Ok(())
    }

    /// A step ended: every shard has applied it, or it had no effect.
    pub(super) fn note_step(&mut self, applied: bool) {
        self.in_vain = if applied { 0 } else { self.in_vain + 1 };
    }

    /// The workers start again.
    pub(super) fn forget_steps(&mut self) {
        self.in_vain = 0;
    }
}

crate::persist!(Watchdog { at_instant: state, in_vain: state, lives: state, landed: state });
