//! `straggler check`: all mistakes, and an estimate of the run.

use super::args::{CheckArgs, SweepingArgs};
use super::exit::{Exit, Failure};
use super::run::is_many;
use super::say::out;
use super::shorthand::Typed;
use super::{load, show, sweep};
use crate::base::counted;
use crate::report::terminal::{Align, TextTable};

pub(super) fn check(args: &CheckArgs, arguments: &[Typed]) -> Result<Exit, Failure> {
    if is_many(&args.scenario, &args.overrides, arguments)? {
        let plan = sweep::plan(&args.scenario, &args.overrides, None, arguments, 1)?;
        if args.show {
            return sweep::show(&plan);
        }
        return sweep::list(&plan, &SweepingArgs::default());
    }
    let (loaded, folder) = load::from_path(&args.scenario, &args.overrides, arguments)?;
    load::tell_idle_lab(&loaded, &args.overrides, true);
    if args.show {
        out(&loaded.show())?;
        return Ok(Exit::Done);
    }
    let trial = load::trial(&loaded, &folder, load::threads(None))?;
    let estimate = &trial.estimate;
    let mut table = TextTable::new(&[Align::Left, Align::Left]);
    table.row(["scenario", trial.scenario.scenario.name.as_str()]);
    if let Some(prepared) = trial.prepared() {
        table.row([
            "data".to_string(),
            format!(
                "{} in {} to train on, {} to evaluate on",
                counted(estimate.window, "example", "examples"),
                counted(prepared.train.len(), "day", "days"),
                estimate.holdout
            ),
        ]);
        for (name, days) in prepared.dated_days() {
            table.row([name, days]);
        }
        for collisions in &prepared.collisions {
            let (name, text) = collisions.fact();
            table.row([name, text]);
        }
        table.row([
            "parameters".to_string(),
            format!("{} dense, {} in tables", estimate.dense, estimate.sparse),
        ]);
        table.row([
            "a step".to_string(),
            format!(
                "{}, {}",
                counted(trial.scenario.examples_per_step(), "example", "examples"),
                counted(estimate.rows_per_batch, "distinct row", "distinct rows")
            ),
        ]);
    }
    let steps = estimate.pushes.map_or("until the clock stops it".to_string(), |n| n.to_string());
    let updates = show::updates(&trial).map(|updates| format!("{steps}, for {updates}"));
    table.row(["steps".to_string(), updates.unwrap_or(steps)]);
    if let Some(time) = show::time(&trial) {
        let threads = counted(load::threads(None), "thread", "threads");
        table.row(["time".to_string(), format!("about {time} on {threads}")]);
    }
    table.row(["memory".to_string(), format!("about {}", estimate.memory)]);
    table.row(["disk".to_string(), format!("at most {}", estimate.disk)]);
    out(&table.render())?;
    load::admit(&loaded, &trial, &folder, false)?;
    load::tell_endless(&loaded, &trial);
    Ok(Exit::Done)
}
