//! The messages to the serving copy: when they are sent, how long they travel, and which are lost.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::settings::{DenseHow, Serving, Way};
use crate::base::{Draw, Purpose, ShardId, SimSpan, SimTime, Streams};
use crate::cluster::{LawError, StepTimeLaw};
use crate::server::{DenseValues, RowValues};

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Due {
    /// The message of this number arrives.
    Arrival(u64),
    /// A shard sends rows.
    Rows(ShardId),
    /// A shard sends dense parameters, or all shards do in one message.
    Dense(Option<ShardId>),
}

/// A message under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Message {
    /// The shard that sent it; `None` for all shards together.
    pub(super) shard: Option<ShardId>,
    /// When its values were read.
    pub(super) sent: SimTime,
    /// Embedding rows.
    pub(super) rows: Option<RowValues>,
    /// Dense and non-trainable parameters.
    pub(super) dense: Option<DenseValues>,
}

/// What became of a message that was just sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Posted {
    /// How often it was sent until it was on its way, or given up.
    pub(super) attempts: u64,
    /// How many of these were lost.
    pub(super) lost: u64,
    /// Its number, if it will arrive.
    pub(super) number: Option<u64>,
}

/// How the messages of one kind travel.
#[derive(Clone, Debug)]
struct Route {
    /// Which kind it is, for draws.
    kind: u64,
    every: SimSpan,
    mean: SimSpan,
    law: Arc<dyn StepTimeLaw>,
    lost: f64,
    retry: Option<SimSpan>,
}

impl Route {
    fn new(kind: u64, way: &Way<'_>, folder: &Path) -> Result<Option<Route>, LawError> {
        let Some(every) = way.every.filter(|every| !every.is_zero()) else { return Ok(None) };
        let (mean, law) = (way.lag.mean, way.lag.law.build(folder)?);
        let Way { lost, retry, .. } = *way;
        Ok(Some(Route { kind, every, mean, law, lost, retry }))
    }

    /// Number of lost attempts, and when the message arrives that is sent at `sent`; `None` if it is
    /// lost for good.
    fn travel(&self, sent: SimTime, count: u64, streams: Streams) -> (u64, Option<SimTime>) {
        let mut lost = 0;
        loop {
            let entity = |what| (lost << 2) | (self.kind << 1) | what;
            let draw = |what| streams.draw(Purpose::ServingMessage, entity(what), count);
            let at = |draw: Draw| self.law.time(self.mean, draw);
            if streams.uniform(Purpose::ServingMessage, entity(0), count) >= self.lost {
                let again = self.retry.unwrap_or_default().times(lost);
                return (lost, Some(sent + again + at(draw(1))));
            }
            lost += 1;
            if self.retry.is_none() {
                return (lost, None);
            }
        }
    }
}

/// Messages that are due and under way.
#[derive(Clone, Debug)]
pub(super) struct Post {
    rows: Option<Route>,
    dense: Option<Route>,
    streams: Streams,
    /// When the shards next send rows: all at the same moment, in order.
    rows_due: Vec<SimTime>,
    /// When dense parameters are next sent, by shard or by all together.
    dense_due: Vec<SimTime>,
    dense_together: bool,
    /// Messages sent so far, of either kind, lost ones included.
    sent: [u64; 2],
    /// By number.
    under_way: BTreeMap<u64, Message>,
    /// When each arrives.
    arrivals: BTreeSet<(SimTime, u64)>,
    numbered: u64,
}

impl Post {
    /// Nothing was sent. Files are searched relative to `folder`.
    ///
    /// # Errors
    /// If a file with delays cannot be read.
    pub(super) fn new(
        serving: &Serving,
        shards: u32,
        folder: &Path,
        streams: Streams,
    ) -> Result<Post, LawError> {
        let [rows, dense] = serving.ways();
        let (rows, dense) = (Route::new(0, &rows, folder)?, Route::new(1, &dense, folder)?);
        let together = serving.dense.how == DenseHow::Atomic;
        // Each sender has sent once in every period.
        let offset = |every: SimSpan, shard: u32| match shard {
            0 => SimTime::ZERO + every,
            _ => SimTime((u128::from(every.0) * u128::from(shard) / u128::from(shards)) as u64),
        };
        let senders = if together { 1 } else { shards };
        let dense_due = dense
            .iter()
            .flat_map(|route: &Route| (0..senders).map(|shard| offset(route.every, shard)));
        let rows_due =
            rows.iter().flat_map(|route: &Route| (0..shards).map(|_| SimTime::ZERO + route.every));
        Ok(Post {
            rows_due: rows_due.collect(),
            dense_due: dense_due.collect(),
            rows,
            dense,
            streams,
            dense_together: together,
            sent: [0; 2],
            under_way: BTreeMap::new(),
            arrivals: BTreeSet::new(),
            numbered: 0,
        })
    }

    /// When something is sent next.
    pub(super) fn next_send(&self) -> Option<SimTime> {
        self.rows_due.iter().chain(&self.dense_due).min().copied().filter(|at| *at < SimTime::MAX)
    }

    /// What is due next, at equal times arrivals first, then rows, then dense parameters.
    pub(super) fn next(&self) -> Option<(SimTime, Due)> {
        let arrival = self.arrivals.first().map(|(at, number)| (*at, Due::Arrival(*number)));
        let first = |due: &[SimTime]| {
            due.iter().copied().zip(0..).min().map(|(at, shard)| (at, ShardId(shard)))
        };
        let rows = first(&self.rows_due).map(|(at, shard)| (at, Due::Rows(shard)));
        let together = self.dense_together;
        let dense = first(&self.dense_due)
            .map(|(at, shard)| (at, Due::Dense((!together).then_some(shard))));
        [arrival, rows, dense].into_iter().flatten().min().filter(|(at, _)| *at < SimTime::MAX)
    }

