//! The joiner: it makes labelled examples of features and actions that come one by one.
//!
//! Features wait for an action. If it comes within a window, a positive example is emitted at once;
//! if the window closes without one, a negative example is. Actions that come before their features
//! wait for them as long. The joiner has no clock: it is told what happens, in the order of time.
//!
//! Requests are numbered without gaps, so that what is known of each is a list and no table of
//! hashes. All windows have the same length and therefore close in the order in which they opened:
//! every call takes constant time on average.

mod counts;
#[cfg(test)]
mod tests;

pub use counts::JoinerCounts;

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::negatives::KeptNegatives;
use super::requests::Request;
use crate::base::{SimSpan, SimTime, Streams};

/// How features are joined with actions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Join {
    /// How long features wait for an action: without one they become a negative example then.
    /// Actions wait as long for their features, and have no effect without them.
    pub window: SimSpan,
    /// Number of requests whose features wait in memory; the oldest of more lie on disk. No limit
    /// when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// How long features wait in memory before they go to disk; as long as the window when left
    /// out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_time: Option<SimSpan>,
    /// How long it takes to find features on disk. Late actions look there too.
    pub disk: SimSpan,
    /// What happens to an action after the window has closed.
    pub late: LateAction,
}

impl Default for Join {
    fn default() -> Self {
        Join {
            window: SimSpan(3_600_000_000_000),
            memory: None,
            memory_time: None,
            disk: SimSpan(20_000_000),
            late: LateAction::default(),
        }
    }
}

/// What happens to an action after the window of its request has closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LateAction {
    /// It has no effect.
    #[default]
    Drop,
    /// A second example, a positive one, is emitted.
    Second,
    /// A pair is emitted that takes the negative example back: the negative one with weight -1, if
    /// it was kept, and a positive one.
    Correct,
}

/// Where the features of an emitted example lay.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub enum Origin {
    /// In memory, or they came after their action.
    #[default]
    Memory,
    /// On disk, within the window.
    Disk,
    /// On disk, after the window.
    Late,
}

/// An example that the joiner has made.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Emitted {
    /// Number of its request.
    pub request: u64,
    /// When the request came.
    pub at: SimTime,
    /// When the joiner has the example ready: a look-up on disk takes time.
    pub emitted: SimTime,
    /// Its label.
    pub is_positive: bool,
    /// Its weight in the loss: 1, or -1 to take an earlier example back.
    pub weight: f32,
    /// Where its features lay.
    pub from: Origin,
}

/// What the joiner knows of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
enum Known {
    /// Nothing, or an action that has waited for features in vain.
    #[default]
    Nothing,
    /// Its action waits for its features.
    Acted,
    /// Its features wait in memory.
    InMemory,
    /// Its features wait on disk.
    OnDisk,
    /// It was emitted as positive, or a late action was dealt with.
    Done,
    /// It was emitted as negative.
    Negative,
    /// It was negative and not kept.
    Unkept,
}

/// Something that waits, and since when.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    request: Request,
    since: SimTime,
}

/// Joins features with actions.
#[derive(Clone, Debug)]
pub struct Joiner {
    join: Join,
    negatives: KeptNegatives,
    streams: Streams,
    now: SimTime,
    /// By request.
    known: Vec<Known>,
    /// Features that wait, and others between them whose action has come, in the order in which
    /// they came. The first waits.
    features: VecDeque<Waiting>,
    /// Number of entries at the front of `features` that lie on disk.
    spilled: usize,
    /// Actions that wait for features, likewise.
    actions: VecDeque<Waiting>,
    counts: JoinerCounts,
}

impl Joiner {
    /// A joiner that has met nothing. `negatives` says which of them it keeps.
    pub fn new(join: Join, negatives: KeptNegatives, streams: Streams) -> Joiner {
        Joiner {
            join,
            negatives,
            streams,
            now: SimTime::ZERO,
            known: Vec::new(),
            features: VecDeque::new(),
            spilled: 0,
            actions: VecDeque::new(),
            counts: JoinerCounts::default(),
        }
    }

