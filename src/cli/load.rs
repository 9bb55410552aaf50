//! From arguments to a checked scenario.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::say::{is_told_on_terminal, tell_coloured};
use crate::data::Remark;
use crate::experiment::sweep::SWEEP;
use crate::experiment::{RunError, Trial, run_info};
use crate::results::folder::RESOLVED;
use crate::scenario::document::{
    DocumentInput, Loaded, Origin, Override, Problem, ProblemStyle, Problems, load,
};
use crate::scenario::rules::UNUSABLE;
use crate::scenario::sweep::is_sweep;
use crate::scenario::{Scenario, remarks, rules};

/// Reads and checks the scenario in a file or a results folder. Returns with it the folder that its
/// files are looked for in.
pub(super) fn from_path(
    path: &Path,
    overrides: &[String],
    arguments: &[OsString],
) -> Result<(Loaded<Scenario>, PathBuf), Failure> {
    let file = file_of(path);
    let loaded = scenario(DocumentInput::File(&file), overrides, arguments)?;
    Ok((loaded, files_of(&file, &file)))
}

/// Reads and checks a scenario; warnings go to stderr.
pub(super) fn scenario(
    input: DocumentInput<'_>,
    overrides: &[String],
    arguments: &[OsString],
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
    let refused = |problems: Problems| refused(&problems);
    let mut loaded = load::<Scenario>(input, &overrides).map_err(refused)?;
    rules::check(&mut loaded);
    let loaded = loaded.finish().map_err(refused)?;
    tell_warnings(&loaded.problems);
    Ok(loaded)
}

/// Prints the remarks about the log of `loaded`, if there are any.
pub(super) fn tell_remarks(remarks: &[Remark], loaded: &Loaded<Scenario>) {
    tell_warnings(&remarks::warnings(remarks, Some(loaded)));
}

/// Prints warnings, if there are any.
pub(super) fn tell_warnings(warnings: &Problems) {
    if !warnings.list.is_empty() {
        tell_coloured(&format!("{}\n", warnings.render(look()).trim_end()));
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
        .map_err(|error| at_its_place(loaded.clone(), error))?;
    tell_remarks(&trial.remarks, loaded);
    Ok(trial)
}

/// The refusal of a scenario, with its place if it is about a setting.
pub(super) fn at_its_place(mut loaded: Loaded<Scenario>, error: RunError) -> Failure {
    let RunError::Build(build) = &error else { return error.into() };
    let Some(key) = build.setting() else { return error.into() };
    let written = loaded.key_origin(&key);
    let place = match written == Origin::DEFAULT {
        true => loaded.key_origin(key.split('.').next().unwrap_or(&key)),
        false => written,
    };
    // Its warnings have been shown.
    loaded.problems.list.clear();
    loaded.report(Problem::error(&UNUSABLE, &key, error.to_string()).label(place, ""));
    match loaded.finish() {
        Err(problems) => refused(&problems),
        Ok(_) => error.into(),
    }
}

/// An argument `key=value` and its place on the command line.
pub(super) fn argument(text: &str, arguments: &[OsString]) -> Override {
    let at = arguments.iter().position(|argument| argument == text);
    Override::argument(at.unwrap_or(0), text)
}

/// What is wrong with a text that the user wrote.
pub(super) fn refused(problems: &Problems) -> Failure {
    Failure::rendered(problems.render(look()))
}

/// Colours on a terminal, unless NO_COLOR forbids them.
pub(super) fn look() -> ProblemStyle {
    let colour = is_told_on_terminal() && std::env::var_os("NO_COLOR").is_none();
    ProblemStyle { colour }
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
