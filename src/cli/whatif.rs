//! `straggler whatif`: what changes to a cluster, fitted to the log of a real job, would do.

use std::path::Path;

use super::exit::{Exit, Failure};
use super::log_args::{HowMany, MOST, WhatifArgs};
use super::named_file;
use super::say::out;
use super::step_log::{failure, file_name, number, off, read_log, short};
use crate::base::counted;
use crate::experiment::fit::log::StepLog;
use crate::experiment::fit::remarks::remarks;
use crate::experiment::fit::steady::SteadyFigures;
use crate::experiment::fit::whatif::{Change, FittedJob};
use crate::experiment::fit::{FitSettings, fit as fit_cluster};
use crate::protocol::ProtocolChoice;
use crate::report::terminal::{Align, TextTable};
use crate::scenario::Scenario;
use crate::scenario::document::to_toml_without;
use crate::scenario::rules::OF_GRADIENTS;
use crate::scenario::sweep::contestants::protocol;

pub(super) fn whatif(args: &WhatifArgs) -> Result<Exit, Failure> {
    let (log, mut notes) = read_log(&args.log, &args.columns)?;
    let here = Path::new(".");
    let logs = [log];
    let mut fitted =
        fit_cluster(&logs, &FitSettings::default()).map_err(|error| failure(&error))?;
    let [log] = logs;
    notes.extend(remarks(&log, &fitted.machines[0]));
    let cluster = fitted.clusters.remove(0);
    let now = FittedJob { cluster, protocol: ProtocolChoice::default() };
    let mut rows = vec![("simulated as it is".to_string(), now.clone())];
    for (name, changes) in changes(args, &log)? {
        let job = changes.into_iter().fold(now.clone(), FittedJob::with);
        if job.cluster.workers == 0 || job.cluster.workers > MOST || job.cluster.shards > MOST {
            return Err(Failure::new(Exit::Usage, format!("{name}: use 1 to {MOST} of each")));
        }
        rows.push((name, job));
    }
    // What cannot be simulated is refused before anything is simulated.
    for (name, job) in &rows {
        file(name, job, log.steps.len() as u64)?;
    }
    let mut predicted = Vec::new();
    for (name, job) in &rows {
        let prediction = job.predict(here).map_err(|error| failure(&error))?;
        predicted.push((name.as_str(), prediction));
    }
    out(&text(&log, &predicted))?;
    for note in notes {
        out(&format!("\nnote: {note}\n"))?;
    }
    if let Some(folder) = &args.out {
        let files = rows.iter().zip(&predicted);
        let files: Vec<(String, String)> = files
            .map(|((name, job), (_, found))| file(name, job, found.steps))
            .collect::<Result<_, _>>()?;
        write(&files, folder, args.force)?;
    }
    Ok(Exit::Done)
}

/// The rows: their names and what is changed.
fn changes(args: &WhatifArgs, log: &StepLog) -> Result<Vec<(String, Vec<Change>)>, Failure> {
    let workers = log.workers.len() as u32;
    let asked = args.workers.is_some()
        || args.barrier
        || args.protocol.is_some()
        || args.without.is_some()
        || args.shards.is_some();
    let twice = |given: Option<HowMany>| given.or((!asked).then_some(HowMany::Times(2.0)));
    let mut changes = Vec::new();
    if let Some(many) = twice(args.workers) {
        let many = many.of(workers);
        changes.push((counted(many, "worker", "workers"), vec![Change::Workers(many)]));
    }
    if args.barrier || !asked {
        changes.push(("a barrier".to_string(), vec![Change::Protocol(FittedJob::barrier())]));
    }
    if let Some(word) = &args.protocol {
        let usage = |reason: String| Failure::new(Exit::Usage, format!("--protocol: {reason}"));
        changes.push((word.clone(), vec![Change::Protocol(protocol(word).map_err(usage)?)]));
    }
    let slowest = || "slowest".to_string();
    if let Some(name) = args.without.clone().or((!asked && workers > 1).then(slowest)) {
        let gone = worker(log, &name)?;
        let name = format!("without worker {}", short(&log.workers[gone as usize]));
        if workers == 1 {
            return Err(Failure::new(Exit::Usage, format!("{name} no worker is left")));
        }
        changes.push((name, vec![Change::Without(gone)]));
    }
    if let Some(many) = twice(args.shards) {
        let many = many.of(1);
        changes.push((counted(many, "shard", "shards"), vec![Change::Shards(many)]));
    }
    if asked && changes.len() > 1 {
        // A worker is removed before others are added.
        let mut all: Vec<Change> = changes.iter().flat_map(|(_, list)| list.clone()).collect();
        all.sort_by_key(|change| !matches!(change, Change::Without(_)));
        changes.push(("all of it".to_string(), all));
    }
    Ok(changes)
}

