//! Links and shard processors: first come, first served, or shared by all. A processor may have
//! several cores.

use super::queue::Event;
use super::sharing::{Customer, Onward, SharedStation};
use crate::base::{SimSpan, SimTime};
use crate::cluster::Discipline;

/// A server for one customer at a time and core, in order of arrival, or for all at once. In order
/// of arrival the end of a service is known on arrival, since arrivals are processed in the order
/// of time.
#[derive(Clone, Debug)]
pub struct Station {
    /// By core, if it is not shared.
    free_at: Vec<SimTime>,
    sharing: Option<Box<SharedStation>>,
    /// Time that all customers need so far, those in the queue included.
    work: SimSpan,
    /// Time that customers spent waiting for their turn.
    pub waited: SimSpan,
    /// Number of customers.
    pub served: u64,
}

impl Station {
    /// An idle station of one core, such as a link.
    pub fn new(discipline: Discipline) -> Station {
        Station::with_cores(discipline, 1.0)
    }

    /// An idle station of so many cores; a fraction of a core counts only if it is shared.
    pub fn with_cores(discipline: Discipline, cores: f64) -> Station {
        let (sharing, lines) = match discipline {
            Discipline::FirstCome => (None, cores.max(1.0) as usize),
            Discipline::ProcessorSharing => (Some(Box::new(SharedStation::new(cores))), 1),
        };
        let free_at = vec![SimTime::ZERO; lines];
        Station { free_at, sharing, work: SimSpan::ZERO, waited: SimSpan::ZERO, served: 0 }
    }

    /// Time that its cores spent serving until `now`, the mean over them.
    pub fn busy(&self, now: SimTime) -> SimSpan {
        let done = self.done(now);
        match &self.sharing {
            Some(sharing) => sharing.per_core(done),
            None => SimSpan(done.0 / self.free_at.len() as u64),
        }
    }

    fn done(&self, now: SimTime) -> SimSpan {
        let unfinished = match &self.sharing {
            Some(sharing) => sharing.unfinished(now).0,
            None => self.free_at.iter().map(|at| at.0.saturating_sub(now.0)).sum(),
        };
        SimSpan(self.work.0.saturating_sub(unfinished))
    }

    /// Removes all customers, as when the process behind it ends.
    pub fn clear(&mut self, now: SimTime) {
        self.work = self.done(now);
        self.free_at.fill(now);
        if let Some(sharing) = &mut self.sharing {
            sharing.clear();
        }
    }

    /// Removes all customers; returns what would have followed for those of a shared station, in the
    /// order of their arrivals.
    pub fn evict(&mut self, now: SimTime) -> Vec<Event> {
        let inside = self.sharing.as_deref().map_or_else(Vec::new, SharedStation::events);
        self.clear(now);
        inside
    }

    /// Whether it is shared: then customers `enter` and `leave`, and are not `serve`d.
    pub fn is_shared(&self) -> bool {
        self.sharing.is_some()
    }

    /// Adds a customer to a shared station; returns the next departure and the turn in which it is
    /// scheduled.
    ///
    /// # Panics
    /// If the station is not shared.
    pub fn enter(
        &mut self,
        now: SimTime,
        work: SimSpan,
        weight: f64,
        onward: Onward,
    ) -> (SimTime, u64) {
        self.work += work;
        self.served += 1;
        let sharing = self.sharing.as_deref_mut().expect("a shared station");
        sharing.enter(now, work, weight, onward);
        (sharing.next_time().expect("somebody is inside"), sharing.turn())
    }

    /// Removes a customer, unless the departure is void; returns it and the next departure.
    pub fn leave(&mut self, now: SimTime, turn: u64) -> Option<(Customer, Option<(SimTime, u64)>)> {
        let sharing = self.sharing.as_deref_mut().filter(|sharing| sharing.turn() == turn)?;
        let customer = sharing.leave(now)?;
        self.waited += now.since(customer.entered) - customer.work;
        Some((customer, sharing.next_time().map(|at| (at, sharing.turn()))))
    }

    /// Serves a customer that arrives at `now` and needs `span`; returns when it is served. A
    /// customer that needs no time does not queue.
    pub fn serve(&mut self, now: SimTime, span: SimSpan) -> SimTime {
        if span.is_zero() {
            return now;
        }
        self.work += span;
        self.served += 1;
        let free_at = self.free_at.iter_mut().min().expect("a station has a core");
        let start = now.max(*free_at);
        self.waited += start.since(now);
        *free_at = start + span;
        *free_at
    }
}

crate::persist!(Station {
    free_at: state,
    sharing: each,
    work: state,
    waited: state,
    served: state
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_queue_in_order() {
        let mut station = Station::new(Discipline::FirstCome);
        assert_eq!(station.serve(SimTime(10), SimSpan(5)), SimTime(15));
        assert_eq!(station.serve(SimTime(12), SimSpan(5)), SimTime(20));
        assert_eq!(station.serve(SimTime(13), SimSpan(0)), SimTime(13));
        assert_eq!(station.serve(SimTime(30), SimSpan(1)), SimTime(31));
        assert_eq!(station.waited, SimSpan(3));
        assert_eq!(station.busy(SimTime(31)), SimSpan(11));
        assert_eq!(station.busy(SimTime(30)), SimSpan(10));
    }

    #[test]
    fn each_core_serves_one_customer() {
        let mut station = Station::with_cores(Discipline::FirstCome, 2.0);
        assert_eq!(station.serve(SimTime(0), SimSpan(10)), SimTime(10));
        assert_eq!(station.serve(SimTime(1), SimSpan(4)), SimTime(5));
        assert_eq!(station.serve(SimTime(2), SimSpan(4)), SimTime(9));
        assert_eq!(station.serve(SimTime(3), SimSpan(4)), SimTime(13));
        assert_eq!(station.waited, SimSpan(3 + 6));
        assert_eq!(station.busy(SimTime(9)), SimSpan((9 + 8) / 2));
    }

    #[test]
    fn a_station_is_busy_for_no_longer_than_time_has_passed() {
        let mut station = Station::new(Discipline::FirstCome);
        for _ in 0..10 {
            station.serve(SimTime(100), SimSpan(50));
        }
        assert_eq!(station.busy(SimTime(100)), SimSpan(0));
        assert_eq!(station.busy(SimTime(320)), SimSpan(220));
        assert_eq!(station.busy(SimTime(700)), SimSpan(500));
        let mut shared = Station::new(Discipline::ProcessorSharing);
        for _ in 0..3 {
            shared.enter(SimTime(100), SimSpan(50), 1.0, Onward::default());
        }
        assert_eq!(shared.busy(SimTime(100)), SimSpan(0));
        assert_eq!(shared.busy(SimTime(160)), SimSpan(60));
        station.clear(SimTime(320));
        assert_eq!(station.busy(SimTime(900)), SimSpan(220));
    }
}
