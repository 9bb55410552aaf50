//! Presets: names at the top of a document that stand for settings.
//!
//! A document type has presets if it has a key `preset` whose names carry the settings that they
//! stand for, as TOML, in the schema property `x-settings`.

use super::node::Table;
use super::overrides::{self, Override};
use super::parse;
use super::shape::{Kind, Shape, Word};
use super::source::{Layer, Sources};

/// The key that names a preset.
pub const PRESET: &str = "preset";

/// Lays the settings of the preset that the document or an override names under the document. A
/// name that is none is left to the check.
pub(super) fn lay_under(
    root: &mut Table,
    shape: &Shape,
    overrides: &[Override],
    sources: &mut Sources,
) {
    let written = || Some(root.entries.get(PRESET)?.node.as_str()?.to_string());
    let Some(name) = overrides::text_of(overrides, PRESET).or_else(written) else { return };
    let Some(settings) = settings(shape, &name) else { return };
    let source = sources.add(format!("preset {name}"), settings.to_string(), Layer::Preset);
    let (mut below, problems) = parse::document(settings, source);
    debug_assert!(problems.is_empty(), "preset {name}: {problems:?}");
    below.overlay(std::mem::take(root));
    *root = below;
}

/// What the preset of this name stands for.
fn settings<'a>(shape: &'a Shape, name: &str) -> Option<&'a str> {
    let Kind::Table(table) = &shape.kind else { return None };
    let Kind::Words(words) = &table.field(PRESET)?.shape.kind else { return None };
    let word = |word: &&Word| word.name == name;
    words.iter().find(word)?.settings.as_deref()
}
