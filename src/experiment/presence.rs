//! The parts of a results folder about workers that join, leave and crash, and about how often
//! examples were used. They are left out if all workers are always present and no audit was asked
//! for.

use std::io;
use std::path::Path;

use crate::results::summary::{AuditSummary, ChurnSummary};
use crate::results::table::TableWriter;
use crate::results::tables::{AuditRow, ChurnRow};
use crate::sim::{Activity, Simulation, Work};

/// Whether workers were to come and go, or have stopped since a shard had failed.
fn changes(simulation: &Simulation) -> bool {
    let presence = simulation.presence();
    !presence.churn().is_none() || presence.tally().stops > 0
}

/// Counts of joins, leaves and losses; `None` if all workers were always to be present.
pub fn churn(simulation: &Simulation) -> Option<ChurnSummary> {
    let tally = simulation.presence().tally();
    if !changes(simulation) {
        return None;
    }
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
    Some(ChurnSummary {
        crashes: tally.crashes,
        leaves: tally.leaves,
        stops: tally.stops,
        joins: tally.joins,
        lost_steps: tally.lost_steps,
        lost_examples: tally.lost_examples,
        outstanding_examples: outstanding,
        down: share(Activity::Down),
        away: share(Activity::Away),
        asleep: share(Activity::Sleep),
    })
}

/// How often the examples were used; `None` if no audit was asked for.
pub fn audit(simulation: &Simulation) -> Option<AuditSummary> {
    let mut audit = AuditSummary::default();
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

/// Writes `churn.csv` and `audit.csv`, if there is anything to write. `class` names the machine
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
        let row = |(uses, examples)| AuditRow { uses: u64::from(uses), examples };
        TableWriter::write(folder, audit.counts().into_iter().map(row))?;
    }
    if !changes(simulation) {
        return Ok(());
    }
    let now = simulation.now();
    let workers = (0..).zip(simulation.workers());
    let rows = workers.map(|(index, worker)| {
        let tally = worker.presence.tally();
        let spent = |activity| worker.spent(activity, now).seconds();
        ChurnRow {
            worker: index,
            class: class(worker.machine.class).to_string(),
            crashes: tally.crashes,
            leaves: tally.leaves,
            joins: tally.joins,
            lost_steps: tally.lost_steps,
            lost_examples: tally.lost_examples,
            down_s: spent(Activity::Down),
            away_s: spent(Activity::Away),
            asleep_s: spent(Activity::Sleep),
        }
    });
    TableWriter::write(folder, rows)
}
