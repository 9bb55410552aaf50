//! `straggler run`.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::args::Run;
use super::exit::{Exit, Failure};
use super::progress::Live;
use super::{load, report, show};
use crate::experiment::folder::plan_hash;
use crate::experiment::{Summary, Trial};
use crate::report::terminal::Glyphs;
use crate::scenario::document::Input;
use crate::sim::Nobody;

pub(super) fn run(args: &Run, arguments: &[OsString]) -> Result<Exit, Failure> {
    let loaded = load::scenario(Input::File(&args.scenario), &args.overrides, arguments)?;
    let folder = load::folder_of(&args.scenario);
    let look =
        Look { quiet: args.quiet, plain: args.plain, plots: !args.no_plots, force: args.force };
    let threads = load::threads(args.threads);
    let trial = Trial::new(loaded.value, &folder, threads)?;
    let done = execute(trial, args.out.as_deref(), threads, look)?;
    if args.json {
        print_json(&done)?;
    } else {
        match &done.summary {
            Some(summary) => out(&show::summary(summary, &done.path))?,
            None => {
                out(&format!("{} is done already; --force runs it again\n", done.path.display()))?
            }
        }
    }
    Ok(Exit::Done)
}

/// How a run shows itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) quiet: bool,
    pub(super) plain: bool,
    pub(super) plots: bool,
    pub(super) force: bool,
}

/// A run that is done.
pub(super) struct Done {
    pub(super) summary: Option<Summary>,
    pub(super) path: PathBuf,
    pub(super) wall: f64,
}

/// Runs a trial with live progress, writes its pictures and page, and notes the wall-clock facts.
pub(super) fn execute(
    trial: Trial,
    out: Option<&Path>,
    threads: usize,
    look: Look,
) -> Result<Done, Failure> {
    if !look.force {
        trial.check_limits()?;
    }
    let name = &trial.scenario.scenario.name;
    let path = match out {
        Some(path) => path.to_path_buf(),
        None => Path::new("results").join(format!("{name}-{}", plan_hash(&trial.resolved))),
    };
    if !look.quiet {
        tell(&show::heading(&trial, &path, threads));
    }
    let glyphs = if look.plain { Glyphs::Plain } else { Glyphs::Blocks };
    #[expect(clippy::disallowed_methods, reason = "wall time of our own process, for people")]
    let started = Instant::now();
    let outcome = if look.quiet {
        trial.run(&path, look.force, &mut Nobody)
    } else {
        let terminal = std::io::stderr().is_terminal() && !look.plain;
        let mut live = Live::new(&trial, terminal, glyphs);
        let outcome = trial.run(&path, look.force, &mut live);
        live.end();
        outcome
    };
    let wall = started.elapsed().as_secs_f64();
    let finished = outcome?;
    if finished.summary.is_some() {
        write_run_info(&finished.path, wall, threads)?;
        if look.plots {
            report::at_the_end(&finished.path, look.quiet)?;
        }
    }
    Ok(Done { summary: finished.summary, path: finished.path, wall })
}

fn write_run_info(path: &Path, wall: f64, threads: usize) -> Result<(), Failure> {
    let info = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "threads": threads,
        "wall_s": (wall * 1e3).round() / 1e3,
        "peak_memory_bytes": peak_memory(),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
    });
    std::fs::write(path.join("run-info.json"), format!("{info:#}\n"))
        .map_err(|error| Failure::new(Exit::Write, format!("cannot write run-info.json: {error}")))
}

/// Peak resident memory of this process, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}

fn print_json(done: &Done) -> Result<(), Failure> {
    let text = std::fs::read_to_string(done.path.join("summary.json"))
        .map_err(|error| Failure::new(Exit::Write, format!("cannot read summary.json: {error}")))?;
    out(&text)
}

/// Writes to stdout. A reader that has gone away is no error.
pub(super) fn out(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Write, format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes to stderr. Talk that nobody can hear is no reason to stop.
pub(super) fn tell(text: &str) {
    let mut stderr = std::io::stderr().lock();
    drop(stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()));
}
