//! Which shards are down, what waits for them, what they can return to, and what their failures
//! have cost.

use super::network::Request;
use super::queue::{EventQueue, ShardLife};
use super::shard_state::{Contained, GoneBack, Present, ShardStates};
use super::training::Training;
use crate::base::{Purpose, ShardId, SimSpan, SimTime, Streams};
use crate::cluster::shard_failures::{Meanwhile, Readers, Recovery, ShardCheckpoints};
use crate::cluster::{ShardFailurePlan, ShardFailures};
use crate::data::order::Position;
use crate::params::Lookups;
use crate::protocol::PushId;

/// A failure of a shard, and what it has cost so far.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ShardFailure {
    /// The shard.
    pub shard: ShardId,
    /// When it crashed.
    pub crashed: SimTime,
    /// When that was noticed.
    pub noticed: Option<SimTime>,
    /// When it was back.
    pub back: Option<SimTime>,
    /// The moment to whose state it returned; `None` if it lost nothing, or is still down.
    pub returned_to: Option<SimTime>,
    /// Its version when it crashed.
    pub version: u64,
    /// Updates of the shard that its content lost, or never got.
    pub updates_lost: u64,
    /// Examples in them.
    pub examples_lost: u64,
    /// Updates lost by all shards through this failure.
    pub all_updates_lost: u64,
    /// Examples whose effect is lost through this failure: one that half of the shards have lost
    /// counts as a half.
    pub all_examples_lost: f64,
    /// Steps of workers that it ended.
    pub steps_lost: u64,
    /// Requests that waited for the shard.
    pub requests_waited: u64,
    /// Rows that returned with older values than at that moment.
    pub stale_rows: u64,
    /// Updates by which its content was behind its version when it was back.
    pub behind: Option<u64>,
}

/// What the failures of one shard have cost so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ShardLosses {
    /// Times that it crashed.
    pub failures: u64,
    /// Time for which it was down.
    pub down: SimSpan,
    /// Updates that its content lost, or never got.
    pub updates: u64,
    /// Examples in them.
    pub examples: u64,
}

/// How a shard treats a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// It serves it.
    Serves,
    /// The request waits until the shard is back.
    Waits,
    /// The worker fails.
    Fails,
    /// The worker does without the shard.
    Without,
}

/// One shard and its failures.
#[derive(Clone, Debug, Default)]
struct ShardOutage {
    /// Crashes that are not repaired.
    down: u32,
    /// Whether its current failure has been noticed.
    noticed: bool,
    /// Its random failures so far.
    random: u64,
    /// The report of its last failure.
    report: usize,
    /// What waits for its return, in order.
    waiting: Vec<(Request, PushId)>,
    /// What its content contains.
    contained: Contained,
    states: ShardStates,
    losses: ShardLosses,
}

/// Failures of shards.
#[derive(Debug)]
pub struct Outages {
    plan: ShardFailurePlan,
    streams: Streams,
    /// Empty if no shard ever fails.
    shards: Vec<ShardOutage>,
    /// While the job has stopped until all shards are back: the report of the failure.
    stopped: Option<usize>,
    /// The position in the data at the last common checkpoint.
    position: Option<Position>,
    reports: Vec<ShardFailure>,
}

impl Outages {
    /// All shards serve.
    pub(super) fn new(plan: ShardFailurePlan, shards: usize, streams: Streams) -> Outages {
        let shards = if plan.is_none() { 0 } else { shards };
        Outages {
            plan,
            streams,
            shards: vec![ShardOutage::default(); shards],
            stopped: None,
            position: None,
            reports: Vec::new(),
        }
    }

    /// Whether any shard can fail.
    #[inline]
    pub fn is_possible(&self) -> bool {
        !self.shards.is_empty()
    }

    /// Every failure so far, in the order of the crashes.
    pub fn reports(&self) -> &[ShardFailure] {
        &self.reports
    }

    /// What the failures of each shard have cost, until `now`; empty if no shard can fail.
    pub fn losses(&self, now: SimTime) -> Vec<ShardLosses> {
        let of = |shard: &ShardOutage| {
            let crashed = self.reports.get(shard.report).map_or(now, |report| report.crashed);
            let open = if shard.down > 0 { now.since(crashed) } else { SimSpan::ZERO };
            ShardLosses { down: shard.losses.down + open, ..shard.losses }
        };
        self.shards.iter().map(of).collect()
    }

    /// By shard: how many updates its content is behind its version, one of `versions`.
    pub fn behind(&self, versions: &[u64]) -> Vec<u64> {
        let both = self.shards.iter().zip(versions);
        both.map(|(shard, version)| version - shard.contained.updates).collect()
    }

