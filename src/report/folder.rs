//! The files of a results folder as typed rows. Empty cells are `None`; columns beyond those named
//! here are ignored, so that a file may grow.

use super::error::ReportError;
use super::table::{Table, read_table};
use serde::Deserialize;
use std::io::ErrorKind;
use std::path::Path;

/// Everything a report can use of one results folder. Files that are missing are absent tables.
#[derive(Clone, Debug)]
pub struct Folder {
    /// `summary.json`; its name is the folder's when there is none.
    pub summary: Summary,
    /// `evaluations.csv`.
    pub evaluations: Table<Evaluation>,
    /// `training.csv`.
    pub training: Table<Training>,
    /// `staleness.csv`.
    pub staleness: Table<Staleness>,
    /// `workers.csv`.
    pub workers: Table<Worker>,
    /// `divergence.csv`.
    pub divergence: Table<Divergence>,
    /// `layers.csv`.
    pub layers: Table<Layer>,
    /// `rows.csv`.
    pub rows: Table<Rows>,
    /// `shards.csv`.
    pub shards: Table<Shard>,
    /// `timeline.csv`.
    pub timeline: Table<Span>,
}

impl Folder {
    /// Reads the files of the folder at `path`.
    pub fn open(path: &Path) -> Result<Folder, ReportError> {
        if !path.is_dir() {
            return Err(ReportError::NoFolder(path.to_path_buf()));
        }
        let whole = ["summary.json", "diagnosis.json"].iter().any(|end| path.join(end).exists());
        Ok(Folder {
            summary: Summary::read(path)?,
            evaluations: read_table(path, "evaluations.csv", whole)?,
            training: read_table(path, "training.csv", whole)?,
            staleness: read_table(path, "staleness.csv", whole)?,
            workers: read_table(path, "workers.csv", whole)?,
            divergence: read_table(path, "divergence.csv", whole)?,
            layers: read_table(path, "layers.csv", whole)?,
            rows: read_table(path, "rows.csv", whole)?,
            shards: read_table(path, "shards.csv", whole)?,
            timeline: read_table(path, "timeline.csv", whole)?,
        })
    }
}

/// What a run was about: the part of `summary.json` that titles and lines are taken from.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// The scenario's name.
    pub name: String,
    /// What the scenario asks.
    pub question: Option<String>,
    /// Simulated workers.
    pub workers: Option<u64>,
    /// AUC of the true click probabilities on the holdout, where they are known.
    pub bayes_auc: Option<f64>,
}

impl Summary {
    fn read(folder: &Path) -> Result<Summary, ReportError> {
        let file = folder.join("summary.json");
        let mut summary = match std::fs::read_to_string(&file) {
            Ok(text) => serde_json::from_str(&text).map_err(|e| ReportError::Malformed {
                line: e.line() as u64,
                problem: e.to_string(),
                file,
            })?,
            Err(e) if e.kind() == ErrorKind::NotFound => Summary::default(),
            Err(source) => return Err(ReportError::Read { file, source }),
        };
        if summary.name.is_empty() {
            let name = folder.file_name().unwrap_or_default();
            summary.name = name.to_string_lossy().into_owned();
        }
        Ok(summary)
    }
}

/// Whose parameters were evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub enum View {
    /// The server's.
    Server,
    /// Those one worker holds.
    Worker(u32),
    /// The mean of all workers' parameters.
    MeanOfViews,
    /// Every worker's own; their predictions averaged.
    MeanOfPredictions,
}

impl TryFrom<String> for View {
    type Error = String;

    fn try_from(text: String) -> Result<View, String> {
        match text.as_str() {
            "server" => Ok(View::Server),
            "mean_of_views" => Ok(View::MeanOfViews),
            "mean_of_predictions" => Ok(View::MeanOfPredictions),
            other => other
                .strip_prefix("worker:")
                .and_then(|id| id.parse().ok())
                .map(View::Worker)
                .ok_or_else(|| format!("unknown view \"{other}\"")),
        }
    }
}

/// One evaluation on the holdout.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Evaluation {
    /// Updates applied before it.
    pub update: u64,
    /// Examples trained on before it.
    pub examples: u64,
    /// Times over the training window before it.
    pub passes: Option<f64>,
    /// Simulated seconds.
    pub sim_s: f64,
    /// Whose parameters.
    pub view: View,
    /// ROC AUC.
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

/// Means over one interval of training, up to the named update.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Training {
    /// Updates applied at its end.
    pub update: u64,
    /// Examples trained on at its end.
    pub examples: u64,
    /// Simulated seconds at its end.
    pub sim_s: f64,
    /// Training loss, nats.
    pub loss: Option<f64>,
    /// Learning rate.
    pub rate: Option<f64>,
    /// L2 norm of the applied gradients.
    pub gradient_norm: Option<f64>,
    /// Staleness of the applied gradients, versions.
    pub staleness_mean: Option<f64>,
    /// Gradients in flight.
    pub in_flight: Option<f64>,
}

