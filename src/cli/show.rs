//! Texts for people: the heading of a run, its summary, the welcome.

use std::fmt::Write;
use std::path::Path;

use super::exit::{Exit, Failure};
use super::help;
use super::say::out;
use crate::base::{SimSpan, counted, fixed, significant};
use crate::experiment::Trial;
use crate::experiment::expect::Checked;
use crate::report::figure::{served, time_spent};
use crate::report::terminal::{Align, TextTable};
use crate::report::{overload, words};
use crate::results::outcome::TrialOutcome;
use crate::results::summary::{At, Summary};

/// The output of `straggler` without a command.
pub(super) fn welcome() -> Result<Exit, Failure> {
    out(&format!(
        "straggler simulates asynchronous parameter-server training in virtual time, with true gradients.\n\n\
         {}\nStart here: straggler demo\n",
        help::groups(&super::commands())
    ))?;
    Ok(Exit::Done)
}

/// The lines above the progress: the scenario, and the estimate of the run.
pub(super) fn heading(trial: &Trial, path: &Path, threads: usize) -> String {
    let scenario = &trial.scenario;
    let cluster = &scenario.cluster;
    let what = match (&scenario.imposed_staleness, &scenario.timing_only) {
        (Some(law), _) => format!("imposed staleness ({})", law.name()),
        (None, timing) => format!(
            "{}, {}, {}{}",
            counted(cluster.workers, "worker", "workers"),
            counted(cluster.shards, "shard", "shards"),
            scenario.protocol.name(),
            if timing.is_some() { ", timing alone" } else { "" }
        ),
    };
    let learning = match scenario.timing_only {
        Some(_) => String::new(),
        None => format!(", {} with {}", scenario.model.name(), scenario.optimizer.name()),
    };
    let estimate = &trial.estimate;
    let pushes = estimate.pushes.map_or_else(String::new, |n| counted(n, "step, ", "steps, "));
    let pushes = match updates(trial) {
        Some(updates) => format!("{pushes}{updates}, "),
        None => pushes,
    };
    let time = time(trial).map_or_else(String::new, |time| format!("about {time}, "));
    let threads = counted(threads, "thread", "threads");
    format!(
        "straggler {}   {}   {what}{learning}\n{}   {pushes}{time}about {} of memory, {threads}\n",
        env!("CARGO_PKG_VERSION"),
        scenario.scenario.name,
        path.display(),
        estimate.memory
    )
}

/// How many updates the steps of a run make, where an update is made of several steps.
pub(super) fn updates(trial: &Trial) -> Option<String> {
    let per_update = trial.scenario.pushes_per_update();
    let updates = trial.estimate.pushes?.div_ceil(per_update);
    (per_update > 1).then(|| counted(updates, "update", "updates"))
}

/// About how long a run will take, with its report and its pictures.
pub(super) fn time(trial: &Trial) -> Option<String> {
    const YEAR: f64 = 365.25 * 86_400.0;
    let seconds = trial.wall_estimate_in_all()?;
    Some(match seconds / YEAR {
        years if years >= 2.0 => format!("{} years", significant(years, 2)),
        _ => SimSpan::from_seconds(seconds).to_string(),
    })
}

