//! `straggler lab restart`: which part of a restart has which effect.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::args::{LabCommand, LabRestartArgs};
use super::exit::{Exit, Failure};
use super::say::{out, tell};
use super::shorthand::Typed;
use super::{load, report, signals};
use crate::base::{SimSpan, counted, noun};
use crate::experiment::lab::design::{NO_RESTART, arms, terms};
use crate::experiment::lab::fork::FORK;
use crate::experiment::lab::tables::{arm_rows, effect_rows};
use crate::experiment::lab::{LabResults, LabWork, RestartLab};
use crate::report::terminal::{Align, TextTable};
use crate::results::folder::plan_hash;
use crate::results::lab::LabFolder;
use crate::results::tables::{ArmRow, EffectRow};
use crate::scenario::Scenario;
use crate::scenario::lab::Factor;

/// The responses of the table of arms.
const SHOWN: [&str; 5] = ["at_once", "depth", "early", "final", "recovered_after"];
/// The response for which the effects are shown.
const ATTRIBUTED: &str = "depth";

pub(super) fn lab(args: &LabCommand, arguments: &[Typed]) -> Result<Exit, Failure> {
    let LabCommand::Restart(args) = args;
    restart(args, arguments)
}

fn restart(args: &LabRestartArgs, arguments: &[Typed]) -> Result<Exit, Failure> {
    let (loaded, files_from) = load::from_path(&args.scenario, &args.overrides, arguments)?;
    let mut loaded = loaded;
    if args.quick {
        make_quick(&mut loaded.value);
    }
    let lab = RestartLab::new(loaded.value.clone());
    loaded.value = lab.scenario.clone();
    let threads = load::threads(args.threads);
    let trial = load::trial(&loaded, &files_from, threads)?;
    load::admit(&loaded, &trial, &files_from, false)?;
    if args.list {
        out(&list(&lab, &files_from, threads))?;
        return Ok(Exit::Done);
    }
    let default = || {
        let name = &lab.scenario.scenario.name;
        Path::new("results").join(format!("{name}-lab-{}", plan_hash(&lab.resolved)))
    };
    let path = args.out.clone().unwrap_or_else(default);
    execute(&lab, &path, &files_from, threads, args.quiet)
}

/// Fewer seeds, updates and factors, for a first look.
fn make_quick(scenario: &mut Scenario) {
    let lab = scenario.lab.get_or_insert_default();
    lab.seeds = lab.seeds.min(3);
    lab.updates = lab.updates.min(400);
    lab.early = lab.early.min(lab.updates);
    lab.points = lab.points.min(10);
    lab.factors = vec![Factor::Workers, Factor::Slots];
}

/// Runs what is missing of a lab, and prints its results.
pub(super) fn execute(
    lab: &RestartLab,
    path: &Path,
    files_from: &Path,
    threads: usize,
    quiet: bool,
) -> Result<Exit, Failure> {
    if !quiet {
        tell(&heading(lab, path, lab.wall_estimate(files_from, threads)));
    }
    #[expect(clippy::disallowed_methods, reason = "wall time of our own process, for people")]
    let started = Instant::now();
    let steps = lab.steps(path);
    // The parts are of different length: a base run may take as long as all of its arms.
    let work = lab.work(files_from).unwrap_or(LabWork { base: 1.0, arm: 1.0 });
    let most = lab.settings().workers.iter().copied().max().unwrap_or(1);
    let per_base = arms(lab.settings(), most).len();
    let whole = (steps as f64 / (per_base + 1) as f64) * (work.base + work.arm * per_base as f64);
    let progress = Mutex::new((0, 0.0));
    let told = |workers: u32, seed: u64, what: &str| {
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.0 += 1;
        progress.1 += if what == FORK { work.base } else { work.arm };
        let (done, worked) = *progress;
        if !quiet {
            let seconds = started.elapsed().as_secs_f64();
            let left = seconds * (whole - worked).max(0.0) / worked;
            tell(&format!(
                "{seconds:>5.0} s  {:>3} %, about {} left   {} seed {seed}: {what}\n",
                100 * done.min(steps) / steps.max(1),
                SimSpan::from_seconds(left.round()),
                people(workers)
            ));
        }
    };
    let stop = signals::stop_on_request();
    let results = lab.run(path, files_from, threads, &stop, &told)?;
    report::at_the_end(path, true)?;
    let file = LabFolder::open(path)?.and_then(|folder| folder.done).unwrap_or_default();
    out(&show(lab, &results, &file.verdict, path))?;
    let holds = results.controls.iter().all(|control| control.holds == control.of);
    Ok(if holds { Exit::Done } else { Exit::Check })
}

