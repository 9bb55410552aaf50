//! `straggler run` with many trials, side by side.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::{ProgressBy, RunArgs, SweepingArgs};
use super::events::{self, SweepEvents};
use super::exit::{Exit, Failure};
use super::say::{is_told_on_terminal, out, out_json, tell, tells_events};
use super::shorthand::Typed;
use super::sweep_watch::{Quiet, SweepWatch};
use super::{load, refusal, report, signals, status};
use crate::base::{ByteSize, SimSpan, counted};
use crate::data::{OpenContext, SourceChoice};
use crate::experiment::expect;
use crate::experiment::run_info::Stopwatch;
use crate::experiment::sweep::{
    OpenLogs, PlannedTrial, SweepFolder, SweepOptions, SweepPlan, SweepWatcher, TrialCounts,
    TrialSelection, budget, run as run_trials,
};
use crate::experiment::{RunError, Trial};
use crate::report::terminal::{Align, TextTable};
use crate::results::folder::turn;
use crate::results::outcome::{Planned, State};
use crate::results::overview::Overview;
use crate::scenario::Scenario;
use crate::scenario::document::{self, DocumentInput, Override, Problem, Problems, flattened};
use crate::scenario::remarks;
use crate::scenario::sweep::arguments::read as read_argument;
use crate::scenario::sweep::file::Sweep as About;
use crate::scenario::sweep::{self, Design, Extra, Resolved, Seeds, Setting, is_sweep, resolve};

/// Number of points that are estimated before anything starts. Further points are estimated in
/// their turn.
const LOOKED_AT: usize = 64;

/// A plan of more trials is announced, since it takes seconds to make.
const MANY: u64 = 20_000;

/// Runs the trials of a sweep file, or of a scenario with lists of values or seeds.
pub(super) fn sweep(args: &RunArgs, arguments: &[Typed]) -> Result<Exit, Failure> {
    if args.no_plots {
        let message = "--no-plots is for a single run; a sweep draws its trials only on request";
        return Err(Failure::new(Exit::Usage, message));
    }
    let turns = args.sweeping.turns(args.list);
    let plan = plan(&args.file, &args.overrides, args.seeds.as_ref(), arguments, turns)?;
    if args.list {
        return list(&plan, &args.sweeping);
    }
    execute(&plan, args.out.as_deref(), &args.sweeping)
}

/// The plan of a sweep file, or of a scenario swept by arguments, with at most `turns` of its seeds.
pub(super) fn plan(
    file: &Path,
    overrides: &[String],
    seeds: Option<&Seeds>,
    arguments: &[Typed],
    turns: usize,
) -> Result<SweepPlan, Failure> {
    plan_with(Vec::new(), file, overrides, seeds, arguments, turns)
}

/// The same with further points, the contestants of a race.
pub(super) fn plan_with(
    further: Vec<Extra>,
    file: &Path,
    overrides: &[String],
    seeds: Option<&Seeds>,
    arguments: &[Typed],
    turns: usize,
) -> Result<SweepPlan, Failure> {
    let refused = |problems: Problems| refusal::of_text(&problems);
    let file = &load::file_of(file);
    let (mut about, mut design, scenario) = if is_sweep(file) {
        let read = sweep::read(file).map_err(refused)?;
        warn(&read.warnings, &mut BTreeSet::new());
        (read.file.sweep, read.design, read.scenario)
    } else {
        (About::default(), Design::default(), file.to_path_buf())
    };
    about.race |= !further.is_empty();
    design.extra.extend(further);
    let mut keys = BTreeSet::new();
    for text in overrides {
        let given = load::argument(text, arguments);
        let usage =
            |reason: String| Failure::new(Exit::Usage, format!("{}: {reason}", given.place));
        let argument = read_argument(&given.text, &given.place).map_err(usage)?;
        if !keys.insert(argument.key().to_string()) {
            return Err(usage(format!("`{}` is set twice; remove one of the two", argument.key())));
        }
        design.lay_over(argument).map_err(usage)?;
    }
    let too_many = || {
        let message = format!("the sweep has more than {} trials", sweep::design::MOST_TRIALS);
        Failure::new(Exit::Usage, message)
    };
    design.size().filter(|size| *size <= sweep::design::MOST_TRIALS).ok_or_else(too_many)?;
    let points = design.points();
    if points.is_empty() {
        let message = "every point of the sweep is skipped; nothing is left to run";
        return Err(Failure::new(Exit::Usage, message));
    }
    let points = resolve(&scenario, points, &design.everywhere).map_err(refused)?;
    warn_of(&points);
    if !is_sweep(file) {
        let first = &points[0].scenario.scenario;
        about.name.clone_from(&first.name);
        about.title.clone_from(&first.title);
        about.question.clone_from(&first.question);
        about.seeds = Seeds::these(vec![first.seed]).map_err(|e| Failure::new(Exit::Usage, e))?;
    }
    if let Some(seeds) = seeds {
        about.seeds = seeds.clone();
    }
    let trials = about.seeds.list().len() as u64 * points.len() as u64;
    if trials > sweep::design::MOST_TRIALS {
        return Err(too_many());
    }
    if trials.min((turns as u64).saturating_mul(points.len() as u64)) > MANY {
        tell(&format!("planning {trials} trials, which takes a while\n"));
    }
    let text = flattened::<Scenario>(&scenario).map_err(refused)?;
    let files_from = load::files_of(file, &scenario);
    Ok(SweepPlan::new(about, turns, &design, &points, (scenario, text), files_from))
}

