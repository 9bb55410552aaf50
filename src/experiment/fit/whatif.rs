//! Changes to a fitted cluster, and what the simulator predicts for them.

use std::path::Path;

use super::FitError;
use super::figures::Figures;
use super::predict::{StepWindow, simulate, timing_alone};
use super::size::resize;
use super::steady::{SteadyFigures, steady};
use crate::base::SimSpan;
use crate::protocol::{ProtocolChoice, synchronous};
use crate::scenario::Scenario;
use crate::scenario::spec::Cluster;

/// Steps that no prediction comes to: it ends when the job is steady.
const UNREACHED: u64 = 1 << 60;

/// A fitted job: its cluster and how its workers are coordinated.
#[derive(Clone, PartialEq, Debug)]
pub struct FittedJob {
    /// The cluster.
    pub cluster: Cluster,
    /// The protocol.
    pub protocol: ProtocolChoice,
}

/// One change.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// Another number of workers. New ones are like those of the log: classes of several workers
    /// grow in proportion, and machines of which there is one stay one.
    Workers(u32),
    /// Another protocol, such as a barrier.
    Protocol(ProtocolChoice),
    /// Without the worker of this number.
    Without(u32),
    /// Another number of shards. The time that a request takes at the server is divided evenly among
    /// them.
    Shards(u32),
}

impl FittedJob {
    /// A barrier: the job waits for the slowest worker in every round.
    pub fn barrier() -> ProtocolChoice {
        ProtocolChoice::Synchronous(synchronous::Config::default())
    }

    /// The job after a change.
    pub fn with(mut self, change: Change) -> FittedJob {
        let cluster = &mut self.cluster;
        match change {
            Change::Workers(workers) => {
                resize(cluster, workers);
            }
            Change::Protocol(protocol) => self.protocol = protocol,
            Change::Without(gone) => {
                keep(cluster, |worker| match worker {
                    worker if worker == gone => None,
                    worker => Some(worker - u32::from(worker > gone)),
                });
                // New workers are like those that are left.
                cluster.class.retain(|class| !class.workers.is_empty());
                let left: f64 = cluster.class.iter().filter_map(|class| class.share).sum();
                for share in cluster.class.iter_mut().filter_map(|class| class.share.as_mut()) {
                    *share /= left;
                }
                cluster.workers -= 1;
            }
            Change::Shards(shards) => {
                let factor = f64::from(cluster.shards) / f64::from(shards);
                let server = &mut cluster.server;
                for fixed in [&mut server.pull_fixed, &mut server.push_fixed] {
                    *fixed = SimSpan::from_seconds(fixed.seconds() * factor);
                }
                cluster.shards = shards;
            }
        }
        self
    }

    /// A scenario of about `steps` steps, with timing alone.
    pub fn scenario(&self, steps: u64, seed: u64) -> Scenario {
        let pushes = u64::from(self.protocol.pushes_per_update(self.cluster.workers).max(1));
        timing_alone(&self.cluster, &self.protocol, steps.div_ceil(pushes), seed)
    }

    /// The figures of the steps of a window, from the start of the job.
    ///
    /// # Errors
    /// If it cannot be simulated.
    pub fn figures(&self, window: StepWindow, folder: &Path) -> Result<Figures, FitError> {
        let mut figures = Figures::new(self.cluster.workers as usize);
        for seed in window.first..window.first + window.seeds {
            simulate(&self.scenario(window.to, seed), window, folder, &mut figures)?;
        }
        Ok(figures)
    }

    /// Predicts its steady state.
    ///
    /// # Errors
    /// If it cannot be simulated.
    pub fn predict(&self, folder: &Path) -> Result<SteadyFigures, FitError> {
        let pushes = u64::from(self.protocol.pushes_per_update(self.cluster.workers).max(1));
        steady(|seed| self.scenario(UNREACHED, seed), pushes, folder)
    }
}

