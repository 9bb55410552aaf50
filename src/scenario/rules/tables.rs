//! Whether tables are kept in a way that makes sense.

use super::codes::{NO_EFFECT, UNUSABLE};
use crate::optimizer::Horizon;
use crate::scenario::document::{Loaded, Problem};
use crate::scenario::spec::Scenario;

/// Reports settings of tables without effect, and lengths of zero.
pub(super) fn check(loaded: &Loaded<Scenario>, found: &mut Vec<Problem>) {
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
    let is_nothing = |length: Horizon| match length {
        Horizon::Updates(length) | Horizon::Examples(length) => length == 0,
        Horizon::SimTime(length) => length.is_zero(),
    };
    if eviction.every.is_some_and(is_nothing) {
        found.push(
            Problem::error(&UNUSABLE, "eviction.every", "`eviction.every` has no length")
                .label(loaded.origin("eviction.every"), "")
                .help("how much is trained between two looks, such as { updates = 1000 }"),
        );
    }
}