    /// The settings.
    pub(super) fn plan(&self) -> &ShardFailurePlan {
        &self.plan
    }

    /// Whether the shard is down.
    #[inline]
    pub(super) fn is_down(&self, shard: ShardId) -> bool {
        self.shards.get(shard.index()).is_some_and(|shard| shard.down > 0)
    }

    /// The shards that are down.
    pub(super) fn down(&self) -> impl Iterator<Item = ShardId> + '_ {
        let all = (0..).map(ShardId).zip(&self.shards);
        all.filter(|(_, shard)| shard.down > 0).map(|(id, _)| id)
    }

    /// Whether a failure is known of which the shard has not returned.
    pub(super) fn is_known(&self) -> bool {
        self.shards.iter().any(|shard| shard.down > 0 && shard.noticed)
    }

    /// Whether the job has stopped until all shards are back.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// How the shard treats a request now.
    pub(super) fn answer(&self, shard: ShardId) -> Answer {
        let Some(own) = self.shards.get(shard.index()).filter(|own| own.down > 0) else {
            return Answer::Serves;
        };
        match self.plan.how.meanwhile {
            _ if !own.noticed || self.plan.how.recovery == Recovery::All => Answer::Waits,
            Meanwhile::Block => Answer::Waits,
            Meanwhile::Fail => Answer::Fails,
            Meanwhile::GoOn => Answer::Without,
        }
    }

    /// A request waits for the shard.
    pub(super) fn wait(&mut self, shard: ShardId, request: Request, push: PushId) {
        let own = &mut self.shards[shard.index()];
        own.waiting.push((request, push));
        self.reports[own.report].requests_waited += 1;
    }

    /// Returns what waits for the shard, which it forgets.
    pub(super) fn take_waiting(&mut self, shard: ShardId) -> Vec<(Request, PushId)> {
        std::mem::take(&mut self.shards[shard.index()].waiting)
    }

    /// Schedules the known events.
    pub(super) fn plan_events(&self, queue: &mut EventQueue) {
        for (number, process) in (0..).zip(&self.plan.processes) {
            if let Some(process) = process {
                let at = SimTime::ZERO + process.up_time(number, 0, self.streams);
                queue.plan_shard(at, ShardLife::Fails(ShardId(number)));
            }
        }
        for (index, crash) in (0..).zip(&self.plan.crashes) {
            queue.plan_shard(crash.0, ShardLife::Crashes(index));
        }
    }

    /// A random failure begins; schedules its end.
    pub(super) fn fail(&mut self, shard: ShardId, queue: &mut EventQueue) {
        let own = &mut self.shards[shard.index()];
        let process = self.plan.processes[shard.index()].as_ref().expect("it fails at random");
        let span = process.down_time(shard.0, own.random, self.streams);
        own.random += 1;
        queue.plan_shard(queue.now() + span, ShardLife::Repaired(shard));
    }

    /// A random failure has ended; schedules the next.
    pub(super) fn repaired(&mut self, shard: ShardId, queue: &mut EventQueue) {
        let own = &self.shards[shard.index()];
        let process = self.plan.processes[shard.index()].as_ref().expect("it fails at random");
        let span = process.up_time(shard.0, own.random, self.streams);
        queue.plan_shard(queue.now() + span, ShardLife::Fails(shard));
    }

    /// The shard crashes. Returns whether it was up, and if so begins a report.
    pub(super) fn crash(&mut self, shard: ShardId, now: SimTime, version: u64) -> bool {
        let own = &mut self.shards[shard.index()];
        own.down += 1;
        if own.down > 1 {
            return false;
        }
        own.noticed = false;
        own.losses.failures += 1;
        own.report = self.reports.len();
        own.states.forget_undo(SimTime(now.0.saturating_sub(self.plan.how.lag.0)));
        let report = ShardFailure { shard, crashed: now, version, ..ShardFailure::default() };
        self.reports.push(report);
        true
    }

    /// The number of the shard's last failure.
    pub(super) fn number(&self, shard: ShardId) -> u64 {
        self.shards[shard.index()].report as u64
    }

    /// The shard's failure is noticed. Returns whether it was unknown.
    pub(super) fn notice(&mut self, shard: ShardId, now: SimTime) -> bool {
        let own = &mut self.shards[shard.index()];
        let is_new = !std::mem::replace(&mut own.noticed, true);
        if is_new {
            self.reports[own.report].noticed = Some(now);
        }
        is_new
    }

    /// One of the shard's crashes is repaired. Returns whether it was the last.
    pub(super) fn repair(&mut self, shard: ShardId) -> bool {
        let own = &mut self.shards[shard.index()];
        own.down -= 1;
        own.down == 0
    }

    /// The shard serves again.
    pub(super) fn end(&mut self, shard: ShardId, now: SimTime) {
        let own = &mut self.shards[shard.index()];
        let report = &mut self.reports[own.report];
        report.back = Some(now);
        own.losses.down += now.since(report.crashed);
    }

    /// The job stops because of the shard's failure.
    pub(super) fn stop(&mut self, shard: ShardId) {
        self.stopped.get_or_insert(self.shards[shard.index()].report);
        self.shards.iter_mut().for_each(|shard| shard.waiting.clear());
    }

    /// A worker loses steps through the failure of this shard.
    pub(super) fn count_steps(&mut self, shard: ShardId, steps: u64) {
        let report = self.shards[shard.index()].report;
        self.reports[report].steps_lost += steps;
    }

    /// Gives the shard the state with which it comes back.
    pub(super) fn bring_back(
        &mut self,
        shard: ShardId,
        (now, version): (SimTime, u64),
        training: Option<&mut Training>,
    ) {
        let cause = self.stopped.unwrap_or(self.shards[shard.index()].report);
        let gone = self.go_back(shard, version, cause as u64, training);
        let own = &mut self.shards[shard.index()];
        own.states.skip_until(now);
        let mut lost = Contained::default();
        if let Some(gone) = gone {
            let before = std::mem::replace(&mut own.contained, gone.stamp.contained);
            lost.updates = before.updates - own.contained.updates;
            lost.examples = before.examples - own.contained.examples;
        }
        let behind = version - own.contained.updates;
        // With a common checkpoint, shards return that did not fail.
        if let Some(report) = self.reports.get_mut(own.report)
            && report.shard == shard
            && report.behind.is_none()
        {
            report.behind = Some(behind);
            if let Some(gone) = gone {
                report.returned_to = Some(gone.stamp.at);
                report.stale_rows = gone.stale_rows;
            }
        }
        self.count_lost(shard, cause, lost);
    }

    fn go_back(
        &mut self,
        shard: ShardId,
        version: u64,
        number: u64,
        training: Option<&mut Training>,
    ) -> Option<GoneBack> {
        let (how, own) = (&self.plan.how, &mut self.shards[shard.index()]);
        if how.recovery == Recovery::Replica {
            let crashed = self.reports[own.report].crashed;
            let mut gone = own.states.take_over(shard, version, training)?;
            gone.stamp.at = SimTime(crashed.0.saturating_sub(how.lag.0));
            return Some(gone);
        }
        let missing = self.streams.key(Purpose::Increment, u64::from(shard.0), number);
        let replay = (how.checkpoint.replay, how.checkpoint.slots, missing);
        Some(own.states.restore(shard, version, training, replay))
    }

    /// All shards have returned to a common checkpoint: the job goes on. Returns the position from
    /// which workers read on, if they go back too.
    pub(super) fn resume(&mut self) -> Option<Position> {
        self.stopped = None;
        self.position.filter(|_| self.plan.how.readers == Readers::Back)
    }

    /// Counts what a shard lost through the failure of this report.
    fn count_lost(&mut self, shard: ShardId, cause: usize, lost: Contained) {
        let shards = self.shards.len() as f64;
        let losses = &mut self.shards[shard.index()].losses;
        losses.updates += lost.updates;
        losses.examples += lost.examples;
        let Some(report) = self.reports.get_mut(cause) else { return };
        report.all_updates_lost += lost.updates;
        report.all_examples_lost += lost.examples as f64 / shards;
        if report.shard == shard {
            report.updates_lost += lost.updates;
            report.examples_lost += lost.examples;
        }
    }

    /// Counts an update of a shard whose content got `examples` examples, and lacks `lost` others;
    /// `took_effect` says whether it changed the content at all.
    pub(super) fn count_update(
        &mut self,
        shard: ShardId,
        took_effect: bool,
        (examples, lost): (u64, u64),
    ) {
        let own = &mut self.shards[shard.index()];
        own.contained.updates += u64::from(took_effect);
        own.contained.examples += examples;
        let cause = self.stopped.unwrap_or(own.report);
        let lost = Contained { updates: u64::from(!took_effect), examples: lost };
        if lost != Contained::default() {
            self.count_lost(shard, cause, lost);
        }
    }

    /// Notes the way back over the next update of a shard, if a replica is behind it.
    pub(super) fn note_update(
        &mut self,
        shard: ShardId,
        (now, version): (SimTime, u64),
        training: Option<&Training>,
        batches: &[&Lookups],
    ) {
        let own = &mut self.shards[shard.index()];
        let lag = self.plan.how.lag;
        own.states.forget_undo(SimTime(now.0.saturating_sub(lag.0)));
        let contained = own.contained;
        let present = Present { shard, at: now, version, contained, training };
        own.states.note_update(&present, batches);
    }

    /// Whether updates must be noted for a replica that is behind.
    pub(super) fn has_lag(&self) -> bool {
        let how = &self.plan.how;
        how.recovery == Recovery::Replica && !how.lag.is_zero()
    }

    /// Whether parts of pushes that a shard holds survive its crash.
    pub(super) fn keeps_parts(&self) -> bool {
        let how = &self.plan.how;
        how.recovery == Recovery::Replica && how.lag.is_zero()
    }

    /// Saves what was due until now, before the content of this shard changes. With `crashes`, a
    /// checkpoint after every update is due too.
    pub(super) fn save_due(
        &mut self,
        shard: ShardId,
        (now, versions): (SimTime, &[u64]),
        training: Option<&Training>,
        crashes: bool,
    ) {
        let ShardFailures { recovery, checkpoint, .. } = self.plan.how;
        let common = recovery == Recovery::All;
        // A common checkpoint needs all shards.
        let missing = if common { self.down().next().is_some() } else { self.is_down(shard) };
        if recovery == Recovery::Replica || missing {
            return;
        }
        let states = &self.shards[shard.index()].states;
        let Some(due) = Due::of(states, checkpoint, now, crashes) else { return };
        for (number, own) in (0..).zip(&mut self.shards) {
            if common || number == shard.0 {
                let (shard, version) = (ShardId(number), versions[number as usize]);
                let contained = own.contained;
                let present = Present { shard, at: due.at(), version, contained, training };
                match due {
                    Due::Full(_) => own.states.save_full(&present, checkpoint.increments.is_some()),
                    Due::Increment(_) => own.states.save_increment(&present),
                }
            }
        }
        if common {
            self.position = training.map(|training| training.feed.position());
        }
    }

    /// The same before the position in the data changes, if workers will return to it.
    pub(super) fn save_position(
        &mut self,
        (now, versions): (SimTime, &[u64]),
        training: Option<&Training>,
    ) {
        if self.plan.how.recovery == Recovery::All && self.plan.how.readers == Readers::Back {
            self.save_due(ShardId(0), (now, versions), training, false);
        }
    }
}

