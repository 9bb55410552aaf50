//! Nonsense about shards that fail is refused, with all places named; what has no effect is warned
//! about.

use straggler::scenario::document::{DocumentInput, load};
use straggler::scenario::{Scenario, rules};

/// Everything that is said about a scenario with these lines, as a user sees it.
fn said(lines: &str) -> String {
    let text = format!(
        "timing_only = {{}}\ntrain.stop.sim_time = \"1h\"\ncluster.shards = 4\n\
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

/// What is said of these settings holds all these words.
fn says(settings: &str, words: &[&str]) {
    let said = said(&format!("[cluster.shard_failures]\n{settings}"));
    for word in words {
        assert!(said.contains(word), "{settings}\nsays nothing of {word}:\n{said}");
    }
}

#[test]
fn what_is_meant_is_left_alone() {
    for settings in [
        "every = '2h'\ncheckpoint = { every = '10min', increments = '1min', replay = 'one_missing' }",
        "shard = [{ shard = 3, every = '10min', repair = '5s' }]\nmeanwhile = 'go_on'\n\
         noticed_after = '5s'\ncheckpoint.every = '0s'",
        "event = [{ shard = 1, at = '60s', repair = '5s' }]\nrecovery = 'replica'\nlag = '2s'",
        "every = '2h'\nrecovery = 'all'\nnoticed_after = '60s'\ncheckpoint.every = '10min'",
    ] {
        let said = said(&format!("[cluster.shard_failures]\n{settings}"));
        assert_eq!(said, "no errors\n", "{settings}");
    }
}

#[test]
fn impossible_settings_are_marked_where_they_stand() {
    says(
        "event = [{ shard = 17, at = '5s' }]\ncheckpoint.every = '1min'",
        &["error", "no shard 17", "cluster.shards = 4", "the shards are 0 to 3"],
    );
    says(
        "shard = [{ shard = 1, every = '1h' }, { shard = 1, every = '2h' }]\ncheckpoint.every = '1min'",
        &["error", "two entries for shard 1", "keep one"],
    );
    says("every = '0s'\ncheckpoint.every = '1min'", &["error", "no time between failures"]);
    says(
        "every = '1h'\ncheckpoint.increments = '1min'",
        &["error", "checkpoint.increments", "needs full checkpoints"],
    );
    says(
        "every = '1h'\ncheckpoint = { every = '1min', increments = '1min' }",
        &["error", "no increment fits", "this", "and this"],
    );
    says(
        "every = '1h'\ncheckpoint = { every = '1min', increments = '0s' }",
        &["error", "no time between increments"],
    );
    says("every = '1h'\nmeanwhile = 'wait'", &["error", "block", "fail", "go_on"]);
}

#[test]
fn what_is_rarely_meant_is_warned_about() {
    says("every = '1h'", &["warning", "values it began with", "checkpoint.every"]);
    says("every = '1ms'\ncheckpoint.every = '1min'", &["warning", "most updates will be lost"]);
    let fixed = "train.sharing = 'fixed'\ncluster.failures.lost = 'requeue'\n";
    let said = said(&format!("{fixed}[cluster.shard_failures]\nevery = '1h'\nmeanwhile = 'fail'"));
    assert!(said.contains("shared queue"), "{said}");
}

#[test]
fn settings_without_effect_are_named() {
    let idle = |settings: &str, key: &str, why: &str| {
        says(settings, &["has no effect", &format!("cluster.shard_failures.{key}"), why]);
    };
    idle("repair = '5s'", "repair", "no shard fails");
    idle("checkpoint.every = '5s'", "checkpoint", "no shard fails");
    let failing = "every = '1h'\ncheckpoint.every = '1min'\n";
    let with = |settings: &str| format!("{failing}{settings}");
    idle(&with("lag = '5s'"), "lag", "only `recovery = \"replica\"`");
    idle(&with("readers = 'back'"), "readers", "only `recovery = \"all\"`");
    idle(&with("reads = 'zeros'"), "reads", "go_on");
    idle(&with("noticed_after = '5s'"), "noticed_after", "before and after");
    idle(&with("recovery = 'all'\nmeanwhile = 'fail'"), "meanwhile", "the job stops");
    idle(&with("recovery = 'replica'"), "checkpoint", "a replica takes over");
    idle(&with("checkpoint.replay = 'one_missing'"), "checkpoint.replay", "no increments");
    let alternating = "checkpoint.increments = '30s'\ncheckpoint.replay = 'last_two_swapped'";
    idle(&with(alternating), "checkpoint.replay", "never more than one increment");
    idle(&with("checkpoint.slots = false"), "checkpoint.slots", "timing alone");
    idle("event = [{ at = '2h' }]\ncheckpoint.every = '1min'", "event.0.at", "ends before");
    idle("event = [{}]\nlaw.kind = 'constant'", "law", "at random");
}

#[test]
fn imposed_staleness_has_no_shards() {
    let text = "data.kind = 'synthetic'\ncluster.shard_failures.every = '1h'\n\
                imposed_staleness = { kind = 'fixed', updates = 3 }\n";
    let input = DocumentInput::Text { name: "test.toml", text };
    let mut loaded = load::<Scenario>(input, &[]).unwrap();
    rules::check(&mut loaded);
    let said = loaded.problems.to_string();
    assert!(said.contains("`cluster` has no effect"), "{said}");
    assert!(!said.contains("values it began with"), "{said}");
}
