//! Processor sharing: a link or a processor that serves all its customers at once.
//!
//! The station keeps a level: the work done so far for a customer of weight 1. It rises at a rate
//! of one over the sum of the weights. A customer leaves when the level reaches its mark, which is
//! known when it enters. So an arrival or a departure costs one operation on a heap, for any number
//! of customers. Every arrival delays the later departures, so it makes the scheduled departure
//! void: a departure carries the number of the turn in which it was scheduled.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::queue::Event;
use crate::base::{SimSpan, SimTime, WorkerId};

/// What follows when a customer leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Onward {
    /// The worker of its message.
    pub worker: WorkerId,
    /// The event that follows.
    pub event: Event,
    /// The time from its departure to the event.
    pub after: SimSpan,
}

/// A customer in service.
#[derive(Clone, Debug, Default)]
pub struct Customer {
    /// Level at which it leaves.
    mark: f64,
    number: u64,
    weight: f64,
    /// When it arrived.
    pub entered: SimTime,
    /// The time that it needs if it is the only customer.
    pub work: SimSpan,
    /// What follows when it leaves.
    pub onward: Onward,
}

impl PartialEq for Customer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Customer {}

impl PartialOrd for Customer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Customer {
    fn cmp(&self, other: &Self) -> Ordering {
        self.mark.total_cmp(&other.mark).then(self.number.cmp(&other.number))
    }
}

/// The customers of a shared station.
#[derive(Clone, Debug, Default)]
pub struct SharedStation {
    level: f64,
    at: SimTime,
    weights: f64,
    inside: BinaryHeap<Reverse<Customer>>,
    entered: u64,
    turn: u64,
}

impl SharedStation {
    /// The turn: departures scheduled in an earlier one are void.
    pub fn turn(&self) -> u64 {
        self.turn
    }

    /// Whether there is no customer.
    pub fn is_empty(&self) -> bool {
        self.inside.is_empty()
    }

    /// Adds a customer that needs `work` and counts as `weight` ordinary ones.
    pub fn enter(&mut self, now: SimTime, work: SimSpan, weight: f64, onward: Onward) {
        self.raise_level(now);
        self.entered += 1;
        self.turn += 1;
        self.weights += weight;
        let mark = self.level + work.0 as f64 / weight;
        let number = self.entered;
        self.inside.push(Reverse(Customer { mark, number, weight, entered: now, work, onward }));
    }

    /// When the next customer leaves, if no other enters before.
    pub fn next_time(&self) -> Option<SimTime> {
        let Reverse(first) = self.inside.peek()?;
        let left = ((first.mark - self.level).max(0.0) * self.weights).ceil();
        Some(self.at + SimSpan(left as u64))
    }

    /// Removes the next customer, at the scheduled time.
    pub fn leave(&mut self, now: SimTime) -> Option<Customer> {
        let Reverse(first) = self.inside.pop()?;
        self.turn += 1;
        self.at = now;
        // The clock has whole nanoseconds and is up to one ahead of the mark.
        self.level = first.mark;
        self.weights -= first.weight;
        if self.inside.is_empty() {
            (self.level, self.weights) = (0.0, 0.0);
        }
        Some(first)
    }

    /// What follows for each customer inside, in the order of their arrivals.
    pub fn events(&self) -> Vec<Event> {
        let mut all: Vec<_> =
            self.inside.iter().map(|Reverse(c)| (c.number, c.onward.event)).collect();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, event)| event).collect()
    }

    /// Work that the customers inside still need.
    pub fn unfinished(&self, now: SimTime) -> SimSpan {
        if self.inside.is_empty() {
            return SimSpan::ZERO;
        }
        let level = self.level + now.since(self.at).0 as f64 / self.weights;
        let left = |customer: &Customer| (customer.mark - level).max(0.0) * customer.weight;
        SimSpan(self.inside.iter().map(|Reverse(customer)| left(customer)).sum::<f64>() as u64)
    }

    fn raise_level(&mut self, now: SimTime) {
        if !self.inside.is_empty() {
            self.level += now.since(self.at).0 as f64 / self.weights;
        }
        self.at = now;
    }
}

crate::persist!(Onward { worker: state, event: state, after: state });
crate::persist!(Customer {
    mark: state,
    number: state,
    weight: state,
    entered: state,
    work: state,
    onward: state
});
crate::persist!(SharedStation {
    level: state,
    at: state,
    weights: state,
    inside: state,
    entered: state,
    turn: state
});

#[cfg(test)]
mod tests {
    use super::*;

    fn onward(worker: u32) -> Onward {
        let worker = WorkerId(worker);
        Onward { worker, event: Event::Ready(worker, 0), after: SimSpan::ZERO }
    }

    fn leaves(sharing: &mut SharedStation) -> (u64, u32) {
        let at = sharing.next_time().unwrap();
        (at.0, sharing.leave(at).unwrap().onward.worker.0)
    }

    /// Alone for 4, then half the speed each: the first has 6 left and needs 12, the second 10 - 6.
    #[test]
    fn two_customers_share_evenly() {
        let mut sharing = SharedStation::default();
        sharing.enter(SimTime(0), SimSpan(10), 1.0, onward(0));
        sharing.enter(SimTime(4), SimSpan(10), 1.0, onward(1));
        assert_eq!(leaves(&mut sharing), (16, 0));
        assert_eq!(leaves(&mut sharing), (20, 1));
        assert!(sharing.is_empty() && sharing.next_time().is_none());
    }

    #[test]
    fn weight_counts() {
        let mut sharing = SharedStation::default();
        sharing.enter(SimTime(0), SimSpan(9), 1.0, onward(0));
        sharing.enter(SimTime(0), SimSpan(9), 3.0, onward(1));
        assert_eq!(leaves(&mut sharing), (12, 1));
        assert_eq!(leaves(&mut sharing), (18, 0));
    }

    #[test]
    fn no_work_is_lost_among_many() {
        let mut sharing = SharedStation::default();
        let total: u64 = (1..=100).sum();
        for k in 1..=100u32 {
            sharing.enter(SimTime(0), SimSpan(u64::from(k)), 1.0, onward(k));
        }
        let mut last = 0;
        for k in 1..=100u32 {
            let (at, who) = leaves(&mut sharing);
            assert_eq!(who, k);
            last = at;
        }
        assert!(last.abs_diff(total) <= 100, "{last}");
    }
}
