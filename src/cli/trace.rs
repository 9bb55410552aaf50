//! `straggler export --format perfetto`: a timeline for Perfetto.

use std::path::Path;

use super::args::TraceArgs;
use super::exit::{Exit, Failure};
use super::named_file;
use super::say::out;
use crate::base::{SimSpan, counted};
use crate::results::export::trace::{TimeWindow, TraceError, write_trace};
use crate::results::folder::is_lab;

pub(super) fn trace(args: &TraceArgs) -> Result<Exit, Failure> {
    let window = args.window.as_deref().map(window).transpose()?;
    let path = args.out.clone().unwrap_or_else(|| args.folder.join("trace.json"));
    refuse_many(&args.folder)?;
    // The file in the folder is derived from it, and may be written again.
    let force = args.force || args.out.is_none();
    named_file::refuse_existing(&path, force)?;
    let mut buffer = Vec::new();
    let events = write_trace(&args.folder, window, &mut buffer).map_err(|error| {
        let exit = match error {
            TraceError::Io(_) => Exit::Write,
            TraceError::TooLarge { .. } => Exit::Refused,
            TraceError::Empty { .. } | TraceError::Nothing => Exit::Usage,
            TraceError::Timeline { .. } => Exit::Folder,
        };
        Failure::new(exit, error)
    })?;
    named_file::write(&path, force, &buffer)?;
    out(&format!(
        "{} ({}); open it at ui.perfetto.dev\n",
        path.display(),
        counted(events, "event", "events")
    ))?;
    Ok(Exit::Done)
}

/// Refuses folders of several runs, which have no timeline of their own.
fn refuse_many(folder: &Path) -> Result<(), Failure> {
    let why = match folder.join("plan.jsonl").is_file() {
        true => "this is a sweep; a timeline is that of one trial, such as trials/0000 in it",
        false if is_lab(folder) => "this is a restart lab, which has no timeline",
        false => return Ok(()),
    };
    Err(Failure::new(Exit::Usage, format!("{}: {why}", folder.display())))
}

/// `0s..60s` as a span.
fn window(text: &str) -> Result<TimeWindow, Failure> {
    let wrong = |why: &str| {
        Failure::new(Exit::Usage, format!("--window \"{text}\": {why}; write it as 0s..60s"))
    };
    let (from, to) = text.split_once("..").ok_or_else(|| wrong("`..` is missing"))?;
    let seconds = |part: &str| -> Result<f64, Failure> {
        part.parse::<SimSpan>().map(SimSpan::seconds).map_err(|why| wrong(&why))
    };
    let span = TimeWindow { from: seconds(from)?, to: seconds(to)? };
    if span.from < span.to { Ok(span) } else { Err(wrong("it ends before it begins")) }
}
