//! What people type on a command line instead of the full setting: `workers=30`, `protocol=ssp`,
//! `workers=1..4`, `remedy=power`.

use std::collections::BTreeSet;

use super::document::shape::{Shape, ValueKind};
use super::document::whereabouts::Whereabouts;
use super::document::{is_plain_list, shape_at};
use super::sweep::arguments::parts;
use crate::base::registry::TAG;

/// Keys that are meant by their last word, although other tables have a key of that name.
const COMMON: &[&str] = &[
    "cluster.workers",
    "cluster.shards",
    "data.kind",
    "model.embedding_dim",
    "model.hidden",
    "optimizer.learning_rate",
    "scenario.name",
    "scenario.seed",
    "train.batch",
    "train.stop",
];

/// What people call a key who know it from elsewhere.
const ALSO_CALLED: &[(&str, &str)] = &[
    ("lr", "optimizer.learning_rate"),
    ("batch_size", "train.batch"),
    ("epochs", "train.stop.passes"),
];

/// Keys whose value is a sentence.
const TEXTS: &[&str] = &["scenario.answered_by", "scenario.question", "scenario.title"];

/// The full key that is meant by `key`, if there is exactly one. Hyphens count as underscores.
pub fn full_key(shape: &Shape, key: &str) -> Option<String> {
    let key = key.replace('-', "_");
    if shape_at(shape, &key).is_some() {
        return Some(key);
    }
    if key.is_empty() || key.contains('.') {
        return None;
    }
    let last = |path: &str| path.rsplit('.').next() == Some(key.as_str());
    if let Some(common) = COMMON.iter().find(|path| last(path)) {
        return Some(common.to_string());
    }
    let called = ALSO_CALLED.iter().find(|(name, _)| *name == key);
    if let Some((_, path)) = called.filter(|(_, path)| shape_at(shape, path).is_some()) {
        return Some(path.to_string());
    }
    let whereabouts = Whereabouts::of(shape);
    let found: BTreeSet<&str> = whereabouts.paths().filter(|path| last(path)).collect();
    let mut found = found.into_iter();
    found.next().filter(|_| found.next().is_none()).map(str::to_string)
}

/// The setting that is meant by `key=value`, in full; `None` if it is written in full, or nothing is
/// known of its key.
pub fn in_full(shape: &Shape, text: &str) -> Option<String> {
    let (typed, value) = text.split_once('=')?;
    let (typed, value) = (typed.trim(), value.trim());
    let key = full_key(shape, typed)?;
    let full = full_value(shape_at(shape, &key)?, &key, value);
    let full = full.unwrap_or_else(|| format!("{key}={value}"));
    (full != format!("{typed}={value}")).then_some(full)
}

/// Whether a value of this key may be a list itself, as days are: then `1,3` may be one value or two.
pub fn may_be_list(shape: &Shape, key: &str) -> bool {
    let is_list = |shape: &Shape| matches!(shape.kind, ValueKind::List { .. });
    match shape_at(shape, key).map(|shape| &shape.kind) {
        Some(ValueKind::Union(shapes)) => shapes.iter().any(is_list),
        _ => false,
    }
}

/// The setting, if its value is not written in full.
fn full_value(shape: &Shape, key: &str, value: &str) -> Option<String> {
    let is_word = |text: &str| text.starts_with(|first: char| first.is_ascii_alphabetic());
    let words = || parts(value).into_iter().all(is_word);
    match &shape.kind {
        ValueKind::Choice(_) if words() && value.contains(':') => {
            let tables: Vec<String> = with_settings(value).iter().map(|word| table(word)).collect();
            Some(format!("{key}={}", tables.join(",")))
        }
        ValueKind::Choice(_) if words() => Some(format!("{key}.{TAG}={value}")),
        // A sentence with a comma is one text.
        ValueKind::Text(_) if TEXTS.contains(&key) && !value.starts_with(['"', '\'', '[']) => {
            parts(value).len().gt(&1).then(|| format!("{key}={value:?}"))
        }
        ValueKind::Integer(_) => {
            let (from, to) = value.split_once("..")?;
            let (low, high) = (from.parse::<i64>().ok()?, to.parse::<i64>().ok()?);
            (low <= high).then(|| format!("{key}=range:{value}"))
        }
        ValueKind::List { items, .. } if matches!(items.kind, ValueKind::Choice(_)) && words() => {
            let list = |word: &str| match word {
                "none" => "[]".to_string(),
                word => format!("[{}]", table(word)),
            };
            let words = with_settings(value);
            let lists: Vec<String> = words.iter().map(|word| list(word)).collect();
            Some(format!("{key}={}", lists.join(",")))
        }
        // A list of plain values is one value, not several.
        _ if is_plain_list(shape) && parts(value).len() > 1 && !value.starts_with('[') => {
            let ValueKind::List { items, .. } = &shape.kind else { return None };
            let numbers = matches!(items.kind, ValueKind::Integer(_) | ValueKind::Number { .. });
            let element = |text: &str| match numbers || text.starts_with(['"', '\'']) {
                true => text.to_string(),
                false => format!("\"{text}\""),
            };
            let elements: Vec<String> = parts(value).into_iter().map(element).collect();
            Some(format!("{key}=[{}]", elements.join(", ")))
        }
        _ => None,
    }
}

