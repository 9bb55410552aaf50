//! Presets: names at the top of a document that stand for settings.
//!
//! A document type has presets if it has a key `preset` whose names carry the settings that they
//! stand for, as TOML, in the schema property `x-settings`.

use super::node::{KeyTable, Value};
use super::overrides::{self, Override, preset_replaced};
use super::parse;
use super::problem::Problem;
use super::shape::{Shape, ValueKind, Word};
use super::source::{SourceLayer, Sources};
use crate::base::registry::TAG;

/// The key that names a preset.
pub const PRESET: &str = "preset";

/// Lays the settings of the preset that the document or an override names under the document. An
/// unknown name is left to the check. Returns warnings about what the document replaces.
pub(super) fn lay_under(
    root: &mut KeyTable,
    shape: &Shape,
    overrides: &[Override],
    sources: &mut Sources,
) -> Vec<Problem> {
    let written = || Some(root.entries.get(PRESET)?.node.as_str()?.to_string());
    let Some(name) = overrides::text_of(overrides, PRESET).or_else(written) else {
        return Vec::new();
    };
    let Some(settings) = settings(shape, &name) else { return Vec::new() };
    let source = sources.add(format!("preset {name}"), settings.to_string(), SourceLayer::Preset);
    let (mut below, problems) = parse::document(settings, source);
    debug_assert!(problems.is_empty(), "preset {name}: {problems:?}");
    let mut told = Vec::new();
    tell_replaced(&below, root, "", &mut told);
    below.overlay(std::mem::take(root));
    *root = below;
    told
}

/// Warns of sections of a preset that the document replaces by a section of another kind, if the
/// preset sets more in them than their `kind`. A section without a `kind`, or with the same, amends
/// the preset's.
fn tell_replaced(preset: &KeyTable, document: &KeyTable, path: &str, told: &mut Vec<Problem>) {
    for (key, upper) in &document.entries {
        let Some(lower) = preset.entries.get(key) else { continue };
        let (Value::Table(below), Value::Table(above)) = (&lower.node.value, &upper.node.value)
        else {
            continue;
        };
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let (Some(old), Some(new)) = (below.tag(), above.tag()) else {
            tell_replaced(below, above, &path, told);
            continue;
        };
        if old == new {
            tell_replaced(below, above, &path, told);
            continue;
        }
        let dropped: Vec<&str> =
            below.entries.keys().map(String::as_str).filter(|key| *key != TAG).collect();
        if !dropped.is_empty() {
            told.push(preset_replaced(
                &path,
                (old, new),
                &dropped,
                [upper.key_origin, lower.key_origin],
            ));
        }
    }
}

/// The settings of the preset of this name.
fn settings<'a>(shape: &'a Shape, name: &str) -> Option<&'a str> {
    let ValueKind::Table(table) = &shape.kind else { return None };
    let ValueKind::Words(words) = &table.field(PRESET)?.shape.kind else { return None };
    let word = |word: &&Word| word.name == name;
    words.iter().find(word)?.settings.as_deref()
}
