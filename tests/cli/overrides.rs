//! Overrides made up from the schema, in and out of range: what passes the checks builds and runs.

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError, TestRunner};
use straggler::experiment::{RunError, RunOptions, Trial};
use straggler::scenario::document::shape::{Bounds, Dimension, KnownKey, ValueKind};
use straggler::scenario::document::{DocumentInput, Loaded, Override, Shape, load};
use straggler::scenario::templates::Template;
use straggler::scenario::{Scenario, rules};
use straggler::sim::{Every, NoObserver};

use crate::fuzz::{Dice, cases, is_small};

/// Whether the path of a key names the kind that has it, as `explain` wants it where several do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kinds {
    Named,
    LeftOut,
}

/// Every key that a document of this shape may hold, without the elements of lists.
pub(crate) fn keys(shape: &Shape, kinds: Kinds) -> Vec<(String, &Shape)> {
    let mut found = Vec::new();
    descend(shape, "", kinds, &mut found);
    found
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}

fn descend<'a>(shape: &'a Shape, path: &str, kinds: Kinds, found: &mut Vec<(String, &'a Shape)>) {
    let mut fields = |path: &str, fields: &'a [KnownKey]| {
        for field in fields {
            let path = join(path, &field.name);
            found.push((path.clone(), &field.shape));
            descend(&field.shape, &path, kinds, found);
        }
    };
    match &shape.kind {
        ValueKind::Table(table) => fields(path, &table.fields),
        ValueKind::Choice(variants) => {
            for variant in variants {
                match kinds {
                    Kinds::Named => fields(&join(path, &variant.name), &variant.table.fields),
                    Kinds::LeftOut => fields(path, &variant.table.fields),
                }
            }
        }
        ValueKind::Union(shapes) => {
            shapes.iter().for_each(|shape| descend(shape, path, kinds, found))
        }
        _ => {}
    }
}

/// A TOML value for a place: mostly small and in range, now and then at an edge or beyond it.
fn value(shape: &Shape, dice: &mut Dice) -> String {
    match &shape.kind {
        ValueKind::Any => "1".to_string(),
        ValueKind::Bool => ["true", "false"][dice.roll(2)].to_string(),
        ValueKind::Integer(bounds) => integer(bounds, dice),
        ValueKind::Number { bounds, .. } => number(bounds, dice),
        ValueKind::Text(_) => {
            ["\"a\"", "\"\"", "\"1..3\"", "\"4\"", "\"item\"", "\"x/../y\"", "\"none.csv\""]
                [dice.roll(7)]
            .to_string()
        }
        ValueKind::Quantity { measure, .. } => quantity(*measure, dice),
        ValueKind::Words(words) => format!("\"{}\"", words[dice.roll(words.len())].name),
        ValueKind::List { items, .. } => {
            let items: Vec<String> = (0..dice.roll(4)).map(|_| value(items, dice)).collect();
            format!("[{}]", items.join(", "))
        }
        ValueKind::Table(table) => format!("{{{}}}", entries(&table.fields, dice).join(", ")),
        ValueKind::Choice(variants) => {
            let variant = &variants[dice.roll(variants.len())];
            let mut entries = entries(&variant.table.fields, dice);
            entries.push(format!("kind = \"{}\"", variant.name));
            format!("{{{}}}", entries.join(", "))
        }
        ValueKind::Union(shapes) => value(&shapes[dice.roll(shapes.len())], dice),
    }
}

fn entries(fields: &[KnownKey], dice: &mut Dice) -> Vec<String> {
    let chosen: Vec<&KnownKey> =
        fields.iter().filter(|field| field.required || dice.roll(3) == 0).collect();
    chosen.iter().map(|field| format!("{} = {}", field.name, value(&field.shape, dice))).collect()
}

