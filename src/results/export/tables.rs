//! The exported tables and their content: one row per trial, one per setting of a point, and one
//! per row of each series of each trial. Each row begins with the trial and the settings of the
//! sweep.

use std::path::{Path, PathBuf};

use super::setting::{kind_of, setting};
use super::{ExportError, Open};
use crate::results::outcome::{Kind as FolderKind, Results, State, setting_text};
use crate::results::summary::{Scalars, Summary};
use crate::results::table::read::Records;
use crate::results::table::{Cell, CellKind, Column, CsvTable, TableRow};
use crate::results::tables::{EXPORTED, ExportedSettingRow, ExportedTrialRow, OF_A_LAB};

/// Columns of [`ExportedTrialRow`] before the settings of the sweep.
const FRONT: usize = 4;

/// Writes all tables of `results`.
pub(super) fn write(results: &Results, open: &mut Open<'_>) -> Result<Vec<PathBuf>, ExportError> {
    let swept = Swept::new(results);
    let mut files = vec![trials(results, &swept, open)?, settings(results, open)?];
    for table in EXPORTED {
        files.extend(series(results, table, &swept, open)?);
    }
    Ok(files)
}

/// Writes all tables of the lab in `folder`.
pub(super) fn write_lab(folder: &Path, open: &mut Open<'_>) -> Result<Vec<PathBuf>, ExportError> {
    let mut files = Vec::new();
    for table in OF_A_LAB {
        let Some(records) = Records::read(folder, table, true)? else { continue };
        let mut sink = open(table.name(), table.columns)?;
        for cells in records.cells()? {
            sink.row(&cells)?;
        }
        files.push(sink.end()?);
    }
    Ok(files)
}

/// The settings of the sweep.
struct Swept {
    columns: Vec<Column>,
    /// The settings of each point, as text, in the order of the columns.
    texts: Vec<Vec<String>>,
}

impl Swept {
    fn new(results: &Results) -> Swept {
        let column = |key| {
            let values = results.points.iter().filter_map(|point| point.settings.get(key));
            Column::new(key, kind_of(values))
        };
        let columns: Vec<Column> = results.swept_keys().into_iter().map(column).collect();
        let texts = results.points.iter().map(|point| {
            let text = |column: &Column| {
                point.settings.get(&*column.name).map_or(String::new(), setting_text)
            };
            columns.iter().map(text).collect()
        });
        Swept { texts: texts.collect(), columns }
    }

    fn cells<'a>(&'a self, results: &'a Results, point: usize) -> impl Iterator<Item = Cell<'a>> {
        let settings = &results.points[point].settings;
        let columns = self.columns.iter().zip(&self.texts[point]);
        columns.map(|(column, text)| setting(column.kind, settings.get(&*column.name), text))
    }
}

/// One row per trial: its state, why it ended, and its figures.
fn trials(results: &Results, swept: &Swept, open: &mut Open<'_>) -> Result<PathBuf, ExportError> {
    let mut all: Vec<(ExportedTrialRow, Scalars)> = Vec::new();
    for (index, trial) in results.trials.iter().enumerate() {
        let (state, summary) = (trial.state(), trial.summary()?);
        let row = ExportedTrialRow {
            trial: index,
            point: trial.point,
            label: results.points[trial.point].label.clone(),
            seed: trial.seed,
            state,
            folder: match results.kind {
                FolderKind::Run => ".".to_string(),
                FolderKind::Sweep => format!("trials/{}", trial.id),
            },
            undefined: summary.as_ref().and_then(Summary::undefined_text),
            broken: summary.as_ref().and_then(Summary::broken_text),
            ended: match &summary {
                Some(summary) => Some(summary.ended.clone()),
                None => trial.diagnosis()?.map(|diagnosis| diagnosis.reason),
            },
        };
        all.push((row, summary.map(|summary| summary.scalars()).unwrap_or_default()));
    }
    let figures = Scalars::names(all.iter().map(|(_, scalars)| scalars));
    let mut columns = ExportedTrialRow::TABLE.columns.to_vec();
    columns.splice(FRONT..FRONT, swept.columns.iter().cloned());
    columns.extend(figures.iter().map(|name| Column::new(name, CellKind::Number)));
    let mut sink = open("trials", &columns)?;
    for (row, scalars) in &all {
        let mut cells = row.cells().as_ref().to_vec();
        cells.splice(FRONT..FRONT, swept.cells(results, row.point));
        cells.extend(figures.iter().map(|name| Cell::from(scalars.get(name))));
        sink.row(&cells)?;
    }
    sink.end()
}

fn settings(results: &Results, open: &mut Open<'_>) -> Result<PathBuf, ExportError> {
    let mut sink = open("settings", ExportedSettingRow::TABLE.columns)?;
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
            let row = ExportedSettingRow {
                point: point.index,
                label: point.label.clone(),
                key: key.clone(),
                value: setting_text(value),
                number: value.as_f64(),
            };
            sink.row(row.cells().as_ref())?;
        }
    }
    sink.end()
}

/// The rows of one file of all trials; `None` if no trial has it.
fn series(
    results: &Results,
    table: CsvTable,
    swept: &Swept,
    open: &mut Open<'_>,
) -> Result<Option<PathBuf>, ExportError> {
    if !results.trials.iter().any(|trial| trial.folder.join(table.file).exists()) {
        return Ok(None);
    }
    let front = &ExportedTrialRow::TABLE.columns[..FRONT];
    let mut sink = open(table.name(), &[front, &swept.columns, table.columns].concat())?;
    for (index, trial) in results.trials.iter().enumerate() {
        let whole = trial.state() != State::ToDo;
        let Some(records) = Records::read(&trial.folder, table, whole)? else { continue };
        for own in records.cells()? {
            let mut cells = vec![
                Cell::Whole(index as i128),
                Cell::Whole(trial.point as i128),
                Cell::from(&*results.points[trial.point].label),
                Cell::Whole(trial.seed.into()),
            ];
            cells.extend(swept.cells(results, trial.point));
            cells.extend(own);
            sink.row(&cells)?;
        }
    }
    sink.end().map(Some)
}
