//! Everything that a report can use of one run: its summary and its tables.

use std::path::Path;

use super::folder::refuse_links;
use super::outcome::{OutcomeError, Settings, State, TrialOutcome, folder_name};
use super::summary::{NO_MODEL, Summary};
use super::table::Rows;
use super::tables::{
    ByRowRow, DivergenceRow, EvaluationRow, LayerRow, PopularityRow, ServedRow, ServedSliceRow,
    ShardFailureRow, ShardRow, StalenessRow, StreamRow, TableRowsRow, TimelineRow, TrainingRow,
    WorkerRow,
};

/// The files of one run. A missing file gives a table that is not present.
#[derive(Clone, Debug)]
pub struct RunResults {
    /// `summary.json`; without the file, an empty summary with the name of the folder.
    pub summary: Summary,
    /// Every value of its scenario, by dotted key; empty without `resolved.toml`.
    pub settings: Settings,
    /// `evaluations.csv`.
    pub evaluations: Rows<EvaluationRow>,
    /// `by_row.csv`.
    pub by_row: Rows<ByRowRow>,
    /// `training.csv`.
    pub training: Rows<TrainingRow>,
    /// `staleness.csv`.
    pub staleness: Rows<StalenessRow>,
    /// `workers.csv`.
    pub workers: Rows<WorkerRow>,
    /// `divergence.csv`.
    pub divergence: Rows<DivergenceRow>,
    /// `layers.csv`.
    pub layers: Rows<LayerRow>,
    /// `rows.csv`.
    pub rows: Rows<PopularityRow>,
    /// `tables.csv`.
    pub tables: Rows<TableRowsRow>,
    /// `shards.csv`.
    pub shards: Rows<ShardRow>,
    /// `shard_failures.csv`.
    pub shard_failures: Rows<ShardFailureRow>,
    /// `stream.csv`.
    pub stream: Rows<StreamRow>,
    /// `served.csv`.
    pub served: Rows<ServedRow>,
    /// `served_slices.csv`.
    pub served_slices: Rows<ServedSliceRow>,
    /// `timeline.csv`.
    pub timeline: Rows<TimelineRow>,
}

impl RunResults {
    /// Whether anything is trained; otherwise only timing is simulated.
    pub fn trains(&self) -> bool {
        let has_data = || self.settings.keys().any(|key| key.starts_with("data."));
        match self.summary.model.as_str() {
            "" => self.settings.is_empty() || has_data(),
            model => model != NO_MODEL,
        }
    }

    /// Reads the files of the folder at `path`.
    ///
    /// # Errors
    /// If there is no such folder, or a file in it cannot be read.
    pub fn open(path: &Path) -> Result<RunResults, OutcomeError> {
        if !path.is_dir() {
            return Err(OutcomeError::NoFolder { path: path.to_path_buf() });
        }
        refuse_links(path).map_err(|link| OutcomeError::Link(link.to_string()))?;
        let whole = State::of(path) != State::ToDo;
        let mut summary = Summary::read(path)?.unwrap_or_default();
        if summary.name.is_empty() {
            summary.name = folder_name(path);
        }
        Ok(RunResults {
            summary,
            settings: TrialOutcome::of_run(path, 0).settings()?,
            evaluations: Rows::read(path, whole)?,
            by_row: Rows::read(path, whole)?,
            training: Rows::read(path, whole)?,
            staleness: Rows::read(path, whole)?,
            workers: Rows::read(path, whole)?,
            divergence: Rows::read(path, whole)?,
            layers: Rows::read(path, whole)?,
            rows: Rows::read(path, whole)?,
            tables: Rows::read(path, whole)?,
            shards: Rows::read(path, whole)?,
            shard_failures: Rows::read(path, whole)?,
            stream: Rows::read(path, whole)?,
            served: Rows::read(path, whole)?,
            served_slices: Rows::read(path, whole)?,
            timeline: Rows::read(path, whole)?,
        })
    }
}
