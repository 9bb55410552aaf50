//! The figures of a fitted cluster in the simulator.

use std::path::Path;

use super::FitError;
use super::figures::Figures;
use super::stay::Stay;
use crate::base::SimTime;
use crate::protocol::ProtocolChoice;
use crate::scenario::Scenario;
use crate::scenario::spec::{About, Cluster, RecordSettings as Recorded, Traffic};
use crate::sim::{Activity, Observer, Record, Simulation, Stop};

/// The steps of a run that count: those with numbers in `from..to`, over several seeds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepWindow {
    /// First step.
    pub from: u64,
    /// One after the last.
    pub to: u64,
    /// The first seed.
    pub first: u64,
    /// Number of seeds.
    pub seeds: u64,
}

impl StepWindow {
    /// A window of as many seeds as give about `steps` steps.
    pub fn of(from: usize, to: usize, steps: usize) -> StepWindow {
        let seeds = steps.div_ceil((to - from).max(1)).max(2) as u64;
        StepWindow { from: from as u64, to: to as u64, first: 1, seeds }
    }
}

/// What a worker does between two steps, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
struct Visit {
    /// Its computing ended, and its push began.
    computed: Option<SimTime>,
    /// Its push ended.
    pushed: Option<SimTime>,
}

/// Counts the steps of a window, and notes the stays at the servers that begin in it.
struct Counter<'a> {
    window: StepWindow,
    seen: u64,
    began: SimTime,
    ended: SimTime,
    visits: Vec<Visit>,
    stays: Vec<Stay>,
    figures: &'a mut Figures,
}

impl Counter<'_> {
    fn note(&mut self, worker: usize, activity: Activity, from: SimTime, to: SimTime) {
        let visit = &mut self.visits[worker];
        match activity {
            Activity::Push => visit.pushed = Some(to),
            Activity::Compute => {
                if let Some(begins) = visit.computed
                    && self.seen > self.window.from
                {
                    let pushed = visit.pushed.unwrap_or(begins);
                    let [begins, pushed, ends] = [begins, pushed, from].map(SimTime::seconds);
                    self.stays.push(Stay { begins, pushed, ends });
                }
                *visit = Visit { computed: Some(to), pushed: None };
            }
            _ => {}
        }
    }
}

impl Observer for Counter<'_> {
    fn observe(&mut self, record: &Record<'_>) {
        let step = match *record {
            Record::Finished(step) => step,
            Record::Activity { worker, activity, from, to, .. } => {
                return self.note(worker.index(), activity, from, to);
            }
            _ => return,
        };
        if self.seen == self.window.from {
            self.began = step.at;
        }
        if self.seen >= self.window.from {
            self.figures.count(step.worker.index(), Some(step.staleness_rounded));
            self.ended = step.at;
        }
        self.seen += 1;
    }

    fn wants_timeline(&self) -> bool {
        true
    }
}

/// Simulates the cluster without gradients. Traces are looked for in `folder`.
///
/// # Errors
/// If it cannot be built or run.
pub fn predict(cluster: &Cluster, window: StepWindow, folder: &Path) -> Result<Figures, FitError> {
    let mut figures = Figures::new(cluster.workers as usize);
    for seed in window.first..window.first + window.seeds {
        let scenario = timing_alone(cluster, &ProtocolChoice::default(), window.to, seed);
        simulate(&scenario, window, folder, &mut figures)?;
    }
    Ok(figures)
}

/// The scenario of a fitted cluster: `updates` updates with timing alone.
pub fn timing_alone(
    cluster: &Cluster,
    protocol: &ProtocolChoice,
    updates: u64,
    seed: u64,
) -> Scenario {
    let mut scenario = Scenario {
        scenario: About { seed, ..About::default() },
        cluster: cluster.clone(),
        protocol: protocol.clone(),
        timing_only: Some(Traffic { rows: 0, row_dim: 0, dense: 0 }),
        record: Recorded::default(),
        ..Scenario::default()
    };
    scenario.train.batch = 1;
    scenario.train.stop = Stop { updates: Some(updates), ..Stop::default() };
    scenario
}

/// Runs it, and adds the steps of the window to `figures`.
pub(super) fn simulate(
    scenario: &Scenario,
    window: StepWindow,
    folder: &Path,
    figures: &mut Figures,
) -> Result<(), FitError> {
    let failed = |error: &dyn std::fmt::Display| FitError::Simulation(error.to_string());
    let parts = scenario.parts(None, folder, 1).map_err(|error| failed(&error))?;
    let (began, ended) = (SimTime::ZERO, SimTime::ZERO);
    let visits = vec![Visit::default(); scenario.cluster.workers as usize];
    let stays = Vec::new();
    let mut counter = Counter { window, seen: 0, began, ended, visits, stays, figures };
    let mut simulation = Simulation::new(parts);
    simulation.run(&mut counter).map_err(|error| failed(&error))?;
    let (took, stays) = (counter.ended.since(counter.began).seconds(), counter.stays);
    figures.seconds += took;
    figures.curve.add(&stays);
    Ok(())
}
