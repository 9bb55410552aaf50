//! Which workers are present. A worker is present when its machine is up, every schedule includes
//! it, and it has started.

use std::ops::Range;

use super::audit::Audit;
use super::queue::{EventQueue, Life};
use super::record::Activity;
use crate::base::SimTime;
use crate::cluster::Churn;
use crate::cluster::failures::Lost;

/// Counts of joins, leaves and losses, for one worker or for all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Workers present when the run began.
    pub at_start: u64,
    /// Crashes of present workers.
    pub crashes: u64,
    /// Leaves by schedule.
    pub leaves: u64,
    /// Times that a worker stopped since a shard had failed.
    pub stops: u64,
    /// Times that a worker became present after the start.
    pub joins: u64,
    /// Steps lost with their workers.
    pub lost_steps: u64,
    /// Examples lost in them, or with gradients that a worker had kept.
    pub lost_examples: u64,
}

impl Tally {
    /// Counts lost steps and examples.
    pub(super) fn count_lost(&mut self, steps: u64, examples: u64) {
        self.lost_steps += steps;
        self.lost_examples += examples;
    }
}

/// Whether a worker is present.
#[derive(Clone, Debug)]
pub struct WorkerPresence {
    pub(super) joined: bool,
    pub(super) life: u32,
    /// Number of schedules under which it is absent.
    pub(super) away: u32,
    /// Crashes that are not repaired.
    pub(super) down: u32,
    /// Whether it waits for updates before it starts.
    pub(super) late: bool,
    /// Whether it waits for a shard that has failed.
    pub(super) stopped: bool,
    /// Whether it leaves when its step is over.
    pub(super) leaving: bool,
    /// While it sleeps: its activity otherwise.
    pub(super) asleep: Option<Activity>,
    pub(super) wakes: SimTime,
    /// Number of random crashes of its machine.
    pub(super) failures: u64,
    pub(super) tally: Tally,
}

impl Default for WorkerPresence {
    fn default() -> Self {
        WorkerPresence {
            joined: true,
            life: 0,
            away: 0,
            down: 0,
            late: false,
            stopped: false,
            leaving: false,
            asleep: None,
            wakes: SimTime::ZERO,
            failures: 0,
            tally: Tally { at_start: 1, ..Tally::default() },
        }
    }
}

impl WorkerPresence {
    /// Whether it is present, as protocols see it.
    pub fn is_joined(&self) -> bool {
        self.joined
    }

    /// The counts of this worker.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How often it has been counted out.
    pub(super) fn life(&self) -> u32 {
        self.life
    }

    /// Whether events scheduled for this life still have an effect.
    pub(super) fn is_active_in(&self, life: u32) -> bool {
        life == self.life && !self.leaving
    }

    /// When it wakes, if it sleeps.
    pub(super) fn sleeps_until(&self) -> Option<SimTime> {
        self.asleep.map(|_| self.wakes)
    }

    /// Ends its current life, with all events scheduled for it.
    pub(super) fn end_life(&mut self) {
        self.life += 1;
    }

    /// Whether it sleeps; if so, notes its activity for later.
    pub(super) fn note_if_asleep(&mut self, activity: Activity) -> bool {
        let asleep = self.asleep.is_some();
        if let Some(before) = &mut self.asleep {
            *before = activity;
        }
        asleep
    }

    /// While it sleeps: its activity otherwise.
    pub(super) fn suspended(&self) -> Option<Activity> {
        self.asleep
    }

    /// Whether no reason for absence applies.
    pub(super) fn may_be_present(&self) -> bool {
        self.away == 0 && self.down == 0 && !self.late && !self.stopped
    }
}

/// Which workers are present, and the losses through absence.
#[derive(Debug)]
pub struct Presence {
    pub(super) churn: Churn,
    /// When each worker starts.
    pub(super) starts: Vec<SimTime>,
    /// By schedule: whether its workers are present.
    pub(super) there: Vec<bool>,
    /// Of the workers that wait for updates: how many have started, and the updates of the next.
    begun: usize,
    next_start: u64,
    pub(super) tally: Tally,
    audit: Option<Audit>,
    /// Whether the example ids of steps are kept.
    follows: bool,
}

impl Presence {
    /// All workers are present, before the run.
    pub(super) fn new(
        churn: Churn,
        starts: Vec<SimTime>,
        window: Option<Vec<Range<u64>>>,
        shards_fail: bool,
    ) -> Presence {
        let come_back = churn.lost != Lost::Drop && (shards_fail || !churn.is_none());
        Presence {
            follows: window.is_some() || come_back,
            there: vec![true; churn.memberships.len()],
            begun: 0,
            next_start: churn.starts.first().map_or(u64::MAX, |start| start.0),
            tally: Tally { at_start: starts.len() as u64, ..Tally::default() },
            audit: window.map(Audit::new),
            churn,
            starts,
        }
    }

    /// The counts of all workers.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Workers that join, leave and crash.
    pub fn churn(&self) -> &Churn {
        &self.churn
    }

    /// How often each example was used, if that is counted.
    pub fn audit(&self) -> Option<&Audit> {
        self.audit.as_ref()
    }

    /// Whether the example ids of steps are kept.
    pub(super) fn keeps_ids(&self) -> bool {
        self.follows
    }

    /// Counts lost steps and examples.
    pub(super) fn count_lost(&mut self, steps: u64, examples: u64) {
        self.tally.count_lost(steps, examples);
    }

    /// Starts the scripted workers that have waited for this number of updates.
    pub(super) fn begin_late(&mut self, updates: u64, queue: &mut EventQueue) {
        while updates >= self.next_start {
            let (_, worker, _) = self.churn.starts[self.begun];
            self.begun += 1;
            self.next_start = self.churn.starts.get(self.begun).map_or(u64::MAX, |start| start.0);
            queue.plan(queue.now(), Life::Begins(worker));
        }
    }

    /// Keeps the example ids of steps from now on.
    pub(super) fn keep_ids(&mut self) {
        self.follows = true;
    }

    /// Counts the uses of the examples of a push that every shard has applied.
    pub(super) fn count_uses(&mut self, examples: &[u64]) {
        if let Some(audit) = &mut self.audit {
            audit.note(examples);
        }
    }
}

crate::persist!(Tally {
    at_start: state,
    crashes: state,
    leaves: state,
    stops: state,
    joins: state,
    lost_steps: state,
    lost_examples: state
});
crate::persist!(WorkerPresence {
    joined: state,
    life: state,
    away: state,
    down: state,
    late: state,
    stopped: state,
    leaving: state,
    asleep: state,
    wakes: state,
    failures: state,
    tally: state
});

crate::persist!(Presence {
    churn: fixed,
    starts: fixed,
    there: state,
    begun: state,
    next_start: state,
    tally: state,
    audit: each,
    follows: fixed
});
