//! The parts of a results folder about failures of shards. They are left out if no shard can fail.

use std::io;
use std::path::Path;

use crate::base::SimTime;
use crate::results::summary::{ShardFailureSummary, ShardLossSummary};
use crate::results::table::TableWriter;
use crate::results::tables::ShardFailureRow;
use crate::sim::{ShardFailure, Simulation};

/// What the failures cost; `None` if no shard can fail.
pub fn summary(simulation: &Simulation) -> Option<ShardFailureSummary> {
    let (outages, now) = (simulation.outages(), simulation.now());
    if !outages.is_possible() {
        return None;
    }
    let losses = outages.losses(now);
    let reports = outages.reports();
    let sum = |of: fn(&ShardFailure) -> u64| reports.iter().map(of).sum::<u64>();
    let all = now.seconds() * losses.len() as f64;
    let down: f64 = losses.iter().map(|loss| loss.down.seconds()).sum();
    let examples: u64 = losses.iter().map(|loss| loss.examples).sum();
    let of_shard = |(shard, loss): (u32, &crate::sim::ShardLosses)| ShardLossSummary {
        shard,
        failures: loss.failures,
        down_s: loss.down.seconds(),
        updates_lost: loss.updates,
        examples_lost: loss.examples,
    };
    Some(ShardFailureSummary {
        failures: reports.len() as u64,
        down: if all > 0.0 { down / all } else { 0.0 },
        updates_lost: losses.iter().map(|loss| loss.updates).sum(),
        examples_lost: examples as f64 / losses.len() as f64,
        steps_lost: sum(|report| report.steps_lost),
        stale_rows: sum(|report| report.stale_rows),
        anew: sum(|report| u64::from(report.returned_to == Some(SimTime::ZERO))),
        shards: (0..)
            .zip(&losses)
            .filter(|(_, loss)| loss.failures + loss.updates > 0)
            .map(of_shard)
            .collect(),
    })
}

/// Writes `shard_failures.csv`, if shards can fail.
///
/// # Errors
/// If the file cannot be written.
pub fn write(folder: &Path, simulation: &Simulation) -> io::Result<()> {
    let outages = simulation.outages();
    if !outages.is_possible() {
        return Ok(());
    }
    let seconds = |at: Option<SimTime>| at.map(SimTime::seconds);
    let row = |report: &ShardFailure| ShardFailureRow {
        shard: report.shard.0,
        crashed_s: report.crashed.seconds(),
        noticed_s: seconds(report.noticed),
        back_s: seconds(report.back),
        returned_to_s: seconds(report.returned_to),
        version: report.version,
        updates_lost: report.updates_lost,
        examples_lost: report.examples_lost,
        all_updates_lost: report.all_updates_lost,
        all_examples_lost: report.all_examples_lost,
        steps_lost: report.steps_lost,
        requests_waited: report.requests_waited,
        stale_rows: report.stale_rows,
        behind: report.behind,
    };
    TableWriter::write(folder, outages.reports().iter().map(row))
}
