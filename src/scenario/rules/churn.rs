//! Checks whether workers can join, leave and crash as a scenario says.

use super::codes::{CONFLICT, NO_EFFECT, SUSPICIOUS, UNUSABLE};
use crate::base::SimSpan;
use crate::cluster::failures::{InFlightMessages, Lost};
use crate::cluster::shard_failures::{Meanwhile, Recovery};
use crate::cluster::{Membership, Scripted};
use crate::scenario::document::{Loaded, Problem};
use crate::scenario::spec::Scenario;
use crate::sim::feed::ExampleSharing;

/// Reports settings that are impossible, and settings that have no effect.
pub(super) fn check(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    failures(loaded, found);
    fate(loaded, found);
    for (index, schedule) in loaded.value.cluster.membership.iter().enumerate() {
        membership(loaded, &format!("cluster.membership.{index}"), schedule, found);
    }
    for (index, event) in loaded.value.cluster.event.iter().enumerate() {
        scripted(loaded, &format!("cluster.event.{index}"), event, found);
    }
    idle(loaded, found);
}

/// An error at one key.
pub(super) fn unusable(loaded: &Loaded<Scenario>, key: &str, why: &str, help: &str) -> Problem {
    Problem::error(&UNUSABLE, key, format!("`{key}` {why}"))
        .label(loaded.origin(key), "")
        .help(help)
}

/// An error at two keys.
pub(super) fn conflict(
    loaded: &Loaded<Scenario>,
    (first, second): (&str, &str),
    message: String,
    help: &str,
) -> Problem {
    Problem::error(&CONFLICT, first, message)
        .label(loaded.origin(first), "this")
        .label(loaded.origin(second), "and this")
        .help(help)
}

/// A warning at one key.
pub(super) fn no_effect(loaded: &Loaded<Scenario>, key: &str, why: &str) -> Problem {
    Problem::warning(&NO_EFFECT, key, format!("`{key}` has no effect: {why}"))
        .label(loaded.key_origin(key), "")
}

/// Checks that machines run for some time, and that their classes exist.
fn failures(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let cluster = &loaded.value.cluster;
    let mut times = vec![("cluster.failures.every".to_string(), cluster.failures.every)];
    for (index, own) in cluster.failures.class.iter().enumerate() {
        let key = format!("cluster.failures.class.{index}");
        times.push((format!("{key}.every"), Some(own.every)));
        let name = format!("{key}.name");
        let mut before = cluster.failures.class[..index].iter();
        if !cluster.class.iter().any(|class| class.name == own.name) {
            let message = format!("no machine class is called \"{}\"", own.name);
            let names: Vec<_> = cluster.class.iter().map(|class| class.name.as_str()).collect();
            let help = match names.is_empty() {
                true => "add a [[cluster.class]] of this name".to_string(),
                false => format!("the classes are: {}", names.join(", ")),
            };
            found.push(conflict(loaded, (&name, "cluster.class"), message, &help));
        } else if let Some(first) = before.position(|other| other.name == own.name) {
            let first = format!("cluster.failures.class.{first}.name");
            let message = format!("two entries for the machine class \"{}\"", own.name);
            found.push(conflict(loaded, (&name, &first), message, "keep one of them"));
        }
    }
    let step = cluster.compute.base(u64::from(loaded.value.train.batch));
    for (key, every) in times {
        let Some(every) = every else { continue };
        if every.is_zero() {
            let help = "a time longer than nothing, or leave it out for machines that never crash";
            found.push(unusable(loaded, &key, "is no time between failures", help));
        } else if every < step {
            let message = format!(
                "machines run for {every} on average, less than the {step} that a step takes"
            );
            found.push(
                Problem::warning(&SUSPICIOUS, &key, message)
                    .label(loaded.origin(&key), "")
                    .label(loaded.key_origin("cluster.compute"), "steps")
                    .help("most steps will be lost; is the unit right?"),
            );
        }
    }
}

/// Checks that the chosen fate of lost examples is possible.
fn fate(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Scenario { cluster, train, .. } = &loaded.value;
    if cluster.failures.lost == Lost::Requeue && train.sharing == ExampleSharing::Fixed {
        let message = "lost examples cannot go back to a shared queue: there is none".to_string();
        let help = "set cluster.failures.lost = \"repeat\", or train.sharing = \"queue\"";
        found.push(conflict(loaded, ("cluster.failures.lost", "train.sharing"), message, help));
    }
}