    /// What has happened so far, and what waits.
    pub fn counts(&self) -> &JoinerCounts {
        &self.counts
    }

    /// When the next window closes; the end of time if nothing waits, or waits for ever.
    #[inline]
    pub fn next_time(&self) -> SimTime {
        let closes = |waiting: &VecDeque<Waiting>| {
            waiting.front().map_or(SimTime::MAX, |front| front.since + self.join.window)
        };
        closes(&self.features).min(closes(&self.actions))
    }

    /// The features of a request come. Windows that have closed *before* `now` are closed first;
    /// an action at the very instant at which its window closes is in time.
    ///
    /// # Panics
    /// If time goes backwards: a bug of the caller.
    pub fn features(&mut self, request: Request, now: SimTime, out: &mut Vec<Emitted>) {
        self.turn_to(now, out);
        match self.known(request) {
            Known::Nothing => {
                self.counts.features += 1;
                self.counts.in_memory += 1;
                self.set(request, Known::InMemory);
                self.features.push_back(Waiting { request, since: now });
                self.spill();
            }
            Known::Acted => {
                self.counts.features += 1;
                self.counts.actions_waiting -= 1;
                self.counts.after_action += 1;
                self.emit_positive(request, Origin::Memory, out);
                self.trim();
            }
            _ => self.counts.features_again += 1,
        }
    }

    /// An action on a request comes. As [`features`](Self::features).
    ///
    /// # Panics
    /// If time goes backwards: a bug of the caller.
    pub fn action(&mut self, request: Request, now: SimTime, out: &mut Vec<Emitted>) {
        self.turn_to(now, out);
        self.counts.actions += 1;
        match self.known(request) {
            Known::Nothing => {
                self.counts.actions_waiting += 1;
                self.set(request, Known::Acted);
                self.actions.push_back(Waiting { request, since: now });
            }
            Known::InMemory => {
                self.counts.in_memory -= 1;
                self.counts.from_memory += 1;
                self.emit_positive(request, Origin::Memory, out);
                self.trim();
            }
            Known::OnDisk => {
                self.counts.on_disk -= 1;
                self.counts.from_disk += 1;
                self.emit_positive(request, Origin::Disk, out);
                self.trim();
            }
            known @ (Known::Negative | Known::Unkept) => {
                self.counts.actions_late += 1;
                self.act_late(request, known == Known::Negative, out);
            }
            Known::Acted | Known::Done => self.counts.actions_again += 1,
        }
    }

    /// Closes all windows up to `now`, this instant included, in the order in which they opened.
    ///
    /// # Panics
    /// If time goes backwards: a bug of the caller.
    pub fn close(&mut self, now: SimTime, out: &mut Vec<Emitted>) {
        assert!(now >= self.now, "{now} comes after {}", self.now);
        while let at = self.next_time()
            && at <= now
            && at < SimTime::MAX
        {
            self.close_first(at, out);
        }
        self.now = now;
        self.spill();
    }

    /// Closes all windows before `now`.
    fn turn_to(&mut self, now: SimTime, out: &mut Vec<Emitted>) {
        assert!(now >= self.now, "{now} comes after {}", self.now);
        while let at = self.next_time()
            && at < now
        {
            self.close_first(at, out);
        }
        self.now = now;
        self.spill();
    }

    /// Closes the window that closes first, at `at`.
    fn close_first(&mut self, at: SimTime, out: &mut Vec<Emitted>) {
        self.now = at;
        self.spill();
        let closes = |waiting: &VecDeque<Waiting>| {
            waiting.front().is_some_and(|front| front.since + self.join.window == at)
        };
        if closes(&self.actions) {
            let action = self.actions.pop_front().expect("the front closes");
            self.counts.actions_waiting -= 1;
            self.counts.actions_alone += 1;
            self.set(action.request, Known::Nothing);
        } else {
            let request = self.features.front().expect("the front closes").request;
            let was_in_memory = self.known(request) == Known::InMemory;
            *(if was_in_memory { &mut self.counts.in_memory } else { &mut self.counts.on_disk }) -=
                1;
            if self.negatives.keeps(request.number, self.streams) {
                self.counts.negatives += 1;
                self.set(request, Known::Negative);
                let from = if was_in_memory { Origin::Memory } else { Origin::Disk };
                // What lies on disk is read ahead of its end, in order.
                out.push(self.example(request, from, SimSpan::ZERO));
            } else {
                self.counts.negatives_unkept += 1;
                self.set(request, Known::Unkept);
            }
        }
        self.trim();
    }

