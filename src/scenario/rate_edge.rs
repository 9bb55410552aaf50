//! The edge beyond which asynchronous training often breaks down: the product of learning rate and
//! number of workers, for each kind of optimizer as the studies found it.

use super::Scenario;
use crate::base::significant::brief;

/// A learning rate and a number of workers whose product is at or beyond the edge.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RateEdge {
    /// The learning rate, before any schedule.
    pub rate: f64,
    /// The number of workers.
    pub workers: u32,
    /// By what the remedies multiply the step of a push that is as stale as usual.
    pub factor: f64,
    /// The edge.
    pub edge: f64,
}

impl RateEdge {
    /// Whether `scenario` is at or beyond the edge; `None` if not, or if the edge does not apply to
    /// it: updates of merged pushes, remedies that tune the rate, workers that push differences.
    pub fn of(scenario: &Scenario) -> Option<RateEdge> {
        let workers = scenario.cluster.workers;
        // The learning rate here is only a factor of a tuned one.
        let tuned = scenario.remedy.iter().any(|remedy| remedy.facts().tunes_rate);
        // The size of weight differences is set by the workers' own learning rate.
        let differences = scenario.worker.local.plan().pushes_differences();
        let applies = scenario.timing_only.is_none()
            && scenario.imposed_staleness.is_none()
            && scenario.protocol.pushes_per_update(workers) <= 1
            && !tuned
            && !differences
            && workers > 1;
        let facts = scenario.optimizer.facts();
        let factor = scenario.remedy.iter().map(|remedy| {
            let factors = remedy.usual_factors(workers);
            // An adaptive rule divides by the size of gradients, and so undoes a factor of theirs.
            let gradient = if facts.descends { factors.gradient } else { 1.0 };
            f64::from(factors.step * gradient)
        });
        let (rate, edge) = (scenario.optimizer.learning_rate(), facts.edge);
        let found = RateEdge { rate, workers, factor: factor.product(), edge };
        // 300 x 1e-3 is at 0.3, whichever way it is rounded.
        (applies && found.product() >= edge * (1.0 - 1e-9)).then_some(found)
    }

    /// Learning rate times workers, times the factor of the remedies.
    pub fn product(&self) -> f64 {
        self.rate * f64::from(self.workers) * self.factor
    }

    /// The product in words, with its value.
    pub fn words(&self) -> String {
        let RateEdge { rate, workers, factor, .. } = self;
        let factor = match factor {
            1.0 => String::new(),
            factor => format!(" x {} (the remedies' factor)", brief(*factor)),
        };
        format!(
            "learning rate {} x {workers} workers{factor} = {}",
            brief(*rate),
            brief(self.product())
        )
    }
}
