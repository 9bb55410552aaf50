//! Rules across keys: impossible combinations, and settings without effect.

mod churn;
mod classes;
mod codes;
mod combinations;
mod expectations;
mod online;
mod pace;
mod restart;
mod serving;
mod shards;
mod stages;
mod tables;

use super::document::{Loaded, Problem};
use super::rate_edge::RateEdge;
use super::spec::Scenario;
use crate::cluster::delay::Unusable;
use crate::optimizer::Horizon;
use crate::protocol::Fit;
use crate::sim::Every;

pub use codes::{
    ABOVE_LIMIT, BAD_DATA, BAD_START, CODES, CONFLICT, LOG_REMARK, NO_EFFECT, SUSPICIOUS,
    UNMEASURED, UNUSABLE,
};

/// Longest name of a scenario; the results folder begins with it.
const LONGEST_NAME: usize = 64;

/// At most so many places are shown for one kind of mistake: no user reads thousands.
const MARKED: usize = 20;

/// Checks what a schema cannot express, and reports into `loaded`.
pub fn check(loaded: &mut Loaded<Scenario>) {
    for problem in problems(loaded) {
        loaded.report(problem);
    }
}

fn problems(loaded: &Loaded<Scenario>) -> Vec<Problem> {
    let mut found = Vec::new();
    name(loaded, &mut found);
    classes::shares(loaded, &mut found);
    classes::names(loaded, &mut found);
    answer(loaded, &mut found);
    lengths(loaded, &mut found);
    whole_cores(loaded, &mut found);
    delay_weights(loaded, &mut found);
    combinations::check(loaded, &mut found);
    expectations::check(loaded, &mut found);
    churn::check(loaded, &mut found);
    online::check(loaded, &mut found);
    serving::check(loaded, &mut found);
    pace::check(loaded, &mut found);
    restart::check(loaded, &mut found);
    tables::check(loaded, &mut found);
    shards::check(loaded, &mut found);
    stages::check(loaded, &mut found);
    what_to_run(loaded, &mut found);
    still_clock(loaded, &mut found);
    without_effect(loaded, &mut found);
    suspicious(loaded, &mut found);
    found
}

fn unusable(loaded: &Loaded<Scenario>, key: &str, why: &str, help: &str) -> Problem {
    Problem::error(&UNUSABLE, key, format!("`{key}` {why}"))
        .label(loaded.origin(key), "")
        .help(help)
}

/// The name becomes part of a path, so it must not lead out of the results.
fn name(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let name = &loaded.value.scenario.name;
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    let all = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if !(first && all && name.len() <= LONGEST_NAME) {
        let help = format!(
            "up to {LONGEST_NAME} of the letters a-z and A-Z, digits, `-`, `_` and `.`, beginning with a \
             letter or digit; `scenario.title` may hold anything"
        );
        let why = "is no name of a results folder";
        found.push(unusable(loaded, "scenario.name", why, &help));
    }
}

/// Commands that can answer the question of a scenario.
const ANSWERS: [&str; 3] = ["run", "race", "lab restart"];

