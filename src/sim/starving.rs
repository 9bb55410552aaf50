//! Workers wait for examples of a live stream, and go on when these come.
//!
//! The stream does by itself what happens up to an instant, so it need not be told of every message.
//! Only while workers wait does an event wake it at each of its instants.

use super::coordinator::Notice;
use super::error::SimError;
use super::live_feed::Live;
use super::queue::Event;
use super::record::Activity;
use super::simulation::Simulation;
use super::turn::Turn;
use crate::base::WorkerId;

impl Turn<'_> {
    /// Whether the worker has the examples of its next step. It does not overtake others that wait.
    pub(super) fn has_examples(&mut self, worker: WorkerId) -> bool {
        let Simulation { session, line, queue, .. } = &mut *self.sim;
        let Some(training) = session.work.training_mut() else { return true };
        if !line.is_empty() {
            return training.feed.stream().is_some_and(|live| live.has_reserved(worker));
        }
        training.reserve(worker, queue.now())
    }

    /// The worker waits until its examples have come.
    pub(super) fn wait_for_examples(
        &mut self,
        worker: WorkerId,
        life: u32,
    ) -> Result<(), SimError> {
        self.journey().turn_to(worker, Activity::Starved);
        self.sim.line.join(worker, life);
        self.watch_stream()
    }

    /// Something happens in the stream: workers that now have their examples ask to pull.
    pub(super) fn serve_line(&mut self) -> Result<(), SimError> {
        self.sim.line.wake();
        while let Some((worker, life)) = self.sim.line.first() {
            let Simulation { session, workers, queue, .. } = &mut *self.sim;
            let waits = workers[worker.index()].presence.is_active_in(life);
            let training = session.work.training_mut().filter(|_| waits);
            if training.is_some_and(|training| !training.reserve(worker, queue.now())) {
                break;
            }
            self.sim.line.leave();
            if waits {
                self.ask(worker, life)?;
            }
        }
        self.watch_stream()
    }

    /// Has the stream wake the line when something happens next. If nothing will, the protocol is
    /// told that these workers are gone, so that others do not wait for them.
    fn watch_stream(&mut self) -> Result<(), SimError> {
        let Simulation { session, line, queue, .. } = &mut *self.sim;
        if line.is_empty() || line.is_woken() {
            return Ok(());
        }
        let Some(live) = session.stream() else { return Ok(()) };
        if let Some(next) = live.stream().next_time() {
            line.schedule();
            queue.schedule(next.max(queue.now()), WorkerId(0), Event::Stream);
            return Ok(());
        }
        if !Live::is_exhausted(live) {
            return Ok(());
        }
        while let Some((worker, life)) = self.sim.line.first() {
            self.sim.line.leave();
            if self.sim.workers[worker.index()].presence.is_active_in(life) {
                self.sim.line.dismiss(worker);
                self.consult(Notice::Left(worker, None))?;
            }
        }
        Ok(())
    }
}
