//! Checks whether shards can fail as a scenario says.

use super::churn::{conflict, no_effect, unusable};
use super::codes::SUSPICIOUS;
use crate::base::SimSpan;
use crate::cluster::ShardFailures;
use crate::cluster::shard_failures::{Meanwhile, Readers, Recovery, Replay, StandIn};
use crate::scenario::document::{Loaded, Problem};
use crate::scenario::spec::Scenario;

/// The section.
const KEY: &str = "cluster.shard_failures";

fn key(field: &str) -> String {
    format!("{KEY}.{field}")
}

/// Reports settings that are impossible, suspicious, or without effect.
pub(super) fn check(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let failures = &loaded.value.cluster.shard_failures;
    numbers(loaded, failures, found);
    times(loaded, failures, found);
    increments(loaded, failures, found);
    if loaded.value.imposed_staleness.is_none() {
        idle(loaded, failures, found);
        first_values(loaded, failures, found);
    }
}

/// Checks that the shards exist, and that none has two entries.
fn numbers(loaded: &Loaded<Scenario>, failures: &ShardFailures, found: &mut Vec<Problem>) {
    let shards = loaded.value.cluster.shards;
    let own = failures.shard.iter().enumerate();
    let own = own.map(|(index, own)| (format!("shard.{index}.shard"), own.shard));
    let scripted = failures.event.iter().enumerate();
    let scripted = scripted.map(|(index, event)| (format!("event.{index}.shard"), event.shard));
    for (field, shard) in own.chain(scripted) {
        if shard >= shards {
            let message = match shards {
                1 => format!("there is no shard {shard}: the only shard is 0"),
                _ => format!("there is no shard {shard}: the shards are 0 to {}", shards - 1),
            };
            let help = "change it, or raise `cluster.shards`";
            found.push(conflict(loaded, (&key(&field), "cluster.shards"), message, help));
        }
    }
    for (index, own) in failures.shard.iter().enumerate() {
        let mut before = failures.shard[..index].iter();
        if let Some(first) = before.position(|other| other.shard == own.shard) {
            let (second, first) =
                (key(&format!("shard.{index}.shard")), key(&format!("shard.{first}.shard")));
            let message = format!("two entries for shard {}", own.shard);
            found.push(conflict(loaded, (&second, &first), message, "keep one of them"));
        }
    }
}

/// Checks that shards run for some time, and that scripted crashes are before the end.
fn times(loaded: &Loaded<Scenario>, failures: &ShardFailures, found: &mut Vec<Problem>) {
    let Scenario { cluster, train, .. } = &loaded.value;
    let step = cluster.compute.base(u64::from(train.batch));
    let own = failures.shard.iter().enumerate();
    let own = own.map(|(index, own)| (format!("shard.{index}.every"), Some(own.every)));
    for (field, every) in std::iter::once(("every".to_string(), failures.every)).chain(own) {
        let (Some(every), key) = (every, key(&field)) else { continue };
        if every.is_zero() {
            let help = "a time longer than nothing, or leave it out for shards that never crash";
            found.push(unusable(loaded, &key, "is no time between failures", help));
        } else if every < step {
            let message = format!(
                "shards run for {every} on average, less than the {step} that a step takes"
            );
            found.push(
                Problem::warning(&SUSPICIOUS, &key, message)
                    .label(loaded.origin(&key), "")
                    .label(loaded.key_origin("cluster.compute"), "steps")
                    .help("most updates will be lost; is the unit right?"),
            );
        }
    }
    for (index, event) in failures.event.iter().enumerate() {
        if train.stop.sim_time.is_some_and(|end| event.at >= end) {
            let why = "the run ends before it (`train.stop.sim_time`)";
            found.push(no_effect(loaded, &key(&format!("event.{index}.at")), why));
        }
    }
}

/// Checks that increments lie between full checkpoints.
fn increments(loaded: &Loaded<Scenario>, failures: &ShardFailures, found: &mut Vec<Problem>) {
    let Some(increments) = failures.checkpoint.increments else { return };
    let at = key("checkpoint.increments");
    match failures.checkpoint.every {
        _ if increments.is_zero() => {
            let help = "a time longer than nothing, or leave it out for full checkpoints alone";
            found.push(unusable(loaded, &at, "is no time between increments", help));
        }
        None => {
            let help = "set cluster.shard_failures.checkpoint.every, the time between full ones";
            found.push(unusable(loaded, &at, "needs full checkpoints below it", help));
        }
        Some(every) if every <= increments => {
            let message = "no increment fits between two full checkpoints".to_string();
            let help = "increments come more often than full checkpoints: set both";
            found.push(conflict(loaded, (&at, &key("checkpoint.every")), message, help));
        }
        Some(_) => {}
    }
}

