//! Processor sharing: a link or a processor that serves all its customers at once.
//!
//! A processor of c cores divides them among its customers by their weights, but nobody gets more
//! than one core: with equal weights each of n customers has the speed min(1, c / n). Here c may be a
//! fraction, where the processor has other work too. Customers of one weight are a rank. A rank
//! keeps a level: the work done so far for each of its customers. A customer leaves when the level
//! reaches its mark, which is known when it enters. So an arrival or a departure costs one operation
//! on a heap, for any number of customers, and there are few ranks.
//! Every arrival delays the later departures, so it makes the scheduled departure void: a departure
//! carries the number of the turn in which it was scheduled.

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
    /// Level of its rank at which it leaves.
    mark: f64,
    number: u64,
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

/// The customers of one weight.
#[derive(Clone, Debug, Default)]
struct Rank {
    weight: f64,
    /// Work in nanoseconds that each of them has got.
    level: f64,
    inside: BinaryHeap<Reverse<Customer>>,
}

impl Rank {
    fn shares(&self) -> f64 {
        self.weight * self.inside.len() as f64
    }
}

/// The speed of a customer: the part `of` of the whole, or a core of its own.
#[derive(Clone, Copy, Debug)]
struct Speed {
    cores: f64,
    weight: f64,
    all: f64,
}

impl Speed {
    fn is_whole(self) -> bool {
        self.cores * self.weight >= self.all
    }

    /// The work done in a time.
    fn work(self, time: f64) -> f64 {
        if self.is_whole() { time } else { time * self.cores * self.weight / self.all }
    }

    /// The time in which the work is done.
    fn time(self, work: f64) -> f64 {
        if self.is_whole() { work } else { work * self.all / (self.cores * self.weight) }
    }
}

/// The customers of a shared station.
#[derive(Clone, Debug)]
pub struct SharedStation {
    cores: f64,
    at: SimTime,
    /// The greatest weight first.
    ranks: Vec<Rank>,
    entered: u64,
    turn: u64,
}

impl SharedStation {
    /// An empty station of so many cores.
    pub fn new(cores: f64) -> SharedStation {
        let cores = cores.max(1.0);
        SharedStation { cores, at: SimTime::ZERO, ranks: Vec::new(), entered: 0, turn: 0 }
    }

    /// The turn: departures scheduled in an earlier one are void.
    pub fn turn(&self) -> u64 {
        self.turn
    }

    /// The mean over the cores of what all of them did.
    pub fn per_core(&self, all: SimSpan) -> SimSpan {
        if self.cores == 1.0 { all } else { SimSpan((all.0 as f64 / self.cores) as u64) }
    }

    /// Whether there is no customer.
    pub fn is_empty(&self) -> bool {
        self.ranks.iter().all(|rank| rank.inside.is_empty())
    }

    /// Removes all customers.
    pub fn clear(&mut self) {
        self.ranks.clear();
        self.turn += 1;
    }

    /// Adds a customer that needs `work` and counts as `weight` ordinary ones.
    pub fn enter(&mut self, now: SimTime, work: SimSpan, weight: f64, onward: Onward) {
        self.raise_levels(now);
        self.entered += 1;
        self.turn += 1;
        let at = self.ranks.partition_point(|rank| rank.weight > weight);
        if self.ranks.get(at).is_none_or(|rank| rank.weight < weight) {
            self.ranks.insert(at, Rank { weight, ..Rank::default() });
        }
        let rank = &mut self.ranks[at];
        let (mark, number) = (rank.level + work.0 as f64, self.entered);
        rank.inside.push(Reverse(Customer { mark, number, entered: now, work, onward }));
    }

    /// The speed of each rank's customers. Those of a great weight get a core of their own before
    /// others share what is left.
    fn speeds(&self) -> impl Iterator<Item = (&Rank, Speed)> {
        let (mut cores, mut all) = (self.cores, self.ranks.iter().map(Rank::shares).sum::<f64>());
        self.ranks.iter().map(move |rank| {
            let speed = Speed { cores, weight: rank.weight, all };
            if speed.is_whole() {
                (cores, all) = (cores - rank.inside.len() as f64, all - rank.shares());
            }
            (rank, speed)
        })
    }

    /// The rank whose first customer leaves next, and the time until then.
    fn next(&self) -> Option<(usize, f64)> {
        let mut next: Option<(usize, f64, u64)> = None;
        for (at, (rank, speed)) in self.speeds().enumerate() {
            let Some(Reverse(first)) = rank.inside.peek() else { continue };
            let time = speed.time((first.mark - rank.level).max(0.0));
            if next.is_none_or(|(_, least, number)| (time, first.number) < (least, number)) {
                next = Some((at, time, first.number));
            }
        }
        next.map(|(at, time, _)| (at, time))
    }

    /// When the next customer leaves, if no other enters before.
    pub fn next_time(&self) -> Option<SimTime> {
        let (_, left) = self.next()?;
        Some(self.at + SimSpan(left.ceil() as u64))
    }