fn membership(
    loaded: &Loaded<Scenario>,
    key: &str,
    schedule: &Membership,
    found: &mut Vec<Problem>,
) {
    let workers = loaded.value.cluster.workers;
    let at = |field: &str| format!("{key}.{field}");
    for (field, number) in [("first", Some(schedule.first)), ("last", schedule.last)] {
        if let Some(number) = number.filter(|&number| number >= workers) {
            let message = format!("there is no worker {number}: {workers} are counted from 0");
            let help = "change it, or raise `cluster.workers`";
            found.push(conflict(loaded, (&at(field), "cluster.workers"), message, help));
        }
    }
    if schedule.last.is_some_and(|last| last < schedule.first) {
        let message = "the last worker comes before the first".to_string();
        found.push(conflict(loaded, (&at("last"), &at("first")), message, "exchange them"));
    }
    if schedule.join.is_some() && schedule.join == schedule.leave {
        let message = "the workers join and leave at the same moment".to_string();
        let help = "with `join` before `leave` they are there in between, otherwise they return";
        found.push(conflict(loaded, (&at("join"), &at("leave")), message, help));
    }
    if let Some(every) = schedule.every {
        if every.is_zero() {
            let help = "a period longer than nothing, e.g. \"24h\"";
            found.push(unusable(loaded, &at("every"), "is a period of no length", help));
        }
        for (field, time) in [("join", schedule.join), ("leave", schedule.leave)] {
            if time.is_some_and(|time| time >= every && !every.is_zero()) {
                let message =
                    format!("`{field}` is after the end of the period, so it never happens");
                let help = "a time within the period, or a longer period";
                found.push(conflict(loaded, (&at(field), &at("every")), message, help));
            }
        }
    }
    match (schedule.join, schedule.leave) {
        (None, None) => {
            let why = "with neither `join` nor `leave` the workers are always there";
            found.push(no_effect(loaded, key, why));
        }
        (None, Some(leave)) if schedule.every.is_none() && is_everybody(schedule, workers) => {
            let message = format!("all workers leave permanently after {leave}");
            found.push(
                Problem::warning(&SUSPICIOUS, key, message)
                    .label(loaded.key_origin(key), "")
                    .help("the run stalls there unless it has ended; give `join`, or `first`"),
            );
        }
        _ => {}
    }
}

/// Whether a schedule concerns all workers.
fn is_everybody(schedule: &Membership, workers: u32) -> bool {
    schedule.first == 0 && schedule.last.is_none_or(|last| last + 1 >= workers)
}

/// Checks that an event does something, that its worker exists, and that it is before the end.
fn scripted(loaded: &Loaded<Scenario>, key: &str, event: &Scripted, found: &mut Vec<Problem>) {
    let Scenario { cluster, train, .. } = &loaded.value;
    let at = |field: &str| format!("{key}.{field}");
    if event.worker >= cluster.workers {
        let (worker, workers) = (event.worker, cluster.workers);
        let message = format!("there is no worker {worker}: {workers} are counted from 0");
        let help = "change it, or raise `cluster.workers`";
        found.push(conflict(loaded, (&at("worker"), "cluster.workers"), message, help));
    }
    let named: Vec<&str> = [
        ("sleep_batches", event.sleep_batches.is_some()),
        ("sleep", event.sleep.is_some()),
        ("crash", event.crash.is_some()),
        ("slowdown", event.slowdown.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, given)| given.then_some(name))
    .collect();
    match named[..] {
        [] => {
            let message = format!("`{key}` does not say what happens");
            found.push(
                Problem::error(&UNUSABLE, key, message)
                    .label(loaded.key_origin(key), "")
                    .help("give one of sleep_batches = 5, sleep = \"2s\", crash = \"10min\"")
                    .help("or slowdown = 3.0 with lasting = \"1min\""),
            );
        }
        [first, second, ..] => {
            let message = "an event does one thing".to_string();
            let help = "make two events of them";
            found.push(conflict(loaded, (&at(first), &at(second)), message, help));
        }
        ["slowdown"] if event.lasting.is_none_or(SimSpan::is_zero) => {
            let message = "a slowdown lasts for some time".to_string();
            let help = "give lasting = \"1min\", say; for the whole run use [[cluster.class]]";
            found.push(conflict(loaded, (&at("slowdown"), &at("lasting")), message, help));
        }
        _ => {}
    }
    if event.lasting.is_some() && event.slowdown.is_none() && !named.is_empty() {
        found.push(no_effect(loaded, &at("lasting"), "only a slowdown has one"));
    }
    if train.stop.sim_time.is_some_and(|end| event.at >= end) {
        found.push(no_effect(loaded, &at("at"), "the run ends before it (`train.stop.sim_time`)"));
    }
}

/// Reports settings that nothing uses.
fn idle(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let scenario = &loaded.value;
    let cluster = &scenario.cluster;
    let mut warn = |key: &str, why: &str| {
        if loaded.is_written(key) {
            found.push(no_effect(loaded, key, why));
        }
    };
    if scenario.imposed_staleness.is_some() {
        warn("record.audit", "only a simulated cluster counts");
        return;
    }
    if scenario.timing_only.is_some() {
        warn("record.audit", "timing alone has no examples to count");
        warn("record.layers", "timing alone has no layers");
    }
    if !cluster.failures.is_random() {
        for field in ["repair", "law", "repair_law"] {
            let why = "no machine crashes at random without `cluster.failures.every`";
            warn(&format!("cluster.failures.{field}"), why);
        }
    }
    let fails = cluster.shard_failures.meanwhile == Meanwhile::Fail
        || cluster.shard_failures.recovery == Recovery::All;
    let sudden = cluster.failures.is_random()
        || (fails && !cluster.shard_failures.is_none())
        || cluster.event.iter().any(|event| event.crash.is_some())
        || cluster.membership.iter().any(|schedule| schedule.abruptly);
    if !sudden {
        let why = "nobody crashes or leaves abruptly";
        if cluster.failures.lost != Lost::default() {
            warn("cluster.failures.lost", why);
        }
        if cluster.failures.on_the_way != InFlightMessages::default() {
            warn("cluster.failures.on_the_way", why);
        }
    } else if scenario.timing_only.is_some() && cluster.failures.lost != Lost::default() {
        warn("cluster.failures.lost", "timing alone has no examples to give back");
    }
}