/// Prints every warning once, for any number of points.
fn warn_of(points: &[Resolved]) {
    let mut told = BTreeSet::new();
    points.iter().for_each(|point| warn(&point.warnings, &mut told));
}

fn warn(warnings: &Problems, told: &mut BTreeSet<String>) {
    let is_new =
        |problem: &&Problem| told.insert(format!("{} {}", problem.code.id, problem.message));
    let list: Vec<Problem> = warnings.list.iter().filter(is_new).cloned().collect();
    if !list.is_empty() {
        let new = Problems { sources: warnings.sources.clone(), list };
        load::tell_warnings(&new);
    }
}

/// Prints the scenario that is swept with the origin of every value, and the settings of every point.
pub(super) fn show(plan: &SweepPlan) -> Result<Exit, Failure> {
    let Some(written) = &plan.written else { return Ok(Exit::Done) };
    let everywhere: Vec<Override> = written.everywhere.iter().map(Setting::layer).collect();
    let input = DocumentInput::File(&written.file);
    let swept = document::load::<Scenario>(input, &everywhere);
    let swept = swept.map_err(|problems| refusal::of_text(&problems))?;
    out(&format!("{}\n", swept.show().trim_end()))?;
    let mut shown = BTreeSet::new();
    for trial in plan.trials.iter().filter(|trial| shown.insert(trial.planned.point)) {
        let Planned { point, label, .. } = &trial.planned;
        out(&format!("\n# point {point}: {}\n", status::name(label)))?;
        for Setting { key, value } in &written.points[*point] {
            out(&format!("{key} = {}  # {}\n", value.text, value.place))?;
        }
    }
    Ok(Exit::Done)
}

/// Prints every point with the estimate of a trial; runs nothing.
pub(super) fn list(plan: &SweepPlan, sweeping: &SweepingArgs) -> Result<Exit, Failure> {
    let threads = load::threads(sweeping.threads);
    let selection = sweeping.selection();
    let mut table = TextTable::new(&[
        Align::Right,
        Align::Left,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Right,
    ]);
    table.row(["point", "settings", "trials", "steps", "time each", "memory"]);
    let (mut wall, mut peak, mut disk, mut trials) = (Some(0.0), ByteSize(0), 0u64, 0);
    // Only trials that run at the same time have snapshots.
    let (mut passing, jobs) = (0u64, sweeping.jobs.map_or(threads, usize::from));
    let mut by_point: Vec<Option<&PlannedTrial>> = vec![None; plan.len()];
    for trial in chosen(plan, &selection) {
        by_point[trial.planned.point].get_or_insert(trial);
    }
    let sources = OpenLogs::default();
    let mut told = BTreeSet::new();
    for (number, first) in by_point.iter().enumerate() {
        let Some(first) = first else { continue };
        let chosen = plan.chosen_at_point(first, &selection);
        let trial = open(plan, first, &sources, sweeping.force)?;
        warn(&remarks::warnings(&trial.remarks, None), &mut told);
        let each = trial.wall_estimate();
        wall = wall.zip(each).map(|(all, each)| all + each * chosen as f64);
        peak = peak.max(trial.estimate.memory);
        let disk_of_point = trial.estimate.stays().0.saturating_mul(chosen as u64);
        disk = disk.saturating_add(disk_of_point);
        passing = passing.max(trial.estimate.passing.0);
        trials += chosen;
        let time = |seconds: f64| SimSpan::from_seconds(seconds.min(1e8)).to_string();
        table.row([
            number.to_string(),
            status::name(&first.planned.label).to_string(),
            chosen.to_string(),
            trial.estimate.pushes.map_or("?".into(), |n| n.to_string()),
            each.map_or("?".into(), time),
            trial.estimate.memory.to_string(),
        ]);
    }
    out(&table.render())?;
    let time = wall.map_or(String::new(), |seconds| {
        let seconds = SimSpan::from_seconds((seconds / threads as f64).min(1e8));
        format!(", about {seconds} on {}", counted(threads, "thread", "threads"))
    });
    out(&format!(
        "\n{}, {}{time}, up to {peak} of memory for one trial and {} of disk for all\n",
        counted(plan.len(), "point", "points"),
        counted(trials, "trial", "trials"),
        ByteSize(disk.saturating_add(passing.saturating_mul(jobs.min(trials) as u64)))
    ))?;
    Ok(Exit::Done)
}

