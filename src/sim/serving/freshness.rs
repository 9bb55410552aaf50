//! How far the rows of the serving copy are behind those of the training servers.

use std::collections::VecDeque;

use crate::base::{ShardId, SimTime};
use crate::server::RowKey;

/// No such moment.
const NEVER: SimTime = SimTime::MAX;

/// For each row, the first update that the copy does not have.
///
/// A message brings what a row was when it was sent. So what the copy lacks afterwards is the first
/// update after that moment, which later messages note when they are sent.
#[derive(Clone, Debug)]
pub(super) struct RowFreshness {
    /// By id space and id: the first update that the copy does not have.
    behind: Vec<Vec<SimTime>>,
    /// Likewise the first update since the row was last sent.
    unsent: Vec<Vec<SimTime>>,
    /// By shard, from its oldest message under way on.
    sent: Vec<VecDeque<SentRows>>,
}

/// The rows of a message.
#[derive(Clone, Debug, Default)]
struct SentRows {
    /// The number of the message.
    message: u64,
    /// Its rows, each with its first update since it was sent before.
    rows: Vec<(RowKey, SimTime)>,
    /// Whether the rows are in order. Most messages arrive before the next is sent: nobody looks for
    /// a row of theirs.
    is_sorted: bool,
    /// Whether it has arrived or is lost.
    is_over: bool,
}

impl SentRows {
    fn sort(&mut self) {
        if !self.is_sorted {
            self.rows.sort_unstable();
            self.is_sorted = true;
        }
    }

    /// Of rows that are in order.
    fn first_update(&self, key: RowKey) -> Option<SimTime> {
        let at = self.rows.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        Some(self.rows[at].1)
    }
}

impl RowFreshness {
    /// A copy that has everything. `rows` is the number of rows of each id space.
    pub(super) fn new(rows: &[u32], shards: u32) -> RowFreshness {
        let all = || rows.iter().map(|&rows| vec![NEVER; rows as usize]).collect();
        RowFreshness { behind: all(), unsent: all(), sent: vec![VecDeque::new(); shards as usize] }
    }

    /// A row is updated.
    pub(super) fn touch(&mut self, (space, id): RowKey, now: SimTime) {
        for list in [&mut self.behind, &mut self.unsent] {
            let at = &mut list[space as usize][id as usize];
            *at = (*at).min(now);
        }
    }

    /// A shard sends these rows.
    pub(super) fn send(&mut self, shard: ShardId, message: u64, keys: &[RowKey]) {
        let first = |&(space, id): &RowKey| {
            let at = &mut self.unsent[space as usize][id as usize];
            ((space, id), std::mem::replace(at, NEVER))
        };
        let rows = keys.iter().map(first).collect();
        let sent = SentRows { message, rows, ..SentRows::default() };
        self.sent[shard.index()].push_back(sent);
    }

    /// The message of a shard arrives: the copy has its rows now, as they were when it was sent.
    ///
    /// # Panics
    /// If it is not under way: a bug of the program.
    pub(super) fn arrive(&mut self, shard: ShardId, message: u64) {
        let sent = &mut self.sent[shard.index()];
        let place = sent.iter().position(|sent| sent.message == message).expect("it is under way");
        sent.range_mut(place + 1..).for_each(SentRows::sort);
        for &(key, _) in &sent[place].rows {
            let later = sent.range(place + 1..).find_map(|later| later.first_update(key));
            let (space, id) = (key.0 as usize, key.1 as usize);
            self.behind[space][id] = later.unwrap_or(self.unsent[space][id]);
        }
        self.end(shard, place);
    }

    /// The message of a shard that was sent last is lost.
    pub(super) fn lose_last(&mut self, shard: ShardId) {
        let last = self.sent[shard.index()].len() - 1;
        self.end(shard, last);
    }

    fn end(&mut self, shard: ShardId, place: usize) {
        let sent = &mut self.sent[shard.index()];
        sent[place].is_over = true;
        // Only messages that are still under way ask what later ones have noted.
        while sent.front().is_some_and(|sent| sent.is_over) {
            sent.pop_front();
        }
    }

    /// The first update of the row that the copy does not have, if there is one.
    pub(super) fn behind_since(&self, space: usize, id: u32) -> Option<SimTime> {
        Some(self.behind[space][id as usize]).filter(|since| *since != NEVER)
    }
}

crate::persist!(SentRows { message: state, rows: state, is_sorted: state, is_over: state });
crate::persist!(RowFreshness { behind: each, unsent: each, sent: each });

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All updates of each row, and the moment as of which the copy has it.
    struct Plain {
        updates: Vec<Vec<u64>>,
        has: Vec<u64>,
    }

    impl Plain {
        fn behind(&self, id: usize) -> Option<SimTime> {
            self.updates[id].iter().find(|at| **at > self.has[id]).map(|at| SimTime(*at))
        }
    }

    proptest! {
        /// Messages overtake each other and are lost.
        #[test]
        fn the_first_missing_update_is_that_of_a_full_history(
            events in prop::collection::vec((0u8..10, 0usize..6, any::<prop::sample::Index>()), 0..200),
        ) {
            let mut fresh = RowFreshness::new(&[6], 1);
            let mut plain = Plain { updates: vec![Vec::new(); 6], has: vec![0; 6] };
            // The list of updated rows, and the messages under way: number, moment, rows.
            let (mut touched, mut under_way) = (Vec::new(), Vec::new());
            for (now, (what, id, which)) in (1..).zip(events) {
                match what {
                    0..6 => {
                        fresh.touch((0, id as u32), SimTime(now));
                        plain.updates[id].push(now);
                        if !touched.contains(&(0, id as u32)) {
                            touched.push((0, id as u32));
                        }
                    }
                    // Sometimes what was updated is forgotten.
                    6 => touched.truncate(id),
                    7 => {
                        let keys = std::mem::take(&mut touched);
                        fresh.send(ShardId(0), now, &keys);
                        match id {
                            0 | 1 => fresh.lose_last(ShardId(0)),
                            _ => under_way.push((now, keys)),
                        }
                    }
                    _ if !under_way.is_empty() => {
                        let (sent, keys) = under_way.remove(which.index(under_way.len()));
                        fresh.arrive(ShardId(0), sent);
                        keys.iter().for_each(|key: &RowKey| plain.has[key.1 as usize] = sent);
                    }
                    _ => {}
                }
                for id in 0..6 {
                    prop_assert_eq!(fresh.behind_since(0, id as u32), plain.behind(id));
                }
            }
        }
    }
}