/// The number of a worker by its name in the log, or of the one with the longest steps.
pub(super) fn worker(log: &StepLog, name: &str) -> Result<u32, Failure> {
    if let Some(number) = log.workers.iter().position(|worker| worker == name) {
        return Ok(number as u32);
    }
    if name == "slowest" {
        let steps = log.by_worker();
        let mean = |worker: usize| {
            let total: f64 = steps[worker].iter().map(|step| step.compute).sum();
            total / steps[worker].len().max(1) as f64
        };
        let slowest = (0..log.workers.len()).max_by(|a, b| mean(*a).total_cmp(&mean(*b)));
        return Ok(slowest.unwrap_or(0) as u32);
    }
    let shown: Vec<String> = log.workers.iter().take(12).map(|name| short(name)).collect();
    let more = if log.workers.len() > shown.len() { ", ..." } else { "" };
    let message = format!(
        "the log has no worker \"{name}\": use slowest, or one of {}{more}",
        shown.join(", ")
    );
    Err(Failure::new(Exit::Usage, message))
}

fn text(log: &StepLog, predicted: &[(&str, SteadyFigures)]) -> String {
    let figures = log.figures();
    let align = [Align::Left, Align::Right, Align::Right, Align::Right];
    let mut table = TextTable::new(&[&align[..], &[Align::Right; 3]].concat());
    let head = ["", "steps per second", "to now", "mean staleness", "computing"];
    table.row([&head[..], &["held", "busiest shard"]].concat());
    let share = |share: f64| format!("{:.1} %", 100.0 * share);
    table.row([
        "the log".to_string(),
        number(Some(figures.throughput())),
        String::new(),
        number(figures.mean()),
        String::new(),
        String::new(),
        String::new(),
    ]);
    let now = predicted[0].1.throughput;
    for (name, found) in predicted {
        table.row([
            (*name).to_string(),
            number(Some(found.throughput)),
            format!("x{:.2}", found.throughput / now),
            number(found.staleness),
            share(found.computing),
            share(found.held),
            share(found.busiest_shard),
        ]);
    }
    let (rate, stale) =
        (off(Some(now), Some(figures.throughput())), off(predicted[0].1.staleness, figures.mean()));
    let unsteady: String = predicted
        .iter()
        .filter_map(|(name, found)| {
            let steps = found.steps;
            let differs = 100.0 * found.unsteady?;
            Some(format!(
                "Not steady after {steps} steps: {name}. Its two last quarters differ by {differs:.1} %, so take its \
                 row as a rough figure.\n"
            ))
        })
        .collect();
    format!(
        "{}\n{unsteady}The simulation of the job as it is differs from the log by {rate} in steps per second and by \
         {stale} in mean staleness.\nThe other rows are extrapolated and not checked against a log: new \
         workers are like those of the log (a machine\nthat it has once stays one), and the time of a request is divided evenly among more shards.\n",
        table.render()
    )
}

/// The name and the text of a row's scenario, without what timing alone does not use.
fn file(name: &str, job: &FittedJob, steps: u64) -> Result<(String, String), Failure> {
    let mut scenario = job.scenario(steps, 1);
    let file = file_name(name);
    scenario.scenario.name.clone_from(&file);
    scenario.scenario.title = format!("{name}, fitted to a log");
    let idle = [&OF_GRADIENTS[..], &["worker"]].concat();
    let text = to_toml_without(&scenario, &idle)
        .map_err(|error| Failure::new(Exit::Usage, format!("{name}: {error}")))?;
    let refused =
        |problems| Failure::new(Exit::Usage, format!("{name} cannot be simulated: {problems}"));
    Scenario::from_text(&text).map_err(refused)?;
    Ok((file, text))
}

/// Writes the scenario of each row.
fn write(files: &[(String, String)], folder: &Path, force: bool) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::new(Exit::Write, format!("cannot write {}: {error}", folder.display()))
    })?;
    // All or none of them.
    let path_of = |name: &str| folder.join(format!("{name}.toml"));
    files.iter().try_for_each(|(name, _)| named_file::refuse_existing(&path_of(name), force))?;
    for (name, text) in files {
        let path = path_of(name);
        named_file::write(&path, force, text.as_bytes())?;
        out(&format!("{}\n", path.display()))?;
    }
    Ok(())
}
