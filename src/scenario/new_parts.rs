//! A new part is one file with its `Config` and one line in the registry of its family. Every
//! family has a part for tests only, `kind = "new_part"`. Here these parts go through all that a
//! part goes through, and `tests/architecture.rs` checks that no other file names them.

use std::path::Path;

use crate::base::registry::Part;
use crate::cluster::routine::Local;
use crate::cluster::{DelayChoice, StartChoice, StepTimeChoice};
use crate::data::order::OrderChoice;
use crate::data::{Hashing, OpenContext, SourceChoice};
use crate::model::{ModelChoice, Normalization};
use crate::online::ArrivalsChoice;
use crate::optimizer::{OptimizerChoice, ScheduleChoice};
use crate::protocol::ProtocolChoice;
use crate::remedy::RemedyChoice;
use crate::scenario::Scenario;
use crate::server::EvictionRule;
use crate::sim::{NoObserver, State};

/// A job in which every part is new.
const ALL_NEW: &str = r#"
train = { batch = 8, stop.updates = 40, order.kind = "new_part" }
data = { kind = "new_part", rows = 200 }
tables.hashing.kind = "new_part"
model.kind = "new_part"
optimizer = { kind = "new_part", learning_rate = 0.01 }
schedule.decay.kind = "new_part"
protocol = { kind = "new_part", pushes = 1 }
cluster = { workers = 4, start = { kind = "new_part", updates = 3 }, compute.law.kind = "new_part" }
worker.local.kind = "new_part"
eviction = { rule.kind = "new_part", every.updates = 10 }
[[remedy]]
kind = "new_part"
"#;

/// The same job with imposed staleness.
const IMPOSED: &str = r#"
train = { batch = 8, stop.updates = 40, order.kind = "new_part" }
data = { kind = "new_part", rows = 200 }
model.kind = "new_part"
optimizer = { kind = "new_part", learning_rate = 0.01 }
imposed_staleness.kind = "new_part"
"#;

