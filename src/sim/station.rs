//! First come, first served: links and shard processors.

use crate::base::{SimSpan, SimTime};

/// A server that does one thing at a time, in order of arrival. Since arrivals are processed in
/// the order of time, the end of a service is known on arrival.
#[derive(Clone, Copy, Debug, Default)]
pub struct Station {
    free_at: SimTime,
    /// Time spent serving.
    pub busy: SimSpan,
    /// Time that customers spent waiting for their turn.
    pub waited: SimSpan,
    /// Number of customers.
    pub served: u64,
}

impl Station {
    /// Takes in a customer that arrives at `now` and needs `span`; returns when it is served. One
    /// that needs nothing does not queue.
    pub fn serve(&mut self, now: SimTime, span: SimSpan) -> SimTime {
        if span.is_zero() {
            return now;
        }
        let start = now.max(self.free_at);
        self.waited += start.since(now);
        self.busy += span;
        self.served += 1;
        self.free_at = start + span;
        self.free_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_queue_in_order() {
        let mut station = Station::default();
        assert_eq!(station.serve(SimTime(10), SimSpan(5)), SimTime(15));
        assert_eq!(station.serve(SimTime(12), SimSpan(5)), SimTime(20));
        assert_eq!(station.serve(SimTime(13), SimSpan(0)), SimTime(13));
        assert_eq!(station.serve(SimTime(30), SimSpan(1)), SimTime(31));
        assert_eq!((station.waited, station.busy), (SimSpan(3), SimSpan(11)));
    }
}
