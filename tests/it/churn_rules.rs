//! Nonsense about workers that come and go is refused, with all places named; what has no effect is
//! warned about.

use straggler::scenario::document::{DocumentInput, load};
use straggler::scenario::{Scenario, rules};

/// Everything that is said about a scenario with these lines, as a user sees it.
fn said(lines: &str) -> String {
    let text = format!(
        "timing_only = {{}}\ntrain.stop.sim_time = \"1h\"\ncluster.workers = 4\n\
         cluster.compute.fixed = \"1s\"\n{lines}\n"
    );
    match load::<Scenario>(DocumentInput::Text { name: "test.toml", text: &text }, &[]) {
        Err(problems) => problems.to_string(),
        Ok(mut loaded) => {
            rules::check(&mut loaded);
            loaded.problems.to_string()
        }
    }
}

/// What is said holds all these words, and the last of them are places.
fn says(lines: &str, words: &[&str]) {
    let said = said(lines);
    for word in words {
        assert!(said.contains(word), "{lines}\nsays nothing of {word}:\n{said}");
    }
}

#[test]
fn what_is_meant_is_left_alone() {
    let lines = r#"
        cluster.failures = { every = "2h", repair = "10min", on_the_way = "arrives" }
        cluster.membership = [
            { first = 2, join = "22h", leave = "6h", every = "24h", abruptly = true },
            { first = 1, last = 1, join = "10min" },
        ]
        cluster.event = [
            { worker = 3, at = "63.2s", sleep_batches = 5 },
            { worker = 3, at = "70s", sleep = "2s" },
            { worker = 0, at = "80s", crash = "1min" },
            { worker = 1, at = "90s", slowdown = 3.0, lasting = "1min" },
        ]"#;
    assert_eq!(said(lines), "no errors\n");
}

#[test]
fn what_contradicts_itself_is_marked_in_both_places() {
    says(
        "cluster.failures = { every = \"1h\", lost = \"requeue\" }\ntrain.sharing = \"fixed\"",
        &["error", "shared queue", "lost = \"requeue\"", "sharing = \"fixed\""],
    );
    says(
        "cluster.event = [{ worker = 17, at = \"5s\", sleep = \"1s\" }]",
        &["error", "no worker 17", "cluster.workers = 4"],
    );
    says(
        "cluster.event = [{ at = \"5s\", sleep = \"1s\", crash = \"1s\" }]",
        &["error", "does one thing", "this", "and this"],
    );
    says(
        "cluster.event = [{ at = \"5s\", slowdown = 3.0 }]",
        &["error", "lasts for some time", "lasting = \"1min\""],
    );
    says("cluster.event = [{ at = \"5s\" }]", &["error", "does not say what happens"]);
    says(
        "cluster.membership = [{ first = 3, last = 2, leave = \"1s\" }]",
        &["error", "last worker comes before the first"],
    );
    says(
        "cluster.membership = [{ last = 4, leave = \"1s\" }]",
        &["error", "no worker 4", "cluster.workers = 4"],
    );
    says(
        "cluster.membership = [{ join = \"5s\", leave = \"5s\" }]",
        &["error", "same moment", "this", "and this"],
    );
    says(
        "cluster.membership = [{ join = \"5s\", leave = \"30h\", every = \"24h\" }]",
        &["error", "after the end of the period", "leave = \"30h\"", "every = \"24h\""],
    );
    says("cluster.membership = [{ leave = \"5s\", every = \"0s\" }]", &["error", "no length"]);
    says("cluster.failures.every = \"0s\"", &["error", "no time between failures"]);
    says(
        "cluster.failures.class = [{ name = \"spot\", every = \"1h\" }]",
        &["error", "no machine class is called", "spot"],
    );
}

#[test]
fn what_has_no_effect_is_warned_about() {
    says("cluster.failures.lost = \"repeat\"", &["warning", "nobody crashes"]);
    says("cluster.failures.repair = \"5min\"", &["warning", "cluster.failures.every"]);
    says("cluster.event = [{ at = \"2h\", sleep = \"1s\" }]", &["warning", "run ends before"]);
    says("cluster.membership = [{ first = 2 }]", &["warning", "always there"]);
    says("cluster.membership = [{ leave = \"5s\" }]", &["warning", "leave permanently"]);
    says("record.audit = true", &["warning", "no examples to count"]);
    says("cluster.failures.every = \"20ms\"", &["warning", "that a step takes"]);
    says(
        "cluster.failures = { every = \"1h\", lost = \"requeue\" }",
        &["warning", "no examples to give back"],
    );
    says(
        "cluster.event = [{ at = \"5s\", sleep = \"1s\", lasting = \"1s\" }]",
        &["warning", "only a slowdown"],
    );
}
