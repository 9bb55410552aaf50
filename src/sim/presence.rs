//! Which workers are present. A worker is present when its machine is up, every schedule has it, and
//! it has begun.

use std::ops::Range;

use super::audit::Audit;
use super::queue::{EventQueue, Life};
use super::record::Activity;
use crate::base::SimTime;
use crate::cluster::Churn;
use crate::cluster::failures::Lost;

/// What has come, gone and been lost; of one worker, or of all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Workers there when the run began.
    pub at_start: u64,
    /// Crashes of workers that were there.
    pub crashes: u64,
    /// Leaves by schedule.
    pub leaves: u64,
    /// Times that a worker was there again, or at last.
    pub joins: u64,
    /// Steps lost with their workers.
    pub lost_steps: u64,
    /// Examples lost in them, or with gradients that a worker had kept.
    pub lost_examples: u64,
}

impl Tally {
    /// Counts steps and examples that were lost.
    pub(super) fn count_lost(&mut self, steps: u64, examples: u64) {
        self.lost_steps += steps;
        self.lost_examples += examples;
    }
}

/// Whether a worker is present.
#[derive(Clone, Debug)]
pub struct Standing {
    pub(super) joined: bool,
    pub(super) life: u32,
    /// Schedules that do not have it.
    pub(super) away: u32,
    /// Crashes that are not repaired.
    pub(super) down: u32,
    /// Whether it waits for updates before it begins.
    pub(super) late: bool,
    /// Whether it leaves when its step is over.
    pub(super) leaving: bool,
    /// While it sleeps: what it would be doing.
    pub(super) asleep: Option<Activity>,
    pub(super) wakes: SimTime,
    /// Random crashes of its machine.
    pub(super) failures: u64,
    pub(super) tally: Tally,
}

impl Default for Standing {
    fn default() -> Self {
        Standing {
            joined: true,
            life: 0,
            away: 0,
            down: 0,
            late: false,
            leaving: false,
            asleep: None,
            wakes: SimTime::ZERO,
            failures: 0,
            tally: Tally { at_start: 1, ..Tally::default() },
        }
    }
}

impl Standing {
    /// Whether it is one of the workers at present, as protocols see it.
    pub fn is_joined(&self) -> bool {
        self.joined
    }

    /// Its comings and goings.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How often it has been counted out.
    pub(super) fn life(&self) -> u32 {
        self.life
    }

    /// Whether it still does what it was to do in this life.
    pub(super) fn acts(&self, life: u32) -> bool {
        life == self.life && !self.leaving
    }

    /// Until when it sleeps, if it does.
    pub(super) fn sleeps_until(&self) -> Option<SimTime> {
        self.asleep.map(|_| self.wakes)
    }

    /// Ends this life of it, with all that was scheduled for it.
    pub(super) fn end_life(&mut self) {
        self.life += 1;
    }

    /// Whether it sleeps; then what it would do is noted.
    pub(super) fn sleeps_through(&mut self, activity: Activity) -> bool {
        let asleep = self.asleep.is_some();
        if let Some(before) = &mut self.asleep {
            *before = activity;
        }
        asleep
    }

    /// While it sleeps: what it would be doing.
    pub(super) fn suspended(&self) -> Option<Activity> {
        self.asleep
    }

    /// Whether nothing keeps it from being present.
    pub(super) fn may_be_present(&self) -> bool {
        self.away == 0 && self.down == 0 && !self.late
    }
}

/// Who is there, and what it cost.
#[derive(Debug)]
pub struct Presence {
    pub(super) churn: Churn,
    /// When each worker begins.
    pub(super) starts: Vec<SimTime>,
    /// By schedule: whether its workers are there.
    pub(super) there: Vec<bool>,
    /// Of those that wait for updates, how many have begun; and the updates of the next.
    begun: usize,
    next_start: u64,
    pub(super) tally: Tally,
    audit: Option<Audit>,
    /// Whether it matters which examples a step has.
    follows: bool,
}

impl Presence {
    /// All workers are there, before the run.
    pub(super) fn new(
        churn: Churn,
        starts: Vec<SimTime>,
        window: Option<Vec<Range<u64>>>,
    ) -> Presence {
        let come_back = churn.lost != Lost::Drop && !churn.is_none();
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

    /// All comings and goings.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Who may come, go and die.
    pub fn churn(&self) -> &Churn {
        &self.churn
    }

    /// How often each example was used, if that is counted.
    pub fn audit(&self) -> Option<&Audit> {
        self.audit.as_ref()
    }

    /// Whether it matters which examples a step has.
    pub(super) fn follows(&self) -> bool {
        self.follows
    }

    /// Counts steps and examples that were lost.
    pub(super) fn count_lost(&mut self, steps: u64, examples: u64) {
        self.tally.count_lost(steps, examples);
    }

    /// The first workers of the script that have waited for so many updates begin.
    pub(super) fn begin_late(&mut self, updates: u64, queue: &mut EventQueue) {
        while updates >= self.next_start {
            let (_, worker, _) = self.churn.starts[self.begun];
            self.begun += 1;
            self.next_start = self.churn.starts.get(self.begun).map_or(u64::MAX, |start| start.0);
            queue.plan(queue.now(), Life::Begins(worker));
        }
    }

    /// From now on, it matters which examples a step has.
    pub(super) fn follow(&mut self) {
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
    joins: state,
    lost_steps: state,
    lost_examples: state
});
crate::persist!(Standing {
    joined: state,
    life: state,
    away: state,
    down: state,
    late: state,
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
