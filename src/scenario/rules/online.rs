//! Whether a live stream can be as a scenario says.

use super::churn::{conflict, no_effect, unusable};
use super::codes::SUSPICIOUS;
use crate::base::SimSpan;
use crate::cluster::failures::Lost;
use crate::cluster::shard_failures::{Readers, Recovery};
use crate::online::{Correction, Delay, LateAction, Online};
use crate::scenario::document::{Loaded, Problem};
use crate::scenario::lab::Factor;
use crate::scenario::spec::Scenario;
use crate::sim::Restart;
use crate::sim::restart::{DataAt, InFlight};

/// Reports settings that are impossible, suspicious, or without effect.
pub(super) fn check(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Some(online) = &loaded.value.online else { return };
    for (table, wrong) in online.unusable(loaded.value.examples_per_step()) {
        let key = format!("online.{table}.{}", wrong.setting);
        found.push(unusable(loaded, &key, wrong.why, wrong.help));
    }
    without_cluster(loaded, found);
    coming_back(loaded, found);
    passes(loaded, found);
    delays(loaded, online, found);
    idle(loaded, online, found);
    windows(loaded, online, found);
    future(loaded, found);
}

/// A stream needs examples, and time.
fn without_cluster(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Scenario { timing_only, imposed_staleness, .. } = &loaded.value;
    let both = [
        ("timing_only", timing_only.is_some(), "timing alone has no examples that could come"),
        (
            "imposed_staleness",
            imposed_staleness.is_some(),
            "with an imposed staleness there is no time in which requests could come",
        ),
    ];
    for (key, is_set, why) in both {
        if is_set {
            found.push(conflict(loaded, ("online", key), why.into(), "remove one of the two"));
        }
    }
}

/// A live stream does not come back: examples are not trained on again.
fn coming_back(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Scenario { cluster, start, lab, .. } = &loaded.value;
    let message = |what: &str| format!("a live stream does not come back: {what}");
    let mut refuse = |key: &str, what: &str, help: &str| {
        found.push(conflict(loaded, (key, "online"), message(what), help));
    };
    if cluster.failures.lost != Lost::Drop {
        let what = "examples lost with a worker cannot be trained on later";
        refuse("cluster.failures.lost", what, "cluster.failures.lost = \"drop\"");
    }
    let failures = &cluster.shard_failures;
    if failures.recovery == Recovery::All && failures.readers == Readers::Back {
        let what = "workers cannot return to earlier examples";
        refuse("cluster.shard_failures.readers", what, "readers = \"go_on\"");
    }
    let asks = |restart: &Restart| restart.data != DataAt::Continue;
    if start.as_ref().is_some_and(|start| asks(&start.restart)) {
        let what = "it begins with its first request in every run";
        refuse("start.restart.data", what, "leave it out");
    }
    let Some(lab) = lab else { return };
    let factors = [Factor::Data, Factor::Replay, Factor::InFlight];
    if lab.factors.iter().any(|factor| factors.contains(factor)) {
        let what = "the factors `data`, `replay` and `in_flight` train on examples again";
        refuse("lab.factors", what, "factors = [\"workers\", \"slots\", \"counters\"], say");
    }
    for (number, arm) in lab.arm.iter().enumerate() {
        if asks(&arm.restart) || arm.restart.in_flight == InFlight::Requeue {
            let key = format!("lab.arm.{number}.restart");
            let what = "this restart trains on examples again";
            refuse(&key, what, "leave out `data`, and do not requeue what is in flight");
        }
    }
}

/// Settings of passes over a window.
fn passes(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    for (key, why) in [
        ("train.order", "examples come in the order in which the joiner makes them"),
        ("train.sharing", "every worker takes what has waited longest in the queue"),
        ("train.last_batch", "the last step of a stream has what is left"),
        ("train.stop.passes", "a stream has no passes: it ends with the window"),
    ] {
        if loaded.is_written(key) {
            found.push(no_effect(loaded, key, why));
        }
    }
}

/// A delay is its mean times a random factor, unless its law knows the times themselves.
fn delays(loaded: &Loaded<Scenario>, online: &Online, found: &mut Vec<Problem>) {
    let both = [("actions", &online.actions.delay), ("features", &online.features.delay)];
    for (table, Delay { mean, law, column }) in both {
        let key = |field: &str| format!("online.{table}.delay.{field}");
        if column.is_some() {
            let written =
                ["mean", "law"].into_iter().filter(|field| loaded.is_written(&key(field)));
            let why = "`column` has the delay of each request";
            found.extend(written.map(|field| no_effect(loaded, &key(field), why)));
            continue;
        }
        if !law.scales() && loaded.is_written(&key("mean")) {
            found.push(no_effect(loaded, &key("mean"), "its law has times of its own"));
        }
        if law.scales() && mean.is_zero() && loaded.is_written(&key("law")) {
            found.push(no_effect(loaded, &key("law"), "the mean delay that it varies is zero"));
        }
    }
}