    /// This sender has done what was due, and is due again after a period.
    pub(super) fn done(&mut self, due: Due) {
        let (list, route, shard) = match due {
            Due::Rows(shard) => (&mut self.rows_due, &self.rows, shard.index()),
            Due::Dense(shard) => {
                (&mut self.dense_due, &self.dense, shard.map_or(0, ShardId::index))
            }
            Due::Arrival(_) => return,
        };
        if let Some(route) = route {
            list[shard] = list[shard] + route.every;
        }
    }

    /// Sends a message.
    pub(super) fn send(&mut self, message: Message) -> Posted {
        let kind = usize::from(message.dense.is_some());
        let route = [&self.rows, &self.dense][kind].as_ref().expect("only what is due is sent");
        let count = self.sent[kind];
        let (lost, arrives) = route.travel(message.sent, count, self.streams);
        self.sent[kind] += 1;
        let number = arrives.map(|at| {
            let number = self.numbered;
            self.numbered += 1;
            self.arrivals.insert((at, number));
            self.under_way.insert(number, message);
            number
        });
        Posted { attempts: lost + u64::from(number.is_some()), lost, number }
    }

    /// Takes out a message that arrives.
    ///
    /// # Panics
    /// If it is not the next one: a bug of the program.
    pub(super) fn take(&mut self, number: u64) -> Message {
        let (_, first) = self.arrivals.pop_first().expect("a message is under way");
        assert_eq!(first, number, "messages arrive in order of time");
        self.under_way.remove(&number).expect("it is under way")
    }
}

crate::persist!(Message { shard: state, sent: state, rows: state, dense: state });
crate::persist!(Post {
    rows: fixed,
    dense: fixed,
    streams: fixed,
    rows_due: sized,
    dense_due: sized,
    dense_together: fixed,
    sent: each,
    under_way: state,
    arrivals: state,
    numbered: state
});

#[cfg(test)]
mod tests {
    use super::*;

    fn post(text: &str, shards: u32) -> Post {
        let serving: Serving = toml::from_str(text).unwrap();
        Post::new(&serving, shards, Path::new("."), Streams::new(5)).unwrap()
    }

    fn seconds(at: SimTime) -> f64 {
        at.seconds()
    }

    /// What is due in the first `end` seconds, if everything that is sent is lost.
    fn sends(mut post: Post, end: f64) -> Vec<(f64, Due)> {
        let mut all = Vec::new();
        while let Some((at, due)) = post.next().filter(|(at, _)| seconds(*at) <= end) {
            all.push((seconds(at), due));
            post.done(due);
        }
        all
    }

    #[test]
    fn rows_are_sent_together_and_dense_parameters_as_they_are_set() {
        let (first, second) = (ShardId(0), ShardId(1));
        let text = "rows.every = \"2s\"\ndense = { every = \"3s\", how = \"by_shard\" }";
        let expected = [
            (1.5, Due::Dense(Some(second))),
            (2.0, Due::Rows(first)),
            (2.0, Due::Rows(second)),
            (3.0, Due::Dense(Some(first))),
            (4.0, Due::Rows(first)),
            (4.0, Due::Rows(second)),
            (4.5, Due::Dense(Some(second))),
        ];
        assert_eq!(sends(post(text, 2), 5.0), expected);
        let atomic = sends(post("dense.every = \"2s\"", 2), 5.0);
        assert_eq!(atomic, [(2.0, Due::Dense(None)), (4.0, Due::Dense(None))]);
        for never in ["", "rows.every = \"0s\"\ndense.every = \"0s\""] {
            assert_eq!(post(never, 2).next(), None);
        }
    }

    #[test]
    fn lost_messages_come_later_or_never() {
        let sent = |post: &mut Post, at: u64| {
            post.send(Message {
                sent: SimTime(at),
                rows: Some(RowValues::default()),
                ..Message::default()
            })
        };
        let text = "rows = { every = \"1s\", lag.mean = \"2s\", lost = 0.25 }";
        let mut gone = post(text, 1);
        let all: Vec<Posted> = (0..4000).map(|at| sent(&mut gone, at)).collect();
        let lost = all.iter().filter(|posted| posted.number.is_none()).count() as f64;
        // Four standard deviations of a share of 4,000.
        assert!((lost / 4000.0 - 0.25).abs() < 0.028, "{lost}");
        assert!(all.iter().all(|posted| posted.attempts == 1));
        let mut again = post(&text.replace("lost", "retry = \"10s\", lost"), 1);
        let all: Vec<Posted> = (0..4000).map(|at| sent(&mut again, at)).collect();
        let attempts = all.iter().map(|posted| posted.attempts).sum::<u64>() as f64;
        assert!((attempts / 4000.0 - 4.0 / 3.0).abs() < 0.05, "{attempts}");
        for posted in all {
            assert_eq!((posted.lost + 1, posted.number.is_some()), (posted.attempts, true));
        }
        let mut at = SimTime::ZERO;
        while let Some((next, Due::Arrival(number))) =
            again.next().filter(|(_, due)| matches!(due, Due::Arrival(_)))
        {
            assert!(next >= at);
            at = next;
            let message = again.take(number);
            let travelled = next.since(message.sent).seconds();
            assert!((travelled - 2.0) % 10.0 < 1e-9, "{travelled}");
            if again.arrivals.is_empty() {
                break;
            }
        }
    }
}