fn people(workers: u32) -> String {
    counted(workers, "worker", "workers")
}

/// An estimate of wall time.
fn span(seconds: f64) -> SimSpan {
    SimSpan::from_seconds(seconds.min(1e8).ceil())
}

fn heading(lab: &RestartLab, path: &Path, estimate: Option<f64>) -> String {
    let settings = lab.settings();
    let numbers: Vec<String> = settings.workers.iter().map(u32::to_string).collect();
    format!(
        "straggler {}   {}   restart lab: {}, {} {}, {}{}\n{}\n",
        env!("CARGO_PKG_VERSION"),
        lab.scenario.scenario.name,
        counted(arms(settings, 1).len(), "arm", "arms"),
        numbers.join(" and "),
        noun(settings.workers.last().copied().unwrap_or(1), "worker", "workers"),
        counted(settings.seeds, "seed", "seeds"),
        estimate.map_or_else(String::new, |seconds| format!(", about {}", span(seconds))),
        path.display()
    )
}

/// The arms and the effects that the design can estimate; runs nothing.
fn list(lab: &RestartLab, files_from: &Path, threads: usize) -> String {
    let settings = lab.settings();
    let most = settings.workers.iter().copied().max().unwrap_or(1);
    let mut text = String::from("arms\n");
    for arm in arms(settings, most) {
        text.push_str(&format!("  {}\n", arm.label));
    }
    text.push_str("\neffects that the factorial estimates\n");
    for term in terms(&settings.factors) {
        let aliases = if term.aliases.is_empty() {
            String::new()
        } else {
            format!(", cannot be told apart from {}", term.aliases.join(", "))
        };
        text.push_str(&format!("  {}{aliases}\n", term.name));
    }
    text.push_str(&format!(
        "\n{} ({}, {}), {} each, of {}\n",
        counted(lab.bases().len(), "base run", "base runs"),
        counted(settings.workers.len(), "worker count", "worker counts"),
        counted(settings.seeds, "seed", "seeds"),
        counted(arms(settings, most).len(), "arm", "arms"),
        counted(settings.updates, "update", "updates")
    ));
    if let Some(seconds) = lab.wall_estimate(files_from, threads) {
        let threads = counted(threads, "thread", "threads");
        text.push_str(&format!("about {} on {threads}\n", span(seconds)));
    }
    text
}

/// The results of the lab.
fn show(lab: &RestartLab, results: &LabResults, verdict: &[String], path: &Path) -> String {
    let settings = lab.settings();
    let responses = arm_rows(settings, results);
    let effects = effect_rows(settings, results);
    let mut text = String::new();
    for sentence in verdict {
        text.push_str(&format!("{sentence}\n"));
    }
    for &workers in &settings.workers {
        let bases: Vec<_> = results.forks.iter().filter(|f| f.workers == workers).collect();
        let passes: Vec<f64> = bases.iter().map(|forked| forked.passes).collect();
        let range = |from: f64, to: f64| {
            if to - from < 0.005 { format!("{from:.2}") } else { format!("{from:.2} to {to:.2}") }
        };
        let (low, high) = passes
            .iter()
            .fold((f64::MAX, 0.0f64), |(low, high), &passes| (low.min(passes), high.max(passes)));
        text.push_str(&format!(
            "\n{}, forked after {} passes: AUC in basis points, mean over {} ± 95 %\n",
            people(workers),
            range(low, high),
            counted(bases.len(), "seed", "seeds")
        ));
        text.push_str(&table_of_arms(&responses, workers));
    }
    let early = settings.early.min(settings.updates);
    text.push_str(&format!(
        "\nWhich part causes the drop: effect on the lowest AUC of the first {}, in basis points\n",
        counted(early, "update", "updates")
    ));
    text.push_str(&table_of_effects(&effects, &settings.workers));
    text.push_str("(* p < 0.05 after Holm, over the terms of a column)\n\n");
    for control in &results.controls {
        text.push_str(&format!(
            "control, {}: {} ({} of {})\n",
            people(control.workers),
            control.name,
            control.holds,
            control.of
        ));
    }
    text.push_str(&format!("\n{}\n", path.display()));
    text
}

