//! The figures of a fitted cluster in the simulator.

use std::path::Path;

use super::FitError;
use super::figures::Figures;
use crate::base::SimTime;
use crate::protocol::ProtocolChoice;
use crate::scenario::Scenario;
use crate::scenario::spec::{About, Cluster, RecordSettings as Recorded, Traffic};
use crate::sim::{Observer, Record, Simulation, Stop};

/// The steps of a run that count: those with numbers in `from..to`, over several seeds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepWindow {
    /// First step.
    pub from: u64,
    /// One after the last.
    pub to: u64,
    /// Number of seeds.
    pub seeds: u64,
}

impl StepWindow {
    /// A window of as many seeds as give about `steps` steps.
    pub fn of(from: usize, to: usize, steps: usize) -> StepWindow {
        let seeds = steps.div_ceil((to - from).max(1)).max(2) as u64;
        StepWindow { from: from as u64, to: to as u64, seeds }
    }
}

/// Counts the steps of a window.
struct Counter<'a> {
    window: StepWindow,
    seen: u64,
    began: SimTime,
    ended: SimTime,
    figures: &'a mut Figures,
}

impl Observer for Counter<'_> {
    fn observe(&mut self, record: &Record<'_>) {
        let Record::Finished(step) = record else { return };
        if self.seen == self.window.from {
            self.began = step.at;
        }
        if self.seen >= self.window.from {
            self.figures.count(step.worker.index(), Some(step.staleness_rounded));
            self.ended = step.at;
        }
        self.seen += 1;
    }
}

/// Simulates the cluster without gradients. Traces are looked for in `folder`.
///
/// # Errors
/// If it cannot be built or run.
pub fn predict(cluster: &Cluster, window: StepWindow, folder: &Path) -> Result<Figures, FitError> {
    let mut figures = Figures::new(cluster.workers as usize);
    let protocol = ProtocolChoice::default();
    for seed in 1..=window.seeds {
        let scenario = timing_alone(cluster, &protocol, window.to, seed);
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
fn simulate(
    scenario: &Scenario,
    window: StepWindow,
    folder: &Path,
    figures: &mut Figures,
) -> Result<(), FitError> {
    let failed = |error: &dyn std::fmt::Display| FitError::Simulation(error.to_string());
    let parts = scenario.parts(None, folder, 1).map_err(|error| failed(&error))?;
    let (began, ended) = (SimTime::ZERO, SimTime::ZERO);
    let mut counter = Counter { window, seen: 0, began, ended, figures };
    let mut simulation = Simulation::new(parts);
    simulation.run(&mut counter).map_err(|error| failed(&error))?;
    let took = counter.ended.since(counter.began).seconds();
    figures.seconds += took;
    Ok(())
}