/// One bucket of a histogram of staleness.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Staleness {
    /// The machine class of the workers counted; `all` for all of them.
    pub class: String,
    /// What was counted: `version`, `clock_lag`, `row` and others.
    pub measure: String,
    /// The smallest value of the bucket.
    pub low: u64,
    /// The largest value of the bucket, included.
    pub high: u64,
    /// Gradients counted.
    pub count: u64,
}

/// The totals of one worker.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Worker {
    /// Its number.
    pub worker: u32,
    /// Its machine class.
    pub class: String,
    /// Its step time over that of a machine of slowdown 1.
    pub slowdown: Option<f64>,
    /// Steps it finished.
    pub steps: u64,
    /// Examples in them.
    pub examples: u64,
    /// Simulated seconds it computed.
    pub busy_s: f64,
    /// Simulated seconds it pulled and pushed.
    pub network_s: f64,
    /// Simulated seconds it waited for others.
    pub waiting_s: f64,
    /// Mean staleness of its applied gradients, versions.
    pub staleness_mean: Option<f64>,
    /// Their largest staleness, versions.
    pub staleness_max: Option<u64>,
}

/// The distance of workers' views in one layer at one moment.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Divergence {
    /// Updates applied.
    pub update: u64,
    /// Simulated seconds.
    pub sim_s: f64,
    /// `dense` or `sparse`.
    pub group: String,
    /// The layer or table.
    pub layer: String,
    /// `from_server` or `from_each_other`.
    pub measure: String,
    /// Mean over workers of the distance over the norm of the server's weights.
    pub mean: Option<f64>,
    /// The largest over workers.
    pub max: Option<f64>,
}

/// One layer or table at one look.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Layer {
    /// Updates applied.
    pub update: u64,
    /// Examples trained on.
    pub examples: u64,
    /// `dense` or `sparse`.
    pub group: String,
    /// The layer or table.
    pub layer: String,
    /// Numbers in it.
    pub parameters: u64,
    /// Distance of its weights from those at the last look, over their norm.
    pub change: Option<f64>,
    /// Norm of its weights.
    pub weight_norm: Option<f64>,
    weight_p05: Option<f64>,
    weight_p25: Option<f64>,
    weight_p50: Option<f64>,
    weight_p75: Option<f64>,
    weight_p95: Option<f64>,
    /// Root mean square norm of the gradients since the last look.
    pub gradient_norm: Option<f64>,
    /// How far these agree: about 1 for noise.
    pub agreement: Option<f64>,
    /// Share of its parameters whose gradients were all zero.
    pub gradient_zero: Option<f64>,
    mean_gradient_p05: Option<f64>,
    mean_gradient_p25: Option<f64>,
    mean_gradient_p50: Option<f64>,
    mean_gradient_p75: Option<f64>,
    mean_gradient_p95: Option<f64>,
    /// Share of a table's rows that were ever touched.
    pub rows_touched: Option<f64>,
    /// Share of its rows that were touched, but not since the last look.
    pub rows_idle: Option<f64>,
}

impl Layer {
    /// Quantiles of its weights, at 5, 25, 50, 75 and 95 %.
    pub fn weights(&self) -> Option<[f64; 5]> {
        Some([
            self.weight_p05?,
            self.weight_p25?,
            self.weight_p50?,
            self.weight_p75?,
            self.weight_p95?,
        ])
    }

    /// The same of its mean gradients since the last look.
    pub fn gradients(&self) -> Option<[f64; 5]> {
        Some([
            self.mean_gradient_p05?,
            self.mean_gradient_p25?,
            self.mean_gradient_p50?,
            self.mean_gradient_p75?,
            self.mean_gradient_p95?,
        ])
    }
}

/// Staleness of the embedding rows in one range of popularity.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Rows {
    /// The table.
    pub table: String,
    /// Fewest touches of a row in the range.
    pub popularity_low: u64,
    /// Most touches of a row in the range, included.
    pub popularity_high: u64,
    /// Touches of all its rows together.
    pub touches: u64,
    /// Mean row staleness, updates that touched the row.
    pub staleness_mean: Option<f64>,
    /// Largest row staleness.
    pub staleness_max: Option<u64>,
}

/// The totals of one shard.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Shard {
    /// Its number.
    pub shard: u32,
    /// Updates it applied.
    pub updates: u64,
    /// Simulated seconds it served requests.
    pub busy_s: f64,
    /// Simulated seconds requests queued for it.
    pub queue_wait_s: f64,
    /// Bytes pushed to it.
    pub bytes_in: u64,
    /// Bytes pulled from it.
    pub bytes_out: u64,
}

/// What a worker does during one span of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Reading parameters.
    Pull,
    /// Computing a gradient.
    Compute,
    /// Sending a gradient.
    Push,
    /// Waiting for others.
    Wait,
    /// Standing still, as the script says.
    Sleep,
    /// Crashed.
    Down,
    /// Not one of the job's workers.
    Away,
}

/// One span of one worker's time.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Span {
    /// The worker.
    pub worker: u32,
    /// Its machine class.
    pub class: String,
    /// What it does.
    pub activity: Activity,
    /// From this simulated second.
    pub start_s: f64,
    /// Until this one.
    pub end_s: f64,
    /// Its step.
    pub step: Option<u64>,
}
