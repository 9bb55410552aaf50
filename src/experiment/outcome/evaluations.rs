//! The evaluations of the server's parameters, from `evaluations.csv`.

use std::path::Path;

use serde::Deserialize;

use super::OutcomeError;

/// One evaluation of the server's parameters. Figures that are not defined are `None`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
pub struct Evaluation {
    /// Updates applied before it.
    pub update: u64,
    /// Examples trained on before it.
    pub examples: u64,
    /// Passes over the training window before it.
    pub passes: Option<f64>,
    /// Simulated seconds.
    pub sim_s: f64,
    /// Whose parameters.
    view: String,
    /// ROC AUC on the reporting half of the holdout, as are the next four.
    pub auc: Option<f64>,
    /// Mean AUC within sessions.
    pub session_auc: Option<f64>,
    /// Log-loss, nats.
    pub log_loss: Option<f64>,
    /// Log-loss over the entropy of the mean label.
    pub normalised_entropy: Option<f64>,
    /// Clicks predicted per click observed.
    pub calibration: Option<f64>,
    /// AUC on the selection half, by which the best step is chosen.
    #[serde(default)]
    pub selection_auc: Option<f64>,
}

/// The figures of an evaluation that can be followed over time.
pub const FIGURES: &[&str] =
    &["auc", "session_auc", "log_loss", "normalised_entropy", "calibration"];

impl Evaluation {
    /// The figure of this name, one of [`FIGURES`].
    pub fn figure(&self, name: &str) -> Option<f64> {
        match name {
            "auc" => self.auc,
            "session_auc" => self.session_auc,
            "log_loss" => self.log_loss,
            "normalised_entropy" => self.normalised_entropy,
            "calibration" => self.calibration,
            _ => None,
        }
    }
}

/// The rows of `text` about the server; what follows the last line feed is not whole yet.
pub(super) fn parse(text: &str, path: &Path) -> Result<Vec<Evaluation>, OutcomeError> {
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    let mut rows = Vec::new();
    for row in csv::Reader::from_reader(whole.as_bytes()).into_deserialize() {
        let row: Evaluation = row.map_err(|error: csv::Error| OutcomeError::Malformed {
            path: path.to_path_buf(),
            line: error.position().map_or(1, |position| position.line() as usize),
            problem: error.to_string(),
        })?;
        if row.view == "server" {
            rows.push(row);
        }
    }
    Ok(rows)
}
