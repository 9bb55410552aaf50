//! The results of a run in sentences computed from its figures.

use crate::report::figure::number::{count, counted, percent, time};
use crate::report::figure::time_spent;
use crate::report::html::read::Run;
use crate::report::{overload, words};
use crate::results::Summary;
use crate::results::tables::{EvaluatedView, EvaluationRow};

/// The heading: the scenario's title or, without one, its name.
pub(super) fn title(run: &Run) -> String {
    [run.said(|s| s.title.clone()), run.setting("scenario.title"), run.said(|s| s.name.clone())]
        .into_iter()
        .flatten()
        .find(|text| !text.is_empty())
        .unwrap_or_else(|| run.name.clone())
}

/// The question of the scenario.
pub(super) fn question(run: &Run) -> String {
    run.said(|s| s.question.clone())
        .or_else(|| run.setting("scenario.question"))
        .unwrap_or_default()
}

/// The facts below the heading.
pub(super) fn facts(run: &Run) -> Vec<(String, String)> {
    let days = |name: &str| {
        let of = |summary: &Summary| {
            let fact = summary.data.iter().find(|(fact, _)| fact == name);
            fact.map_or(String::new(), |(_, value)| value.clone())
        };
        run.said(of).filter(|days| !days.is_empty())
    };
    let trained = |fact: Option<String>| fact.filter(|_| run.folder.trains());
    let known = [
        ("name", run.said(|s| s.name.clone()).or_else(|| run.setting("scenario.name"))),
        ("seed", run.said(|s| s.seed).or_else(|| run.setting("scenario.seed"))),
        ("workers", run.said(|s| s.workers).or_else(|| run.setting("cluster.workers"))),
        ("shards", run.said(|s| s.shards).or_else(|| run.setting("cluster.shards"))),
        ("protocol", run.said(|s| s.protocol.clone()).or_else(|| run.setting("protocol.kind"))),
        ("model", trained(run.said(|s| s.model.clone()).or_else(|| run.setting("model.kind")))),
        (
            "optimizer",
            trained(run.said(|s| s.optimizer.clone()).or_else(|| run.setting("optimizer.kind"))),
        ),
        ("days trained on", days("days trained on")),
        ("days held out", days("days held out")),
        ("straggler", run.said(|s| s.version.clone())),
    ];
    let named = |(name, value): (&str, Option<String>)| Some((name.to_string(), value?));
    known.into_iter().filter_map(named).collect()
}

/// Warnings that the reader must see.
pub(super) fn notices(run: &Run) -> Vec<String> {
    let mut notices = Vec::new();
    if let Some(reason) = &run.diagnosis {
        notices.push(format!(
            "This run did not end as planned: {reason}. The page shows its results until then."
        ));
    } else if run.summary.is_none() {
        notices.push(
            "This run is not finished: there is no summary.json. The page shows its results so far."
                .to_string(),
        );
    }
    let broken = run.summary.as_ref().and_then(|summary| summary.broken.as_ref());
    notices.extend(broken.map(ToString::to_string));
    let parts = run.said(|summary| summary.reconstructed.join(", "));
    notices.extend(parts.map(|parts| {
        format!("These are reconstructed, because the sources could not be read: {parts}.")
    }));
    notices
}

/// The results in words.
pub(super) fn words(run: &Run) -> Vec<String> {
    if run.summary.is_none() {
        return so_far(run);
    }
    let sentences = [
        started(run),
        trained(run),
        quality(run),
        undefined(run),
        attainable(run),
        staleness(run),
        divergence(run),
        time_spent(run),
        words::shard_failures(run.summary.as_ref().expect("checked above")),
        overload::sentence(run.summary.as_ref().expect("checked above")),
        words::bottleneck(run.summary.as_ref().expect("checked above")),
        refreshed(run),
        skipped(run),
    ];
    sentences.into_iter().flatten().collect()
}

/// What it started from, and what became of the rows of tables.
fn started(run: &Run) -> Option<String> {
    let started = run.summary.as_ref()?.started_from.as_ref()?;
    let updates = counted(started.updates as usize, "update", "updates");
    let rows: String = started.rows_lines().map(|line| format!("; {line}")).collect();
    Some(format!("It started from {}, after {updates}{rows}.", started.from))
}

