//! `summary.json`: the results of a run, in numbers. Values that a file of another version lacks
//! are those of [`Summary::default`].

mod scalars;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::OutcomeError;
use super::folder::FolderError;
use super::json;
use super::tables::{CuckooRow, TableRowsRow};
use crate::base::counted;
use crate::metrics::Quality;

pub use super::state::{DIAGNOSIS, SUMMARY as FILE};
pub use scalars::Scalars;

/// Stands in place of the network if nothing is trained.
pub const NO_MODEL: &str = "none";

/// The results of a run. Everything in it is the same for the same scenario and seed.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Name of the scenario.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its question.
    pub question: String,
    /// The command that answers the question if one run does not, without program and file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub answered_by: String,
    /// Its seed.
    pub seed: u64,
    /// Version of the program.
    pub version: String,
    /// Which programs mean the same by the same scenario; see
    /// [`SEMANTICS`](super::semantics::SEMANTICS). 0 if it does not say.
    pub semantics: u32,
    /// Number of workers.
    pub workers: u32,
    /// Number of shards.
    pub shards: u32,
    /// Chosen protocol.
    pub protocol: String,
    /// Chosen network; [`NO_MODEL`] for timing alone.
    pub model: String,
    /// Chosen update rule.
    pub optimizer: String,
    /// Chosen parts that were reconstructed, because their sources could not be read.
    pub reconstructed: Vec<String>,
    /// How the run ended: `finished`, or what stopped it.
    pub ended: String,
    /// What is wrong with the training, if the model became worse than a constant or fell back to
    /// guessing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<BrokenTraining>,
    /// Updates that every shard has applied.
    pub updates: u64,
    /// Pushes applied.
    pub pushes: u64,
    /// Pushes discarded by at least one shard.
    pub discarded: u64,
    /// Steps that the protocol aborted.
    pub aborted: u64,
    /// Examples in the applied pushes.
    pub examples: u64,
    /// Passes over the training window.
    pub passes: Option<f64>,
    /// The virtual clock at the end.
    pub sim_s: f64,
    /// Examples per simulated second.
    pub examples_per_sim_s: Option<f64>,
    /// Events simulated.
    pub events: u64,
    /// Staleness of the applied pushes.
    pub staleness: Staleness,
    /// Share of pushes that had read different versions at different shards.
    pub mixed_reads: Option<f64>,
    /// Mean age of applied pushes, simulated seconds.
    pub age_mean_s: Option<f64>,
    /// Mean gap between view and server, where it was measured.
    pub gap_mean: Option<f64>,
    /// Where the workers' time went.
    pub utilisation: Option<Utilisation>,
    /// How busy the server was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerLoad>,
    /// What came, went and was lost, where workers do that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub churn: Option<ChurnSummary>,
    /// What failures of shards cost, where shards can fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard_failures: Option<ShardFailureSummary>,
    /// What became of the live stream, where examples come from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamSummary>,
    /// What the serving copy served, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served: Option<ServedSummary>,
    /// How often the examples of the training window were used, where that is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditSummary>,
    /// How many ids share their rows, by id space whose ids may; for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_rows: Vec<(String, String)>,
    /// The rows of each table at the end, where rows come and go or are found through a hash table.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableRowsRow>,
    /// Whether eviction was a dry run: what `tables` says would have happened.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// The hash tables that find the rows of tables, at the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cuckoo: Vec<CuckooRow>,
    /// Mean training loss of the last interval.
    pub loss: Option<f64>,
    /// Last mean distance of the views from the server, relative, over dense layers.
    pub divergence: Option<f64>,
    /// The best step: chosen on the selection half of the holdout, reported on the other.
    pub best: Option<At>,
    /// The last evaluation.
    pub last: Option<At>,
    /// Why figures of `best`, `last` and `bayes` are not defined, by their names; `best` if no step
    /// could be chosen.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub undefined: BTreeMap<String, String>,
    /// AUC of the true probabilities on the reporting half of the holdout, where they are known.
    pub bayes_auc: Option<f64>,
    /// All figures of the true probabilities.
    pub bayes: Option<Quality>,
    /// Facts about the log.
    pub data: Vec<(String, String)>,
    /// The stages before the last, whose figures these are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageDone>,
    /// The checkpoint that it has started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_from: Option<Started>,
    /// SHA-256 of all parameters at the end.
    pub weights_sha256: Option<String>,
    /// SHA-256 of each reproducible file of the folder.
    pub files: Vec<(String, String)>,
    /// Fields that another version of the program has written, by their names.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

