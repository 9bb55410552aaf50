//! The data that a page needs from the folder of a run.

use crate::report::error::ReportError;
use crate::results::RunResults;
use crate::results::folder::RESOLVED;
use crate::results::outcome::{Results, Settings, TrialOutcome, setting_text};
use crate::results::summary::{Scalars, Summary};

/// Returns the default of every setting of a scenario, given the text of its `resolved.toml`;
/// `None` if the defaults are not known. The report knows no scenarios, so the caller passes this
/// function.
pub type Defaults<'a> = &'a dyn Fn(&str) -> Option<Settings>;

/// One run.
pub(super) struct Run {
    /// The name of its folder.
    pub name: String,
    /// Its tables.
    pub folder: RunResults,
    /// `summary.json`, or the diagnosis that a run leaves in its place if it does not end well.
    pub summary: Option<Summary>,
    /// The reason why it did not end well.
    pub diagnosis: Option<String>,
    /// The defaults of these settings, if they are known.
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
            // A diagnosis without a version is that of a stage and has no figures.
            None => Summary::read_diagnosis(&results.path)?.filter(|s| !s.version.is_empty()),
        };
        Ok(Run {
            name: results.name.clone(),
            folder: RunResults::open(&results.path)?,
            scalars: summary.as_ref().map(Summary::scalars).unwrap_or_default(),
            summary,
            diagnosis,
            defaults: defaults_of(trial, defaults),
        })
    }

    /// A figure of the summary.
    pub(super) fn figure(&self, name: &str) -> Option<f64> {
        self.scalars.get(name)
    }

    /// A value of the summary as text; `None` if there is no summary or the text is empty.
    pub(super) fn said<T: ToString>(&self, of: impl Fn(&Summary) -> T) -> Option<String> {
        self.summary.as_ref().map(|summary| of(summary).to_string()).filter(|text| !text.is_empty())
    }

    /// A setting as text.
    pub(super) fn setting(&self, key: &str) -> Option<String> {
        self.folder.settings.get(key).map(setting_text)
    }
}

/// The defaults of the settings of a trial.
pub(super) fn defaults_of(trial: &TrialOutcome, defaults: Defaults<'_>) -> Option<Settings> {
    let resolved = std::fs::read_to_string(trial.folder.join(RESOLVED)).ok()?;
    defaults(&resolved)
}
