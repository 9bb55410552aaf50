//! The engine: takes the next event and carries it out, until a limit is reached.

use super::error::SimError;
use super::flight::Flight;
use super::live_feed::Live;
use super::queue::Event;
use super::record::Observer;
use super::simulation::Simulation;
use super::turn::Turn;
use super::watchdog::{Endless, NextEvent};
use crate::base::SimTime;

/// Whether a run continues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// More events follow.
    Running,
    /// A limit is reached.
    Ended,
}

impl Simulation {
    /// Runs to the end, including the first and the last evaluation.
    ///
    /// # Errors
    /// If a parameter blows up, no event is left, or the clock overflows. The records that
    /// observers have received stay valid.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        self.evaluate_first(observer);
        while self.step(observer)? == State::Running {}
        self.evaluate_last(observer);
        Ok(())
    }

    /// The first evaluation, before the first event; for programs that call [`step`](Self::step)
    /// themselves.
    pub fn evaluate_first(&mut self, observer: &mut dyn Observer) {
        self.session.evaluate_at_ends(self.flights.views(), observer);
    }

    /// The last evaluation, when [`step`](Self::step) says that the run has ended.
    pub fn evaluate_last(&mut self, observer: &mut dyn Observer) {
        Turn { sim: self, observer }.report_absent();
        self.session.evaluate_at_ends(self.flights.views(), observer);
        self.session.end_serving(observer);
        self.check();
    }

    /// Carries out one event.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn step(&mut self, observer: &mut dyn Observer) -> Result<State, SimError> {
        if self.session.is_over() || self.stream_is_done() {
            return Ok(State::Ended);
        }
        let end = self.session.limits.time.unwrap_or(SimTime::MAX);
        let next = self.queue.next_time().ok_or_else(|| self.stalled())?;
        if next == SimTime::MAX && end == SimTime::MAX {
            return Err(SimError::ClockOverflow { update: self.session.progress.updates });
        }
        if let Some(look) = self.session.next_time(next.min(end)) {
            self.session.progress.now = look;
            self.session.observe_due(|| self.flights.views(), observer);
            return Ok(State::Running);
        }
        if next > end {
            self.session.progress.now = end;
            return Ok(State::Ended);
        }
        self.advance(observer)?;
        Ok(State::Running)
    }

    /// Whether nothing is left to do of a live stream that is over: what the protocol still holds
    /// will never be let go.
    fn stream_is_done(&self) -> bool {
        self.session.stream().is_some_and(Live::is_exhausted)
            && !self.queue.has_steps()
            && self.flights.iter().all(Flight::is_at_rest)
    }

    /// Carries out one event, regardless of the limits of the run.
    #[inline]
    pub(super) fn advance(&mut self, observer: &mut dyn Observer) -> Result<(), SimError> {
        let (at, event) = self.queue.pop().ok_or_else(|| self.stalled())?;
        if at == SimTime::MAX {
            return Err(SimError::ClockOverflow { update: self.session.progress.updates });
        }
        self.watch(at, event)?;
        self.session.progress.now = at;
        self.events += 1;
        Turn { sim: self, observer }.dispatch(event)?;
        if self.saves.is_waiting() {
            self.proceed_with_saves();
        }
        self.session.observe_served(observer);
        Ok(())
    }

    /// Refuses to continue a run that would never end.
    fn watch(&mut self, at: SimTime, event: Event) -> Result<(), SimError> {
        let now = self.now();
        let next = NextEvent {
            at,
            now,
            // Who waits for examples that come is not restless.
            is_life: event.is_life() && !self.line.is_woken(),
            landed: self.books.steps.landed,
            workers: self.workers.len(),
            shards: self.shards().len(),
        };
        self.watchdog.watch(next, &self.session.limits).map_err(|endless| match endless {
            Endless::Clock => SimError::TimeStandsStill { at },
            Endless::Fruitless(steps) => SimError::Fruitless { at: now, steps },
            Endless::Restless => {
                self.session.progress.now = at;
                self.stalled()
            }
        })
    }
}