/// Training that broke without an error: the figures of the run mean little.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BrokenTraining {
    /// The update at which it was first seen.
    pub update: u64,
    /// Examples trained on until then.
    pub examples: u64,
    /// What is wrong, in words.
    pub what: String,
    /// The likely cause, with a remedy.
    pub cause: String,
}

/// One sentence for people.
impl fmt::Display for BrokenTraining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BrokenTraining { update, what, cause, .. } = self;
        write!(f, "Training broke at about update {update}: {what}. The likely cause: {cause}.")
    }
}

/// Staleness in updates.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Staleness {
    /// Mean, exact.
    pub mean: Option<f64>,
    /// Median.
    pub p50: Option<u64>,
    /// 99th percentile.
    pub p99: Option<u64>,
    /// Largest.
    pub max: Option<u64>,
}

/// How busy the server was.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerLoad {
    /// The busiest shard.
    pub shard: u32,
    /// Share of the time in which it served requests.
    pub busy: f64,
    /// The shard with the busiest link.
    pub link_shard: u32,
    /// Share of the time in which messages passed that link, in its busier direction.
    pub link_busy: f64,
}

/// Shares of the workers' time. The rest to 1 is time in which they were gone or asleep.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Utilisation {
    /// Computing.
    pub busy: f64,
    /// Pulling or pushing, while the message that a worker waits for is on its way.
    pub network: f64,
    /// Pulling or pushing, while that message waits in the queue of a shard.
    pub queued: f64,
    /// Pulling or pushing, while a shard serves that message.
    pub served: f64,
    /// Held by the protocol.
    pub held: f64,
    /// Before the start, between two steps, or waiting for a checkpoint.
    pub waiting: f64,
    /// Waiting for examples, where these come from a live stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starved: Option<f64>,
}

/// What a serving copy served in the whole run.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServedSummary {
    /// Requests scored.
    pub scored: u64,
    /// AUC.
    pub auc: Option<f64>,
    /// Mean AUC over the groups with both labels.
    pub session_auc: Option<f64>,
    /// Log-loss.
    pub log_loss: Option<f64>,
    /// Log-loss over the entropy of the mean label.
    pub normalised_entropy: Option<f64>,
    /// Clicks predicted per click observed.
    pub calibration: Option<f64>,
    /// AUC of the training servers' own parameters minus that of the serving copy.
    pub gap_to_oracle: Option<f64>,
    /// AUC of the serving copy minus that of the parameters with which the run started.
    pub gain_on_batch: Option<f64>,
    /// Share of the scored requests that met a row that was behind.
    pub stale: Option<f64>,
    /// Mean time that rows were behind, simulated seconds.
    pub row_lag_s: Option<f64>,
    /// Mean age of the dense parameters, simulated seconds.
    pub dense_age_s: Option<f64>,
    /// Bytes sent per simulated minute.
    pub bytes_per_min: Option<f64>,
}

/// What became of a live stream.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamSummary {
    /// Requests that have come.
    pub requests: u64,
    /// Examples that workers have taken.
    pub taken: u64,
    /// Share of the positive requests that were not emitted as positive within their window.
    pub missed: Option<f64>,
    /// Share of the examples that were dropped because the queue was full.
    pub dropped: Option<f64>,
    /// The most examples that have waited for workers.
    pub queue_longest: u64,
    /// Mean time from a request until a worker took its example, simulated seconds.
    pub queue_lag_s: Option<f64>,
    /// Mean time from a request to the update with its example, simulated seconds.
    pub update_lag_s: Option<f64>,
    /// The longest such time.
    pub update_lag_max_s: Option<f64>,
    /// How long the example that workers took last was in the queue, simulated seconds.
    pub last_wait_s: Option<f64>,
    /// How long the joiner stood still because the queue was full, simulated seconds; left out if it
    /// never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stood_still_s: Option<f64>,
}