/// The command that answers the question is one that takes a scenario.
fn answer(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let text = &loaded.value.scenario.answered_by;
    let begins = |command: &str| {
        text.strip_prefix(command).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    if !text.is_empty() && !ANSWERS.iter().any(|command| begins(command)) {
        let help = format!(
            "begin with one of {}, and leave out the program and the file, as in \
             \"run cluster.workers=1,30 --seeds 5\"",
            ANSWERS.join(", ")
        );
        found.push(unusable(loaded, "scenario.answered_by", "is no command for a scenario", &help));
    }
}

/// Reports links without bandwidth, and periods that never end.
fn lengths(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let scenario = &loaded.value;
    let network = &scenario.cluster.network;
    for (key, bandwidth) in [
        ("cluster.network.worker_bandwidth", network.worker_bandwidth),
        ("cluster.network.shard_bandwidth", network.shard_bandwidth),
    ] {
        if bandwidth.is_some_and(|bandwidth| bandwidth.0 == 0) {
            let help = "leave it out for a link of unlimited bandwidth";
            found.push(unusable(loaded, key, "carries nothing", help));
        }
    }
    let periods = [
        ("optimizer.period", Some(&scenario.optimizer)),
        ("sparse_optimizer.period", scenario.sparse_optimizer.as_ref()),
    ];
    for (key, optimizer) in periods {
        let nothing = match optimizer.and_then(|optimizer| optimizer.facts().period) {
            Some(Horizon::Updates(length) | Horizon::Examples(length)) => length == 0,
            Some(Horizon::SimTime(length)) => length.is_zero(),
            None => false,
        };
        if nothing {
            let help = "a period longer than nothing, e.g. { updates = 100000 }";
            found.push(unusable(loaded, key, "has no length", help));
        }
    }
    for (key, every) in [
        ("holdout.every", scenario.holdout.as_ref().map(|holdout| holdout.every)),
        ("record.training", Some(scenario.record.training)),
        ("record.divergence", scenario.record.divergence),
        ("record.layers", scenario.record.layers),
    ] {
        if matches!(every, Some(Every::SimTime(span)) if span.is_zero()) {
            let help = "a period longer than nothing, e.g. { sim_time = \"1s\" }";
            found.push(unusable(loaded, key, "has a period of no length", help));
        }
    }
}

/// In order of arrival a request has a core for itself.
fn whole_cores(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let server = &loaded.value.cluster.server;
    if server.discipline.is_first_come() && server.cores.fract() != 0.0 {
        let why = "is a fraction, but in order of arrival a request is served by one whole core";
        let help = "use a whole number, or `cluster.server.discipline = \"processor_sharing\"`";
        found.push(unusable(loaded, "cluster.server.cores", why, help));
    }
}

fn delay_weights(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let law = loaded.value.imposed_staleness.as_ref();
    if let Some(Unusable { setting, why, help }) = law.and_then(|law| law.unusable()) {
        found.push(unusable(loaded, &format!("imposed_staleness.{setting}"), why, help));
    }
}

fn what_to_run(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let scenario = &loaded.value;
    let conflict = |message: &str, first: &str, second: &str, help: &str| {
        Problem::error(&CONFLICT, first, message)
            .label(loaded.key_origin(first), "this")
            .label(loaded.key_origin(second), "and this")
            .help(help)
    };
    if scenario.timing_only.is_some() && scenario.data.is_some() {
        found.push(conflict(
            "`timing_only` runs without data",
            "timing_only",
            "data",
            "remove `[data]` to simulate timing alone, or `[timing_only]` to train",
        ));
    }
    if scenario.timing_only.is_some() && scenario.imposed_staleness.is_some() {
        found.push(conflict(
            "imposed staleness needs gradients, and `timing_only` has none",
            "imposed_staleness",
            "timing_only",
            "remove one of them",
        ));
    }
    if scenario.timing_only.is_none() && scenario.data.is_none() {
        found.push(
            Problem::error(&CONFLICT, "data", "there is nothing to train on")
                .label(loaded.origin(""), "")
                .help("add `[data]` with a `kind`, e.g. kind = \"synthetic\"")
                .help("or `[timing_only]` to simulate timing without gradients"),
        );
    }
    let stop = &scenario.train.stop;
    let timed = stop.updates.is_some() || stop.sim_time.is_some() || stop.examples.is_some();
    if scenario.timing_only.is_some() && !timed {
        found.push(
            Problem::error(
                &CONFLICT,
                "train.stop",
                "a run of timing alone has no passes to end it",
            )
            .label(loaded.key_origin("timing_only"), "timing alone")
            .help("set train.stop.updates, train.stop.examples or train.stop.sim_time"),
        );
    }
    if scenario.imposed_staleness.is_some() && stop.sim_time.is_some() {
        found.push(conflict(
            "with imposed staleness the virtual clock stands still",
            "train.stop.sim_time",
            "imposed_staleness",
            "set train.stop.updates, train.stop.examples or train.stop.passes instead",
        ));
    }
}

/// Reports a clock that never advances: the run would never end.
fn still_clock(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Scenario { train, cluster, .. } = &loaded.value;
    let stop = &train.stop;
    let counted = stop.updates.is_some() || stop.examples.is_some() || stop.passes.is_some();
    let batch = u64::from(train.batch);
    let (network, server) = (&cluster.network, &cluster.server);
    let free = cluster.compute.base(batch).is_zero()
        && network.latency.is_zero()
        && network.worker_bandwidth.is_none()
        && network.shard_bandwidth.is_none()
        && server.is_free();
    if stop.sim_time.is_some() && !counted && free {
        found.push(
            Problem::error(
                &CONFLICT,
                "train.stop.sim_time",
                "steps take no time, so the virtual clock never reaches `train.stop.sim_time`",
            )
            .label(loaded.origin("train.stop.sim_time"), "this end")
            .label(loaded.key_origin("cluster.compute"), "and steps without length")
            .help("give `cluster.compute` a duration, or stop by train.stop.updates"),
        );
    }
}

/// Sections that have no effect without gradients.
pub const OF_GRADIENTS: [&str; 9] = [
    "model",
    "optimizer",
    "sparse_optimizer",
    "schedule",
    "holdout",
    "remedy",
    "admission",
    "tables",
    "eviction",
];

fn without_effect(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let scenario = &loaded.value;
    let mut idle = |key: &str, why: &str| {
        if loaded.is_written(key) {
            found.push(
                Problem::warning(&NO_EFFECT, key, format!("`{key}` has no effect: {why}"))
                    .label(loaded.key_origin(key), ""),
            );
        }
    };
    if scenario.imposed_staleness.is_some() {
        for key in ["cluster", "worker", "protocol", "sparse_protocol", "train.sharing"] {
            idle(key, "staleness is imposed, no cluster is simulated");
        }
    }
    if scenario.timing_only.is_some() {
        for key in OF_GRADIENTS {
            idle(key, "timing alone is simulated, without gradients");
        }
        if !scenario.worker.local.plan().keeps_replica() {
            idle("worker.local", "timing alone is simulated, without gradients");
        }
    }
    if let Fit::NoEffect { why } = scenario.protocol.fit(scenario.cluster.workers) {
        idle("protocol", why);
    }
    if scenario.cluster.workers == 1 || scenario.imposed_staleness.is_some() {
        idle("model.normalization.export", "there is one worker, whose moments are exported");
    }
    if never_stale(scenario) {
        for index in 0..scenario.remedy.len() {
            if scenario.remedy[index].facts().needs_staleness {
                let why = format!("with \"{}\" no gradient is stale", scenario.protocol.name());
                idle(&format!("remedy.{index}"), &why);
            }
        }
    }
    if scenario.model.has_no_hidden_layer() {
        idle("model.normalization", "there is no hidden layer to normalize");
    }
    if scenario.timing_only.is_some() {
        idle("cluster.row_placement", "without gradients rows are spread evenly");
    } else if scenario.cluster.shards_with_rows() == 1 {
        idle("cluster.row_placement", "one shard holds all rows");
    }
    if scenario.cluster.server.is_free() {
        idle(
            "cluster.server.cores",
            "requests take no time: set its service times, say `pull_fixed`",
        );
    }
    if scenario.cluster.network.latency.is_zero() {
        idle("cluster.network.jitter", "the latency it would vary is zero");
    }
}

/// Whether every applied gradient is of the parameters that it is applied to.
fn never_stale(scenario: &Scenario) -> bool {
    let Scenario { protocol, sparse_protocol, worker, imposed_staleness, .. } = scenario;
    let whole = worker.pull_every == 1 && worker.push_every == 1;
    protocol.facts().never_stale
        && whole
        && sparse_protocol.is_none()
        && imposed_staleness.is_none()
}

fn suspicious(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    if let Some(edge) = RateEdge::of(&loaded.value) {
        let key = "optimizer.learning_rate";
        let message = format!(
            "{} is at or beyond {}, where asynchronous training with {} often breaks down",
            edge.words(),
            edge.edge,
            loaded.value.optimizer.name()
        );
        found.push(
            Problem::warning(&SUSPICIOUS, key, message)
                .label(loaded.origin(key), "")
                .label(loaded.origin("cluster.workers"), "")
                .help("a smaller learning rate, fewer workers, or go ahead and watch it"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::document::{DocumentInput, load};

    /// Errors and warnings of a job on a generated log with these lines; empty if there are none.
    pub(super) fn said(lines: &str) -> String {
        let text = format!("data.kind = \"synthetic\"\nholdout.days = \"2\"\n{lines}\n");
        let input = DocumentInput::Text { name: "the scenario", text: &text };
        let mut loaded = match load::<Scenario>(input, &[]) {
            Ok(loaded) => loaded,
            Err(problems) => return problems.to_string(),
        };
        check(&mut loaded);
        let said = loaded
            .finish()
            .map_or_else(|problems| problems.to_string(), |read| read.problems.to_string());
        said.replace("no errors\n", "")
    }
}