fn refreshed(run: &Run) -> Option<String> {
    let first = run.folder.evaluations.rows().ok().and_then(|rows| rows.first()?.auc);
    words::refreshed(run.summary.as_ref()?, first)
}

fn trained(run: &Run) -> Option<String> {
    let (updates, examples) = (run.figure("updates")?, run.figure("examples")?);
    let passes = run.figure("passes");
    let passes = passes.map_or_else(String::new, |passes| format!(" ({passes:.2} passes)"));
    let clock = match (run.figure("sim_s"), run.figure("examples_per_sim_s")) {
        (Some(seconds), Some(rate)) if seconds > 0.0 => format!(
            " in {} of simulated time, which is {} examples per simulated second",
            time(seconds),
            count(rate as u64)
        ),
        _ => String::new(),
    };
    Some(format!(
        "The run applied {}, computed from {}{passes}{clock}.",
        counted(updates as usize, "update", "updates"),
        counted(examples as usize, "example", "examples")
    ))
}

fn quality(run: &Run) -> Option<String> {
    let summary = run.summary.as_ref()?;
    let last = summary.last.and_then(|last| words::auc(&last.quality));
    let Some(best) = summary.best.and_then(|best| words::auc(&best.quality)) else {
        return last.map(|last| format!("At the end the AUC is {last}."));
    };
    let quality = summary.best.map(|best| best.quality).unwrap_or_default();
    let session = quality.session_auc.map_or_else(String::new, |value| {
        format!(" and the session AUC {}", words::with_error(value, quality.session_auc_error))
    });
    let last = last.map_or_else(String::new, |v| format!(" At the end the AUC is {v}."));
    let examples = run.figure("best.examples").unwrap_or(0.0) as usize;
    Some(format!(
        "The best step, chosen on the selection half of the holdout, comes after {} and {} of simulated time. \
         There the AUC on the reporting half is {best}{session}.{last} Here {}.",
        counted(examples, "example", "examples"),
        time(run.figure("best.sim_s")),
        words::ERRORS
    ))
}

fn undefined(run: &Run) -> Option<String> {
    let why = run.summary.as_ref()?.undefined_text()?;
    Some(format!("Not defined: {why}."))
}

fn attainable(run: &Run) -> Option<String> {
    let bayes = run.summary.as_ref()?.bayes_auc?;
    Some(format!("A model with the true click probabilities would have an AUC of {bayes:.4}."))
}

fn staleness(run: &Run) -> Option<String> {
    words::staleness(run.summary.as_ref()?)
}

fn divergence(run: &Run) -> Option<String> {
    let distance = run.figure("divergence")?;
    Some(format!(
        "At the end the distance of the workers' views from the server's dense layers was {} on average, \
         relative to the norm of the layers.",
        percent(distance)
    ))
}

fn time_spent(run: &Run) -> Option<String> {
    let time = run.summary.as_ref()?.utilisation?;
    Some(format!("The workers' time: {}.", time_spent::in_words(&time)))
}

fn skipped(run: &Run) -> Option<String> {
    let facts = run.summary.as_ref()?.data.iter();
    let skipped = facts.filter(|(name, _)| name.contains("skipped"));
    let found: Vec<String> = skipped.map(|(name, value)| format!("{name}: {value}")).collect();
    (!found.is_empty()).then(|| format!("The log has malformed rows; {}.", found.join("; ")))
}

/// The results in words of a run that has no summary yet: the last rows of its series.
fn so_far(run: &Run) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(last) = run.folder.training.rows().ok().and_then(|rows| rows.last()) {
        sentences.push(format!(
            "So far the run has applied {}, computed from {}, in {} of simulated time.",
            counted(last.update as usize, "update", "updates"),
            counted(last.examples as usize, "example", "examples"),
            time(last.sim_s)
        ));
    }
    let evaluations = run.folder.evaluations.rows().unwrap_or_default();
    let of_server = |row: &&EvaluationRow| row.view == EvaluatedView::Server;
    if let Some(last) = evaluations.iter().rfind(of_server) {
        let why = last.undefined.as_ref().map_or(String::new(), |why| format!(" ({why})"));
        let auc = last.auc.map_or_else(|| format!("not defined{why}"), |auc| format!("{auc:.4}"));
        sentences.push(format!("At the last evaluation the AUC was {auc}."));
    }
    sentences
}