/// An evaluation and when it was.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct At {
    /// Updates.
    pub update: u64,
    /// Examples.
    pub examples: u64,
    /// Virtual clock.
    pub sim_s: f64,
    /// The figures.
    pub quality: Quality,
}

/// What came, went and was lost.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ChurnSummary {
    /// Crashes of present workers.
    pub crashes: u64,
    /// Leaves by schedule.
    pub leaves: u64,
    /// Times that a worker stopped since a shard had failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub stops: u64,
    /// Times that a worker joined again, or for the first time.
    pub joins: u64,
    /// Steps lost with their workers.
    pub lost_steps: u64,
    /// Examples in them.
    pub lost_examples: u64,
    /// Examples that came back and were not handed out again by the end.
    pub outstanding_examples: u64,
    /// Share of the workers' time in which they were crashed.
    pub down: f64,
    /// Share in which they were not among the job's workers.
    pub away: f64,
    /// Share in which they slept, as the script says.
    pub asleep: f64,
}

/// What failures of shards cost.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ShardFailureSummary {
    /// Crashes of shards.
    pub failures: u64,
    /// Share of the shards' time in which they were down.
    pub down: f64,
    /// Updates that shards lost, or never got, added up.
    pub updates_lost: u64,
    /// Examples whose effect is lost: one that a tenth of the shards lost counts as a tenth.
    pub examples_lost: f64,
    /// Steps of workers that failures ended.
    pub steps_lost: u64,
    /// Rows that returned with older values than their checkpoint had.
    pub stale_rows: u64,
    /// Failures after which a shard returned with what it had at the start of the run, since no
    /// checkpoint had been due before.
    pub anew: u64,
    /// The shards that failed or lost updates.
    pub shards: Vec<ShardLossSummary>,
}

/// What failures of one shard cost.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ShardLossSummary {
    /// The shard.
    pub shard: u32,
    /// Times that it crashed.
    pub failures: u64,
    /// Time for which it was down, simulated seconds.
    pub down_s: f64,
    /// Updates that it lost, or never got: its content is so many behind its version.
    pub updates_lost: u64,
    /// Examples in them.
    pub examples_lost: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How often the examples of the training window were used.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditSummary {
    /// Examples of the window.
    pub examples: u64,
    /// Those never used.
    pub unused: u64,
    /// Those used once.
    pub once: u64,
    /// Those used more often.
    pub more_often: u64,
    /// All uses: the examples applied.
    pub uses: u64,
}

/// What a run has started from.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Started {
    /// The file, as the scenario names it.
    pub from: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// The scenario that the checkpoint belongs to, if straggler has written it.
    pub scenario: Option<String>,
    /// Updates before it.
    pub updates: u64,
    /// Slots and counters that it does not have, which begin anew.
    pub missing: Vec<String>,
    /// What became of the rows of each id space whose rows are found by id.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowsById>,
    /// The id spaces of which the file lists no ids, so that rows were taken over by number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_number: Vec<String>,
    /// Increments that were laid over a full checkpoint, if `from` is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub increments: Option<u64>,
    /// The fault with which they were laid, as `start.replay` names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Rows with older values than the job of the increments had, since one was missing or they were
    /// laid in a wrong order.
    #[serde(skip_serializing_if = "is_zero")]
    pub stale_rows: u64,
}

/// What became of the rows of an id space, at the start from a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RowsById {
    /// The id space.
    pub space: String,
    /// Ids of this log that the checkpoint has: their rows were taken over.
    pub known: u64,
    /// Ids of this log that the checkpoint does not have: their rows have their initial values.
    pub new: u64,
    /// Ids that only the checkpoint has: their rows were taken over and stay as they are.
    pub carried: u64,
}

impl Started {
    /// What became of the rows of tables, a line for people per id space.
    pub fn rows_lines(&self) -> impl Iterator<Item = String> + '_ {
        let moved = self.rows.iter().filter(|rows| rows.new + rows.carried > 0);
        let found = moved.map(|RowsById { space, known, new, carried }| {
            format!(
                "{space}: of the ids of this log {known} are known and {new} new; {carried} ids that only the \
                 checkpoint has keep their rows"
            )
        });
        let unknown = self.by_number.iter().map(|space| {
            format!(
                "{space}: rows taken over by their number: the file does not say which ids they belong to"
            )
        });
        let laid = self.increments.map(|increments| {
            let laid = counted(increments, "increment was laid", "increments were laid");
            match &self.fault {
                None => laid,
                Some(fault) => format!(
                    "{laid} with the fault `{fault}`: {} have older values than in the job that saved them",
                    counted(self.stale_rows, "row", "rows")
                ),
            }
        });
        found.chain(unknown).chain(laid)
    }
}

