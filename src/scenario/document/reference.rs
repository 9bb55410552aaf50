//! The reference of a document format, as Markdown, derived from the typed structs.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::explain::{KeySummary, summaries};
use super::shape::{Shape, TableShape, ValueKind, Variant, Word, inherited};
use crate::base::registry::TAG;

/// A section with more lines than this is written once; others that are equal refer to it.
const REPEATED_LINES: usize = 12;

/// The section of one key at the top level.
#[derive(Clone, Debug)]
pub struct ReferencePage {
    /// The key.
    pub key: String,
    /// Every table, key, kind and name below it, in the order of declaration.
    pub text: String,
}

/// The whole reference in one text, section after section.
pub fn reference_markdown(root: &Shape) -> String {
    let (top, pages) = written(root, Writer::new(2, false));
    let sections = pages.into_iter().map(|page| page.text);
    std::iter::once(format!("## Top level\n\n{top}")).chain(sections).collect()
}

/// The reference in several texts: the keys at the top level, and a page for each of them that is a
/// section. The first text has links into the folder `folder`, and pages have links to each other.
pub fn reference_pages(root: &Shape, folder: &str) -> (String, Vec<ReferencePage>) {
    let (mut top, pages) = written(root, Writer::new(1, true));
    for ReferencePage { key, .. } in &pages {
        let link = format!("| [`{key}`]({folder}/{key}.md) |");
        top = top.replacen(&format!("| `{key}` |"), &link, 1);
    }
    (top, pages)
}

fn written(root: &Shape, mut writer: Writer) -> (String, Vec<ReferencePage>) {
    let ValueKind::Table(table) = &root.kind else { return (String::new(), Vec::new()) };
    writer.text = format!("{}\n\n", root.doc);
    writer.keys(table, "", None);
    let top = std::mem::take(&mut writer.text);
    let mut pages = Vec::new();
    for field in &table.fields {
        writer.page = field.name.clone();
        let place = Place { path: field.name.clone(), level: writer.level, kind: None };
        writer.section(&field.shape, &field.doc, &place, inherited(None, field));
        let text = std::mem::take(&mut writer.text);
        if !text.is_empty() {
            pages.push(ReferencePage { key: field.name.clone(), text });
        }
    }
    (top, pages)
}

/// Where a section stands.
struct Place {
    path: String,
    /// Level of its heading.
    level: usize,
    /// The kind that it belongs to, as in its heading.
    kind: Option<String>,
}

impl Place {
    fn below(&self, key: &str) -> Place {
        let path = join(&self.path, key);
        Place { path, level: self.level + 1, kind: self.kind.clone() }
    }
}

struct Writer {
    text: String,
    /// Level of the headings of pages.
    level: usize,
    /// The key of the page that is being written.
    page: String,
    /// Whether references to other sections are links.
    linked: bool,
    /// References to long sections, by their text without paths. `None`: repeat them.
    seen: Option<BTreeMap<String, String>>,
}

impl Writer {
    fn new(level: usize, linked: bool) -> Writer {
        let (text, page) = (String::new(), String::new());
        Writer { text, level, page, linked, seen: Some(BTreeMap::new()) }
    }

    /// Writes the section of a table, of tables in a list, or of a choice; nothing for a plain value.
    fn section(&mut self, shape: &Shape, doc: &str, place: &Place, default: Option<&Json>) {
        let (inner, title, default) = match &shape.kind {
            ValueKind::List { items, .. } => (&**items, format!("[[{}]]", place.path), None),
            _ => (shape, format!("[{}]", place.path), default),
        };
        if !is_section(inner) {
            return;
        }
        let mark = "#".repeat(place.level.min(6));
        self.text.push_str(&format!("{mark} `{title}`\n\n{doc}\n\n"));
        match self.seen_before(inner, &title, place, default) {
            Some(earlier) => {
                let usual = chosen(default)
                    .map_or(String::new(), |kind| format!(" The default is `{TAG} = \"{kind}\"`."));
                self.text.push_str(&format!("Its keys are those of {earlier}.{usual}\n\n"));
            }
            None => self.content(inner, place, default),
        }
    }

    /// A reference to an earlier section with the same content. Notes this one if there is none.
    fn seen_before(
        &mut self,
        shape: &Shape,
        title: &str,
        place: &Place,
        default: Option<&Json>,
    ) -> Option<String> {
        let seen = self.seen.as_mut()?;
        let mut bare = Writer { seen: None, ..Writer::new(1, false) };
        bare.content(shape, &Place { path: String::new(), level: 1, kind: None }, default);
        let text = bare.text.replace(USUAL, "");
        if text.lines().count() <= REPEATED_LINES {
            return None;
        }
        if let Some(earlier) = seen.get(&text) {
            return Some(earlier.clone());
        }
        let link = match self.linked {
            true => format!("[`{title}`]({}.md#{})", self.page, anchor(title)),
            false => format!("`{title}`"),
        };
        let of = place.kind.as_ref().map_or(String::new(), |kind| format!(" of `{kind}`"));
        seen.insert(text, format!("{link}{of}"));
        None
    }

    fn content(&mut self, shape: &Shape, place: &Place, default: Option<&Json>) {
        match &shape.kind {
            ValueKind::Table(table) => self.table(table, place, default),
            ValueKind::Choice(variants) => self.kinds(variants, place, default),
            ValueKind::Union(shapes) => self.either(shapes, place, default),
            _ => {}
        }
    }

    fn table(&mut self, table: &TableShape, place: &Place, outer: Option<&Json>) {
        self.keys(table, &place.path, outer);
        for field in &table.fields {
            let default = inherited(outer, field);
            self.section(&field.shape, &field.doc, &place.below(&field.name), default);
        }
    }