/// Keeps the named workers that `number` gives a number, and gives them these.
fn keep(cluster: &mut Cluster, number: impl Fn(u32) -> Option<u32>) {
    for class in &mut cluster.class {
        let owns = std::mem::take(&mut class.own);
        let workers = std::mem::take(&mut class.workers);
        for (place, worker) in workers.into_iter().enumerate() {
            let Some(worker) = number(worker) else { continue };
            class.workers.push(worker);
            class.own.extend(owns.get(place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::step_time::constant;
    use crate::cluster::{MachineClass, StartChoice, StepTimeChoice, start};
    use crate::sim::{Observer, Record, Simulation};

    /// Steps of exactly 100 ms, and a server that takes 1 ms for a pull and 4 ms for a push.
    fn job(workers: u32) -> FittedJob {
        let mut cluster = Cluster { workers, ..Cluster::default() };
        cluster.compute.fixed = SimSpan::from_seconds(0.1);
        cluster.compute.per_example = SimSpan::ZERO;
        cluster.compute.law = StepTimeChoice::Constant(constant::Config {});
        // Workers that start together would meet at the server in every step.
        cluster.start =
            StartChoice::Staggered(start::Staggered { over: SimSpan::from_seconds(0.1) });
        cluster.server.pull_fixed = SimSpan::from_seconds(0.001);
        cluster.server.push_fixed = SimSpan::from_seconds(0.004);
        FittedJob { cluster, protocol: ProtocolChoice::default() }
    }

    fn rate(job: &FittedJob) -> f64 {
        job.predict(Path::new(".")).unwrap().throughput
    }

    fn near(found: f64, wanted: f64) {
        assert!((found / wanted - 1.0).abs() < 0.02, "{found} instead of {wanted}");
    }

    #[test]
    fn twice_the_workers_are_twice_as_fast_until_the_server_is_busy() {
        near(rate(&job(4)), 4.0 / 0.105);
        near(rate(&job(4).with(Change::Workers(8))), 8.0 / 0.105);
        // The server serves 200 steps a second at most.
        let many = job(4).with(Change::Workers(64));
        near(rate(&many), 200.0);
        let busy = many.predict(Path::new(".")).unwrap();
        assert!(busy.busiest_shard > 0.95, "{busy:?}");
        near(rate(&many.with(Change::Shards(4))), 64.0 / 0.10125);
    }

    /// Closed queue, saturated: 200 steps a second. By Little's law 1,000 workers take 5 s for a
    /// step, and while one is on its way, the others make 200 updates a second.
    #[test]
    fn a_saturated_shard_stays_saturated_with_many_workers() {
        for workers in [1_000, 3_000] {
            let found = job(4).with(Change::Workers(workers)).predict(Path::new(".")).unwrap();
            near(found.throughput, 200.0);
            assert_eq!(found.unsteady, None, "{found:?}");
            assert!(found.busiest_shard > 0.99, "{found:?}");
            // A worker computes for 0.1 s of its round of workers / 200 s.
            near(found.computing, 0.1 * 200.0 / f64::from(workers));
            // A longer run finds the same.
            let scenario = job(4).with(Change::Workers(workers)).scenario(found.steps * 2, 7);
            let parts = scenario.parts(None, Path::new("."), 1).unwrap();
            let mut simulation = Simulation::new(parts);
            let mut last = LastSteps { from: found.steps, ..LastSteps::default() };
            simulation.run(&mut last).unwrap();
            near(found.staleness.unwrap(), last.staleness / last.steps);
        }
    }

    #[derive(Default)]
    struct LastSteps {
        from: u64,
        seen: u64,
        staleness: f64,
        steps: f64,
    }

    impl Observer for LastSteps {
        fn observe(&mut self, record: &Record<'_>) {
            let Record::Finished(step) = record else { return };
            self.seen += 1;
            if self.seen > self.from {
                self.staleness += step.staleness;
                self.steps += 1.0;
            }
        }
    }

    #[test]
    fn a_barrier_goes_at_the_pace_of_the_slowest_and_faster_without_it() {
        let mut slow = job(3);
        slow.cluster.server = Default::default();
        slow.cluster.start = StartChoice::default();
        let class = |name: &str, slowdown: f64, workers: Vec<u32>| MachineClass {
            name: name.to_string(),
            share: None,
            slowdown,
            spread: 0.0,
            law: None,
            own: vec![1.0; workers.len()],
            workers,
        };
        slow.cluster.class = vec![class("fast", 1.0, vec![0, 2]), class("slow", 4.0, vec![1])];
        near(rate(&slow), 2.0 / 0.1 + 1.0 / 0.4);
        near(rate(&slow.clone().with(Change::Protocol(FittedJob::barrier()))), 3.0 / 0.4);
        let without = slow.with(Change::Without(1));
        assert_eq!(without.cluster.class[0].workers, [0, 1]);
        assert_eq!(without.cluster.class.len(), 1);
        near(rate(&without.clone().with(Change::Protocol(FittedJob::barrier()))), 2.0 / 0.1);
        // None of the new workers is slow.
        let mut shared = without;
        shared.cluster.class[0].share = Some(1.0);
        near(
            rate(&shared.with(Change::Workers(6)).with(Change::Protocol(FittedJob::barrier()))),
            6.0 / 0.1,
        );
    }
}