/// A stage that is done.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StageDone {
    /// Its name.
    pub name: String,
    /// Its folder, among the stages.
    pub folder: String,
    /// Updates that it made.
    pub updates: Option<u64>,
    /// AUC on the reporting half of its holdout before its first update: that of its starting
    /// point.
    pub first_auc: Option<f64>,
    /// AUC at its best step.
    pub best_auc: Option<f64>,
    /// AUC at its end.
    pub last_auc: Option<f64>,
    /// Whether its best step was better than its starting point.
    pub better: Option<bool>,
    /// Why figures are not defined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undefined: Option<String>,
}

/// One line for people.
impl fmt::Display for StageDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let auc = |value: Option<f64>| value.map_or("-".to_owned(), |auc| format!("{auc:.4}"));
        let updates = counted(self.updates.unwrap_or(0), "update", "updates");
        write!(f, "stage {}: {updates}", self.name)?;
        if self.better.is_some() {
            write!(f, ", AUC {} before any", auc(self.first_auc))?;
        }
        write!(
            f,
            ", AUC {} at its best step, {} at its end",
            auc(self.best_auc),
            auc(self.last_auc)
        )?;
        if let Some(why) = &self.undefined {
            write!(f, " (not defined: {why})")?;
        }
        match self.better {
            Some(false) => write!(f, "; no better than what it started from"),
            _ => Ok(()),
        }
    }
}

impl Summary {
    /// The summary in `folder`; `None` unless its run is done.
    ///
    /// # Errors If the file exists and cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Summary>, OutcomeError> {
        json::read(&folder.join(FILE))
    }

    /// The file that a run without a good end has left in `folder` in place of its summary.
    ///
    /// # Errors If the file exists and cannot be read.
    pub fn read_diagnosis(folder: &Path) -> Result<Option<Summary>, OutcomeError> {
        json::read(&folder.join(DIAGNOSIS))
    }

    /// Writes into `folder` why a run has no figures at all.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn write_reason(folder: &Path, reason: &str) -> Result<(), FolderError> {
        json::write(&folder.join(DIAGNOSIS), &serde_json::json!({ "ended": reason }))
    }

    /// Why the figure of this name is not defined, if the summary says so.
    pub fn why_undefined(&self, figure: &str) -> Option<&str> {
        // Without a best step none of its figures is defined.
        let stem = figure.split_once('.').map_or(figure, |(stem, _)| stem);
        self.undefined.get(figure).or_else(|| self.undefined.get(stem)).map(String::as_str)
    }

    /// What is not defined, and why, in one text; `None` if everything is defined.
    pub fn undefined_text(&self) -> Option<String> {
        let lines = self.undefined_lines();
        (!lines.is_empty()).then(|| lines.join("; "))
    }

    /// What is wrong if its training broke, one sentence for people.
    pub fn broken_text(&self) -> Option<String> {
        self.broken.as_ref().map(ToString::to_string)
    }

    /// What is not defined, and why: a line for people per reason.
    pub fn undefined_lines(&self) -> Vec<String> {
        let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
        for (name, reason) in &self.undefined {
            let figure = match name.split_once('.').map_or("best step", |(_, figure)| figure) {
                "auc" => "AUC".to_string(),
                figure => {
                    figure.replace('_', " ").replace("auc", "AUC").replace("log loss", "log-loss")
                }
            };
            match reasons.iter_mut().find(|(known, _)| known == reason) {
                Some((_, figures)) if figures.contains(&figure) => {}
                Some((_, figures)) => figures.push(figure),
                None => reasons.push((reason, vec![figure])),
            }
        }
        let line =
            |(reason, figures): (&str, Vec<String>)| format!("{}: {reason}", figures.join(", "));
        reasons.into_iter().map(line).collect()
    }

    /// The figures under the names that they have everywhere.
    pub fn scalars(&self) -> Scalars {
        Scalars::of(self)
    }
}