    /// A negative example.
    fn example(&self, request: Request, from: Origin, takes: SimSpan) -> Emitted {
        let Request { number, at } = request;
        let emitted = self.now + takes;
        Emitted { request: number, at, emitted, is_positive: false, weight: 1.0, from }
    }

    fn emit_positive(&mut self, request: Request, from: Origin, out: &mut Vec<Emitted>) {
        self.counts.positives += 1;
        self.set(request, Known::Done);
        let takes = if from == Origin::Memory { SimSpan::ZERO } else { self.join.disk };
        out.push(Emitted { is_positive: true, ..self.example(request, from, takes) });
    }

    /// An action comes after the window of a request, which may have been emitted.
    fn act_late(&mut self, request: Request, was_emitted: bool, out: &mut Vec<Emitted>) {
        self.set(request, Known::Done);
        let example = self.example(request, Origin::Late, self.join.disk);
        if self.join.late == LateAction::Correct && was_emitted {
            self.counts.taken_back += 1;
            out.push(Emitted { weight: -1.0, ..example });
        }
        if self.join.late != LateAction::Drop {
            self.counts.second += 1;
            out.push(Emitted { is_positive: true, ..example });
        }
    }

    /// Moves features to disk that have been in memory for too long, and the oldest of too many.
    fn spill(&mut self) {
        let memory = self.join.memory.unwrap_or(u64::MAX);
        let stays = self.join.memory_time.unwrap_or(SimSpan(u64::MAX));
        while let Some(&Waiting { request, since }) = self.features.get(self.spilled)
            && (self.counts.in_memory > memory || since + stays < self.now)
        {
            self.spilled += 1;
            if self.known(request) == Known::InMemory {
                self.set(request, Known::OnDisk);
                self.counts.in_memory -= 1;
                self.counts.on_disk += 1;
                self.counts.spilled += 1;
            }
        }
    }

    /// Removes what no longer waits from the fronts.
    fn trim(&mut self) {
        let waits = |known: Known| matches!(known, Known::InMemory | Known::OnDisk);
        while self.features.front().is_some_and(|front| !waits(self.known(front.request))) {
            self.features.pop_front();
            self.spilled = self.spilled.saturating_sub(1);
        }
        let waits = |known: Known| known == Known::Acted;
        while self.actions.front().is_some_and(|front| !waits(self.known(front.request))) {
            self.actions.pop_front();
        }
    }

    fn known(&self, request: Request) -> Known {
        self.known.get(request.number as usize).copied().unwrap_or_default()
    }

    fn set(&mut self, request: Request, known: Known) {
        let at = request.number as usize;
        if at >= self.known.len() {
            self.known.resize(at + 1, Known::Nothing);
        }
        self.known[at] = known;
    }

    /// Checks that every message is accounted for.
    ///
    /// # Panics
    /// If one is not: a bug of the program.
    pub fn check(&self) {
        self.counts.check();
    }
}

crate::persist_plain!(Known, Origin);
crate::persist!(Waiting { request: state, since: state });
crate::persist!(Emitted {
    request: state,
    at: state,
    emitted: state,
    is_positive: state,
    weight: state,
    from: state
});
crate::persist!(Joiner {
    join: fixed,
    negatives: fixed,
    streams: fixed,
    now: state,
    known: state,
    features: state,
    spilled: state,
    actions: state,
    counts: state
});