fn integer(bounds: &Bounds, dice: &mut Dice) -> String {
    let edge = |edge: Option<(f64, bool)>, other: i64| edge.map_or(other, |(at, _)| at as i64);
    let (low, high) = (edge(bounds.min, 0), edge(bounds.max, i64::MAX));
    let number = match dice.roll(12) {
        0 => low,
        1 => high,
        2 => low.saturating_sub(1),
        3 => high.saturating_add(1),
        4 => i64::MAX,
        _ => low.saturating_add(dice.roll(9) as i64),
    };
    number.to_string()
}

fn number(bounds: &Bounds, dice: &mut Dice) -> String {
    let low = bounds.min.map_or(0.0, |(at, _)| at);
    let high = bounds.max.map_or(1e30, |(at, _)| at);
    let number = match dice.roll(14) {
        0 => low,
        1 => high,
        2 => low - 1e-3,
        3 => high * 1.01 + 1.0,
        4 => f64::MAX,
        5 => f64::MIN_POSITIVE,
        6 => return ["nan", "inf", "-inf", "-0.0"][dice.roll(4)].to_string(),
        _ => low + dice.roll(1000) as f64 * 1e-3 * (high - low).min(2.0),
    };
    format!("{number:?}")
}

fn quantity(measure: Dimension, dice: &mut Dice) -> String {
    let text = match measure {
        Dimension::Duration => {
            ["0s", "1ns", "3us", "2ms", "70ms", "1s", "5h", "100000d", "210000d", "9e9d", "-1s"]
                [dice.roll(11)]
        }
        Dimension::Bandwidth => {
            ["0bit/s", "1bit/s", "9kbit/s", "10Gbit/s", "18000000Tbit/s", "1"][dice.roll(6)]
        }
        Dimension::Bytes => ["0B", "1B", "64MiB", "3GiB", "17000000000GiB"][dice.roll(5)],
    };
    format!("\"{text}\"")
}

/// Overrides that keep a trial small; they come last, so they win.
const BASES: &[(&str, &[&str])] = &[
    (
        "quickstart",
        &["data.rows_per_day=300", "data.users=100", "data.items=60", "model.hidden=[6]"],
    ),
    ("imposed-staleness", &["data.rows_per_day=300", "data.users=100", "data.items=60"]),
    ("timing-only", &["cluster.workers=12", "cluster.shards=3"]),
    ("demo", &["data.rows_per_day=300", "data.users=100", "model.kind=mlp", "optimizer.kind=sgd"]),
];

/// Made-up overrides: mostly of keys that the base has, now and then of any key at all.
fn arguments(keys: &[(String, &Shape)], base: &Loaded<Scenario>, dice: &mut Dice) -> Vec<String> {
    let usual: Vec<&(String, &Shape)> =
        keys.iter().filter(|(key, _)| base.tree.find(key).is_some()).collect();
    let mut arguments = Vec::new();
    for _ in 0..1 + dice.roll(4) {
        let (key, shape) = match dice.roll(4) {
            0 => &keys[dice.roll(keys.len())],
            _ => usual[dice.roll(usual.len())],
        };
        arguments.push(format!("{key}={}", value(shape, dice)));
    }
    arguments
}

/// What became of one set of overrides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Fate {
    /// The checks refused it.
    Refused,
    /// The data, the model or the cluster could not be built.
    NotBuilt,
    /// Legal, and too large for a test.
    TooLarge,
    /// It ran to its end, or to an error of the simulated job.
    Ran,
}

/// Whether a look at something by simulated time is rare enough for a test.
fn is_rare(every: Option<Every>) -> bool {
    !matches!(every, Some(Every::SimTime(span)) if span.0 < 1_000_000)
}

/// A template with overrides, if it passes the checks.
fn read(base: &str, arguments: &[String]) -> Option<Loaded<Scenario>> {
    let template = Template::find(base).expect("a template");
    let input = DocumentInput::Text { name: "base", text: template.text };
    let number = |(index, text): (usize, &String)| Override::argument(index, text.clone());
    let overrides: Vec<Override> = arguments.iter().enumerate().map(number).collect();
    let mut loaded = load::<Scenario>(input, &overrides).ok()?;
    rules::check(&mut loaded);
    loaded.finish().ok()
}

