//! Steps in flight: granted, and not yet applied or discarded by every shard.

use std::collections::VecDeque;

use crate::base::{ShardId, SimTime, WorkerId};
use crate::protocol::PushId;

use super::training::Cargo;

/// A version that has not been read yet.
const UNREAD: u64 = u64::MAX;

/// One step on its way.
#[derive(Debug)]
pub struct Flight {
    /// Its number.
    pub push: PushId,
    /// Whose it is.
    pub worker: WorkerId,
    /// Steps that the worker had finished before.
    pub step: u64,
    /// When the first shard was read.
    pub first_read: SimTime,
    /// Version of each shard when it was read.
    versions: Vec<u64>,
    /// Shards that have applied or discarded their part.
    landed: Vec<bool>,
    /// Shards read so far.
    pub reads: u32,
    /// How many of them.
    pub resolved: u32,
    /// Shards that have discarded their part.
    pub discarded: u32,
    /// Sum over shards of the staleness at their apply.
    pub staleness: u64,
    /// Sum over shards of the squared distance between view and server just before their apply,
    /// where it is measured.
    pub apart: f64,
    /// Examples of the batch.
    pub examples: u64,
    /// Clock lag, set when all shards have taken the push in.
    pub clock_lag: u64,
    /// What it carries, when gradients are computed.
    pub cargo: Option<Box<Cargo>>,
}

impl Flight {
    /// A step that has read nothing yet.
    pub fn new(push: PushId, worker: WorkerId, step: u64, shards: u32) -> Flight {
        Flight {
            push,
            worker,
            step,
            first_read: SimTime::ZERO,
            versions: vec![UNREAD; shards as usize],
            landed: vec![false; shards as usize],
            reads: 0,
            resolved: 0,
            discarded: 0,
            staleness: 0,
            apart: 0.0,
            examples: 0,
            clock_lag: 0,
            cargo: None,
        }
    }

    /// Notes that a shard was read at `version`.
    pub fn read(&mut self, shard: ShardId, version: u64, now: SimTime) {
        if self.reads == 0 {
            self.first_read = now;
        }
        self.reads += 1;
        self.versions[shard.index()] = version;
    }

    /// The version of the shard that was read, if it was.
    pub fn version(&self, shard: ShardId) -> Option<u64> {
        Some(self.versions[shard.index()]).filter(|&version| version != UNREAD)
    }

    /// Notes that the shard has applied or discarded its part.
    pub fn land(&mut self, shard: ShardId) {
        debug_assert!(self.holds(shard));
        self.landed[shard.index()] = true;
        self.resolved += 1;
    }

    /// Whether the shard was read and has neither applied nor discarded its part.
    pub fn holds(&self, shard: ShardId) -> bool {
        self.version(shard).is_some() && !self.landed[shard.index()]
    }

    /// Whether the shards were read at different versions.
    pub fn mixed(&self) -> bool {
        self.versions.windows(2).any(|pair| pair[0] != pair[1])
    }

    /// Whether every shard has been read.
    pub fn is_complete(&self) -> bool {
        self.reads as usize == self.versions.len()
    }
}

/// All flights, by number and in order of their grants.
#[derive(Debug, Default)]
pub struct Flights {
    first: u64,
    list: VecDeque<Option<Box<Flight>>>,
    count: usize,
}

impl Flights {
    /// Number of flights.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of the next flight.
    pub fn next(&self) -> PushId {
        PushId(self.first + self.list.len() as u64)
    }

    /// Adds the flight numbered [`next`](Self::next).
    pub fn push(&mut self, flight: Flight) {
        debug_assert_eq!(flight.push, self.next());
        self.list.push_back(Some(Box::new(flight)));
        self.count += 1;
    }

    /// Whether there is a flight of this number.
    pub fn contains(&self, push: PushId) -> bool {
        let at = push.0.checked_sub(self.first).map(|at| at as usize);
        at.and_then(|at| self.list.get(at)).is_some_and(Option::is_some)
    }

    /// The flight of this number.
    ///
    /// # Panics
    /// If there is none.
    pub fn get(&mut self, push: PushId) -> &mut Flight {
        let at = push.0.checked_sub(self.first).map(|at| at as usize);
        at.and_then(|at| self.list.get_mut(at))
            .and_then(Option::as_mut)
            .unwrap_or_else(|| panic!("{push:?} is not in flight"))
    }

    /// Takes the flight of this number out.
    ///
    /// # Panics
    /// If there is none.
    pub fn remove(&mut self, push: PushId) -> Box<Flight> {
        let at = (push.0 - self.first) as usize;
        let flight = self.list[at].take().expect("a flight that has landed cannot land again");
        while matches!(self.list.front(), Some(None)) {
            self.list.pop_front();
            self.first += 1;
        }
        self.count -= 1;
        flight
    }

    /// All flights in order.
    pub fn iter(&self) -> impl Iterator<Item = &Flight> {
        self.list.iter().flatten().map(Box::as_ref)
    }
}
