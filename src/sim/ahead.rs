//! Prefetch: a worker pulls for its next step while it computes the present one.
//!
//! So it may have two steps in flight: the one that it computes or pushes, and one *ahead* that only
//! reads. The step ahead becomes the present one when the push has been taken in. Its gradient is
//! not begun before that: what a worker keeps for itself from step to step must be there.

use super::engine::Simulation;
use super::error::SimError;
use super::queue::Event;
use super::record::{Activity, Observer};
use crate::base::{SimTime, WorkerId};
use crate::protocol::{Cluster, PushId};

impl Simulation {
    /// Asks to pull for the worker's next step, if it prefetches and is to stay.
    pub(super) fn ask_ahead(
        &mut self,
        worker: WorkerId,
        observer: &mut dyn Observer,
    ) -> Result<(), SimError> {
        let standing = &self.workers[worker.index()].standing;
        if !self.routine.prefetch || !standing.acts(standing.life()) || self.holds_up_ahead(worker)
        {
            return Ok(());
        }
        self.workers[worker.index()].asking = true;
        let Simulation { protocol, decisions, queue, versions, steps, .. } = self;
        let cluster = Cluster { now: queue.now(), versions, steps };
        protocol.on_ready(worker, &cluster, decisions);
        self.carry_out(observer)
    }

    /// Makes the worker's step ahead its present one; returns whether there is one.
    pub(super) fn goes_on(&mut self, worker: WorkerId, observer: &mut dyn Observer) -> bool {
        let w = &mut self.workers[worker.index()];
        let Some(push) = w.next.take() else { return false };
        w.flight = Some(push);
        self.turn_to(worker, Activity::Pull, observer);
        let now = self.queue.now();
        let flight = self.flights.get(push);
        flight.ahead = false;
        if let Some(at) = flight.passed {
            self.queue.schedule(at.max(now), worker, Event::ComputeStarts(push));
        }
        true
    }

    /// The worker has all that its step has to read, or will have at `at`.
    pub(super) fn has_read(&mut self, push: PushId, at: SimTime) {
        let flight = self.flights.get(push);
        if flight.ahead {
            flight.passed = Some(at);
        } else {
            let worker = flight.worker;
            self.queue.schedule(at, worker, Event::ComputeStarts(push));
        }
    }
}
