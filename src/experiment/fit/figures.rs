//! The figures that are compared between a log and a simulation.

use super::stays::StayCurve;

/// Throughput, staleness and times at the servers of some steps.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Figures {
    /// Time that the steps took.
    pub seconds: f64,
    /// Steps by worker.
    pub steps: Vec<u64>,
    /// Sum of the staleness by worker.
    staleness: Vec<f64>,
    /// Steps by staleness.
    histogram: Vec<u64>,
    /// Times at the servers by company; empty if the log has no instants.
    pub curve: StayCurve,
}

impl Figures {
    /// Figures without any step, for `workers` workers.
    pub fn new(workers: usize) -> Figures {
        Figures { steps: vec![0; workers], staleness: vec![0.0; workers], ..Figures::default() }
    }

    /// Counts a step of a worker.
    pub fn count(&mut self, worker: usize, staleness: Option<u64>) {
        self.steps[worker] += 1;
        let Some(staleness) = staleness else { return };
        self.staleness[worker] += staleness as f64;
        let at = staleness.min(1_000_000) as usize;
        if self.histogram.len() <= at {
            self.histogram.resize(at + 1, 0);
        }
        self.histogram[at] += 1;
    }

    /// Adds the steps of another run of the same job.
    pub fn add(&mut self, other: &Figures) {
        self.seconds += other.seconds;
        let add = |own: &mut Vec<u64>, other: &[u64]| {
            own.resize(own.len().max(other.len()), 0);
            own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
        };
        add(&mut self.steps, &other.steps);
        add(&mut self.histogram, &other.histogram);
        self.staleness.iter_mut().zip(&other.staleness).for_each(|(own, other)| *own += other);
        self.curve.merge(&other.curve);
    }

    /// Mean staleness of the steps of some workers.
    pub fn mean_over(&self, workers: &[usize]) -> Option<f64> {
        let steps: u64 = workers.iter().map(|&worker| self.steps[worker]).sum();
        let staleness: f64 = workers.iter().map(|&worker| self.staleness[worker]).sum();
        (steps > 0 && !self.histogram.is_empty()).then(|| staleness / steps as f64)
    }

    fn total(&self) -> f64 {
        self.steps.iter().sum::<u64>() as f64
    }

    /// Steps per second.
    pub fn throughput(&self) -> f64 {
        self.total() / self.seconds
    }

    /// Mean staleness, if it is known.
    pub fn mean(&self) -> Option<f64> {
        let counted: u64 = self.histogram.iter().sum();
        (counted > 0).then(|| self.staleness.iter().sum::<f64>() / counted as f64)
    }

    /// Mean staleness of a worker's steps.
    pub fn mean_of(&self, worker: usize) -> Option<f64> {
        self.mean_over(&[worker])
    }

    /// Total variation distance of the staleness histograms: half the sum of the differences of
    /// their shares.
    pub fn distance(&self, other: &Figures) -> Option<f64> {
        let total = |figures: &Figures| figures.histogram.iter().sum::<u64>() as f64;
        let (a, b) = (total(self), total(other));
        if a == 0.0 || b == 0.0 {
            return None;
        }
        let share = |list: &[u64], at, total| list.get(at).copied().unwrap_or(0) as f64 / total;
        let longest = self.histogram.len().max(other.histogram.len());
        let difference = |at| {
            let own: f64 = share(&self.histogram, at, a);
            (own - share(&other.histogram, at, b)).abs()
        };
        Some(0.5 * (0..longest).map(difference).sum::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_lie_between_nothing_and_everything() {
        let of = |list: &[u64]| {
            let mut figures = Figures::new(1);
            list.iter().for_each(|&staleness| figures.count(0, Some(staleness)));
            figures
        };
        assert_eq!(of(&[1, 2]).distance(&of(&[2, 1, 1, 2])), Some(0.0));
        assert_eq!(of(&[1, 1]).distance(&of(&[5])), Some(1.0));
        assert_eq!(of(&[0, 1]).distance(&of(&[0, 0])), Some(0.5));
        assert_eq!(of(&[]).distance(&of(&[1])), None);
        assert_eq!(of(&[1, 4]).mean_of(0), Some(2.5));
    }
}
