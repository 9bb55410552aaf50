//! The whole stream: requests come, their features and actions reach the joiner, and the examples
//! that it makes wait for workers.
//!
//! It is a state machine that is told how late it is. What it does up to an instant does not depend
//! on how often it was asked in between, so that the engine need not wake it for every message.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::arrivals::Arrivals;
use super::columns::StreamError;
use super::delays::Messages;
use super::items::{Arrived, Items};
use super::joiner::{Emitted, Joiner};
use super::negatives::KeptNegatives;
use super::queue::{ExampleQueue, QueueInterval};
use super::requests::{Labels, Request, Requests};
use super::settings::Online;
use crate::base::{SimSpan, SimTime, Streams};
use crate::data::DataSource;

/// What a message brings. At the same instant features come before actions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
enum Brings {
    #[default]
    Features,
    Action,
}

/// A message on its way to the joiner; the order is that in which messages come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Message {
    at: SimTime,
    brings: Brings,
    request: Request,
}

/// What became of the requests, as far as the joiner does not see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StreamCounts {
    /// Requests so far.
    pub requests: u64,
    /// Requests that are positive in the log.
    pub positives: u64,
    /// Requests whose features are lost: they never become an example.
    pub features_lost: u64,
    /// Positive requests whose action never comes.
    pub never: u64,
    /// Actions that are sent twice.
    pub twice: u64,
    /// Features that are on their way to the joiner.
    pub features_on_way: u64,
    /// Actions that are on their way to the joiner, copies included.
    pub actions_on_way: u64,
    /// How long the joiner has stood still, because the queue was full, until it last went on.
    pub stood_still: SimSpan,
}

/// A live stream of examples.
#[derive(Debug)]
pub struct Stream {
    requests: Arc<Requests>,
    labels: Labels,
    /// How well known items are, if somebody asks.
    items: Option<Items>,
    arrivals: Arrivals,
    laws: Messages,
    negatives: KeptNegatives,
    messages: BinaryHeap<Reverse<Message>>,
    joiner: Joiner,
    /// Examples whose features are being found on disk, in the order in which they are found.
    on_disk: VecDeque<Emitted>,
    /// Examples that are ready: the first waits for room in the queue, if there are any.
    ready: VecDeque<Emitted>,
    queue: ExampleQueue,
    /// When the queue last had room again for a joiner that stood still.
    freed: SimTime,
    counts: StreamCounts,
    /// What the joiner emits at once.
    emitted: Vec<Emitted>,
}

impl Stream {
    /// The stream of a window of a log, before its first request. Files are searched relative to
    /// `folder`. The settings are [usable](Online::unusable).
    ///
    /// # Errors
    /// If a file with delays cannot be read, or a column of the log does not say what it is asked for.
    pub fn new(
        online: &Online,
        requests: Arc<Requests>,
        source: Arc<dyn DataSource>,
        folder: &Path,
        streams: Streams,
    ) -> Result<Stream, StreamError> {
        let negatives = online.negatives.of(&requests, source.as_ref())?;
        Ok(Stream {
            items: None,
            arrivals: online.all_arrivals(&requests, streams),
            laws: Messages::new(
                &online.features,
                &online.actions,
                (&requests, source.as_ref()),
                folder,
                streams,
            )?,
            joiner: Joiner::new(online.join, negatives.clone(), streams),
            negatives,
            messages: BinaryHeap::new(),
            on_disk: VecDeque::new(),
            ready: VecDeque::new(),
            queue: ExampleQueue::new(online.queue),
            freed: SimTime::ZERO,
            counts: StreamCounts::default(),
            emitted: Vec::new(),
            labels: Labels::new(source, Arc::clone(&requests)),
            requests,
        })
    }

    /// The same stream, which tells of each request how well known its item was. No request has come
    /// yet.
    pub fn with_items(mut self, items: Option<Items>) -> Stream {
        self.items = items;
        self
    }

    /// Whether it tells how well known items are.
    pub fn knows_items(&self) -> bool {
        self.items.is_some()
    }

    /// The requests of the whole stream.
    pub fn requests(&self) -> &Arc<Requests> {
        &self.requests
    }

    /// Which negatives are kept, and how predictions are corrected for it.
    pub fn negatives(&self) -> &KeptNegatives {
        &self.negatives
    }

    /// What became of the requests.
    pub fn counts(&self) -> &StreamCounts {
        &self.counts
    }

    /// The joiner.
    pub fn joiner(&self) -> &Joiner {
        &self.joiner
    }

    /// The queue of examples.
    pub fn queue(&self) -> &ExampleQueue {
        &self.queue
    }

    /// What the queue was like since the last call.
    pub fn end_interval(&mut self) -> QueueInterval {
        self.queue.end_interval()
    }

    /// Whether the joiner stands still, because the queue is full.
    pub fn is_blocked(&self) -> bool {
        !self.ready.is_empty()
    }

    /// When something happens next; `None` if nothing will until workers take examples.
    pub fn next_time(&self) -> Option<SimTime> {
        let joins = if self.is_blocked() { SimTime::MAX } else { self.next_join() };
        let arrives = self.arrivals.next_time().unwrap_or(SimTime::MAX);
        Some(joins.min(arrives)).filter(|at| *at < SimTime::MAX)
    }

    /// Whether no example will enter the queue any more.
    pub fn is_over(&self) -> bool {
        !self.is_blocked() && self.next_time().is_none()
    }