    /// Removes the next customer, at the scheduled time.
    pub fn leave(&mut self, now: SimTime) -> Option<Customer> {
        let (at, _) = self.next()?;
        self.raise_levels(now);
        self.turn += 1;
        let rank = &mut self.ranks[at];
        let Reverse(first) = rank.inside.pop()?;
        // The clock has whole nanoseconds and is up to one ahead of the mark.
        rank.level = if rank.inside.is_empty() { 0.0 } else { first.mark };
        Some(first)
    }

    /// What follows for each customer inside, in the order of their arrivals.
    pub fn events(&self) -> Vec<Event> {
        let customers = self.ranks.iter().flat_map(|rank| &rank.inside);
        let mut all: Vec<_> = customers.map(|Reverse(c)| (c.number, c.onward.event)).collect();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, event)| event).collect()
    }

    /// Work that the customers inside still need.
    pub fn unfinished(&self, now: SimTime) -> SimSpan {
        let passed = now.since(self.at).0 as f64;
        let left = |(rank, speed): (&Rank, Speed)| -> f64 {
            let level = rank.level + speed.work(passed);
            rank.inside.iter().map(|Reverse(customer)| (customer.mark - level).max(0.0)).sum()
        };
        SimSpan(self.speeds().map(left).sum::<f64>() as u64)
    }

    fn raise_levels(&mut self, now: SimTime) {
        let passed = now.since(self.at).0 as f64;
        let done: Vec<f64> = self.speeds().map(|(_, speed)| speed.work(passed)).collect();
        for (rank, done) in self.ranks.iter_mut().zip(done) {
            if !rank.inside.is_empty() {
                rank.level += done;
            }
        }
        self.at = now;
    }
}

crate::persist!(Onward { worker: state, event: state, after: state });
crate::persist!(Customer {
    mark: state,
    number: state,
    entered: state,
    work: state,
    onward: state
});
crate::persist!(Rank { weight: state, level: state, inside: state });
crate::persist!(SharedStation {
    cores: fixed,
    at: state,
    ranks: state,
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
        let mut sharing = SharedStation::new(1.0);
        sharing.enter(SimTime(0), SimSpan(10), 1.0, onward(0));
        sharing.enter(SimTime(4), SimSpan(10), 1.0, onward(1));
        assert_eq!(leaves(&mut sharing), (16, 0));
        assert_eq!(leaves(&mut sharing), (20, 1));
        assert!(sharing.is_empty() && sharing.next_time().is_none());
    }

    #[test]
    fn weight_counts() {
        let mut sharing = SharedStation::new(1.0);
        sharing.enter(SimTime(0), SimSpan(9), 1.0, onward(0));
        sharing.enter(SimTime(0), SimSpan(9), 3.0, onward(1));
        assert_eq!(leaves(&mut sharing), (12, 1));
        assert_eq!(leaves(&mut sharing), (18, 0));
    }

    /// Three customers on two cores have two thirds of a core each, two have one each.
    #[test]
    fn nobody_gets_more_than_a_core() {
        let mut sharing = SharedStation::new(2.0);
        sharing.enter(SimTime(0), SimSpan(10), 1.0, onward(0));
        sharing.enter(SimTime(4), SimSpan(8), 1.0, onward(1));
        sharing.enter(SimTime(4), SimSpan(10), 1.0, onward(2));
        assert_eq!(sharing.unfinished(SimTime(4)), SimSpan(24));
        // Six are left for the first; nine nanoseconds at two thirds.
        assert_eq!(leaves(&mut sharing), (13, 0));
        assert_eq!(leaves(&mut sharing), (15, 1));
        assert_eq!(leaves(&mut sharing), (17, 2));
    }

    /// The heavy customer gets its core, and the other two share the second one.
    #[test]
    fn what_a_heavy_customer_cannot_use_is_left_to_others() {
        let mut sharing = SharedStation::new(2.0);
        sharing.enter(SimTime(0), SimSpan(6), 1.0, onward(0));
        sharing.enter(SimTime(0), SimSpan(6), 8.0, onward(1));
        sharing.enter(SimTime(0), SimSpan(9), 1.0, onward(2));
        assert_eq!(leaves(&mut sharing), (6, 1));
        // Three of their nanoseconds are done.
        assert_eq!(leaves(&mut sharing), (9, 0));
        assert_eq!(leaves(&mut sharing), (12, 2));
    }

    /// One and a half cores: three quarters of one for each of two, then a whole one for the last.
    #[test]
    fn a_fraction_of_a_core_is_shared_too() {
        let mut sharing = SharedStation::new(1.5);
        sharing.enter(SimTime(0), SimSpan(6), 1.0, onward(0));
        sharing.enter(SimTime(0), SimSpan(9), 1.0, onward(1));
        assert_eq!(sharing.per_core(SimSpan(12)), SimSpan(8));
        assert_eq!(leaves(&mut sharing), (8, 0));
        assert_eq!(leaves(&mut sharing), (11, 1));
        // The heavy one has its core, and half a core is left for the other.
        sharing.enter(SimTime(11), SimSpan(6), 8.0, onward(2));
        sharing.enter(SimTime(11), SimSpan(6), 1.0, onward(3));
        assert_eq!(leaves(&mut sharing), (17, 2));
        assert_eq!(leaves(&mut sharing), (20, 3));
    }

    #[test]
    fn no_work_is_lost_among_many() {
        let mut sharing = SharedStation::new(1.0);
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
