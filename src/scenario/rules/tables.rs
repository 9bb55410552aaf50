//! Whether tables are kept in a way that makes sense.

use std::collections::BTreeMap;

use super::codes::{CONFLICT, NO_EFFECT, SUSPICIOUS, UNUSABLE};
use crate::optimizer::Horizon;
use crate::scenario::document::{Loaded, Problem};
use crate::scenario::spec::Scenario;
use crate::server::EvictionRule;
use crate::server::admission::AdmittedBy;

/// Reports settings of tables without effect, and lengths of zero.
pub(super) fn check(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    never_admitted(loaded, found);
    named_twice(loaded, found);
    let Scenario { eviction, tables, timing_only, .. } = &loaded.value;
    let Some(eviction) = eviction.as_ref().filter(|_| timing_only.is_none()) else { return };
    let mut idle = |key: &str, message: String, help: &str| {
        found.push(
            Problem::warning(&NO_EFFECT, key, message).label(loaded.key_origin(key), "").help(help),
        );
    };
    let limited = eviction.rule.limit().is_some();
    if eviction.at_most.is_none() && !(limited && eviction.every.is_some()) {
        let why = match (limited, eviction.every.is_some()) {
            (true, _) => "nothing says when rows are looked for",
            (false, _) => "its rule evicts rows of full tables only, and no table is ever full",
        };
        idle(
            "eviction",
            format!("`eviction` has no effect: {why}"),
            "set `eviction.every`, say { updates = 1000 }, for a rule with a limit; `eviction.at_most`, say \
             { rows = 10_000 }, for full tables",
        );
    } else if !limited && eviction.every.is_some() {
        let name = eviction.rule.name();
        idle(
            "eviction.every",
            format!("`eviction.every` has no effect: \"{name}\" evicts rows of full tables only"),
            "leave it out",
        );
    }
    let shares = |hashing: &crate::data::Hashing| hashing.rows(1).is_some();
    if shares(&tables.hashing) && tables.of.iter().all(|of| shares(&of.hashing)) {
        idle(
            "eviction",
            "`eviction` has no effect: rows that ids share are always there".to_string(),
            "tables.hashing.kind = \"collisionless\" has rows that come and go",
        );
    }
    let rule = match &eviction.rule {
        EvictionRule::Age(age) => Some(("eviction.rule.after", age.after)),
        EvictionRule::Score(score) => Some(("eviction.rule.half_life", score.half_life)),
        _ => None,
    };
    let lengths = [
        eviction.every.map(|every| ("eviction.every", every, "how much is trained between two looks")),
        rule.map(|(key, length)| (key, length, "a length of training")),
    ];
    for (key, length, what) in lengths.into_iter().flatten() {
        if is_nothing(length) {
            found.push(
                Problem::error(&UNUSABLE, key, format!("`{key}` has no length"))
                    .label(loaded.origin(key), "")
                    .help(format!("{what}, such as {{ updates = 1000 }}")),
            );
        }
    }
}

fn is_nothing(length: Horizon) -> bool {
    match length {
        Horizon::Updates(length) | Horizon::Examples(length) => length == 0,
        Horizon::SimTime(length) => length.is_zero(),
    }
}

/// Two entries of `tables.of` for one id space: only one can hold.
fn named_twice(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let mut named: BTreeMap<&str, String> = BTreeMap::new();
    for (i, of) in loaded.value.tables.of.iter().enumerate() {
        for (j, space) in of.spaces.iter().enumerate() {
            let path = format!("tables.of.{i}.spaces.{j}");
            let Some(first) = named.insert(space, path.clone()) else { continue };
            found.push(
                Problem::error(&CONFLICT, &path, format!("the tables of `{space}` are set twice"))
                    .label(loaded.origin(&path), "")
                    .label(loaded.origin(&first), "and here")
                    .help("leave one of the two out"),
            );
        }
    }
}

/// The counters of a Bloom filter must be able to count as far as a row needs.
fn never_admitted(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Some(admission) = loaded.value.admission else { return };
    let AdmittedBy::Bloom(filter) = admission.by else { return };
    let most = (1u32 << filter.bits.clamp(1, 16)) - 1;
    if admission.after > most {
        let message = format!(
            "no row is ever admitted: a counter of {} bits stops at {most}, and `admission.after` is {}",
            filter.bits, admission.after
        );
        found.push(
            Problem::warning(&SUSPICIOUS, "admission.after", message)
                .label(loaded.origin("admission.after"), "")
                .label(loaded.key_origin("admission.by"), "these counters"),
        );
    }
}
