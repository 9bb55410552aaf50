//! A simulated worker: a machine, its activity, and its times.

use super::presence::WorkerPresence;
use super::record::Activity;
use crate::base::{SimSpan, SimTime};
use crate::cluster::Machine;
use crate::protocol::PushId;

/// One worker.
#[derive(Debug)]
pub struct Worker {
    /// Its machine.
    pub machine: Machine,
    /// Steps that all shards have taken in.
    pub finished: u64,
    /// Examples in them.
    pub examples: u64,
    /// Steps begun since the job started or restarted.
    pub begun: u64,
    /// Steps begun before that: the numbers of draws continue through restarts.
    before: u64,
    /// Its current step, from the first grant until every shard has taken in its push.
    pub flight: Option<PushId>,
    /// The step ahead, for which it already pulls.
    pub next: Option<PushId>,
    /// Its last push.
    pub pushed: Option<PushId>,
    /// Examples whose gradients it keeps for its next push.
    pub examples_kept: u64,
    /// Their ids, if examples are followed.
    pub(super) ids_kept: Vec<u64>,
    /// Versions of the dense parameters that it holds from step to step, by shard.
    pub held: Vec<u64>,
    /// Whether it holds a whole view from an earlier step.
    pub(super) holds: bool,
    /// Whether it is present.
    pub presence: WorkerPresence,
    /// Whether it has asked to pull and has no grant yet.
    pub asking: bool,
    activity: Activity,
    since: SimTime,
    /// The step in which the current activity began.
    step: u64,
    spent: [SimSpan; Activity::ALL.len()],
}

impl Worker {
    /// A worker for `shards` shards that waits to start.
    pub fn new(machine: Machine, shards: u32) -> Worker {
        Worker {
            machine,
            finished: 0,
            examples: 0,
            begun: 0,
            before: 0,
            flight: None,
            next: None,
            pushed: None,
            examples_kept: 0,
            ids_kept: Vec::new(),
            held: vec![0; shards as usize],
            holds: false,
            presence: WorkerPresence::default(),
            asking: false,
            activity: Activity::Wait,
            since: SimTime::ZERO,
            step: 0,
            spent: [SimSpan::ZERO; Activity::ALL.len()],
        }
    }

    /// The number of a step's random draws.
    pub fn draw_of(&self, step: u64) -> u64 {
        self.before + step
    }

    /// Starts again without any parameters, as a new process does.
    pub(super) fn start_again(&mut self) {
        self.before += std::mem::take(&mut self.begun);
        (self.flight, self.next, self.pushed) = (None, None, None);
        (self.asking, self.holds) = (false, false);
        self.held.fill(0);
        self.presence.end_life();
    }

    /// Changes its activity at `now`, in its step `step`; returns the activity before, its start,
    /// and its step.
    pub fn turn_to(
        &mut self,
        activity: Activity,
        now: SimTime,
        step: u64,
    ) -> (Activity, SimTime, u64) {
        let before = (self.activity, self.since, self.step);
        self.spent[self.activity as usize] += now.since(self.since);
        self.activity = activity;
        self.since = now;
        self.step = step;
        before
    }

    /// Whether it has no current step, or waits to begin one.
    pub(super) fn is_idle(&self) -> bool {
        let doing = self.presence.suspended().unwrap_or(self.activity);
        self.flight.is_none() && doing == Activity::Wait
    }

    /// Its activity.
    pub fn activity(&self) -> Activity {
        self.activity
    }

    /// Time spent so far on this activity, including the current one.
    pub fn spent(&self, activity: Activity, now: SimTime) -> SimSpan {
        let present = if self.activity == activity { now.since(self.since) } else { SimSpan::ZERO };
        self.spent[activity as usize] + present
    }
}

crate::persist!(Worker {
    machine: fixed,
    finished: state,
    examples: state,
    begun: state,
    before: state,
    flight: state,
    next: state,
    pushed: state,
    examples_kept: state,
    ids_kept: state,
    held: state,
    holds: state,
    presence: state,
    asking: state,
    activity: state,
    since: state,
    step: state,
    spent: each
});