/// Whether there are ever two increments between two full checkpoints: multiples of `increments`
/// between neighbouring multiples of `every`. The first of them comes at least their greatest common
/// divisor after a full checkpoint, and at some time just that.
fn ever_two(every: u64, increments: u64) -> bool {
    let (mut divisor, mut rest) = (every, increments);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    increments.saturating_add(divisor) < every
}

/// Warns if a failed shard forgets all that it has learned.
fn first_values(loaded: &Loaded<Scenario>, failures: &ShardFailures, found: &mut Vec<Problem>) {
    if failures.saves() && failures.checkpoint.every.is_none() {
        let message =
            "without `checkpoint.every` a shard that failed returns with the values it began with";
        found.push(
            Problem::warning(&SUSPICIOUS, KEY, message)
                .label(loaded.key_origin(KEY), "")
                .help("set cluster.shard_failures.checkpoint.every = \"10min\", say"),
        );
    }
}

/// Reports settings that nothing uses.
fn idle(loaded: &Loaded<Scenario>, failures: &ShardFailures, found: &mut Vec<Problem>) {
    let mut warn = |field: &str, why: &str| {
        if loaded.is_written(&key(field)) {
            found.push(no_effect(loaded, &key(field), why));
        }
    };
    if failures.is_none() {
        let why = "no shard fails without `every`, `shard` or `event`";
        for field in [
            "repair",
            "law",
            "repair_law",
            "noticed_after",
            "meanwhile",
            "reads",
            "recovery",
            "readers",
            "lag",
            "checkpoint",
        ] {
            warn(field, why);
        }
        return;
    }
    if !failures.is_random() {
        // A resolved scenario has the laws of the defaults.
        let first = ShardFailures::default();
        let laws = [("law", &failures.law, &first.law)];
        let laws =
            laws.into_iter().chain([("repair_law", &failures.repair_law, &first.repair_law)]);
        for (field, ..) in laws.filter(|(_, law, first)| law != first) {
            warn(field, "no shard fails at random without `every` or `shard`");
        }
    }
    let ShardFailures { meanwhile, recovery, checkpoint, .. } = failures;
    match recovery {
        Recovery::All => {
            if *meanwhile != Meanwhile::default() {
                warn("meanwhile", "with `recovery = \"all\"` the job stops");
            }
        }
        Recovery::Partial | Recovery::Replica => {
            if failures.readers != Readers::default() {
                warn("readers", "only `recovery = \"all\"` moves the readers");
            }
            if *meanwhile == Meanwhile::Block && failures.noticed_after != SimSpan::ZERO {
                warn("noticed_after", "requests wait before and after");
            }
        }
    }
    match recovery {
        Recovery::Replica => warn("checkpoint", "a replica takes over, without a checkpoint"),
        Recovery::All | Recovery::Partial => {
            if failures.lag != SimSpan::ZERO {
                warn("lag", "only `recovery = \"replica\"` has a replica");
            }
        }
    }
    if failures.reads != StandIn::default()
        && (*meanwhile != Meanwhile::GoOn || *recovery == Recovery::All)
    {
        warn("reads", "nobody reads without the shard unless `meanwhile = \"go_on\"`");
    }
    if checkpoint.replay != Replay::default() && checkpoint.increments.is_none() {
        warn("checkpoint.replay", "there are no increments without `checkpoint.increments`");
    }
    if let (Some(every), Some(increments)) = (checkpoint.every, checkpoint.increments)
        && checkpoint.replay.needs() > 1
        && !ever_two(every.0, increments.0)
    {
        let why = "there is never more than one increment after a full checkpoint";
        warn("checkpoint.replay", why);
    }
    if loaded.value.timing_only.is_some() {
        let why = "timing alone has no parameters";
        if failures.reads != StandIn::default() {
            warn("reads", why);
        }
        if failures.readers != Readers::default() {
            warn("readers", "timing alone has no examples to read");
        }
        if !checkpoint.slots {
            warn("checkpoint.slots", why);
        }
    }
}