/// Settings that others make irrelevant.
fn idle(loaded: &Loaded<Scenario>, online: &Online, found: &mut Vec<Problem>) {
    let Online { join, negatives, queue, actions, features, .. } = online;
    let in_memory = join.memory.is_none() && join.memory_time.is_none();
    for (key, is_idle, why) in [
        ("negatives.correct", !negatives.leaves_out(), "all negatives are kept"),
        (
            "join.disk",
            in_memory && join.late == LateAction::Drop,
            "features never go to disk without `memory` or `memory_time`, and late actions are dropped",
        ),
        ("actions.twice", actions.never == 1.0 && actions.twice > 0.0, "no action ever comes"),
        ("queue.full", queue.limit.is_none(), "the queue has no `limit`"),
    ] {
        let key = format!("online.{key}");
        if is_idle && loaded.is_written(&key) {
            found.push(no_effect(loaded, &key, why));
        }
    }
    let one_label = [
        ("actions.never", actions.never == 1.0, "no action ever comes: all examples are negative"),
        (
            "negatives.keep",
            negatives.keeps_none(),
            "no negative is kept: all examples are positive",
        ),
        ("features.lost", features.lost == 1.0, "all features are lost: there is no example"),
    ];
    for (key, _, message) in one_label.iter().filter(|(_, is_so, _)| *is_so) {
        let key = format!("online.{key}");
        found.push(
            Problem::warning(&SUSPICIOUS, &key, *message)
                .label(loaded.nearest_origin(&key), "")
                .help("a model learns nothing from it: choose another share"),
        );
    }
    if negatives.leaves_out() && negatives.correct == Correction::None {
        let key = "online.negatives.correct";
        let message =
            "negatives are not all kept, and nothing corrects for it: predictions are too high";
        found.push(
            Problem::warning(&SUSPICIOUS, key, message)
                .label(loaded.key_origin(key), "")
                .label(loaded.key_origin("online.negatives.keep"), "")
                .help("correct = \"training\" or \"serving\""),
        );
    }
}

/// Windows in which hardly any action comes, and runs that end before the first of them closes.
fn windows(loaded: &Loaded<Scenario>, online: &Online, found: &mut Vec<Problem>) {
    let (window, key) = (online.join.window, "online.join.window");
    let warn = |message: String, other: &str, help: &str| {
        Problem::warning(&SUSPICIOUS, key, message)
            .label(loaded.nearest_origin(key), "this window")
            .label(loaded.nearest_origin(other), "")
            .help(help)
    };
    let Delay { mean, law, column } = &online.actions.delay;
    if column.is_none() && law.scales() && *mean > window && online.join.late == LateAction::Drop {
        let message = format!(
            "actions come after {mean} on average, and the window closes after {window}: most positives are \
             trained on as negatives"
        );
        let help = "a longer `join.window`, or `join.late = \"correct\"`";
        found.push(warn(message, "online.actions.delay.mean", help));
    }
    let end: Option<SimSpan> = loaded.value.train.stop.sim_time;
    if let Some(end) = end.filter(|end| *end <= window && !window.is_zero()) {
        let message = format!(
            "the run ends at {end}, before any window of {window} closes: no negative is trained on"
        );
        let help = "a shorter `join.window`, or a longer run";
        found.push(warn(message, "train.stop.sim_time", help));
    }
}

