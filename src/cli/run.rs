//! `straggler run`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::args::{ProgressBy, RunArgs, SweepingArgs};
use super::events::TrialEvents;
use super::exit::{Exit, Failure};
use super::progress::Live;
use super::say::{is_told_on_terminal, out, out_json, tell};
use super::shorthand::Typed;
use super::{load, report, show, signals, sweep};
use crate::experiment::expect::Checked;
use crate::experiment::{RunOptions, SaveEvery, Trial};
use crate::report::terminal::Glyphs;
use crate::results::Summary;
use crate::results::folder::plan_hash;
use crate::results::outcome::TrialOutcome;
use crate::scenario::Scenario;
use crate::scenario::document::Shape;
use crate::scenario::shorthand::may_be_list;
use crate::scenario::sweep::arguments::{Argument, read as read_argument};
use crate::scenario::sweep::is_sweep;
use crate::sim::NoObserver;

pub(super) fn run(args: &RunArgs, arguments: &[Typed]) -> Result<Exit, Failure> {
    if has_sweep_options(args) || is_many(&args.file, &args.overrides, arguments)? {
        return sweep::sweep(args, arguments);
    }
    let sweeping = &args.sweeping;
    let (loaded, folder) = load::from_path(&args.file, &args.overrides, arguments)?;
    load::tell_idle_lab(&loaded, &args.overrides, false);
    let look = ProgressDisplay {
        progress: sweeping.progress.with(sweeping.quiet, sweeping.plain),
        plain: sweeping.plain,
        plots: !args.no_plots,
        force: sweeping.force,
        save_every: sweeping.save_every,
    };
    let threads = load::threads(sweeping.threads);
    let trial = load::trial(&loaded, &folder, threads)?;
    load::admit(&loaded, &trial, &folder, sweeping.force)?;
    load::tell_endless(&loaded, &trial);
    let done = execute(trial, args.out.as_deref(), threads, look)?;
    end(&done, sweeping.json)
}

/// Whether an option is given that only a sweep has.
fn has_sweep_options(args: &RunArgs) -> bool {
    let SweepingArgs { only, shard, retry, .. } = &args.sweeping;
    !only.is_empty() || shard.is_some() || *retry || args.list || args.seeds.is_some()
}

/// Whether it is a sweep: a sweep file, or a scenario with lists of values.
///
/// # Errors
/// If commas in a value can mean one value or several.
pub(super) fn is_many(
    file: &Path,
    overrides: &[String],
    arguments: &[Typed],
) -> Result<bool, Failure> {
    let shape = Shape::of::<Scenario>();
    let mut many = is_sweep(&load::file_of(file));
    for text in overrides {
        let given = load::argument(text, arguments);
        let Ok(Argument::Axis(axis)) = read_argument(&given.text, &given.place) else { continue };
        let bare =
            given.text.split_once('=').is_some_and(|(_, value)| !value.contains(['"', '\'', '[']));
        if bare && may_be_list(&shape, &axis.key) {
            let (key, value) =
                (&axis.key, given.text.split_once('=').map_or("", |(_, value)| value));
            let several: Vec<String> =
                value.split(',').map(|part| format!("\"{}\"", part.trim())).collect();
            return Err(Failure::new(
                Exit::Usage,
                format!(
                    "{}: `{text}` may mean one value or several; write '{key}=\"{value}\"' for one, or \
                     '{key}={}' for a run with each",
                    given.place,
                    several.join(",")
                ),
            ));
        }
        many = true;
    }
    Ok(many)
}

/// Prints the results of a run.
pub(super) fn end(done: &FinishedRun, json: bool) -> Result<Exit, Failure> {
    if json {
        print_json(done)?;
        tell(&show::expectations(&done.checked));
    } else {
        match &done.summary {
            Some(summary) => out(&show::summary(summary, &done.path))?,
            None => {
                if let Some(summary) = TrialOutcome::of_run(&done.path, 0).summary()? {
                    out(&show::summary(&summary, &done.path))?;
                }
                out(&format!("{} is done already; --force runs it again\n", done.path.display()))?
            }
        }
        out(&show::expectations(&done.checked))?;
    }
    let as_expected = done.checked.iter().all(|checked| checked.holds);
    Ok(if as_expected { Exit::Done } else { Exit::Check })
}

/// How the progress of a run is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProgressDisplay {
    pub(super) progress: ProgressBy,
    pub(super) plain: bool,
    pub(super) plots: bool,
    pub(super) force: bool,
    pub(super) save_every: SaveEvery,
}

/// A run that is done.
pub(super) struct FinishedRun {
    pub(super) summary: Option<Summary>,
    pub(super) path: PathBuf,
    pub(super) wall: f64,
    pub(super) checked: Vec<Checked>,
}

/// The results folder of a scenario, unless another one is asked for.
pub(super) fn default_folder(scenario: &Scenario, resolved: &str) -> PathBuf {
    Path::new("results").join(format!("{}-{}", scenario.scenario.name, plan_hash(resolved)))
}

/// Runs a trial with live progress, writes its pictures and page, and notes the facts about the
/// wall clock.
pub(super) fn execute(
    trial: Trial,
    out: Option<&Path>,
    threads: usize,
    look: ProgressDisplay,
) -> Result<FinishedRun, Failure> {
    if !look.force {
        trial.check_limits()?;
    }
    let path = match out {
        Some(path) => path.to_path_buf(),
        None => default_folder(&trial.scenario, &trial.resolved),
    };
    if matches!(look.progress, ProgressBy::Auto | ProgressBy::Plain) {
        tell(&show::heading(&trial, &path, threads));
    }
    #[expect(clippy::disallowed_methods, reason = "wall time of our own process, for people")]
    let started = Instant::now();
    let options = RunOptions {
        again: look.force,
        stop: signals::stop_on_request(),
        save_every: look.save_every,
        stages: None,
        tell: &|text| tell(&format!("{text}\n")),
    };
    let outcome = match look.progress {
        ProgressBy::None => trial.run(&path, &options, &mut NoObserver),
        ProgressBy::Json => {
            let mut events = TrialEvents::of_run(&trial, &path, threads);
            let outcome = trial.run(&path, &options, &mut events);
            events.end(outcome.as_ref().map(|finished| finished.summary.as_ref()));
            outcome
        }
        ProgressBy::Auto | ProgressBy::Plain => {
            let terminal = is_told_on_terminal() && look.progress == ProgressBy::Auto;
            let glyphs = if look.plain { Glyphs::Plain } else { Glyphs::Blocks };
            let mut live = Live::new(&trial, terminal, glyphs);
            let outcome = trial.run(&path, &options, &mut live);
            live.end();
            outcome
        }
    };
    let wall = started.elapsed().as_secs_f64();
    let finished = outcome?;
    // If a process was killed before it drew the pictures, the figures exist without them.
    let pictured = finished.summary.is_none() && report::is_present(&finished.path);
    if look.plots && !pictured {
        report::at_the_end(&finished.path, true)?;
    }
    Ok(FinishedRun {
        summary: finished.summary,
        path: finished.path,
        wall,
        checked: finished.checked,
    })
}

fn print_json(done: &FinishedRun) -> Result<(), Failure> {
    let text = std::fs::read_to_string(done.path.join("summary.json"))
        .map_err(|error| Failure::new(Exit::Write, format!("cannot read summary.json: {error}")))?;
    out_json(&text)
}
