//! `straggler verify`: runs a finished run once more and names the first place where the results
//! differ.

use std::fs;
use std::path::{Path, PathBuf};

use super::args::{ProgressBy, VerifyArgs};
use super::exit::{Exit, Failure};
use super::run::{self, ProgressDisplay};
use super::say::out;
use super::{load, resume};
use crate::base::{counted, printable};
use crate::experiment::verify::{FirstDifference, Verified, compare, pictured};
use crate::experiment::{SaveEvery, run_info};
use crate::results::folder::{RESOLVED, is_lab};
use crate::results::semantics::SEMANTICS;
use crate::results::summary::Summary;
use crate::scenario::document::DocumentInput;

pub(super) fn verify(args: &VerifyArgs) -> Result<Exit, Failure> {
    let folder = &args.folder;
    check(folder, args.force)?;
    let files = resume::files_of(folder, args.files.as_deref())?;
    let resolved = folder.join(RESOLVED);
    let loaded = load::scenario(DocumentInput::File(&resolved), &[], &[])?;
    let threads = load::threads(args.threads);
    let trial = load::trial(&loaded, &files, threads)?;
    let place = SecondFolder::of(args.out.as_deref())?;
    let look = ProgressDisplay {
        progress: ProgressBy::Auto.with(args.quiet, args.plain),
        plain: args.plain,
        plots: pictured(folder),
        // The limits were accepted before, and a named folder is to be used even if it has results.
        force: true,
        save_every: SaveEvery::Never,
    };
    match run::execute(trial, Some(&place.path), threads, look) {
        Ok(_) => {}
        // A run that blew up has to blow up again.
        Err(failure) if failure.exit == Exit::Simulation => {}
        Err(failure) if matches!(failure.exit, Exit::Interrupted | Exit::Terminated) => {
            return Err(Failure::new(failure.exit, "stopped; nothing was verified"));
        }
        Err(failure) => return Err(failure),
    }
    let verified = compare(folder, &place.path).map_err(|e| Failure::new(Exit::Folder, e))?;
    out(&report(folder, &verified))?;
    Ok(if verified.first.is_some() { Exit::Check } else { Exit::Done })
}

/// Refuses folders that cannot be verified.
fn check(folder: &Path, force: bool) -> Result<(), Failure> {
    let refuse = |exit, why: &str| Err(Failure::new(exit, format!("{}: {why}", folder.display())));
    if folder.join("plan.jsonl").exists() {
        let why = "this is a sweep; verify one of its trials, such as trials/0000 in it";
        return refuse(Exit::Usage, why);
    }
    if is_lab(folder) {
        let why = "this is a restart lab, which checks itself: its controls are in lab.json";
        return refuse(Exit::Usage, why);
    }
    match Summary::read(folder) {
        Ok(None) if !folder.join("diagnosis.json").exists() => {
            refuse(Exit::Folder, "no run has ended here; there is no summary.json")
        }
        Ok(Some(Summary { semantics, .. })) if ![0, SEMANTICS].contains(&semantics) && !force => {
            let why = format!(
                "these are results of semantics {semantics}, and this program has {SEMANTICS}: they are meant \
                 to differ (see the changelog); --force compares them all the same"
            );
            refuse(Exit::Refused, &why)
        }
        // The comparison says what is wrong with a summary that cannot be read.
        _ => Ok(()),
    }
}

/// The result of the comparison, for people.
fn report(folder: &Path, verified: &Verified) -> String {
    let name = folder.display();
    let Some(first) = &verified.first else {
        let (files, lines) = (verified.files, verified.lines);
        return format!(
            "{name}: the same when run again ({}, {})\n",
            counted(files, "file", "files"),
            counted(lines, "line", "lines")
        );
    };
    let mut text = format!("{name}: not the same when run again\n");
    text.push_str(&describe(first));
    for file in &verified.changed {
        text.push_str(&format!(
            "{}: changed since it was written (its checksum in summary.json is another)\n",
            printable(file)
        ));
    }
    for file in &verified.deleted {
        text.push_str(&format!("{}: deleted since it was written\n", printable(file)));
    }
    if let Some(info) = run_info::read(folder) {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        let here = (env!("CARGO_PKG_VERSION"), os, arch);
        if (info.version.as_str(), info.os.as_str(), info.arch.as_str()) != here {
            text.push_str(&format!(
                "written by straggler {} on {} {}; this is {} on {os} {arch}, and other processors may round \
                 otherwise\n",
                printable(&info.version),
                printable(&info.os),
                printable(&info.arch),
                here.0
            ));
        }
    }
    text
}

fn describe(first: &FirstDifference) -> String {
    let mut text = format!("first difference: {}", printable(&first.file));
    if first.line > 0 {
        text.push_str(&format!(", line {}", first.line));
    }
    if let Some(column) = &first.column {
        text.push_str(&format!(", column {}", printable(column)));
    }
    text.push('\n');
    if !first.at.is_empty() {
        let at: Vec<String> =
            first.at.iter().map(|(name, cell)| printable(&format!("{name} {cell}"))).collect();
        text.push_str(&format!("  at     {}\n", at.join(", ")));
    }
    let says = |text: &Option<String>| text.as_deref().map_or("(nothing)".into(), printable);
    text.push_str(&format!("  kept   {}\n", says(&first.kept)));
    text.push_str(&format!("  again  {}\n", says(&first.again)));
    text
}

/// The folder of the second run.
struct SecondFolder {
    path: PathBuf,
    /// Whether the folder is removed afterwards.
    passing: bool,
}

impl SecondFolder {
    fn of(out: Option<&Path>) -> Result<SecondFolder, Failure> {
        if let Some(path) = out {
            return Ok(SecondFolder { path: path.to_path_buf(), passing: false });
        }
        let path = std::env::temp_dir().join(format!("straggler-verify-{}", std::process::id()));
        // Only a new folder is used, so that no other files are removed.
        fs::create_dir(&path).map_err(|error| {
            Failure::new(Exit::Write, format!("cannot make {}: {error}", path.display()))
        })?;
        Ok(SecondFolder { path, passing: true })
    }
}

impl Drop for SecondFolder {
    fn drop(&mut self) {
        if self.passing {
            drop(fs::remove_dir_all(&self.path));
        }
    }
}