    /// Whether a worker that wants `count` examples can have them, or the last ones.
    pub fn has(&self, count: usize) -> bool {
        self.queue.len() >= count as u64 || self.is_over() && !self.queue.is_empty()
    }

    /// Everything up to `now` happens, this instant included. `arrives` is told of every request
    /// that comes, before any message of it has an effect.
    ///
    /// # Panics
    /// If time goes backwards: a bug of the caller.
    pub fn advance(&mut self, now: SimTime, mut arrives: impl FnMut(Arrived)) {
        while let Some(request) = self.arrivals.next(now) {
            self.send(request);
            let labels = &self.labels;
            let class = |items: &mut Items| {
                let (batch, place) = labels.example(request.number);
                items.meet(items.of(batch, place), request.at)
            };
            arrives(Arrived { request, item: self.items.as_mut().map(class) });
        }
        self.join(now);
    }

    /// Moves up to `count` examples to `into`, the oldest first. Everything up to `now` must have
    /// happened.
    pub fn take(&mut self, count: usize, now: SimTime, into: &mut Vec<Emitted>) {
        self.queue.take(count, now, into);
        if let Some(first) = self.ready.front() {
            let since = first.emitted.max(self.freed);
            self.counts.stood_still += now.since(since);
            self.freed = now;
            self.join(now);
        }
    }

    /// Sends the messages of a request on their way.
    fn send(&mut self, request: Request) {
        self.counts.requests += 1;
        match self.laws.features(request) {
            Some(at) => {
                self.counts.features_on_way += 1;
                self.messages.push(Reverse(Message { at, brings: Brings::Features, request }));
            }
            None => self.counts.features_lost += 1,
        }
        if !self.labels.is_positive(request.number) {
            return;
        }
        self.counts.positives += 1;
        let [action, copy] = self.laws.actions(request);
        self.counts.never += u64::from(action.is_none());
        self.counts.twice += u64::from(copy.is_some());
        for at in [action, copy].into_iter().flatten() {
            self.counts.actions_on_way += 1;
            self.messages.push(Reverse(Message { at, brings: Brings::Action, request }));
        }
    }

    /// When the joiner has something to do next; the end of time if nothing.
    #[inline]
    fn next_join(&self) -> SimTime {
        let message = self.messages.peek().map_or(SimTime::MAX, |Reverse(message)| message.at);
        let found = self.on_disk.front().map_or(SimTime::MAX, |example| example.emitted);
        message.min(found).min(self.joiner.next_time())
    }

    /// The joiner does what there is to do up to `now`, unless the queue is full.
    fn join(&mut self, now: SimTime) {
        loop {
            while !self.queue.is_blocked()
                && let Some(example) = self.ready.pop_front()
            {
                let emitted = example.emitted.max(self.freed);
                self.queue.push(Emitted { emitted, ..example });
            }
            let at = self.next_join();
            if at > now || at == SimTime::MAX || self.is_blocked() {
                return;
            }
            self.join_one(at);
        }
    }

    /// The joiner does one thing, at `at`: it gets a message, finds features on disk, or closes the
    /// windows that close now.
    fn join_one(&mut self, at: SimTime) {
        if let Some(Reverse(message)) = self.messages.peek().filter(|message| message.0.at == at) {
            let Message { brings, request, .. } = *message;
            self.messages.pop();
            match brings {
                Brings::Features => {
                    self.counts.features_on_way -= 1;
                    self.joiner.features(request, at, &mut self.emitted);
                }
                Brings::Action => {
                    self.counts.actions_on_way -= 1;
                    self.joiner.action(request, at, &mut self.emitted);
                }
            }
        } else if self.on_disk.front().is_some_and(|example| example.emitted == at) {
            self.ready.extend(self.on_disk.pop_front());
        } else {
            self.joiner.close(at, &mut self.emitted);
        }
        for example in self.emitted.drain(..) {
            let list = if example.emitted > at { &mut self.on_disk } else { &mut self.ready };
            list.push_back(example);
        }
    }

    /// Checks that every request was emitted, waits, or is counted as lost.
    ///
    /// # Panics
    /// If one is not: a bug of the program.
    pub fn check(&self) {
        let (counts, joiner) = (&self.counts, self.joiner.counts());
        self.joiner.check();
        self.queue.check();
        let known = joiner.features + counts.features_on_way + counts.features_lost;
        assert_eq!(counts.requests, known, "{counts:?} {joiner:?}");
        let sent = joiner.actions + counts.actions_on_way;
        assert_eq!(counts.positives - counts.never + counts.twice, sent, "{counts:?} {joiner:?}");
        let outside = (self.on_disk.len() + self.ready.len()) as u64;
        let entered = self.queue.counts().offered;
        assert_eq!(joiner.emitted(), entered + outside, "{joiner:?}");
    }
}

crate::persist_plain!(Brings);
crate::persist!(Message { at: state, brings: state, request: state });
crate::persist!(StreamCounts {
    requests: state,
    positives: state,
    features_lost: state,
    never: state,
    twice: state,
    features_on_way: state,
    actions_on_way: state,
    stood_still: state
});
crate::persist!(Stream {
    requests: fixed,
    labels: state,
    items: each,
    arrivals: state,
    laws: fixed,
    negatives: fixed,
    messages: state,
    joiner: state,
    on_disk: state,
    ready: state,
    queue: state,
    freed: state,
    counts: state,
    emitted: scratch
});
