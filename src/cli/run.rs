//! `straggler run`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::args::{ProgressBy, RunArgs, SweepingArgs};
use super::events::TrialEvents;
use super::exit::{Exit, Failure};
use super::progress::Live;
use super::say::{is_told_on_terminal, out, out_json, tell};
use super::sweep::plan;
use super::{load, report, show, signals, sweep};
use crate::experiment::expect::Checked;
use crate::experiment::{RunOptions, SaveEvery, Trial};
use crate::report::terminal::Glyphs;
use crate::results::Summary;
use crate::results::folder::plan_hash;
use crate::scenario::Scenario;
use crate::sim::NoObserver;

pub(super) fn run(args: &RunArgs, arguments: &[OsString]) -> Result<Exit, Failure> {
    if args.seeds.is_some() {
        let plan = plan(&args.scenario, &args.overrides, args.seeds.as_ref(), arguments)?;
        let sweeping = SweepingArgs {
            threads: args.threads,
            force: args.force,
            plain: args.plain,
            quiet: args.quiet,
            progress: args.progress,
            save_every: args.save_every,
            ..SweepingArgs::default()
        };
        return sweep::execute(&plan, args.out.as_deref(), &sweeping);
    }
    let (loaded, folder) = load::from_path(&args.scenario, &args.overrides, arguments)?;
    let look = ProgressDisplay {
        progress: args.progress.with(args.quiet, args.plain),
        plain: args.plain,
        plots: !args.no_plots,
        force: args.force,
        save_every: args.save_every,
    };
    let threads = load::threads(args.threads);
    let trial = load::trial(&loaded, &folder, threads)?;
    let done = execute(trial, args.out.as_deref(), threads, look)?;
    end(&done, args.json)
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
        report::at_the_end(&finished.path, look.progress == ProgressBy::None)?;
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