    fn kinds(&mut self, variants: &[Variant], place: &Place, default: Option<&Json>) {
        let level = place.level + 1;
        for variant in variants {
            let usual = chosen(default) == Some(variant.name.as_str());
            let note = if usual { USUAL } else { "" };
            let kind = format!("{} = \"{}\"", join(&place.path, TAG), variant.name);
            let mark = "#".repeat(level.min(6));
            self.text.push_str(&format!("{mark} `{kind}`{note}\n\n{}\n\n", variant.doc));
            let inside = Place { path: place.path.clone(), level, kind: Some(kind) };
            self.table(&variant.table, &inside, default.filter(|_| usual));
        }
    }

    /// Tables of which one is written. Those with a single key share one list of keys.
    fn either(&mut self, shapes: &[Shape], place: &Place, default: Option<&Json>) {
        let tables: Vec<(&Shape, &TableShape)> = shapes
            .iter()
            .filter_map(|shape| match &shape.kind {
                ValueKind::Table(table) => Some((shape, table)),
                _ => None,
            })
            .collect();
        if tables.iter().any(|(_, table)| table.fields.len() != 1) {
            for (shape, table) in tables {
                self.text.push_str(&format!("{}\n\n", shape.doc));
                self.table(table, place, default);
            }
            return;
        }
        let keys = tables.iter().flat_map(|(shape, table)| {
            summaries(table, default).into_iter().map(|key| KeySummary {
                doc: if key.doc.is_empty() { shape.doc.clone() } else { key.doc.clone() },
                required: false,
                ..key
            })
        });
        let keys: Vec<KeySummary> = keys.collect();
        let words = shapes.iter().find_map(|shape| match &shape.kind {
            ValueKind::Words(words) => Some(words),
            _ => None,
        });
        if let Some(words) = words {
            self.words(&place.path, words);
            self.text.push_str("Or a table with one of these keys:\n\n");
        } else {
            self.text.push_str("One of these keys:\n\n");
        }
        self.rows(&keys);
        for field in tables.iter().flat_map(|(_, table)| &table.fields) {
            let default = inherited(default, field);
            self.section(&field.shape, &field.doc, &place.below(&field.name), default);
        }
    }

    /// The keys of a table, and the names that may be written there.
    fn keys(&mut self, table: &TableShape, path: &str, outer: Option<&Json>) {
        self.rows(&summaries(table, outer));
        for field in &table.fields {
            if let ValueKind::Words(words) = &field.shape.kind {
                self.words(&join(path, &field.name), words);
            }
        }
    }

    fn rows(&mut self, keys: &[KeySummary]) {
        if keys.is_empty() {
            return;
        }
        self.text.push_str("| key | type | default | meaning |\n|---|---|---|---|\n");
        for key in keys {
            let default = match (&key.default, key.required) {
                (Some(default), _) => format!("`{default}`"),
                (None, true) => "required".to_string(),
                (None, false) => String::new(),
            };
            let cells = [&key.type_name, &default, &key.doc].map(|cell| cell_text(cell));
            self.text.push_str(&format!("| `{}` | {} |\n", key.name, cells.join(" | ")));
        }
        self.text.push('\n');
    }

    fn words(&mut self, path: &str, words: &[Word]) {
        self.text.push_str(&format!("`{path}` is one of\n\n"));
        for word in words {
            let line = format!("- `\"{}\"`: {}", word.name, word.doc);
            self.text.push_str(line.trim_end_matches([':', ' ']));
            self.text.push('\n');
        }
        self.text.push('\n');
    }
}

/// The note behind the title of the kind that is chosen if none is written.
const USUAL: &str = " (default)";

/// The kind that a default chooses.
fn chosen(default: Option<&Json>) -> Option<&str> {
    default.and_then(|json| json.get(TAG)).and_then(Json::as_str)
}

/// Whether a shape has keys, so that it gets a section of its own.
fn is_section(shape: &Shape) -> bool {
    match &shape.kind {
        ValueKind::Table(_) | ValueKind::Choice(_) => true,
        ValueKind::Union(shapes) => shapes.iter().any(is_section),
        _ => false,
    }
}

/// The anchor of a heading.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c));
    kept.collect::<String>().to_lowercase()
}

fn cell_text(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_string(),
        _ => format!("{path}.{key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Doc;
    use super::*;

    #[test]
    fn the_page_has_every_table_key_and_kind() {
        let page = reference_markdown(&Shape::of::<Doc>());
        for line in [
            "### `[cluster.network]`",
            "### `[[cluster.class]]`",
            "### `optimizer.kind = \"lazy_adam\"` (default)",
            "| `workers` | a whole number, at least 1 and at most 100000 | `30` | Number of workers. |",
            "| `days` | a list, at least 1 element | required | Days trained on, such as `\"1..30\"`. |",
            "- `\"sync\"`: Everybody waits for the slowest.",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
    }

    #[test]
    fn every_section_has_a_page_and_a_link() {
        let (top, pages) = reference_pages(&Shape::of::<Doc>(), "parts");
        let cluster = pages.iter().find(|page| page.key == "cluster").expect("a section");
        assert!(cluster.text.starts_with("# `[cluster]`\n\n"), "{}", cluster.text);
        assert!(cluster.text.contains("\n## `[cluster.network]`\n"), "{}", cluster.text);
        for ReferencePage { key, .. } in &pages {
            assert!(top.contains(&format!("| [`{key}`](parts/{key}.md) | ")), "{key}\n{top}");
        }
    }
}
