//! The reference page of a document format, as Markdown, derived from the typed structs.

use serde_json::Value as Json;

use super::explain::{KeySummary, summaries};
use super::node::TAG;
use super::shape::{Shape, TableShape, ValueKind, Variant, Word, inherited};

/// Every table, key, kind and name with its documentation, in the order of declaration.
pub fn reference_markdown(root: &Shape) -> String {
    let mut page = ReferencePage { text: String::new() };
    page.shape(root, "", None);
    page.text
}

struct ReferencePage {
    text: String,
}

impl ReferencePage {
    fn shape(&mut self, shape: &Shape, path: &str, default: Option<&Json>) {
        match &shape.kind {
            ValueKind::Table(table) => {
                self.heading(&format!("[{path}]"), path, &shape.doc);
                self.table(table, path, default);
            }
            ValueKind::List { items, .. } => match &items.kind {
                ValueKind::Table(table) => {
                    self.heading(&format!("[[{path}]]"), path, &shape.doc);
                    self.table(table, path, None);
                }
                _ => self.shape(items, path, None),
            },
            ValueKind::Choice(variants) => {
                self.heading(&format!("[{path}]"), path, &shape.doc);
                self.kinds(variants, path, default);
            }
            ValueKind::Union(shapes) => shapes.iter().for_each(|s| self.shape(s, path, default)),
            _ => {}
        }
    }

    fn heading(&mut self, title: &str, path: &str, doc: &str) {
        let title = match path {
            "" => "Top level".to_string(),
            _ => format!("`{title}`"),
        };
        self.text.push_str(&format!("## {title}\n\n{doc}\n\n"));
    }

    fn table(&mut self, table: &TableShape, path: &str, outer: Option<&Json>) {
        self.rows(&summaries(table, outer));
        for field in &table.fields {
            if let ValueKind::Words(words) = &field.shape.kind {
                self.words(&join(path, &field.name), words);
            }
        }
        for field in &table.fields {
            let default = inherited(outer, field);
            self.shape(&field.shape, &join(path, &field.name), default);
        }
    }

    fn kinds(&mut self, variants: &[Variant], path: &str, default: Option<&Json>) {
        let chosen = default.and_then(|json| json.get(TAG)).and_then(Json::as_str);
        for variant in variants {
            let usual = chosen == Some(variant.name.as_str());
            let note = if usual { " (default)" } else { "" };
            let title = format!("### `{path}.{TAG} = \"{}\"`{note}\n\n", variant.name);
            self.text.push_str(&format!("{title}{}\n\n", variant.doc));
            self.table(&variant.table, path, default.filter(|_| usual));
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
            "## `[cluster.network]`",
            "## `[[cluster.class]]`",
            "### `optimizer.kind = \"lazy_adam\"` (default)",
            "| `workers` | a whole number, at least 1 and at most 100000 | `30` | Number of workers. |",
            "| `days` | a list, at least 1 element | required | Days trained on, such as `\"1..30\"`. |",
            "- `\"sync\"`: Everybody waits for the slowest.",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
    }
}
