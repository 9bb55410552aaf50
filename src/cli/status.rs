//! `straggler resume --list`: how far a sweep or a run is, read from its files.

use std::collections::BTreeMap;

use super::args::StatusArgs;
use super::exit::{Exit, Failure};
use super::say::{out, out_json};
use crate::base::{SimSpan, counted, fixed};
use crate::metrics::scalar::{self, FigureRange};
use crate::report::conclusion;
use crate::report::terminal::{Align, TextTable};
use crate::results::lab::LabFolder;
use crate::results::outcome::{OutcomeError, Point, Results, State, TrialOutcome};
use crate::results::race::Race;
use crate::results::statistics;
use crate::results::tables::TrainingRow;

/// The figures that are shown if they exist, with their decimals.
const SHOWN: &[(&str, usize)] =
    &[("best.auc", 4), ("last.log_loss", 4), ("examples_per_sim_s", 0), ("staleness.mean", 2)];

pub(super) fn status(args: &StatusArgs) -> Result<Exit, Failure> {
    if let Some(lab) = LabFolder::open(&args.folder)? {
        return of_lab(&lab, args.json);
    }
    let results = Results::open(&args.folder)?;
    if args.json {
        out_json(&format!("{:#}\n", as_json(&results)?))?;
        return Ok(Exit::Done);
    }
    out(&conclusion(&results)?)?;
    out(&race(&results)?)?;
    out(&points(&results)?)?;
    let count = |state| results.trials.iter().filter(|trial| trial.state() == state).count();
    let (done, failed, to_do) = (count(State::Done), count(State::Failed), count(State::ToDo));
    out(&format!("\n{done} of {} done", counted(results.trials.len(), "trial", "trials")))?;
    if failed > 0 {
        out(&format!(", {failed} failed"))?;
    }
    if to_do > 0 {
        out(&format!(", {to_do} left: straggler resume {}", args.folder.display()))?;
    }
    out("\n")?;
    out(&begun(&results)?)?;
    out(&broken(&results)?)?;
    for trial in results.trials.iter().filter(|trial| trial.state() == State::Failed).take(10) {
        let reason = trial.diagnosis()?.map_or(String::new(), |diagnosis| diagnosis.reason);
        let reason = reason.lines().next().unwrap_or("").to_string();
        out(&format!("  {}  {reason}\n", trial.id))?;
    }
    Ok(Exit::Done)
}

/// How far trials are that have begun and are not done.
fn begun(results: &Results) -> Result<String, Failure> {
    const SHOWN: usize = 10;
    let mut text = String::new();
    let open = results.trials.iter().filter(|trial| trial.state() == State::ToDo);
    for trial in open.take(SHOWN) {
        let rows = trial.rows::<TrainingRow>()?;
        if let Some(last) = rows.rows().ok().and_then(|rows| rows.last()) {
            text.push_str(&format!(
                "  {}  begun: update {}, {} at the last record\n",
                trial.id,
                last.update,
                counted(last.examples, "example", "examples")
            ));
        }
    }
    Ok(text)
}

/// How far a restart lab is, and its answer.
fn of_lab(lab: &LabFolder, json: bool) -> Result<Exit, Failure> {
    let verdict = lab.done.as_ref().map(|file| &file.verdict[..]);
    if json {
        let state = serde_json::json!({
            "path": lab.path.display().to_string(),
            "bases": lab.bases,
            "bases_done": lab.bases_done,
            "done": lab.done.is_some(),
            "verdict": verdict,
        });
        out(&format!("{state:#}\n"))?;
        return Ok(Exit::Done);
    }
    for sentence in verdict.unwrap_or_default() {
        out(&format!("{sentence}\n"))?;
    }
    let (path, of) = (lab.path.display(), lab.bases);
    out(&match &lab.done {
        Some(_) => format!("the restart lab is done: {of} base runs\n"),
        None => format!("{} of {of} base runs done: straggler resume {path}\n", lab.bases_done),
    })?;
    Ok(Exit::Done)
}

