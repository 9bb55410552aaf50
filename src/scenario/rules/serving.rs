//! Whether a serving copy can be as a scenario says.

use super::churn::{conflict, no_effect, unusable};
use super::codes::SUSPICIOUS;
use crate::base::SimSpan;
use crate::scenario::document::{Loaded, Problem};
use crate::scenario::spec::Scenario;
use crate::server::UnknownIds;
use crate::sim::serving::{Beside, Serving};

/// Reports settings that are impossible, suspicious, or without effect.
pub(super) fn check(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Scenario { serving: Some(serving), online, cluster, lab, .. } = &loaded.value else {
        return;
    };
    if online.is_none() {
        let message = "a serving copy scores the requests of a live stream, and there is none";
        let help = "add `[online]`, or remove `[serving]`";
        let key = "serving";
        found.push(
            Problem::error(&super::codes::CONFLICT, key, message)
                .label(loaded.key_origin(key), "")
                .help(help),
        );
        return;
    }
    let of = |table: &str, setting: &str| match table {
        "" => format!("serving.{setting}"),
        table => format!("serving.{table}.{setting}"),
    };
    for (table, wrong) in serving.unusable() {
        found.push(unusable(loaded, &of(table, wrong.setting), wrong.why, wrong.help));
    }
    for (table, setting, why) in serving.without_effect(cluster.shards) {
        let key = of(table, setting);
        if loaded.is_written(&key) {
            found.push(no_effect(loaded, &key, why));
        }
    }
    if loaded.value.eviction.is_none() && loaded.is_written("serving.rows.deletions") {
        found.push(no_effect(loaded, "serving.rows.deletions", "no row is evicted"));
    }
    if !cluster.shard_failures.is_none() {
        let message =
            "the serving copy does not know what a shard does that returns with older values";
        let keys = ("serving", "cluster.shard_failures");
        found.push(conflict(loaded, keys, message.into(), "remove one of the two"));
    }
    if lab.is_some() {
        let message = "arms of a restart lab change parameters behind the back of a serving copy";
        found.push(conflict(loaded, ("serving", "lab"), message.into(), "remove one of the two"));
    }
    nothing(loaded, serving, found);
    intervals(loaded, serving, found);
    expensive(loaded, serving, found);
}

/// Settings with which nothing is scored or nothing arrives.
fn nothing(loaded: &Loaded<Scenario>, serving: &Serving, found: &mut Vec<Problem>) {
    let mut warn = |key: &str, message: &str, help: &str| {
        found.push(
            Problem::warning(&SUSPICIOUS, key, message)
                .label(loaded.nearest_origin(key), "")
                .help(help),
        );
    };
    if serving.share == 0.0 {
        let message = "no request is scored: `served.csv` will have no figures of quality";
        warn("serving.share", message, "a share above 0, or no `[serving]`");
    }
    for way in serving.ways().iter().filter(|way| way.has_messages()) {
        if way.lost == 1.0 && way.retry.is_none() {
            let key = format!("serving.{}.lost", way.table);
            let message = "every message is lost: nothing reaches the serving copy";
            warn(&key, message, "a smaller share, or a `retry`; without `every` nothing is sent");
        }
    }
}

/// Intervals that are longer than the run.
fn intervals(loaded: &Loaded<Scenario>, serving: &Serving, found: &mut Vec<Problem>) {
    let Some(end) = loaded.value.train.stop.sim_time else { return };
    let intervals = [
        ("every", Some(serving.every)),
        ("rows.every", serving.rows.every),
        ("dense.every", serving.dense.every),
    ];
    for (key, every) in intervals {
        let key = format!("serving.{key}");
        if let Some(every) = every.filter(|every| *every > end && loaded.is_written(&key)) {
            let message = format!("the run ends at {end}, before {every} have passed once");
            found.push(
                Problem::warning(&SUSPICIOUS, &key, message)
                    .label(loaded.origin(&key), "this interval")
                    .label(loaded.origin("train.stop.sim_time"), "the end")
                    .help("a shorter interval, or a longer run"),
            );
        }
    }
}

/// The mean of all known rows is computed anew whenever requests are scored.
fn expensive(loaded: &Loaded<Scenario>, serving: &Serving, found: &mut Vec<Problem>) {
    let at_once = [serving.rows.every, serving.dense.every].contains(&Some(SimSpan::ZERO));
    let often = at_once || serving.has(Beside::Oracle);
    let key = "tables.unknown";
    if loaded.value.tables.unknown == UnknownIds::Mean && often {
        let message = "the mean of a table's rows is computed for nearly every update, since requests are scored \
                       between updates";
        found.push(
            Problem::warning(&SUSPICIOUS, key, message)
                .label(loaded.origin(key), "")
                .help("`serving.beside` without \"oracle\", or another `tables.unknown`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::rules::tests::said;

    #[test]
    fn a_copy_that_can_be_run_is_not_commented() {
        assert_eq!(said("online = {}\nserving = {}"), "");
        let lines = "online = {}\ncluster.shards = 2\n[serving]\nrows = { every = \"1min\", touched = 100, \
                     lost = 0.1, retry = \"1s\", lag.mean = \"50ms\" }\n\
                     dense = { every = \"1h\", how = \"by_shard\" }";
        assert_eq!(said(lines), "");
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place_and_a_remedy() {
        let live = "online = {}\n";
        let cases = [
            ("serving = {}", "add `[online]`"),
            ("online = {}\ncluster.shard_failures.every = \"1h\"\nserving = {}", "older values"),
            ("online = {}\nserving = {}\n[lab]\nfactors = [\"slots\"]", "restart lab"),
            ("online = {}\nserving.share = -0.5", "share"),
            ("online = {}\nserving.every = \"0s\"", "has no length"),
            ("online = {}\nserving.every = \"0.1ns\"", "is less than half of 1ns"),
            ("online = {}\nserving.rows.every = \"0.0001ns\"", "use 0ns, or 1ns and more"),
            ("online = {}\nserving.rows.touched = 0", "touched"),
            ("online = {}\nserving.dense = { every = \"1s\", lost = 2.0 }", "lost"),
            ("online = {}\nserving.row.every = \"1s\"", "row"),
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
            ("online = {}\nserving.rows.lost = 0.5", "nothing is sent"),
            ("online = {}\nserving.rows = { every = \"0s\", touched = 9 }", "copied at once"),
            ("online = {}\nserving.dense = { every = \"1s\", how = \"by_shard\" }", "one shard"),
            ("online = {}\nserving.share = 0.0", "no request is scored"),
            ("online = {}\nserving.rows = { every = \"1s\", lost = 1.0 }", "every message is lost"),
            (
                "online = {}\nserving.rows = { every = \"1s\", deletions = true }",
                "no row is evicted",
            ),
            (
                "online = {}\ntrain.stop.sim_time = \"2h\"\nserving.dense.every = \"1d\"",
                "have passed once",
            ),
            (
                "online = {}\ntables.unknown = \"mean\"\nserving.beside = [\"oracle\"]",
                "for nearly every update",
            ),
        ];
        for (lines, expected) in cases {
            let said = said(lines);
            let is_warned = said.contains("warning[") && !said.contains("error[");
            assert!(is_warned && said.contains(expected), "{lines}:\n{said}");
        }
    }
}