/// A trial with its log, which other points may share. What would not start is refused; with
/// `force` a trial may be above its limits.
fn open(
    plan: &SweepPlan,
    planned: &PlannedTrial,
    sources: &OpenLogs,
    force: bool,
) -> Result<Trial, Failure> {
    let open = |choice: &SourceChoice, context: &OpenContext<'_>| sources.open(choice, context);
    let Planned { point, label, .. } = &planned.planned;
    let refused = |error: RunError| {
        let failure = match plan.loaded(*point) {
            Some(loaded) => refusal::of_run(&loaded, error),
            None => error.into(),
        };
        failure.with_line(&format!("in point {point}: {}", status::name(label)))
    };
    let trial = Trial::with_sources(planned.scenario.clone(), &plan.files_from, 1, &open);
    let trial = trial.map_err(refused)?;
    if !force {
        trial.check_limits().map_err(refused)?;
    }
    trial.check_starts().map_err(refused)?;
    Ok(trial)
}

fn chosen<'a>(plan: &'a SweepPlan, selection: &TrialSelection) -> Vec<&'a PlannedTrial> {
    let numbered = plan.trials.iter().enumerate();
    numbered.filter(|(index, trial)| selection.has(*index, trial)).map(|(_, trial)| trial).collect()
}

/// Runs the missing trials of a plan.
pub(super) fn execute(
    plan: &SweepPlan,
    path: Option<&Path>,
    sweeping: &SweepingArgs,
) -> Result<Exit, Failure> {
    let trials = chosen(plan, &sweeping.selection());
    if trials.is_empty() {
        let message = "no trial of the sweep fits --only and --shard; --list shows all points";
        return Err(Failure::new(Exit::Usage, message));
    }
    admit(plan, &trials, sweeping.force)?;
    let default = || PathBuf::from("results").join(format!("{}-{}", plan.name, plan.hash));
    let path = path.map_or_else(default, Path::to_path_buf);
    let folder = SweepFolder::open(&path, plan, sweeping.shard).map_err(RunError::from)?;
    let threads = load::threads(sweeping.threads);
    let options = SweepOptions {
        threads,
        jobs: sweeping.jobs.map_or(threads, usize::from),
        memory: sweeping.memory.unwrap_or_else(memory),
        force: sweeping.force,
        retry: sweeping.retry,
        stop: signals::stop_on_request(),
        save_every: sweeping.save_every,
    };
    let stopwatch = {
        let _turn = turn(&path).map_err(RunError::from)?;
        Stopwatch::start(&path, threads, &plan.files_from, None).map_err(RunError::from)?
    };
    let watch = watcher(plan, &path, trials.len(), &options, sweeping);
    let tally = run_trials(&folder, &trials, &plan.files_from, &options, watch.as_ref());
    drop(watch);
    folder.check_still_there().map_err(RunError::from)?;
    if tells_events() {
        events::sweep_end(&tally);
    }
    {
        let _turn = turn(&path).map_err(RunError::from)?;
        stopwatch.stop().map_err(RunError::from)?;
    }
    let results = Overview::refresh(&path).map_err(|error| Failure::new(Exit::Write, error))?;
    let is_complete = || results.trials.iter().all(|trial| trial.state() != State::ToDo);
    if sweeping.shard.is_none() || is_complete() {
        let _turn = turn(&path).map_err(RunError::from)?;
        report::at_the_end(&path, true)?;
    }
    if sweeping.json {
        let state = status::as_json(&results)?;
        out_json(&format!("{state:#}\n"))?;
    } else {
        out(&status::conclusion(&results)?)?;
        out(&status::race(&results)?)?;
        out(&status::points(&results)?)?;
        out(&format!("\n{}", status::broken(&results)?))?;
        out(&format!("results: {}\n", path.display()))?;
    }
    let unmet = expect::failing(&results)?;
    end(tally, unmet, &path, &options)
}

