//! Event files for TensorBoard: a folder per trial with the scalars of its series, its final
//! figures and the histograms of its staleness; and for a sweep what the view of hyperparameters
//! needs.
//!
//! TensorBoard's step is the number of updates. Its wall time is simulated time, counted from 1970:
//! its axis "relative" shows simulated hours. The wall clock is not used.

mod event;
mod hparams;
mod message;
mod record;

use std::fs;
use std::path::{Path, PathBuf};

use super::{ExportError, io_error};
use crate::results::disk::no_link;
use crate::results::folder::write_atomically;
use crate::results::outcome::{Kind as FolderKind, OutcomeError, Results, State, TrialOutcome};
use crate::results::summary::Scalars;
use crate::results::table::read::Records;
use crate::results::table::{Cell, CsvTable, TableRow};
use crate::results::tables::{DivergenceRow, EvaluationRow, LayerRow, StalenessRow, TrainingRow};
use event::{EventTime, FolderEvents, Shown};

/// The name of an event file; TensorBoard looks for `tfevents` in it.
const FILE: &str = "events.out.tfevents.0000000000.straggler";

/// Writes the event files of all trials.
pub(super) fn write(results: &Results, into: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let mut files = Vec::new();
    let mut figures: Vec<String> = Vec::new();
    for trial in &results.trials {
        let scalars = trial.scalars()?.unwrap_or_default();
        for (name, _) in scalars.iter().filter(|(name, _)| hparams::compared(name)) {
            if !figures.iter().any(|known| known == name) {
                figures.push(name.to_string());
            }
        }
        let events = events(results, trial, &scalars)?;
        files.push(put(&into.join(folder_name(results, trial)), events)?);
    }
    if results.kind == FolderKind::Sweep {
        let mut about = FolderEvents::default();
        let content = hparams::experiment(results, &figures);
        let start = EventTime { update: 0, sim_s: 0.0 };
        about.add(start, "_hparams_/experiment".to_string(), Shown::Settings(content));
        files.push(put(into, about)?);
    }
    Ok(files)
}

fn put(folder: &Path, events: FolderEvents) -> Result<PathBuf, ExportError> {
    no_link(folder)
        .and_then(|()| fs::create_dir_all(folder))
        .map_err(|error| io_error(folder, error))?;
    let path = folder.join(FILE);
    write_atomically(&path, &events.into_file())?;
    Ok(path)
}

/// The name that TensorBoard shows for a trial: number, settings, seed.
fn folder_name(results: &Results, trial: &TrialOutcome) -> String {
    const LONGEST: usize = 80;
    let plain = |c: char| if c.is_alphanumeric() || "._=+-".contains(c) { c } else { '_' };
    let label = &results.points[trial.point].label;
    let label: String = label.replace(' ', "-").chars().map(plain).take(LONGEST).collect();
    match results.kind {
        FolderKind::Run if label.trim_matches('.').is_empty() => "run".to_string(),
        FolderKind::Run => label,
        FolderKind::Sweep => {
            let parts = [trial.id.clone(), label, format!("seed={}", trial.seed)];
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            parts.join("-")
        }
    }
}

fn events(
    results: &Results,
    trial: &TrialOutcome,
    scalars: &Scalars,
) -> Result<FolderEvents, OutcomeError> {
    let mut events = FolderEvents::default();
    add_series(&mut events, trial, EvaluationRow::TABLE, "")?;
    add_series(&mut events, trial, TrainingRow::TABLE, "training/")?;
    add_series(&mut events, trial, DivergenceRow::TABLE, "divergence/")?;
    add_series(&mut events, trial, LayerRow::TABLE, "layers/")?;
    let mut end = events.last();
    if let (Some(updates), Some(sim_s)) = (scalars.get("updates"), scalars.get("sim_s")) {
        end = EventTime { update: updates as u64, sim_s };
    }
    for (name, value) in scalars.iter().filter(|(_, value)| value.is_finite()) {
        events.add(end, hparams::figure_tag(name), Shown::Scalar(value));
    }
    add_staleness(&mut events, trial, end)?;
    if results.kind == FolderKind::Sweep {
        let point = &results.points[trial.point];
        let begin = EventTime { update: 0, sim_s: 0.0 };
        let started = Shown::Settings(hparams::start(results, point));
        events.add(begin, "_hparams_/session_start_info".to_string(), started);
        let ended = Shown::Settings(hparams::end(trial.state(), end.sim_s));
        events.add(end, "_hparams_/session_end_info".to_string(), ended);
    }
    Ok(events)
}

/// Adds a scalar for every number in a file. Its tag consists of the texts of the row (whose
/// parameters, which layer) and the name of the column.
fn add_series(
    events: &mut FolderEvents,
    trial: &TrialOutcome,
    table: CsvTable,
    stem: &str,
) -> Result<(), OutcomeError> {
    let whole = trial.state() != State::ToDo;
    let Some(records) = Records::read(&trial.folder, table, whole)? else { return Ok(()) };
    for row in records.cells()? {
        let mut moment = EventTime { update: 0, sim_s: 0.0 };
        let (mut of, mut numbers) = (String::new(), Vec::new());
        for (name, cell) in table.header().zip(row) {
            match (name, cell) {
                ("update", Cell::Whole(update)) => moment.update = update as u64,
                ("sim_s", Cell::Number(seconds)) => moment.sim_s = seconds,
                // Other columns for the moment of the row.
                ("examples" | "passes", _) => {}
                (_, Cell::Text(text)) => of.push_str(&format!("{}/", text.replace(':', "_"))),
                (name, Cell::Number(number)) => numbers.push((name, number)),
                _ => {}
            }
        }
        for (name, number) in numbers {
            events.add(moment, format!("{stem}{of}{name}"), Shown::Scalar(number));
        }
    }
    Ok(())
}

/// Adds the histograms of a run. A bucket of whole numbers ends where the next number begins.
fn add_staleness(
    events: &mut FolderEvents,
    trial: &TrialOutcome,
    end: EventTime,
) -> Result<(), OutcomeError> {
    let mut histograms: Vec<(String, event::Buckets)> = Vec::new();
    for StalenessRow { class, measure, low, high, count } in trial.rows()?.into_vec() {
        let tag = format!("staleness/{class}/{measure}");
        let bucket = (low as f64, high as f64 + 1.0, count as f64);
        match histograms.iter_mut().find(|(known, _)| *known == tag) {
            Some((_, buckets)) => buckets.push(bucket),
            None => histograms.push((tag, vec![bucket])),
        }
    }
    for (tag, buckets) in histograms {
        events.add(end, tag, Shown::Histogram(buckets));
    }
    Ok(())
}