/// A checkpoint that is due, and the last moment of either kind that it stands for: since the last
/// change of the content all of them have the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Due {
    Full(SimTime),
    Increment(SimTime),
}

impl Due {
    fn at(self) -> SimTime {
        let (Due::Full(at) | Due::Increment(at)) = self;
        at
    }

    /// What was due by `now` and has not been saved. Several moments without a change of the content
    /// between them are one.
    fn of(
        states: &ShardStates,
        checkpoint: ShardCheckpoints,
        now: SimTime,
        crashes: bool,
    ) -> Option<Due> {
        let last = |every: Option<SimSpan>| {
            let every = every.filter(|every| !every.is_zero())?;
            Some(SimTime(now.0 / every.0 * every.0))
        };
        let full = match checkpoint.every {
            Some(every) if every.is_zero() && crashes => Some(now),
            every => last(every),
        };
        let increment = last(checkpoint.increments);
        let latest = full.max(increment);
        if states.is_new() {
            return Some(Due::Full(latest.unwrap_or(SimTime::ZERO)));
        }
        let is_new = |at: &SimTime| *at > states.saved_until() || (crashes && *at == now);
        match full.filter(is_new) {
            Some(_) => latest.map(Due::Full),
            None => increment.filter(is_new).map(Due::Increment),
        }
    }
}

crate::persist!(ShardFailure {
    shard: state,
    crashed: state,
    noticed: state,
    back: state,
    returned_to: state,
    version: state,
    updates_lost: state,
    examples_lost: state,
    all_updates_lost: state,
    all_examples_lost: state,
    steps_lost: state,
    requests_waited: state,
    stale_rows: state,
    behind: state
});
crate::persist!(ShardLosses { failures: state, down: state, updates: state, examples: state });
crate::persist!(ShardOutage {
    down: state,
    noticed: state,
    random: state,
    report: state,
    waiting: state,
    contained: state,
    states: state,
    losses: state
});
crate::persist!(Outages {
    plan: fixed,
    streams: fixed,
    shards: each,
    stopped: state,
    position: state,
    reports: state
});