/// Prints what is about to run, and returns the watcher that shows its progress.
fn watcher(
    plan: &SweepPlan,
    path: &Path,
    trials: usize,
    options: &SweepOptions,
    sweeping: &SweepingArgs,
) -> Box<dyn SweepWatcher> {
    let (points, threads, jobs) = (plan.len(), options.threads, options.jobs.min(trials));
    let (version, path) = (env!("CARGO_PKG_VERSION"), path.display());
    match sweeping.progress.with(sweeping.quiet, sweeping.plain) {
        ProgressBy::None => Box::new(Quiet),
        ProgressBy::Json => Box::new(SweepEvents::begin(json!({
            "name": plan.name,
            "folder": path.to_string(),
            "points": points,
            "trials": trials,
            "jobs": jobs,
            "threads": threads,
            "version": version,
        }))),
        how => {
            tell(&format!(
                "straggler {version}   {}   {}, {}\n{path}   {jobs} at a time on {}, up to {}\n",
                plan.name,
                counted(points, "point", "points"),
                counted(trials, "trial", "trials"),
                counted(threads, "thread", "threads"),
                options.memory
            ));
            let terminal = is_told_on_terminal() && how == ProgressBy::Auto;
            Box::new(SweepWatch::new(trials, terminal))
        }
    }
}

/// Refuses a sweep if one of its points would not start, before anything is written. With `force` a
/// point may be above its limits.
fn admit(plan: &SweepPlan, trials: &[&PlannedTrial], force: bool) -> Result<(), Failure> {
    let sources = OpenLogs::default();
    let mut told = BTreeSet::new();
    for number in 0..plan.len().min(LOOKED_AT) {
        let Some(first) = trials.iter().find(|trial| trial.planned.point == number) else {
            continue;
        };
        let trial = open(plan, first, &sources, force)?;
        warn(&remarks::warnings(&trial.remarks, None), &mut told);
    }
    Ok(())
}

/// Memory that trials may take together: most of the free memory.
fn memory() -> ByteSize {
    ByteSize(budget::available().map_or(2 << 30, |bytes| bytes / 10 * 8))
}

/// Prints how the trials ended; returns the exit code for it.
fn end(
    tally: TrialCounts,
    unmet: Vec<(String, String)>,
    path: &Path,
    options: &SweepOptions,
) -> Result<Exit, Failure> {
    let mut text = String::new();
    let mut tell_some = |what: &str, list: Vec<(String, String)>| {
        if list.is_empty() {
            return;
        }
        text.push_str(&format!("{} {what}:\n", counted(list.len(), "trial", "trials")));
        for (id, reason) in list.iter().take(10) {
            let reason = reason.lines().next().unwrap_or("");
            text.push_str(&format!("  {id}  {reason}\n"));
        }
        if list.len() > 10 {
            text.push_str(&format!("  and {} more; see trials.csv\n", list.len() - 10));
        }
    };
    let write = tally.refused.iter().find(|(_, error)| is_write(error)).is_some();
    let texts = |list: Vec<(String, RunError)>| -> Vec<(String, String)> {
        list.into_iter().map(|(id, error)| (id, error.to_string())).collect()
    };
    let (panicked, failed) = (!tally.panicked.is_empty(), !tally.failed.is_empty());
    let refused = tally.refused.first().map(|(_, error)| Failure::exit_of(error));
    tell_some("hit a bug in straggler (please report it)", tally.panicked);
    tell_some("blew up or stalled", tally.failed);
    tell_some("could not be run", texts(tally.refused));
    let as_expected = unmet.is_empty();
    tell_some("did not end as the scenario expects", unmet);
    let again = format!("straggler resume {}", path.display());
    if tally.elsewhere > 0 {
        text.push_str(&format!(
            "{} being run by another process\n",
            counted(tally.elsewhere, "trial is", "trials are")
        ));
    }
    if tally.interrupted > 0 {
        text.push_str(&format!(
            "{} left to do; to continue: {again}\n",
            counted(tally.interrupted, "trial is", "trials are")
        ));
    } else if failed || panicked {
        text.push_str(&format!("to run those that failed once more: {again} --retry\n"));
    }
    let exit = match options.stop.asked() {
        _ if panicked => Exit::Bug,
        Some(signal) if tally.interrupted > 0 => Exit::of_signal(signal),
        _ if write => Exit::Write,
        _ if failed => Exit::Simulation,
        _ => refused.unwrap_or(if as_expected { Exit::Done } else { Exit::Check }),
    };
    tell(&text);
    Ok(exit)
}

fn is_write(error: &RunError) -> bool {
    Failure::exit_of(error) == Exit::Write
}