/// Models that are told before the run what their whole window is like.
fn future(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let model = &loaded.value.model;
    for (key, is_told, what) in [
        ("model.l2_embedding", model.wants_counts(), "how often each id occurs"),
        ("model.numeric", model.input_scale().standardises(), "mean and deviation of each column"),
    ] {
        if is_told {
            let message = format!(
                "`{key}`: the model is told {what} in the whole window, the future of the stream included"
            );
            found.push(
                Problem::warning(&SUSPICIOUS, key, message)
                    .label(loaded.nearest_origin(key), "")
                    .label(loaded.key_origin("online"), "")
                    .help("leave it out, or go ahead if the future may be known"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::rules::tests::said;

    #[test]
    fn a_stream_that_can_be_run_is_not_commented() {
        assert_eq!(said("[online]"), "");
        let lines = "[online]\narrivals = { kind = \"replay\", speed = 24.0 }\njoin.memory = 10\n\
                     actions.delay = { mean = \"1min\", law.kind = \"exponential\" }\n\
                     negatives.keep = 0.1\nqueue = { limit = 5000, full = \"drop_newest\" }\n";
        assert_eq!(said(lines), "");
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place_and_a_remedy() {
        let live = "[online]\n";
        let cases = [
            (
                "timing_only = {}\ntrain.stop.updates = 3\nonline = {}",
                "timing alone has no examples",
            ),
            (
                "imposed_staleness = { kind = \"geometric\", mean = 2.0 }\nonline = {}",
                "no time in which requests",
            ),
            (
                "cluster.failures = { every = \"1h\", lost = \"requeue\" }\nonline = {}",
                "lost = \"drop\"",
            ),
            (
                "cluster.shard_failures = { every = \"1h\", recovery = \"all\", readers = \"back\" }\nonline = {}",
                "readers = \"go_on\"",
            ),
            (
                "start = { from = \"a\", restart.data = \"replay\" }\nonline = {}",
                "with its first request",
            ),
            ("online = {}\n[lab]", "the factors `data`"),
            (
                "online = {}\n[lab]\nfactors = [\"slots\"]\narm = [{ label = \"a\", restart.in_flight = \"requeue\" }]",
                "do not requeue",
            ),
            ("[online.arrivals]\nkind = \"even\"\nrate = -3.0", "rate"),
            ("[online.negatives]\nkeep = -0.1", "keep"),
            ("[online.negatives]\nkeep = 0.0", "ln 0 is infinite"),
            ("[online.negatives]\nkeep = { column = \"a\", of = { x = 7.0 } }", "must be a share"),
            ("[online.negatives]\nkeep = { of = { x = 0.5 } }", "column"),
            ("[online.actions]\nnever = -0.5", "never"),
            ("[online.features]\nlost = 1.5", "lost"),
            ("[online.queue]\nlimit = 100", "at least the examples of one step"),
            ("[online.pace.daily]\nperiod = \"1ns\"", "at least a second"),
            ("[online.join]\nwindow = \"-1s\"", "window"),
            ("[online]\njoining = 3", "joining"),
        ];
        for (lines, expected) in cases {
            let said = said(lines);
            assert!(said.contains("error[") && said.contains(expected), "{lines}:\n{said}");
        }
        assert_eq!(said(live), "");
    }

    #[test]
    fn what_means_nothing_is_warned_of() {
        let cases = [
            ("train.order.kind = \"shuffled\"\nonline = {}", "the order in which the joiner"),
            ("train.sharing = \"fixed\"\nonline = {}", "waited longest"),
            ("train.last_batch = \"short\"\nonline = {}", "has what is left"),
            ("train.stop.passes = 2.0\nonline = {}", "has no passes"),
            ("[online.actions.delay]\nlaw.kind = \"exponential\"", "that it varies is zero"),
            ("[online.negatives]\ncorrect = \"serving\"", "all negatives are kept"),
            (
                "[online.actions.delay]\ncolumn = \"late\"\nmean = \"1s\"",
                "the delay of each request",
            ),
            (
                "model = { kind = \"mlp\", l2_embedding = 1e-4 }\nonline = {}",
                "the future of the stream",
            ),
            (
                "model = { kind = \"mlp\", numeric = \"standardise\" }\nonline = {}",
                "the future of the stream",
            ),
            ("[online.negatives]\nkeep = 0.5\ncorrect = \"none\"", "predictions are too high"),
            ("[online.join]\ndisk = \"1s\"", "never go to disk"),
            ("[online.actions]\nnever = 1.0\ntwice = 0.5", "no action ever comes"),
            ("[online.actions]\nnever = 1.0", "all examples are negative"),
            ("[online.negatives]\nkeep = 0.0\ncorrect = \"none\"", "all examples are positive"),
            ("[online.features]\nlost = 1.0", "there is no example"),
            ("[online.queue]\nfull = \"drop_oldest\"", "no `limit`"),
            ("[online.actions.delay]\nmean = \"2h\"", "trained on as negatives"),
            ("train.stop.sim_time = \"10min\"\nonline = {}", "no negative is trained on"),
        ];
        for (lines, expected) in cases {
            let said = said(lines);
            let is_warned = said.contains("warning[") && !said.contains("error[");
            assert!(is_warned && said.contains(expected), "{lines}:\n{said}");
        }
    }
}