/// The result of a sweep in sentences, from paired differences.
pub(super) fn conclusion(results: &Results) -> Result<String, Failure> {
    let sentences = conclusion::sentences(results)?;
    let mut text: String = sentences.iter().map(|sentence| format!("{sentence}\n")).collect();
    if text.contains('[') {
        text.push_str(&format!("({})\n", conclusion::BRACKETS));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    Ok(text)
}

/// The contestants at equal time and at equal examples; empty for a sweep that is no race.
pub(super) fn race(results: &Results) -> Result<String, Failure> {
    let Some(race) = Race::of(results)? else { return Ok(String::new()) };
    let mut table = TextTable::new(&[
        Align::Left,
        Align::Right,
        Align::Left,
        Align::Right,
        Align::Left,
        Align::Right,
        Align::Right,
        Align::Right,
    ]);
    let of_first = "to the first";
    table.row([
        "contestant",
        "AUC, equal time",
        of_first,
        "AUC, equal examples",
        of_first,
        "end, s",
        "staleness",
        "held",
    ]);
    for row in &race.rows {
        table.row(row.cells_for_readers());
    }
    let time = race.time.as_ref().map_or_else(String::new, |at| {
        format!("equal time: {}, ", SimSpan::from_seconds(at.place))
    });
    Ok(format!(
        "{}{time}equal examples: {}; the AUC is that of the last evaluation until then\n\
         differences are paired by seed, with 95 % intervals, which need three seeds\n\n",
        table.render(),
        race.examples.place
    ))
}

/// Prints which trials trained a model that broke.
pub(super) fn broken(results: &Results) -> Result<String, Failure> {
    const SHOWN: usize = 5;
    let mut found = Vec::new();
    for trial in results.trials.iter().filter(|trial| trial.state() == State::Done) {
        let broken = trial.broken()?;
        found.extend(broken.map(|broken| (trial.id.as_str(), broken)));
    }
    let mut text = String::new();
    for (id, broken) in found.iter().take(SHOWN) {
        text.push_str(&format!("BROKEN {id}: {broken}\n"));
    }
    if found.len() > SHOWN {
        text.push_str(&format!("BROKEN: {} more trials\n", found.len() - SHOWN));
    }
    Ok(text)
}

impl From<OutcomeError> for Failure {
    fn from(error: OutcomeError) -> Self {
        let exit = match &error {
            OutcomeError::NoPoint { .. } => Exit::Usage,
            _ => Exit::Folder,
        };
        Failure::new(exit, error)
    }
}

/// Figures of the finished trials of each point, by name.
type PointFigures = Vec<BTreeMap<String, Vec<f64>>>;

fn figures(results: &Results) -> Result<PointFigures, OutcomeError> {
    let mut figures: PointFigures = vec![BTreeMap::new(); results.points.len()];
    for trial in results.trials.iter().filter(|trial| trial.state() == State::Done) {
        let Some(scalars) = trial.scalars()? else { continue };
        for (name, value) in scalars.iter() {
            figures[trial.point].entry(name.to_string()).or_default().push(value);
        }
    }
    Ok(figures)
}

/// One line per point: its trials, and the mean of the main figures with their 95 % intervals.
pub(super) fn points(results: &Results) -> Result<String, Failure> {
    let figures = figures(results)?;
    let known = |name: &str| figures.iter().any(|of_point| of_point.contains_key(name));
    let shown: Vec<_> = SHOWN.iter().filter(|(name, _)| known(name)).collect();
    let mut align = vec![Align::Right, Align::Left, Align::Right];
    align.extend(shown.iter().map(|_| Align::Left));
    let mut table = TextTable::new(&align);
    let header = ["point", "settings", "done"].into_iter();
    table.row(header.chain(shown.iter().map(|(name, _)| *name)));
    for point in &results.points {
        let mut cells =
            vec![point.index.to_string(), name(&point.label).to_string(), done(results, point)?];
        for (figure, decimals) in &shown {
            let values = figures[point.index].get(*figure).map_or(&[][..], Vec::as_slice);
            cells.push(estimate(values, *decimals, scalar::range(figure)));
        }
        table.row(cells);
    }
    let mut text = table.render();
    if text.contains('[') {
        text.push_str("[ ] are 95 % intervals of the mean over seeds\n");
    }
    Ok(text)
}

/// The label of a point; a sweep without axes has one point without a label.
pub(super) fn name(label: &str) -> &str {
    if label.is_empty() { "(the scenario as it is)" } else { label }
}

/// How many trials of a point broke.
fn broken_of(results: &Results, point: &Point) -> Result<usize, OutcomeError> {
    let mut broken = 0;
    for trial in results.trials_of(point) {
        broken += usize::from(trial.broken()?.is_some());
    }
    Ok(broken)
}

/// The number of finished trials, such as `3/5`, `3/5, 1 failed` or `5/5, 5 broke`.
fn done(results: &Results, point: &Point) -> Result<String, OutcomeError> {
    let states: Vec<State> = results.trials_of(point).map(TrialOutcome::state).collect();
    let count = |wanted| states.iter().filter(|state| **state == wanted).count();
    let failed = match count(State::Failed) {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    let broke = match broken_of(results, point)? {
        0 => String::new(),
        broken => format!(", {broken} broke"),
    };
    Ok(format!("{}/{}{failed}{broke}", count(State::Done), states.len()))
}

/// The mean and its interval, such as `0.7312 [0.7301, 0.7323]`. Too few values have only a mean.
fn estimate(values: &[f64], decimals: usize, range: FigureRange) -> String {
    let text = |value: f64| fixed(value, decimals);
    let Some(mean) = statistics::mean(values) else { return "-".to_string() };
    match statistics::interval_of_mean(values, range) {
        Some(interval) => {
            format!("{} [{}, {}]", text(mean), text(interval.low), text(interval.high))
        }
        None => text(mean),
    }
}

/// The state of every point for programs.
pub(super) fn as_json(results: &Results) -> Result<serde_json::Value, Failure> {
    let figures = figures(results)?;
    let mut points = Vec::new();
    for point in &results.points {
        let states: Vec<State> = results.trials_of(point).map(TrialOutcome::state).collect();
        let count = |wanted| states.iter().filter(|state| **state == wanted).count();
        let means = figures[point.index].iter();
        let means = means.map(|(name, values)| (name.clone(), statistics::mean(values).into()));
        points.push(serde_json::json!({
            "point": point.index,
            "label": point.label,
            "settings": point.settings,
            "trials": states.len(),
            "done": count(State::Done),
            "failed": count(State::Failed),
            "broken": broken_of(results, point)?,
            "means": means.collect::<serde_json::Map<String, serde_json::Value>>(),
        }));
    }
    let path = results.path.display().to_string();
    Ok(serde_json::json!({ "path": path, "trials": results.trials.len(), "points": points }))
}
