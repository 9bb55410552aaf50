//! The figures of a job in its steady state: after its start, and for as many steps as that takes.
//!
//! All workers of a job start with empty queues. Until every worker has gone round several times,
//! the steps per second and the staleness belong to this start and not to the job. So a run is
//! simulated until the two halves of what counts agree. What counts is the second half of the run.

use std::path::Path;

use super::FitError;
use crate::scenario::Scenario;
use crate::sim::{Activity, Observer, Record, Simulation, State};

/// Steps of each worker in the first half of the shortest run. They do not count.
const ROUNDS: u64 = 8;
/// Steps of all workers in the first half of the shortest run: with fewer, chance alone makes the
/// halves differ.
const FEWEST: u64 = 10_000;
/// Runs of a small cluster; each has a seed of its own.
const SEEDS: u64 = 4;
/// A cluster of more workers than this is simulated once: so many workers are enough for a mean.
const MANY: u32 = 2_000;
/// The longest run of one seed, in steps. With the most workers, the shortest run has fewer.
const MOST: u64 = 4_000_000;
/// The halves agree if they differ by no more than this share.
const AGREED: f64 = 0.02;
/// Staleness below this number of updates is compared as if it were this.
const FRESH: f64 = 0.5;

/// What the simulator finds for a job in its steady state.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SteadyFigures {
    /// Steps per second of all workers together.
    pub throughput: f64,
    /// Mean staleness, in updates.
    pub staleness: Option<f64>,
    /// Share of the workers' time spent computing.
    pub computing: f64,
    /// Share of the workers' time spent held by the protocol.
    pub held: f64,
    /// Share of the time in which the busiest shard served requests.
    pub busiest_shard: f64,
    /// Steps of one run; those of its second half are counted.
    pub steps: u64,
    /// By which share the two halves of what counts still differ, if that is too much.
    pub unsteady: Option<f64>,
}

/// Simulates `scenario(seed)` until it is steady. The steps of one update are `pushes`; a run with
/// whole rounds of them has no part of a round at its ends.
///
/// # Errors
/// If it cannot be built or run.
pub fn steady(
    scenario: impl Fn(u64) -> Scenario,
    pushes: u64,
    folder: &Path,
) -> Result<SteadyFigures, FitError> {
    let workers = scenario(1).cluster.workers;
    let seeds = if workers > MANY { 1 } else { SEEDS };
    let mut runs = (1..=seeds)
        .map(|seed| Run::new(&scenario(seed), folder))
        .collect::<Result<Vec<Run>, FitError>>()?;
    // Whole rounds of the workers and of the updates, so that halves end where a round ends.
    let round = 2 * u64::from(workers) * pushes / common(u64::from(workers), pushes);
    let mut half = (ROUNDS * u64::from(workers)).max(FEWEST).div_ceil(round) * round;
    let mut starts = marks(&mut runs, half)?;
    loop {
        let middles = marks(&mut runs, half + half / 2)?;
        let ends = marks(&mut runs, 2 * half)?;
        let (first, second) = (Window::of(&starts, &middles), Window::of(&middles, &ends));
        let differs = first.differs(&second);
        if differs <= AGREED || 4 * half > MOST {
            let unsteady = (differs > AGREED).then_some(differs);
            return Ok(Window::of(&starts, &ends).figures(2 * half, unsteady));
        }
        half *= 2;
        starts = ends;
    }
}

/// The largest number that divides both.
fn common(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common(b, a % b) }
}

/// Counts the steps that are done.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    steps: u64,
    staleness: u64,
}

impl Observer for Count {
    fn observe(&mut self, record: &Record<'_>) {
        let Record::Finished(step) = record else { return };
        self.steps += 1;
        self.staleness += step.staleness_rounded;
    }
}

/// One seed's run, as far as it has come.
struct Run {
    simulation: Simulation,
    count: Count,
}

/// What a run has come to at an instant.
#[derive(Clone, Debug)]
struct Mark {
    count: Count,
    seconds: f64,
    workers: f64,
    computing: f64,
    held: f64,
    /// Seconds of serving, by shard.
    busy: Vec<f64>,
}

impl Run {
    fn new(scenario: &Scenario, folder: &Path) -> Result<Run, FitError> {
        let parts = scenario.parts(None, folder, 1).map_err(|error| failed(&error))?;
        let mut simulation = Simulation::new(parts);
        simulation.evaluate_first(&mut Count::default());
        Ok(Run { simulation, count: Count::default() })
    }

    /// Goes on until so many steps are done.
    fn until(&mut self, steps: u64) -> Result<Mark, FitError> {
        while self.count.steps < steps {
            let state = self.simulation.step(&mut self.count).map_err(|error| failed(&error))?;
            if state == State::Ended {
                return Err(failed(&"it ends before it is steady"));
            }
        }
        let now = self.simulation.now();
        let workers = self.simulation.workers();
        let spent = |activity| -> f64 {
            workers.iter().map(|worker| worker.spent(activity, now).seconds()).sum()
        };
        let shards = self.simulation.shards().iter();
        Ok(Mark {
            count: self.count,
            seconds: now.seconds(),
            workers: workers.len() as f64,
            computing: spent(Activity::Compute),
            held: spent(Activity::Held),
            busy: shards.map(|shard| shard.processor.busy(now).seconds()).collect(),
        })
    }
}

fn failed(error: &dyn std::fmt::Display) -> FitError {
    FitError::Simulation(error.to_string())
}

fn marks(runs: &mut [Run], steps: u64) -> Result<Vec<Mark>, FitError> {
    runs.iter_mut().map(|run| run.until(steps)).collect()
}

/// What lies between two marks, over all seeds.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    steps: f64,
    staleness: f64,
    seconds: f64,
    worker_seconds: f64,
    computing: f64,
    held: f64,
    busiest: f64,
}

impl Window {
    fn of(from: &[Mark], to: &[Mark]) -> Window {
        let mut window = Window::default();
        for (from, to) in from.iter().zip(to) {
            let seconds = to.seconds - from.seconds;
            window.steps += (to.count.steps - from.count.steps) as f64;
            window.staleness += (to.count.staleness - from.count.staleness) as f64;
            window.seconds += seconds;
            window.worker_seconds += seconds * to.workers;
            window.computing += to.computing - from.computing;
            window.held += to.held - from.held;
            let busy = to.busy.iter().zip(&from.busy).map(|(to, from)| to - from);
            window.busiest += busy.fold(0.0, f64::max);
        }
        window
    }

    fn throughput(&self) -> f64 {
        self.steps / self.seconds
    }

    fn mean(&self) -> f64 {
        self.staleness / self.steps
    }

    /// By which share two windows differ: in steps per second, or in staleness if that is more.
    fn differs(&self, other: &Window) -> f64 {
        let share = |a: f64, b: f64, least: f64| (a - b).abs() / a.max(b).max(least);
        let rate = share(self.throughput(), other.throughput(), f64::MIN_POSITIVE);
        rate.max(share(self.mean(), other.mean(), FRESH))
    }

    fn figures(&self, steps: u64, unsteady: Option<f64>) -> SteadyFigures {
        SteadyFigures {
            throughput: self.throughput(),
            staleness: (self.steps > 0.0).then(|| self.mean()),
            computing: self.computing / self.worker_seconds,
            held: self.held / self.worker_seconds,
            busiest_shard: self.busiest / self.seconds,
            steps,
            unsteady,
        }
    }
}
