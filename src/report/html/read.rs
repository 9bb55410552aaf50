//! What a page needs of a folder.

use crate::experiment::outcome::{Results, Scalars, Settings, TrialOutcome, setting_text};
use crate::report::error::ReportError;
use crate::report::folder::Folder;
use serde_json::Value;
use std::path::Path;

/// The default of every setting of a scenario, given the text of its `resolved.toml`; `None` if it
/// cannot be told. The report knows no scenarios, so whoever asks for one brings this.
pub type Defaults<'a> = &'a dyn Fn(&str) -> Option<Settings>;

/// One run.
pub(super) struct Run {
    /// The name of its folder.
    pub name: String,
    /// Its tables.
    pub folder: Folder,
    /// `summary.json`, or what a run that did not end well left in its place.
    pub summary: Option<Value>,
    /// Why it did not end well.
    pub diagnosis: Option<String>,
    /// Every value of its scenario.
    pub settings: Settings,
    /// Their defaults.
    pub defaults: Option<Settings>,
    scalars: Scalars,
}

impl Run {
    /// Reads the run of `results`, a folder of one run.
    pub(super) fn read(results: &Results, defaults: Defaults<'_>) -> Result<Run, ReportError> {
        let trial = &results.trials[0];
        let diagnosis = trial.diagnosis()?.map(|diagnosis| diagnosis.reason);
        let summary = match trial.summary()? {
            Some(summary) => Some(summary),
            None if diagnosis.is_some() => diagnosed(&results.path),
            None => None,
        };
        Ok(Run {
            name: results.name.clone(),
            folder: Folder::open(&results.path)?,
            scalars: summary.as_ref().map(Scalars::of).unwrap_or_default(),
            summary,
            diagnosis,
            settings: trial.settings()?,
            defaults: defaults_of(trial, defaults),
        })
    }

    /// A figure of the summary.
    pub(super) fn figure(&self, name: &str) -> Option<f64> {
        self.scalars.get(name)
    }

    /// A text of the summary.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        Some(self.summary.as_ref()?.get(name)?.as_str()?.to_string())
    }

    /// A value of the summary as text.
    pub(super) fn shown(&self, name: &str) -> Option<String> {
        self.summary.as_ref()?.get(name).map(setting_text)
    }

    /// A setting as text.
    pub(super) fn setting(&self, key: &str) -> Option<String> {
        self.settings.get(key).map(setting_text)
    }
}

/// The defaults beside the settings of a trial.
pub(super) fn defaults_of(trial: &TrialOutcome, defaults: Defaults<'_>) -> Option<Settings> {
    let resolved = std::fs::read_to_string(trial.folder.join("resolved.toml")).ok()?;
    defaults(&resolved)
}

fn diagnosed(folder: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(folder.join("diagnosis.json")).ok()?;
    serde_json::from_str(&text).ok()
}
