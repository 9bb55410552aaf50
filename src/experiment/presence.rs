//! What a results folder holds of workers that come, go and die, and of how often examples were
//! used. Nothing, where all workers are there always and nobody counts.

use std::io;
use std::path::Path;

use serde::Serialize;

use super::table::{Cell, TableWriter};
use crate::sim::{Activity, Simulation, Work};

/// What came, went and was lost.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Churn {
    /// Crashes of workers that were there.
    pub crashes: u64,
    /// Leaves by schedule.
    pub leaves: u64,
    /// Times that a worker was there again, or at last.
    pub joins: u64,
    /// Steps lost with their workers.
    pub lost_steps: u64,
    /// Examples in them.
    pub lost_examples: u64,
    /// Examples that came back and were not handed out again by the end.
    pub outstanding_examples: u64,
    /// Share of the workers' time in which they were crashed.
    pub down: f64,
    /// Share in which they were not among the job's workers.
    pub away: f64,
    /// Share in which they slept, as the script says.
    pub asleep: f64,
}

/// How often the examples of the training window were used.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Audit {
    /// Examples of the window.
    pub examples: u64,
    /// Those never used.
    pub unused: u64,
    /// Those used once.
    pub once: u64,
    /// Those used more often.
    pub more_often: u64,
    /// All uses: the examples applied.
    pub uses: u64,
}

/// What came, went and was lost; `None` if all workers were to be there always.
pub fn churn(simulation: &Simulation) -> Option<Churn> {
    let presence = simulation.presence();
    if presence.churn().is_none() {
        return None;
    }
    let tally = presence.tally();
    let now = simulation.now();
    let all = now.seconds() * simulation.workers().len() as f64;
    let share = |activity| {
        let spent = simulation.workers().iter().map(|w| w.spent(activity, now).seconds());
        if all > 0.0 { spent.sum::<f64>() / all } else { 0.0 }
    };
    let outstanding = match &simulation.session().work {
        Work::Training(training) => training.outstanding(),
        Work::Null(_) => 0,
    };
    Some(Churn {
        crashes: tally.crashes,
        leaves: tally.leaves,
        joins: tally.joins,
        lost_steps: tally.lost_steps,
        lost_examples: tally.lost_examples,
        outstanding_examples: outstanding,
        down: share(Activity::Down),
        away: share(Activity::Away),
        asleep: share(Activity::Sleep),
    })
}

/// How often the examples were used; `None` if nobody counted.
pub fn audit(simulation: &Simulation) -> Option<Audit> {
    let mut audit = Audit::default();
    for (uses, examples) in simulation.presence().audit()?.counts() {
        audit.examples += examples;
        audit.uses += u64::from(uses) * examples;
        *match uses {
            0 => &mut audit.unused,
            1 => &mut audit.once,
            _ => &mut audit.more_often,
        } += examples;
    }
    Some(audit)
}

/// Writes `churn.csv` and `audit.csv`, where there is something to write. `class` names the machine
/// classes.
///
/// # Errors
/// If a file cannot be written.
pub fn write<'a>(
    folder: &Path,
    simulation: &Simulation,
    class: impl Fn(usize) -> &'a str,
) -> io::Result<()> {
    let presence = simulation.presence();
    if let Some(audit) = presence.audit() {
        let mut table = TableWriter::create(folder, "audit.csv", "uses,examples")?;
        for (uses, examples) in audit.counts() {
            table.row(&[Cell::Whole(u64::from(uses)), Cell::Whole(examples)])?;
        }
        table.sync()?;
    }
    if presence.churn().is_none() {
        return Ok(());
    }
    let header =
        "worker,class,crashes,leaves,joins,lost_steps,lost_examples,down_s,away_s,asleep_s";
    let mut table = TableWriter::create(folder, "churn.csv", header)?;
    let now = simulation.now();
    for (index, worker) in simulation.workers().iter().enumerate() {
        let tally = worker.standing.tally();
        let spent = |activity| Cell::Number(worker.spent(activity, now).seconds());
        table.row(&[
            Cell::Whole(index as u64),
            Cell::Text(class(worker.machine.class)),
            Cell::Whole(tally.crashes),
            Cell::Whole(tally.leaves),
            Cell::Whole(tally.joins),
            Cell::Whole(tally.lost_steps),
            Cell::Whole(tally.lost_examples),
            spent(Activity::Down),
            spent(Activity::Away),
            spent(Activity::Sleep),
        ])?;
    }
    table.sync()
}
