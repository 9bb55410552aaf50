//! `trials.csv` and `points.csv`: the figures of a sweep. They are made from the files of its
//! trials, and made again whenever trials are added.

use std::path::Path;

use super::folder::{FolderError, turn, write_atomically};
use super::outcome::{OutcomeError, Point, Results, State, setting_text};
use super::race::Race;
use super::statistics;
use super::summary::{Scalars, Summary};
use super::table::{Cell, TableRow, TableText};
use super::tables::{PointRow, RaceRow, TrialRow};
use crate::metrics::scalar::{self, FigureRange};

/// Why the tables could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OverviewError {
    /// A file of the sweep cannot be read.
    #[error(transparent)]
    Read(#[from] OutcomeError),
    /// A table cannot be written.
    #[error(transparent)]
    Write(#[from] FolderError),
}

/// One trial and its figures.
type TrialFigures = (TrialRow, Scalars);

/// The tables of a sweep's folder.
#[derive(Clone, PartialEq, Debug)]
pub struct Overview {
    /// `trials.csv`: one row per trial.
    pub trials: String,
    /// `points.csv`: one row per point, with the mean over its seeds and its 95 % interval.
    pub points: String,
}

impl Overview {
    /// Makes the tables of the trials that exist now.
    ///
    /// # Errors If a file exists and cannot be read.
    pub fn of(results: &Results) -> Result<Overview, OutcomeError> {
        let mut trials: Vec<TrialFigures> = Vec::with_capacity(results.trials.len());
        for trial in &results.trials {
            let summary = trial.summary()?;
            let row = TrialRow {
                trial: trial.id.clone(),
                point: trial.point,
                label: results.points[trial.point].label.clone(),
                seed: trial.seed,
                state: trial.state(),
                undefined: summary.as_ref().and_then(Summary::undefined_text),
                broken: summary.as_ref().and_then(Summary::broken_text),
            };
            let scalars = summary.map(|summary| summary.scalars());
            trials.push((row, scalars.unwrap_or_default()));
        }
        let keys = results.swept_keys();
        let figures = Scalars::names(trials.iter().map(|(_, scalars)| scalars));
        Ok(Overview {
            points: points_table(results, &trials, &keys, &figures),
            trials: trials_table(results, &trials, &keys, &figures),
        })
    }

    /// Reads the sweep at `path` and writes both tables into it.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn refresh(path: &Path) -> Result<Results, OverviewError> {
        let results = Results::open(path)?;
        // The process that writes last has seen every trial that was done before.
        let _turn = turn(path)?;
        let tables = Overview::of(&results)?;
        write_atomically(&path.join("trials.csv"), tables.trials.as_bytes())?;
        write_atomically(&path.join("points.csv"), tables.points.as_bytes())?;
        if let Some(race) = Race::of(&results)? {
            let table = TableText::of(race.rows);
            write_atomically(&path.join(RaceRow::TABLE.file), table.as_bytes())?;
        }
        Ok(results)
    }
}

fn trials_table(
    results: &Results,
    trials: &[TrialFigures],
    keys: &[&str],
    figures: &[String],
) -> String {
    let mut table = TableText::default();
    let mut header: Vec<Cell<'_>> = TrialRow::TABLE.header().map(Cell::from).collect();
    header.extend(keys.iter().copied().map(Cell::from));
    header.extend(figures.iter().map(|name| Cell::from(name.as_str())));
    table.row(&header);
    for (row, scalars) in trials {
        let mut cells = row.cells().as_ref().to_vec();
        cells.extend(settings(&results.points[row.point], keys));
        cells.extend(figures.iter().map(|figure| Cell::from(scalars.get(figure))));
        table.row(&cells);
    }
    table.text
}

/// Columns of [`PointRow`] before the settings of the sweep.
const FRONT: usize = 2;

fn points_table(
    results: &Results,
    trials: &[TrialFigures],
    keys: &[&str],
    figures: &[String],
) -> String {
    let mut header: Vec<Cell<'_>> = PointRow::TABLE.header().map(Cell::from).collect();
    header.splice(FRONT..FRONT, keys.iter().copied().map(Cell::from));
    for figure in figures {
        let ends = ["", ".low", ".high"].map(|end| format!("{figure}{end}"));
        header.extend(ends.map(|name| Cell::Text(name.into())));
    }
    let mut table = TableText::default();
    table.row(&header);
    for point in &results.points {
        let own: Vec<&TrialFigures> =
            trials.iter().filter(|(row, _)| row.point == point.index).collect();
        let count = |state| own.iter().filter(|(row, _)| row.state == state).count();
        let row = PointRow {
            point: point.index,
            label: point.label.clone(),
            trials: own.len(),
            done: count(State::Done),
            failed: count(State::Failed),
            broken: own.iter().filter(|(row, _)| row.broken.is_some()).count(),
        };
        let mut cells = row.cells().as_ref().to_vec();
        cells.splice(FRONT..FRONT, settings(point, keys));
        for figure in figures {
            let values = own.iter().filter_map(|(_, scalars)| scalars.get(figure));
            cells.extend(mean_and_interval(&values.collect::<Vec<f64>>(), scalar::range(figure)));
        }
        table.row(&cells);
    }
    table.text
}

/// Mean and 95 % interval; only the mean if there are too few values for an interval.
fn mean_and_interval(values: &[f64], range: FigureRange) -> [Cell<'static>; 3] {
    let interval = statistics::interval_of_mean(values, range);
    let ends = [interval.map(|interval| interval.low), interval.map(|interval| interval.high)];
    let [low, high] = ends.map(Cell::from);
    [Cell::from(statistics::mean(values)), low, high]
}

fn settings<'a>(point: &'a Point, keys: &'a [&str]) -> impl Iterator<Item = Cell<'a>> {
    let text = |key: &&str| point.settings.get(*key).map_or(String::new(), setting_text);
    keys.iter().map(move |key| Cell::Text(text(key).into()))
}
