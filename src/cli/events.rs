//! Progress for programs: one JSON object per line on stderr, by `--progress json`.
//!
//! Every object has a key `event`. An event about one trial of a sweep names it by `trial`,
//! `point`, `label` and `seed`; an event without `trial` is about the whole sweep. In this mode
//! every other message to stderr is an event as well, `message`.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::say;
use crate::experiment::sweep::{Ended, PlannedTrial, SweepWatcher, TrialCounts};
use crate::experiment::{RunError, Trial};
use crate::results::Summary;
use crate::sim::{EvaluatedView, Limits, Observer, Progress, Record};

/// Between two `progress` events of a trial.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes an event.
fn emit(event: &str, who: &Map<String, Value>, about: Value) {
    let mut line = Map::new();
    line.insert("event".to_string(), event.into());
    line.extend(who.clone());
    if let Value::Object(about) = about {
        line.extend(about);
    }
    say::tell_json(&format!("{}\n", Value::Object(line)));
}

/// Writes events about one trial.
pub(super) struct TrialEvents {
    who: Map<String, Value>,
    limits: Limits,
    started: Instant,
    next: Duration,
    /// Sum and number of the losses since the last event.
    loss: (f64, u64),
}

impl TrialEvents {
    fn new(who: Map<String, Value>, trial: &Trial) -> TrialEvents {
        #[expect(clippy::disallowed_methods, reason = "progress is shown by the wall clock")]
        let started = Instant::now();
        let limits = trial.scenario.limits_of(&trial.estimate);
        TrialEvents { who, limits, started, next: PAUSE, loss: (0.0, 0) }
    }

    /// A single run begins.
    pub(super) fn of_run(trial: &Trial, path: &Path, threads: usize) -> TrialEvents {
        let scenario = &trial.scenario.scenario;
        let events = TrialEvents::new(Map::new(), trial);
        let about = json!({
            "name": scenario.name,
            "seed": scenario.seed,
            "folder": path.display().to_string(),
            "threads": threads,
            "version": env!("CARGO_PKG_VERSION"),
        });
        emit("started", &events.who, about);
        events
    }

    /// The run has ended.
    pub(super) fn end(self, outcome: Result<Option<&Summary>, &RunError>) {
        let wall_s = self.started.elapsed().as_secs_f64();
        match outcome {
            Ok(Some(summary)) => {
                emit(
                    "finished",
                    &self.who,
                    json!({ "wall_s": wall_s, "figures": figures(summary), "undefined": summary.undefined }),
                );
            }
            Ok(None) => emit("skipped", &self.who, json!({ "reason": "it was done before" })),
            Err(error @ RunError::Interrupted { .. }) => {
                emit(
                    "interrupted",
                    &self.who,
                    json!({ "wall_s": wall_s, "reason": error.to_string() }),
                );
            }
            Err(error) => {
                emit("failed", &self.who, json!({ "wall_s": wall_s, "reason": error.to_string() }));
            }
        }
    }

    fn progress(&mut self, progress: &Progress) {
        let wall = self.started.elapsed();
        if wall < self.next {
            return;
        }
        self.next = wall + PAUSE;
        let (wall_s, share) = (wall.as_secs_f64(), self.limits.share(progress));
        let (sum, count) = std::mem::take(&mut self.loss);
        emit(
            "progress",
            &self.who,
            json!({
                "share": share,
                "update": progress.updates,
                "examples": progress.examples,
                "sim_s": progress.now.seconds(),
                "loss": (count > 0).then(|| sum / count as f64),
                "wall_s": wall_s,
                "left_s": (share > 0.0).then(|| wall_s * (1.0 - share) / share),
            }),
        );
    }
}

impl Observer for TrialEvents {
    fn observe(&mut self, record: &Record<'_>) {
        match record {
            Record::Finished(push) if push.loss.is_finite() => {
                self.loss.0 += push.loss;
                self.loss.1 += 1;
            }
            // The clock is read only now and then: an update can take less time than reading it.
            Record::Updated { progress, .. } if progress.updates.is_multiple_of(16) => {
                self.progress(progress);
            }
            Record::Evaluated {
                progress, view: EvaluatedView::Server, quality, undefined, ..
            } => {
                let reasons = undefined
                    .iter()
                    .map(|one| (one.figure.to_string(), one.reason.as_str().into()));
                let reasons: Map<String, Value> = reasons.collect();
                emit(
                    "evaluated",
                    &self.who,
                    json!({
                        "update": progress.updates,
                        "examples": progress.examples,
                        "sim_s": progress.now.seconds(),
                        "auc": quality.auc,
                        "session_auc": quality.session_auc,
                        "log_loss": quality.log_loss,
                        "normalised_entropy": quality.ne,
                        "calibration": quality.calibration,
                        "undefined": reasons,
                    }),
                );
            }
            _ => {}
        }
    }
}

/// The figures of a run under the names that they have everywhere.
fn figures(summary: &Summary) -> Map<String, Value> {
    let scalars = summary.scalars();
    scalars.iter().map(|(name, value)| (name.to_string(), value.into())).collect()
}

/// Writes events about a sweep.
pub(super) struct SweepEvents;

impl SweepEvents {
    /// The sweep begins; `about` describes it.
    pub(super) fn begin(about: Value) -> SweepEvents {
        emit("started", &Map::new(), about);
        SweepEvents
    }
}

/// The sweep has ended.
pub(super) fn sweep_end(tally: &TrialCounts) {
    emit(
        "finished",
        &Map::new(),
        json!({
            "done": tally.done,
            "done_before": tally.already,
            "failed": tally.failed.len() + tally.panicked.len() + tally.refused.len(),
            "elsewhere": tally.elsewhere,
            "interrupted": tally.interrupted,
        }),
    );
}

fn who(planned: &PlannedTrial) -> Map<String, Value> {
    let planned = &planned.planned;
    let mut who = Map::new();
    who.insert("trial".to_string(), planned.trial.as_str().into());
    who.insert("point".to_string(), planned.point.into());
    who.insert("label".to_string(), planned.label.as_str().into());
    who.insert("seed".to_string(), planned.seed.into());
    who
}

impl SweepWatcher for SweepEvents {
    fn begins<'a>(&'a self, planned: &PlannedTrial, trial: &Trial) -> Box<dyn Observer + 'a> {
        let events = TrialEvents::new(who(planned), trial);
        emit("started", &events.who, Value::Null);
        Box::new(events)
    }

    fn says(&self, planned: &PlannedTrial, text: &str) {
        emit("message", &who(planned), json!({ "text": text }));
    }

    fn ended(&self, planned: &PlannedTrial, ended: &Ended) {
        let who = who(planned);
        let tell = |event: &str, reason: &str| emit(event, &who, json!({ "reason": reason }));
        match ended {
            Ended::Done(summary) => {
                let about = json!({ "figures": figures(summary), "undefined": summary.undefined });
                emit("finished", &who, about);
            }
            Ended::Already => tell("skipped", "it was done before"),
            Ended::Elsewhere => tell("skipped", "another process is running it"),
            Ended::Interrupted => tell("interrupted", "it was asked to stop"),
            Ended::Failed(reason) => tell("failed", reason),
            Ended::Panicked(reason) => tell("failed", &format!("a bug in straggler: {reason}")),
            Ended::Refused(error) => tell("failed", &error.to_string()),
        }
    }
}