/// Loads, checks, builds and runs a few hundred updates.
fn attempt(base: &str, arguments: &[String], folder: &Path) -> Fate {
    let Some(loaded) = read(base, arguments) else { return Fate::Refused };
    let mut scenario = loaded.value;
    if !is_small(&scenario) {
        return Fate::TooLarge;
    }
    let updates = if scenario.timing_only.is_some() { 300 } else { 40 };
    let updates = if scenario.cluster.workers > 1000 { 3 } else { updates };
    scenario.train.stop.updates =
        scenario.train.stop.updates.map(|n| n.min(updates)).or(Some(updates));
    if let Some(holdout) = &mut scenario.holdout {
        holdout.max_examples = holdout.max_examples.map(|n| n.min(100)).or(Some(100));
        holdout.views.workers = holdout.views.workers.min(3);
        if !is_rare(Some(holdout.every)) {
            return Fate::TooLarge;
        }
    }
    if !is_rare(scenario.record.divergence) {
        return Fate::TooLarge;
    }
    if scenario.protocol.pushes_per_update(scenario.cluster.workers) > 1_000 {
        return Fate::TooLarge;
    }
    scenario.limits.memory.0 = scenario.limits.memory.0.min(160 << 20);
    let trial = match Trial::new(scenario, folder, 1) {
        Ok(trial) => trial,
        Err(error @ (RunError::Build(_) | RunError::InStage { .. })) => {
            assert!(!error.to_string().is_empty());
            return Fate::NotBuilt;
        }
        Err(error) => panic!("{error}"),
    };
    if trial.check_limits().is_err() {
        return Fate::TooLarge;
    }
    match trial.run(&folder.join("out"), &RunOptions::default(), &mut NoObserver) {
        Ok(finished) => assert!(finished.summary.is_some()),
        Err(RunError::Simulation { .. }) => {}
        // A checkpoint that is not there.
        Err(RunError::Start(_)) => return Fate::NotBuilt,
        // What cannot be built is known before the folder is opened.
        Err(error) => panic!("{error}"),
    }
    Fate::Ran
}

#[test]
fn overrides_that_pass_the_checks_build_and_run() {
    let shape = Shape::of::<Scenario>();
    let config = ProptestConfig {
        cases: cases(600),
        rng_seed: RngSeed::Fixed(cases(600).into()),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut fates = std::collections::BTreeMap::new();
    let fates_of = std::cell::RefCell::new(&mut fates);
    let keys = keys(&shape, Kinds::LeftOut);
    let bases: Vec<Loaded<Scenario>> =
        BASES.iter().map(|(base, _)| read(base, &[]).expect("it is valid")).collect();
    let strategy = (0..BASES.len(), any::<u64>()).prop_map(|(base, seed)| {
        let made_up = arguments(&keys, &bases[base], &mut Dice::new(seed));
        let (base, small) = BASES[base];
        let mut all: Vec<String> = small.iter().map(|text| text.to_string()).collect();
        all.extend(made_up);
        (base, all)
    });
    let outcome = TestRunner::new(config).run(&strategy, |(base, arguments)| {
        let folder = tempfile::tempdir().expect("a folder");
        let attempted = std::panic::AssertUnwindSafe(|| attempt(base, &arguments, folder.path()));
        let fate = std::panic::catch_unwind(attempted)
            .map_err(|_| TestCaseError::fail(format!("{base} with {arguments:?} panics")))?;
        *fates_of.borrow_mut().entry(fate).or_insert(0u32) += 1;
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    println!("{fates:?}");
    assert!(fates[&Fate::Ran] * 10 >= cases(600), "hardly anything runs: {fates:?}");
}
