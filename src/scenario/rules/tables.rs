//! Whether tables are kept in a way that makes sense.

use std::collections::BTreeMap;

use super::codes::{CONFLICT, NO_EFFECT, SUSPICIOUS, UNUSABLE};
use crate::optimizer::Horizon;
use crate::scenario::document::{Loaded, Problem};
use crate::scenario::spec::Scenario;
use crate::server::admission::{AdmittedBy, FirstGradient, Occurrences, SlidingFilter};
use crate::server::eviction::Looks;

/// Reports settings of tables without effect, and lengths of zero.
pub(super) fn check(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    never_admitted(loaded, found);
    never_so_full(loaded, found);
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
    if eviction.every == Some(Looks::Save)
        && let Some((message, help)) = never_saves(&loaded.value)
    {
        idle("eviction.every", message, help);
    }
    let rule = eviction.rule.length().map(|(key, length)| (format!("eviction.rule.{key}"), length));
    let looks = eviction.length().map(|every| ("eviction.every".to_string(), every));
    let lengths =
        [(looks, "how much is trained between two looks"), (rule, "a length of training")];
    for (length, what) in lengths {
        if let Some((key, length)) = length
            && is_nothing(length)
        {
            found.push(
                Problem::error(&UNUSABLE, &key, format!("`{key}` has no length"))
                    .label(loaded.origin(&key), "")
                    .help(format!("{what}, such as {{ updates = 1000 }}")),
            );
        }
    }
}

/// What is wrong if rows are looked for at saves, and the job saves at most at its end. A scenario
/// with stages saves what they start from.
fn never_saves(scenario: &Scenario) -> Option<(String, &'static str)> {
    let is_whole = scenario.stage.is_empty() && scenario.daily.is_none();
    let saving = scenario.checkpoint.clone().unwrap_or_default();
    if !is_whole || saving.every.is_some() || saving.best && scenario.holdout.is_some() {
        return None;
    }
    let help =
        "give `checkpoint.every`, say { updates = 1000 }; or `eviction.every` a length of training";
    let message = match saving.last {
        true => {
            "rows are looked for only when the run ends: that is when it saves its only checkpoint"
        }
        false => "rows are never looked for: the job saves no checkpoint",
    };
    Some((message.to_string(), help))
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

/// A cuckoo table that is to double at a load which it does not reach.
fn never_so_full(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let tables = &loaded.value.tables;
    let own = std::iter::once(("tables.hashing".to_string(), &tables.hashing));
    let of = tables.of.iter().enumerate();
    let of = of.map(|(number, of)| (format!("tables.of.{number}.hashing"), &of.hashing));
    for (key, hashing) in own.chain(of) {
        let Some(settings) = hashing.row_index() else { continue };
        let Some(at) = settings.grow_at.filter(|at| *at > settings.threshold()) else { continue };
        let key = format!("{key}.grow_at");
        let message = format!(
            "`{key}` has no effect: with {} a table doubles before it is {:.0} % full",
            crate::base::counted(u64::from(settings.slots), "slot per bucket", "slots per bucket"),
            100.0 * at
        );
        found.push(
            Problem::warning(&NO_EFFECT, &key, message)
                .label(loaded.origin(&key), "")
                .help("leave it out, or choose a smaller share or more slots"),
        );
    }
}

/// The counters of a filter must be able to count as far as a row needs; and the first gradient is
/// not computed from zeros if pulls are counted.
fn never_admitted(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
    let Some(admission) = loaded.value.admission else { return };
    if admission.counts == Occurrences::Lookups
        && admission.first_gradient != FirstGradient::default()
    {
        let at = "admission.first_gradient";
        let message = format!(
            "`{at}` has no effect: with `counts = \"lookups\"` a row is admitted before its gradient is computed"
        );
        found.push(
            Problem::warning(&NO_EFFECT, at, message)
                .label(loaded.origin(at), "")
                .label(loaded.origin("admission.counts"), "pulls are counted"),
        );
    }
    let (most, counter) = match admission.by {
        AdmittedBy::Bloom(filter) => {
            let most = (1u32 << filter.bits.clamp(1, 16)) - 1;
            (most, format!("a counter of {} bits counts to {most}", filter.bits))
        }
        AdmittedBy::Sliding(_) => {
            let most = SlidingFilter::MOST;
            let counter = format!(
                "a counter of 4 bits counts to {}, and this filter reads it before it counts: it tells {most} \
                 occurrences",
                most - 1
            );
            (most, counter)
        }
        AdmittedBy::Count | AdmittedBy::Chance | AdmittedBy::EqualChance => return,
    };
    if admission.after > most {
        let message = format!(
            "no row is ever admitted: {counter}, and `admission.after` is {}",
            admission.after
        );
        found.push(
            Problem::warning(&SUSPICIOUS, "admission.after", message)
                .label(loaded.origin("admission.after"), "")
                .label(loaded.key_origin("admission.by"), "these counters"),
        );
    }
}