fn scenario(text: &str) -> Scenario {
    Scenario::from_text(text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A job with the new part of a live stream, which has no order.
const LIVE: &str = r#"
train = { batch = 8, stop.updates = 20 }
data = { kind = "new_part", rows = 200 }
model.kind = "new_part"
optimizer = { kind = "new_part", learning_rate = 0.01 }
online = { arrivals = { kind = "new_part", at = "2s" }, join.window = "3s" }
"#;

/// Everything that is reported about a scenario, warnings too.
fn said(text: &str) -> String {
    use crate::scenario::document::{DocumentInput, load};
    let mut loaded = load::<Scenario>(DocumentInput::Text { name: "the scenario", text }, &[])
        .unwrap_or_else(|problems| panic!("{problems}"));
    super::rules::check(&mut loaded);
    loaded.finish().map_or_else(|problems| problems.to_string(), |read| read.problems.to_string())
}

#[test]
fn a_new_part_of_every_family_is_listed_read_written_checked_built_and_run() {
    let families: [(&str, &[Part]); 15] = [
        ("source", SourceChoice::PARTS),
        ("order", OrderChoice::PARTS),
        ("hashing", Hashing::PARTS),
        ("model", ModelChoice::PARTS),
        ("normalization", Normalization::PARTS),
        ("optimizer", OptimizerChoice::PARTS),
        ("schedule", ScheduleChoice::PARTS),
        ("protocol", ProtocolChoice::PARTS),
        ("eviction", EvictionRule::PARTS),
        ("remedy", RemedyChoice::PARTS),
        ("local work", Local::PARTS),
        ("step-time law", StepTimeChoice::PARTS),
        ("start", StartChoice::PARTS),
        ("delay", DelayChoice::PARTS),
        ("arrivals", ArrivalsChoice::PARTS),
    ];
    for (family, parts) in families {
        assert!(parts.iter().any(|part| part.name == "new_part"), "no new {family}");
    }
    for text in [ALL_NEW, IMPOSED] {
        let scenario = scenario(text);
        let written = toml::to_string(&scenario).unwrap();
        assert_eq!(toml::from_str::<Scenario>(&written).unwrap(), scenario);
        let prepared = scenario.prepare(Path::new(".")).unwrap();
        assert!(scenario.estimate(prepared.as_ref(), 1).pushes == Some(40));
        let mut job = scenario.build(prepared, Path::new("."), 1).unwrap();
        while job.step(&mut NoObserver).unwrap() == State::Running {}
        assert_eq!(job.session().progress.updates, 40);
    }
}

#[test]
fn a_new_kind_of_arrivals_decides_when_examples_come() {
    let scenario = scenario(LIVE);
    let written = toml::to_string(&scenario).unwrap();
    assert_eq!(toml::from_str::<Scenario>(&written).unwrap(), scenario);
    let mut job = scenario.job(Path::new("."), 1).unwrap();
    while job.step(&mut NoObserver).unwrap() == State::Running {}
    let simulation = job.simulation().unwrap();
    assert_eq!(simulation.session().progress.updates, 20);
    let stream = simulation.session().stream().unwrap().stream();
    assert_eq!((stream.counts().requests, stream.is_over()), (stream.requests().len(), true));
    assert!(simulation.now().seconds() >= 2.0);
}

#[test]
fn an_unknown_setting_of_a_new_part_is_refused_with_what_it_has() {
    let problems = Scenario::from_text(&ALL_NEW.replace("pushes", "pushs")).unwrap_err();
    assert!(problems.to_string().contains("did you mean `pushes`"), "{problems}");
}

#[test]
fn a_new_part_says_why_it_cannot_be_built() {
    let refused = |from: &str, to: &str| {
        let scenario = scenario(&ALL_NEW.replace(from, to));
        scenario.prepare(Path::new(".")).unwrap_err().to_string()
    };
    let forbidden = r#"order = { kind = "new_part", forbidden = true }"#;
    assert!(refused(r#"order.kind = "new_part""#, forbidden).contains("shuffle_buffer"));
    assert!(refused("rows = 200", "rows = 0").contains("there are none"));
    let normalized = r#"model = { kind = "new_part", normalization.kind = "new_part" }"#;
    assert!(refused(r#"model.kind = "new_part""#, normalized).contains("but is new"));
}

#[test]
fn facts_of_a_new_source_and_a_new_law_reach_those_who_ask() {
    let scenario = scenario(ALL_NEW);
    assert!(!scenario.data.as_ref().unwrap().draws());
    assert!(!scenario.cluster.compute.law.scales());
    assert_eq!(scenario.schedule.decay.factor(crate::optimizer::Moment::default()), 0.5);
    let streams = scenario.scenario.streams(super::seeds::SeededPart::Data);
    let context = OpenContext::new(Path::new("."), streams);
    assert_eq!(scenario.data.unwrap().open(&context).unwrap().days().len(), 2);
}

/// Rules treat a new part like any other.
#[test]
fn every_rule_asks_a_new_part() {
    let protocol = |facts: &str| format!("protocol = {{ kind = \"new_part\", is = [{facts}] }}\n");
    let remedy = |facts: &str| format!("[[remedy]]\nkind = \"new_part\"\nis = [{facts}]\n");
    let elastic = "worker.local.kind = \"elastic\"\n";
    let apart = "cluster = { shards = 2, dense_shards = 1 }\n";
    let sparing = remedy("\"spares\"");
    let cases = [
        // Protocols.
        (protocol("\"bounds_age\"") + elastic, "\"new_part\" bounds the age"),
        (
            protocol("\"bounds_age\"") + apart + "worker.pull_every = 3\n",
            "may be 2 steps older than \"new_part\" promises",
        ),
        (
            protocol("\"aborts\"") + apart + "sparse_protocol.kind = \"asynchronous\"\n",
            "\"new_part\" breaks steps off",
        ),
        (
            protocol("\"wants_whole_steps\"") + apart + "worker.pull_every = 3\n",
            "\"new_part\" needs steps that pull and push everything",
        ),
        (
            protocol("\"wants_whole_steps\"") + apart + &sparing,
            "\"new_part\" needs steps that pull everything",
        ),
        (protocol("") + "worker.prefetch = true\n", "\"new_part\" lets it wait"),
        (
            protocol("\"never_stale\"") + "remedy = [{ kind = \"power\" }]\n",
            "with \"new_part\" no gradient is stale",
        ),
        (protocol("") + "cluster.workers = 1\n", "`protocol` has no effect: it is new"),
        (protocol("") + "cluster.workers = 2\n", "two are too few"),
        (
            "protocol = { kind = \"new_part\", pushes = 2 }\n".to_string() + &remedy("\"counts_pushes\""),
            "a step of its own, and \"new_part\" merges several",
        ),
        // Remedies.
        (
            "protocol.kind = \"synchronous\"\n".to_string() + &remedy("\"needs_staleness\""),
            "`remedy.0` has no effect",
        ),
        (remedy("\"wants_descent\""), "\"new_part\" is made for plain descent"),
        (remedy("\"wants_differences\""), "\"new_part\" takes pushes for differences"),
        (
            elastic.to_string() + &remedy("\"corrects_by_view\""),
            "\"new_part\" corrects gradients by the parameters",
        ),
        (sparing.clone(), "\"new_part\" needs dense parameters on shards of their own"),
        (elastic.to_string() + apart + &sparing, "or kind = \"an older part\""),
        ("imposed_staleness.kind = \"new_part\"\n".to_string() + &sparing, "nothing can be spared"),
        // Optimizers.
        (
            "optimizer = { kind = \"new_part\", learning_rate = 0.1 }\n".to_string(),
            "is at or beyond 0.125, where asynchronous training with new_part",
        ),
        (
            "optimizer = { kind = \"new_part\", period.updates = 0 }\n".to_string(),
            "`optimizer.period` has no length",
        ),
        (
            "optimizer = { kind = \"new_part\", remakes_weights = true }\nlab.factors = [\"workers\"]\n"
                .to_string(),
            "means nothing with new_part",
        ),
        (
            "optimizer.kind = \"new_part\"\n[[remedy]]\nkind = \"dana\"\n".to_string(),
            "the optimizer is \"new_part\"",
        ),
        // Models, local work, starts and delays.
        (
            "model = { kind = \"new_part\", normalization.kind = \"none\" }\n".to_string(),
            "`model.normalization` has no effect: there is no hidden layer",
        ),
        ("worker.local.kind = \"new_part\"\n".to_string(), "push differences of weights"),
        (
            "worker.local = { kind = \"new_part\", replica = true }\nworker.prefetch = true\n".to_string(),
            "there is nothing to prefetch",
        ),
        (
            "lab.factors = [\"workers\"]\n[[lab.arm]]\nlabel = \"late\"\nrestart.start = { kind = \
             \"new_part\", updates = 2 }\n"
                .to_string(),
            "workers of a restart cannot wait for updates",
        ),
        (
            "imposed_staleness = { kind = \"new_part\", forbidden = true }\n".to_string(),
            "`imposed_staleness.forbidden` is set",
        ),
    ];
    for (lines, expected) in cases {
        let text = format!("data.kind = \"synthetic\"\n{lines}");
        let said = said(&text);
        assert!(said.contains(expected), "{text}\n{said}");
    }
    // A tuned learning rate gives no warning that it is high.
    let fast =
        "data.kind = \"synthetic\"\noptimizer = { kind = \"new_part\", learning_rate = 0.1 }\n";
    assert!(said(&(fast.to_string() + &remedy(""))).contains("at or beyond"));
    assert!(!said(&(fast.to_string() + &remedy("\"tunes_rate\""))).contains("at or beyond"));
}