fn table_of_arms(responses: &[ArmRow], workers: u32) -> String {
    let mut table = TextTable::new(&[
        Align::Left,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Right,
    ]);
    table.row(["arm", "at once", "depth", "early", "final", "recovered after"]);
    let mine: Vec<&ArmRow> = responses.iter().filter(|row| row.workers == workers).collect();
    let mut names: Vec<&str> = mine.iter().map(|row| row.arm.as_str()).collect();
    names.dedup();
    for name in names {
        let cell = |response: &str| {
            let row = mine.iter().find(|row| row.arm == name && row.response == response);
            row.map_or(String::new(), |row| match response {
                "recovered_after" => updates(row),
                _ => basis_points(row.value, row.low.zip(row.high)),
            })
        };
        let plain = |response: &str| name == NO_RESTART && !response.starts_with("depth");
        let cells = SHOWN.map(|r| if plain(r) { String::new() } else { cell(r) });
        table.row(std::iter::once(name.to_owned()).chain(cells));
    }
    table.render()
}

fn updates(row: &ArmRow) -> String {
    match row.value {
        Some(mean) => format!("{mean:.0} ({})", row.seeds),
        None => "never".into(),
    }
}

fn basis_points(mean: Option<f64>, interval: Option<(f64, f64)>) -> String {
    match (mean, interval) {
        (Some(mean), Some((low, high))) => {
            let half = (high - low) / 2.0;
            format!("{:+.0} ± {:.0}", 1e4 * mean, 1e4 * half)
        }
        (Some(mean), None) => format!("{:+.0}", 1e4 * mean),
        _ => "-".into(),
    }
}

fn table_of_effects(effects: &[EffectRow], workers: &[u32]) -> String {
    let mut align = vec![Align::Left];
    align.resize(workers.len() + 1, Align::Right);
    let mut table = TextTable::new(&align);
    table.row(std::iter::once("lost".to_owned()).chain(workers.iter().map(|&n| people(n))));
    let chosen: Vec<&EffectRow> = effects.iter().filter(|row| row.response == ATTRIBUTED).collect();
    let most = workers.last().copied();
    let size = |row: &&EffectRow| row.effect.map_or(0.0, f64::abs);
    let mut order: Vec<&EffectRow> =
        chosen.iter().copied().filter(|row| Some(row.workers) == most).collect();
    order.sort_by(|a, b| size(b).total_cmp(&size(a)));
    for term in order {
        let cell = |&workers: &u32| {
            let row = chosen.iter().find(|row| row.workers == workers && row.term == term.term);
            row.map_or(String::new(), |row| {
                let star = if row.p_holm.is_some_and(|p| p < 0.05) { "*" } else { " " };
                format!("{}{star}", basis_points(row.effect, row.low.zip(row.high)))
            })
        };
        let aliases = term.aliases.split("; ").filter(|alias| !alias.is_empty());
        let name = std::iter::once(term.term.as_str()).chain(aliases);
        let name = name.collect::<Vec<_>>().join(" + ");
        table.row(std::iter::once(name).chain(workers.iter().map(cell)));
    }
    table.render()
}