/// The summary of a run.
pub(super) fn summary(summary: &Summary, path: &Path) -> String {
    let mut text = String::new();
    let title = if summary.title.is_empty() { &summary.name } else { &summary.title };
    _ = writeln!(text, "{title}");
    if !summary.question.is_empty() {
        _ = writeln!(text, "{}", summary.question);
    }
    text.push('\n');
    if let Some(broken) = &summary.broken {
        _ = writeln!(text, "BROKEN: {broken}\n");
    }
    let mut table = TextTable::new(&[Align::Left, Align::Left]);
    let passes = summary.passes.map_or_else(String::new, |p| format!(" ({p:.2} passes)"));
    table.row([
        "trained".to_string(),
        format!(
            "{}, {}{passes}",
            counted(summary.updates, "update", "updates"),
            counted(summary.examples, "example", "examples")
        ),
    ]);
    if summary.sim_s > 0.0 {
        let rate = summary.examples_per_sim_s.unwrap_or(0.0);
        table.row([
            "simulated".to_string(),
            format!("{}, {rate:.0} examples a second", SimSpan::from_seconds(summary.sim_s)),
        ]);
    }
    if let Some(started) = &summary.started_from {
        let text = format!("{}, after {} updates", started.from, started.updates);
        table.row(["started from".to_string(), text]);
        for line in started.rows_lines() {
            table.row([String::new(), line]);
        }
    }
    quality_rows(summary, &mut table);
    if let (Some(mean), Some(p50), Some(p99), Some(max)) = (
        summary.staleness.mean,
        summary.staleness.p50,
        summary.staleness.p99,
        summary.staleness.max,
    ) {
        let text = format!(
            "mean {mean:.2}, median {p50}, p99 {p99}, largest {}",
            counted(max, "update", "updates")
        );
        table.row(["staleness".to_string(), text]);
    }
    if let Some(divergence) = summary.divergence {
        let text =
            format!("{:.2} % between a worker's dense layers and the server's", divergence * 100.0);
        table.row(["divergence".to_string(), text]);
    }
    if let Some(mixed) = summary.mixed_reads.filter(|mixed| *mixed > 0.0) {
        let text = format!("{:.1} % of the pulls saw shards at different versions", mixed * 100.0);
        table.row(["mixed reads".to_string(), text]);
    }
    if let Some(u) = &summary.utilisation {
        table.row(["workers".to_string(), time_spent::in_short(u)]);
    }
    if let Some(stream) = &summary.stream {
        table.row(["stream".to_string(), words::stream(stream)]);
    }
    if let Some(server) = &summary.server {
        let (shard, busy) = (server.shard, server.busy * 100.0);
        let text = match summary.shards {
            1 => format!("serving {busy:.1} % of the time"),
            _ => format!("shard {shard}, the busiest, serving {busy:.1} % of the time"),
        };
        table.row(["server".to_string(), text]);
    }
    if let Some(of) = &summary.served {
        table.row(["served".to_string(), served::in_short(of)]);
    }
    for (name, text) in &summary.shared_rows {
        table.row([name.clone(), text.clone()]);
    }
    for (number, rows) in summary.tables.iter().enumerate() {
        let name = if number == 0 { "tables" } else { "" };
        let index = summary.cuckoo.iter().find(|index| index.table == rows.table);
        let index = index.map_or_else(String::new, |index| format!("; {index}"));
        let dry = match summary.dry_run {
            true => " (dry run: so it would be; no row was evicted)",
            false => "",
        };
        table.row([name.to_string(), format!("{rows}{dry}{index}")]);
    }
    if let Some(churn) = &summary.churn {
        let stops = match churn.stops {
            0 => String::new(),
            stops => format!(" and {} for a failed shard", counted(stops, "stop", "stops")),
        };
        let text = format!(
            "crashed or stopped {:.1} %, away {:.1} %, asleep {:.1} % of their time; {} lost with {} and {}{stops}",
            churn.down * 100.0,
            churn.away * 100.0,
            churn.asleep * 100.0,
            counted(churn.lost_steps, "step", "steps"),
            counted(churn.crashes, "crash", "crashes"),
            counted(churn.leaves, "leave", "leaves")
        );
        table.row(["gone".to_string(), text]);
    }
    if let Some(audit) = &summary.audit {
        let text =
            format!("{} once, {} more often, {} never", audit.once, audit.more_often, audit.unused);
        table.row(["examples used".to_string(), text]);
    }
    let told = |name: &str| name.contains("skipped") || DAYS.contains(&name);
    for (name, value) in summary.data.iter().filter(|(name, _)| told(name)) {
        table.row([name.clone(), value.clone()]);
    }
    text.push_str(&table.render());
    if !summary.stages.is_empty() {
        text.push_str("\nbefore it\n");
        summary.stages.iter().for_each(|stage| _ = writeln!(text, "  {stage}"));
    }
    if let Some(failures) = words::shard_failures(summary) {
        _ = writeln!(text, "\n{failures}");
    }
    if let Some(overload) = overload::sentence(summary) {
        _ = writeln!(text, "\n{overload}");
    }
    if let Some(bottleneck) = words::bottleneck(summary) {
        _ = writeln!(text, "\n{bottleneck}");
    }
    let evaluations = TrialOutcome::of_run(path, 0).evaluations();
    let first = evaluations.ok().and_then(|rows| rows.first()?.auc);
    if let Some(refreshed) = words::refreshed(summary, first) {
        _ = writeln!(text, "\n{refreshed}");
    }
    if let Some(command) = words::answer(&summary.answered_by, &path.display().to_string()) {
        _ = writeln!(
            text,
            "\nOne run does not answer the question; this command does:\n  {command}"
        );
    }
    _ = writeln!(text, "\nresults: {}", path.display());
    text
}

/// The facts about a log that name its days.
const DAYS: [&str; 2] = ["days trained on", "days held out"];

/// The results of the scenario's expectations; empty if it has none.
pub(super) fn expectations(checked: &[Checked]) -> String {
    if checked.is_empty() {
        return String::new();
    }
    let mut table = TextTable::new(&[Align::Left, Align::Left, Align::Left, Align::Right]);
    table.row(["", "expected", "", "found"]);
    for one in checked {
        let holds = if one.holds { "holds" } else { "FAILS" };
        let value = one.value.map_or("not defined".to_string(), |value| fixed(value, 4));
        table.row([holds, &one.metric, &one.wanted, &value, &one.reason]);
    }
    let mut text = format!("\n{}", table.render());
    for one in checked {
        if let Some(why) = &one.undefined {
            _ = writeln!(text, "{} is not defined: {why}", one.metric);
        }
    }
    text
}

fn quality_rows(summary: &Summary, table: &mut TextTable) {
    let row = |name: &str, at: &At| {
        let q = &at.quality;
        let figure = |value: Option<f64>, error| {
            value.map_or("-".to_string(), |value| words::with_error(value, error))
        };
        [
            name.to_string(),
            format!(
                "AUC {}, session AUC {}, log-loss {}, at update {}",
                words::auc(q).unwrap_or_else(|| "-".to_string()),
                figure(q.session_auc, q.session_auc_error),
                figure(q.log_loss, q.log_loss_error),
                at.update
            ),
        ]
    };
    let shown = [("best", &summary.best), ("last", &summary.last)];
    for (name, at) in shown.iter().filter_map(|(name, at)| Some((name, at.as_ref()?))) {
        table.row(row(name, at));
    }
    for (at, line) in summary.undefined_lines().into_iter().enumerate() {
        let name = if at == 0 { "not defined" } else { "" };
        table.row([name.to_string(), line]);
    }
    if let Some(bayes) = summary.bayes_auc {
        let text = format!("AUC {bayes:.4} with the true probabilities");
        table.row(["attainable".to_string(), text]);
    }
    if summary.last.is_some_and(|last| last.quality.auc_error().is_some()) {
        table.row(["", words::ERRORS]);
    }
}
