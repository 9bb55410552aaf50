//! The settings in which two sides differ.

use serde::Serialize;
use serde_json::Value;

use crate::results::outcome::Settings;

/// A setting that differs. A side without it has `None`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Difference {
    /// The dotted key.
    pub key: String,
    /// Its value on the first side.
    pub a: Option<Value>,
    /// Its value on the other.
    pub b: Option<Value>,
}

/// Keys for the name of a run and its limits: they do not change what it does.
const NOT_THE_RUN: &[&str] = &["scenario", "limits", "expect"];

/// The settings that differ, by key.
pub fn differences(a: &Settings, b: &Settings) -> Vec<Difference> {
    let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
    keys.sort();
    keys.dedup();
    let matters = |key: &str| !NOT_THE_RUN.contains(&key.split('.').next().unwrap_or_default());
    keys.into_iter()
        .filter(|key| matters(key) && a.get(*key) != b.get(*key))
        .map(|key| Difference { key: key.clone(), a: a.get(key).cloned(), b: b.get(key).cloned() })
        .collect()
}
