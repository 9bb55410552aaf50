//! A simulated worker: a machine, its activity, and its times.

use super::passage::Passage;
use super::presence::WorkerPresence;
use super::record::Activity;
use crate::base::{SimSpan, SimTime};
use crate::cluster::Machine;
use crate::online::EventTimes;
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
    /// When their requests came, if they come from a live stream.
    pub(super) events_kept: EventTimes,
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
    /// Parts of the time pulling and pushing: in the queue of a shard, and in service.
    queued: SimSpan,
    served: SimSpan,
    /// The passage of the request that it waited for last.
    pub(super) awaited: Passage,
}

/// How a worker has spent its time. The rest of the clock is time asleep, crashed or away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TimeSpent {
    /// Computing.
    pub computing: SimSpan,
    /// Pulling and pushing while the message that it waits for is on links, on the way there or
    /// back.
    pub network: SimSpan,
    /// Pulling and pushing while that message waits in the queue of a shard. With processor
    /// sharing: while others make its service longer.
    pub queued: SimSpan,
    /// Pulling and pushing while a shard serves that message.
    pub served: SimSpan,
    /// Held by the protocol.
    pub held: SimSpan,
    /// Before its start, between two steps, and while a checkpoint makes it wait.
    pub waiting: SimSpan,
    /// Waiting for examples of a live stream.
    pub starved: SimSpan,
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
            events_kept: EventTimes::default(),
            held: vec![0; shards as usize],
            holds: false,
            presence: WorkerPresence::default(),
            asking: false,
            activity: Activity::Wait,
            since: SimTime::ZERO,
            step: 0,
            spent: [SimSpan::ZERO; Activity::ALL.len()],
            queued: SimSpan::ZERO,
            served: SimSpan::ZERO,
            awaited: Passage::default(),
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
    /// and its step. `awaited` is the request that it has waited for, if it pulled or pushed.
    pub(super) fn turn_to(
        &mut self,
        activity: Activity,
        now: SimTime,
        step: u64,
        awaited: Passage,
    ) -> (Activity, SimTime, u64) {
        let before = (self.activity, self.since, self.step);
        self.spent[self.activity as usize] += now.since(self.since);
        if self.exchanges() {
            let (queued, served) = awaited.within(self.since, now);
            self.queued += queued;
            self.served += served;
        }
        self.activity = activity;
        self.since = now;
        self.step = step;
        before
    }

    /// Whether it has no current step, or waits to begin one.
    pub(super) fn is_idle(&self) -> bool {
        let doing = self.presence.suspended().unwrap_or(self.activity);
        let waits = matches!(doing, Activity::Wait | Activity::Held | Activity::Starved);
        self.flight.is_none() && waits
    }

    /// Whether it pulls or pushes.
    pub(super) fn exchanges(&self) -> bool {
        matches!(self.activity, Activity::Pull | Activity::Push)
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

    /// How it has spent its time so far, if it waits for the request `awaited` now.
    pub(super) fn time_spent(&self, now: SimTime, awaited: Passage) -> TimeSpent {
        let (queued, served) = match self.exchanges() {
            true => awaited.within(self.since, now),
            false => Default::default(),
        };
        let (queued, served) = (self.queued + queued, self.served + served);
        let messages = self.spent(Activity::Pull, now) + self.spent(Activity::Push, now);
        TimeSpent {
            computing: self.spent(Activity::Compute, now),
            network: messages - queued - served,
            queued,
            served,
            held: self.spent(Activity::Held, now),
            waiting: self.spent(Activity::Wait, now),
            starved: self.spent(Activity::Starved, now),
        }
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
    events_kept: state,
    held: state,
    holds: state,
    presence: state,
    asking: state,
    activity: state,
    since: state,
    step: state,
    spent: each,
    queued: state,
    served: state,
    awaited: state
});