/// The parts between commas; a setting stays with the part that it belongs to, as in
/// `ssp:lead=3,async`, where `b=1` of `ssp:lead=3,b=1` is one of the first.
fn with_settings(value: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in parts(value) {
        match words.last_mut() {
            Some(last) if last.contains(':') && part.contains('=') && !part.contains(':') => {
                *last = format!("{last},{part}");
            }
            _ => words.push(part.to_string()),
        }
    }
    words
}

/// The table that is meant by `ssp` or `ssp:lead=3`.
fn table(word: &str) -> String {
    let (kind, own) = word.split_once(':').unwrap_or((word, ""));
    let mut pairs = vec![format!("{TAG} = \"{kind}\"")];
    for pair in parts(own).into_iter().filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, "true"));
        let is_toml = toml::from_str::<toml::Table>(&format!("value = {value}")).is_ok();
        let value = if is_toml { value.to_string() } else { format!("{value:?}") };
        pairs.push(format!("{key} = {value}"));
    }
    format!("{{ {} }}", pairs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::Scenario;
    use super::*;

    #[test]
    fn short_words_stand_for_full_settings() {
        let shape = Shape::of::<Scenario>();
        for (short, full) in [
            ("workers=30", "cluster.workers=30"),
            ("cluster.workers=1..4", "cluster.workers=range:1..4"),
            ("batch=16,32", "train.batch=16,32"),
            ("protocol=ssp", "protocol.kind=ssp"),
            ("protocol=async,bsp", "protocol.kind=async,bsp"),
            ("protocol=ssp:lead=3", "protocol={ kind = \"ssp\", lead = 3 }"),
            (
                "protocol=ssp:lead=3,async",
                "protocol={ kind = \"ssp\", lead = 3 },{ kind = \"async\" }",
            ),
            ("protocol=k_async:k=2,b=x", "protocol={ kind = \"k_async\", k = 2, b = \"x\" }"),
            ("remedy=power:exponent=0.5", "remedy=[{ kind = \"power\", exponent = 0.5 }]"),
            ("lr=0.1", "optimizer.learning_rate=0.1"),
            ("batch-size=64", "train.batch=64"),
            ("optimizer = adam", "optimizer.kind=adam"),
            ("learning-rate=1e-3", "optimizer.learning_rate=1e-3"),
            ("remedy=power", "remedy=[{ kind = \"power\" }]"),
            ("remedy=none,power", "remedy=[],[{ kind = \"power\" }]"),
            ("lab.factors=workers,slots", "lab.factors=[\"workers\", \"slots\"]"),
            ("scenario.title=Hello, world", "scenario.title=\"Hello, world\""),
            ("hidden=64,32", "model.hidden=[64, 32]"),
        ] {
            assert_eq!(in_full(&shape, short).as_deref(), Some(full), "{short}");
        }
        assert!(may_be_list(&shape, "train.days") && !may_be_list(&shape, "cluster.workers"));
        for full in [
            "cluster.workers=30",
            "cluster.workers=1,10,30",
            "train.days=1..10",
            "protocol={ kind = \"synchronous\" }",
            "remedy=[{ kind = \"power\" }]",
            "model.hidden=[64,32],[16]",
            "nonsense=1",
            "kind=adam",
            "nonsense",
            "=3",
        ] {
            assert_eq!(in_full(&shape, full), None, "{full}");
        }
    }
}
