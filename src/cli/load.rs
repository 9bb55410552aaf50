//! From arguments to a checked scenario.

use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::say::tell_coloured;
use super::shorthand::Typed;
use super::{refusal, show};
use crate::data::Remark;
use crate::experiment::lab::RestartLab;
use crate::experiment::sweep::SWEEP;
use crate::experiment::{Trial, run_info};
use crate::results::folder::RESOLVED;
use crate::scenario::document::{
    DocumentInput, Loaded, Origin, Override, Problem, Problems, SourceLayer, load,
};
use crate::scenario::sweep::is_sweep;
use crate::scenario::{Scenario, remarks, rules};

/// Reads and checks the scenario in a file or a results folder. Returns with it the folder that its
/// files are looked for in.
pub(super) fn from_path(
    path: &Path,
    overrides: &[String],
    arguments: &[Typed],
) -> Result<(Loaded<Scenario>, PathBuf), Failure> {
    let file = file_of(path);
    let loaded = scenario(DocumentInput::File(&file), overrides, arguments)?;
    Ok((loaded, files_of(&file, &file)))
}

/// Reads and checks a scenario; warnings go to stderr.
pub(super) fn scenario(
    input: DocumentInput<'_>,
    overrides: &[String],
    arguments: &[Typed],
) -> Result<Loaded<Scenario>, Failure> {
    if let DocumentInput::File(path) = input
        && is_sweep(path)
    {
        let message = format!(
            "{0} is a sweep, many scenarios in one file: `straggler run {0} --list` checks all of them",
            path.display()
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let overrides: Vec<Override> = overrides.iter().map(|text| argument(text, arguments)).collect();
    let refused = |problems: Problems| refusal::of_text(&problems);
    let mut loaded = load::<Scenario>(input, &overrides).map_err(refused)?;
    rules::check(&mut loaded);
    let loaded = loaded.finish().map_err(refused)?;
    tell_warnings(&loaded.problems);
    tell_of_stages(&loaded);
    Ok(loaded)
}

/// Warns about settings within stages.
fn tell_of_stages(loaded: &Loaded<Scenario>) {
    let label = |warning: Problem| {
        let origin = loaded.nearest_origin(&warning.path);
        warning.label(origin, "")
    };
    let list = loaded.value.stage_warnings().into_iter().map(label).collect();
    tell_warnings(&Problems { list, ..loaded.problems.clone() });
}

/// Warns about a run whose end nobody will see.
pub(super) fn tell_endless(loaded: &Loaded<Scenario>, trial: &Trial) {
    const LONGEST: f64 = 366.0 * 86_400.0;
    if trial.wall_estimate().is_none_or(|seconds| seconds < LONGEST) {
        return;
    }
    let time = show::time(trial).unwrap_or_default();
    let mut problems = loaded.problems.clone();
    problems.list = vec![
        Problem::warning(
            &rules::SUSPICIOUS,
            "train.stop",
            format!("this run will take about {time}"),
        )
        .label(loaded.nearest_place("train.stop"), "")
        .help("an earlier end, such as train.stop.updates = 100000, or train.stop.sim_time"),
    ];
    tell_warnings(&problems);
}

/// Warns about settings of `[lab]` among `overrides`, given to a command that does not read it. With
/// `amends` those of a file that has a `[lab]` are meant for it.
pub(super) fn tell_idle_lab(loaded: &Loaded<Scenario>, overrides: &[String], amends: bool) {
    let layer = |origin: Origin| loaded.problems.sources.get(origin.source).layer;
    if amends && layer(loaded.key_origin("lab")) == SourceLayer::File {
        return;
    }
    let mut idle = loaded.problems.clone();
    idle.list.clear();
    for text in overrides {
        let key = text.split_once('=').map_or("", |(key, _)| key.trim());
        if key != "lab" && !key.starts_with("lab.") {
            continue;
        }
        let message = format!("`{key}` has no effect: only `straggler lab restart` reads `[lab]`");
        let mut problem =
            Problem::warning(&rules::NO_EFFECT, key, message).label(loaded.key_origin(key), "");
        if key == "lab.seeds" {
            problem = problem.help("--seeds 3 of `straggler run` makes a sweep of three seeds");
        }
        idle.list.push(problem);
    }
    tell_warnings(&idle);
}

/// Prints the remarks about the log of `loaded`, if there are any.
pub(super) fn tell_remarks(remarks: &[Remark], loaded: &Loaded<Scenario>) {
    tell_warnings(&remarks::warnings(remarks, Some(loaded)));
}

/// Prints warnings, if there are any.
pub(super) fn tell_warnings(warnings: &Problems) {
    if !warnings.list.is_empty() {
        tell_coloured(&format!("{}\n", warnings.render(refusal::look()).trim_end()));
    }
}

/// A trial of a scenario that was read; remarks about its log are printed. What the log and the
/// model say about a setting is shown at its place, as other mistakes are.
pub(super) fn trial(
    loaded: &Loaded<Scenario>,
    folder: &Path,
    threads: usize,
) -> Result<Trial, Failure> {
    let trial = Trial::new(loaded.value.clone(), folder, threads)
        .map_err(|error| refusal::of_run(loaded, error))?;
    tell_remarks(&trial.remarks, loaded);
    Ok(trial)
}

/// Refuses what would not start, before anything is written: the same for `check`, `run` and
/// `lab restart`. With `force` a trial may be above its limits.
pub(super) fn admit(
    loaded: &Loaded<Scenario>,
    trial: &Trial,
    folder: &Path,
    force: bool,
) -> Result<(), Failure> {
    let refused = |error| refusal::of_run(loaded, error);
    if !force {
        trial.check_limits().map_err(refused)?;
    }
    trial.check_starts().map_err(refused)?;
    if loaded.value.lab.is_some() {
        let lab = RestartLab::new(loaded.value.clone());
        lab.check(folder).map_err(|error| refusal::of_lab(loaded, error))?;
    }
    Ok(())
}

/// An argument `key=value` and its place on the command line.
pub(super) fn argument(text: &str, arguments: &[Typed]) -> Override {
    let typed = arguments.iter().find(|typed| typed.word == text);
    Override::argument(typed.map_or(0, |typed| typed.number), text)
}

/// The folder that the files of `scenario` are looked for in. If `given`, the file that the user
/// named, was written by this program into a results folder, it is the folder that its first run
/// used; otherwise that of the scenario.
pub(super) fn files_of(given: &Path, scenario: &Path) -> PathBuf {
    let written = given.file_name().is_some_and(|name| name == RESOLVED || name == SWEEP);
    // A trial lies two folders below its sweep.
    let folder = folder_of(given);
    let above = [folder.clone(), folder.join("../..")];
    let known = above.iter().find_map(|folder| run_info::read(folder)).filter(|_| written);
    known.map_or_else(|| folder_of(scenario), |info| info.files_from)
}

/// The file to run: `path`, or, if it is a results folder, the file in it.
pub(super) fn file_of(path: &Path) -> PathBuf {
    let inside = [SWEEP, RESOLVED].map(|name| path.join(name));
    inside.into_iter().find(|file| file.is_file()).unwrap_or_else(|| path.to_path_buf())
}

/// The folder that a file lies in.
pub(super) fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Number of host threads: as asked for, or all.
pub(super) fn threads(asked: Option<usize>) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    asked.unwrap_or_else(all).clamp(1, 256)
}
