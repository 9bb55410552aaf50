//! `straggler fit`: from a log of a real job to a cluster that behaves like it.

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::load;
use super::log_args::{FitArgs, FitColumnArgs};
use super::named_file;
use super::say::out;
use crate::experiment::fit::figures::Figures;
use crate::experiment::fit::log::{Columns, StepLog};
use crate::experiment::fit::{FitError, Fitted, Traces, fit as fit_cluster, judge};
use crate::report::terminal::{Align, TextTable};

/// Steps simulated for the prediction.
const STEPS: usize = 40_000;
/// Workers listed one by one.
const LISTED: usize = 32;
/// Letters of a worker's name that are shown.
const LONGEST_NAME: usize = 40;

pub(super) fn fit(args: &FitArgs) -> Result<Exit, Failure> {
    if let Some(path) = &args.out {
        named_file::refuse_existing(path, args.force)?;
    }
    let log = read_log(&args.log, &columns(&args.columns))?;
    let all = log.steps.len();
    let (end, begin) = if args.halves { (all / 2, all / 2) } else { (all, 0) };
    let traces = args.out.as_deref().map(|out| Traces {
        folder: load::folder_of(out),
        stem: out.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into()),
        overwrite: args.force,
    });
    let folder = traces.as_ref().map_or_else(|| PathBuf::from("."), |t| t.folder.clone());
    let fitted = fit_cluster(&log.part(0, end), args.pooled, traces.as_ref())
        .map_err(|error| failure(&error))?;
    let predicted =
        judge(&fitted, (begin, all), STEPS, &folder).map_err(|error| failure(&error))?;
    let logged = log.part(begin, all).figures();
    let text = comparison(&log, &logged, &predicted, args.halves) + "\n" + &machines(&log, &fitted);
    let table = fitted.to_toml().map_err(|error| failure(&error))?;
    let fragment = format!("{}\n{table}", commented(&args.log, &text));
    match &args.out {
        None => out(&fragment)?,
        Some(path) => {
            named_file::write(path, args.force, fragment.as_bytes())?;
            out(&format!("{text}\n{}\n", path.display()))?;
        }
    }
    Ok(Exit::Done)
}

/// Reads a log of steps.
pub(super) fn read_log(path: &Path, columns: &Columns) -> Result<StepLog, Failure> {
    StepLog::read(path, columns).map_err(|error| match error {
        FitError::Row { .. } | FitError::Short { .. } | FitError::Times(_) => {
            Failure::new(Exit::Data, format!("{}: {error}", path.display()))
        }
        error => failure(&error),
    })
}

pub(super) fn failure(error: &FitError) -> Failure {
    let exit = match error {
        FitError::Column { .. } | FitError::Missing { .. } => Exit::Usage,
        FitError::Unwritable { .. } => Exit::Write,
        FitError::Simulation(_) => Exit::Simulation,
        FitError::Exists { .. } => Exit::Refused,
        FitError::Unreadable { .. }
        | FitError::Row { .. }
        | FitError::Short { .. }
        | FitError::Times(_) => Exit::Data,
    };
    Failure::new(exit, error)
}

pub(super) fn columns(args: &FitColumnArgs) -> Columns {
    Columns {
        worker: args.worker.clone(),
        step: args.step.clone(),
        step_time: args.step_time.clone(),
        pull_begin: args.pull_begin.clone(),
        pull_end: args.pull_end.clone(),
        push_begin: args.push_begin.clone(),
        push_end: args.push_end.clone(),
        pull_version: args.pull_version.clone(),
        push_version: args.push_version.clone(),
        staleness: args.staleness.clone(),
    }
}

pub(super) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_string(), |value| format!("{value:.3}"))
}

pub(super) fn off(predicted: Option<f64>, logged: Option<f64>) -> String {
    match (predicted, logged) {
        (Some(predicted), Some(logged)) if logged > 0.0 => {
            format!("{:+.1} %", 100.0 * (predicted / logged - 1.0))
        }
        _ => "-".to_string(),
    }
}

/// The table of logged and predicted figures.
fn comparison(log: &StepLog, logged: &Figures, predicted: &Figures, halves: bool) -> String {
    let mut table = TextTable::new(&[Align::Left, Align::Right, Align::Right, Align::Right]);
    table.row([if halves { "second half" } else { "" }, "logged", "predicted", "off"]);
    let mut row = |name: String, logged: Option<f64>, predicted: Option<f64>| {
        table.row([name, number(logged), number(predicted), off(predicted, logged)]);
    };
    row("steps per second".into(), Some(logged.throughput()), Some(predicted.throughput()));
    row("mean staleness".into(), logged.mean(), predicted.mean());
    for (worker, name) in log.workers.iter().enumerate().take(LISTED) {
        row(format!("  worker {}", short(name)), logged.mean_of(worker), predicted.mean_of(worker));
    }
    let mut text = table.render();
    if let Some(distance) = predicted.distance(logged) {
        text.push_str(&format!(
            "total variation distance of the staleness histograms: {distance:.3}\n"
        ));
    }
    if !log.is_timed() {
        text.push_str("the log has no instants: steps are taken to follow each other at once\n");
    }
    text
}

/// A name that does not widen a table: its beginning, if it is long.
pub(super) fn short(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_string(),
    }
}

/// The classes with their laws.
fn machines(log: &StepLog, fitted: &Fitted) -> String {
    let mut table = TextTable::new(&[Align::Left, Align::Right, Align::Left, Align::Left]);
    table.row(["class", "mean", "law", "workers"]);
    for (number, (group, law)) in fitted.groups.iter().zip(&fitted.laws).enumerate() {
        let names: Vec<String> =
            group.workers.iter().take(LISTED).map(|&worker| short(&log.workers[worker])).collect();
        let more = if group.workers.len() > LISTED { " ..." } else { "" };
        let mean = crate::base::SimSpan::from_seconds(group.mean());
        table.row([
            format!("{}", number + 1),
            mean.to_string(),
            law.name().to_string(),
            names.join(" ") + more,
        ]);
    }
    table.render()
}

fn commented(log: &Path, text: &str) -> String {
    let line = |line: &str| format!("# {line}").trim_end().to_string() + "\n";
    format!("# Fitted to {}\n#\n", log.display()) + &text.lines().map(line).collect::<String>()
}
