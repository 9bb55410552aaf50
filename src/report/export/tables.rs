//! Which tables there are, and what stands in them: one row per trial, per setting of a point, and
//! per row of each series of each trial, with the trial and what the sweep sets in front.

use std::path::PathBuf;

use super::column::{Cell, Column, Kind, kind_of, setting};
use super::series::{SERIES, Series};
use super::{ExportError, Open};
use crate::experiment::outcome::{
    Kind as FolderKind, OutcomeError, Results, Scalars, State, setting_text,
};

/// Writes all tables of `results`.
pub(super) fn write(results: &Results, open: &mut Open<'_>) -> Result<Vec<PathBuf>, ExportError> {
    let front = Front::new(results);
    let mut files = vec![trials(results, &front, open)?, settings(results, open)?];
    for name in SERIES {
        files.extend(series(results, name, &front, open)?);
    }
    Ok(files)
}

/// The columns in front of every table: which trial, and what the sweep sets in it.
struct Front {
    columns: Vec<Column>,
    /// What each point sets, as text, in the order of the columns.
    texts: Vec<Vec<String>>,
}

/// How many columns stand before the swept keys.
const FIXED: usize = 4;

impl Front {
    fn new(results: &Results) -> Front {
        let mut columns = vec![
            Column::new("trial", Kind::Whole),
            Column::new("point", Kind::Whole),
            Column::new("label", Kind::Text),
            Column::new("seed", Kind::Whole),
        ];
        for key in results.swept_keys() {
            let values = results.points.iter().filter_map(|point| point.settings.get(key));
            columns.push(Column::new(key, kind_of(values)));
        }
        let texts = results.points.iter().map(|point| {
            let text = |column: &Column| {
                point.settings.get(&column.name).map_or(String::new(), setting_text)
            };
            columns[FIXED..].iter().map(text).collect()
        });
        let texts = texts.collect();
        Front { columns, texts }
    }

    /// The cells of a trial, by its place in the plan.
    fn cells<'a>(&'a self, results: &'a Results, index: usize) -> Vec<Cell<'a>> {
        let trial = &results.trials[index];
        let point = &results.points[trial.point];
        let mut cells = vec![
            Cell::whole(index as u64),
            Cell::whole(point.index as u64),
            Cell::Text(&point.label),
            Cell::whole(trial.seed),
        ];
        let swept = self.columns[FIXED..].iter().zip(&self.texts[trial.point]);
        cells
            .extend(swept.map(|(column, text)| {
                setting(column.kind, point.settings.get(&column.name), text)
            }));
        cells
    }
}

/// One row per trial: its state, why it ended, and its figures.
fn trials(results: &Results, front: &Front, open: &mut Open<'_>) -> Result<PathBuf, ExportError> {
    let mut all: Vec<(State, Option<String>, Scalars)> = Vec::new();
    let mut figures: Vec<String> = Vec::new();
    for trial in &results.trials {
        let (state, summary) = (trial.state(), trial.summary()?);
        let scalars = summary.as_ref().map(Scalars::of).unwrap_or_default();
        for (name, _) in scalars.iter() {
            if !figures.iter().any(|known| known == name) {
                figures.push(name.to_string());
            }
        }
        let ended = match &summary {
            Some(summary) => {
                summary.get("ended").and_then(|ended| ended.as_str()).map(String::from)
            }
            None => trial.diagnosis()?.map(|diagnosis| diagnosis.reason),
        };
        all.push((state, ended, scalars));
    }
    let mut columns = front.columns.clone();
    columns.extend(["state", "ended", "folder"].map(|name| Column::new(name, Kind::Text)));
    columns.extend(figures.iter().map(|name| Column::new(name, Kind::Number)));
    let mut sink = open("trials", &columns)?;
    for (index, (state, ended, scalars)) in all.iter().enumerate() {
        let folder = match results.kind {
            FolderKind::Run => ".".to_string(),
            FolderKind::Sweep => format!("trials/{}", results.trials[index].id),
        };
        let state = match state {
            State::Done => "done",
            State::Failed => "failed",
            State::ToDo => "to do",
        };
        let mut cells = front.cells(results, index);
        cells.push(Cell::Text(state));
        cells.push(ended.as_deref().map_or(Cell::Missing, Cell::Text));
        cells.push(Cell::Text(&folder));
        cells.extend(figures.iter().map(|name| Cell::number(scalars.get(name))));
        sink.row(&cells)?;
    }
    sink.end()
}

/// One row per point and key of its scenario, defaults included, but for the seed.
fn settings(results: &Results, open: &mut Open<'_>) -> Result<PathBuf, ExportError> {
    let columns = [
        Column::new("point", Kind::Whole),
        Column::new("label", Kind::Text),
        Column::new("key", Kind::Text),
        Column::new("value", Kind::Text),
        Column::new("number", Kind::Number),
    ];
    let mut sink = open("settings", &columns)?;
    for point in &results.points {
        let mut settings = None;
        for trial in results.trials_of(point) {
            settings = Some(trial.settings()?).filter(|settings| !settings.is_empty());
            if settings.is_some() {
                break;
            }
        }
        let settings = settings.unwrap_or_default();
        for (key, value) in settings.iter().filter(|(key, _)| *key != "scenario.seed") {
            let text = setting_text(value);
            let number = Cell::number(value.as_f64());
            let front = [Cell::whole(point.index as u64), Cell::Text(&point.label)];
            let [point, label] = front;
            sink.row(&[point, label, Cell::Text(key), Cell::Text(&text), number])?;
        }
    }
    sink.end()
}

/// The rows of one file of all trials; `None` if no trial has it.
fn series(
    results: &Results,
    name: &str,
    front: &Front,
    open: &mut Open<'_>,
) -> Result<Option<PathBuf>, ExportError> {
    let own = columns(results, name)?;
    if own.is_empty() {
        return Ok(None);
    }
    let mut sink = open(name, &[&front.columns[..], &own].concat())?;
    for (index, trial) in results.trials.iter().enumerate() {
        let Some(series) = Series::read(trial, name)? else { continue };
        let places = series.places(&own);
        let mut cells = front.cells(results, index);
        for row in 0..series.len() {
            cells.truncate(front.columns.len());
            for place in &places {
                cells.push(match place {
                    Some(place) => series.cell(row, *place)?,
                    None => Cell::Missing,
                });
            }
            sink.row(&cells)?;
        }
    }
    sink.end().map(Some)
}

/// Every column that some trial has in this file.
fn columns(results: &Results, name: &str) -> Result<Vec<Column>, OutcomeError> {
    let mut columns: Vec<Column> = Vec::new();
    for trial in &results.trials {
        for column in Series::header(trial, name)? {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
    }
    Ok(columns)
}
