//! Writes a document as TOML: the resolved scenario, and the listing that tells the origin of
//! every value.

use super::node::{Entry, KeyTable, Node, Value};
use super::shape::{Shape, ValueKind};
use super::source::{SourceLayer, Sources};
use crate::base::printable;
use crate::base::registry::TAG;

/// Widest inline table, in characters.
const INLINE: usize = 60;

/// The document as TOML in the order in which its shape declares the keys.
pub fn to_toml(root: &KeyTable, shape: &Shape) -> String {
    let mut writer = Writer { sources: None, text: String::new() };
    writer.table(root, Some(shape), &[], "");
    writer.text.trim_start().to_string()
}

/// The document as TOML with the origin of every value as a comment.
pub fn with_origins(root: &KeyTable, shape: &Shape, sources: &Sources) -> String {
    let mut writer = Writer { sources: Some(sources), text: String::new() };
    writer.table(root, Some(shape), &[], "");
    writer.text.trim_start().to_string()
}

struct Writer<'a> {
    sources: Option<&'a Sources>,
    text: String,
}

impl Writer<'_> {
    /// Writes plain values first, since everything behind a header belongs to it.
    fn table(&mut self, table: &KeyTable, shape: Option<&Shape>, path: &[String], header: &str) {
        let entries = ordered(table, shape);
        let (sections, values): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(_, entry)| self.is_section(&entry.node, path.len()));
        let needed = !values.is_empty() || sections.is_empty() || header.starts_with("[[");
        if !header.is_empty() && needed {
            self.text.push_str(&format!("\n{header}\n"));
        }
        let mut lines = Vec::new();
        for (name, entry) in values {
            let line = format!("{} = {}", key(name), literal(&entry.node));
            lines.push((line, self.comment(entry)));
        }
        let width = lines.iter().map(|(line, _)| line.chars().count());
        let width = width.filter(|width| *width <= INLINE).max().unwrap_or(0);
        for (line, comment) in lines {
            match comment {
                Some(comment) => self.text.push_str(&format!("{line:width$}   # {comment}\n")),
                None => self.text.push_str(&format!("{line}\n")),
            }
        }
        for (name, entry) in sections {
            let inner = shape.and_then(|shape| field_shape(shape, table, name));
            let mut path = path.to_vec();
            path.push(key(name));
            let title = path.join(".");
            match &entry.node.value {
                Value::Table(section) => {
                    self.table(section, inner, &path, &format!("[{title}]"));
                }
                Value::Array(items) => {
                    let inner = inner.and_then(|shape| match &shape.kind {
                        ValueKind::List { items, .. } => Some(items.as_ref()),
                        _ => None,
                    });
                    for item in items.iter().filter_map(Node::as_table) {
                        self.table(item, inner, &path, &format!("[[{title}]]"));
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a value gets a header of its own.
    fn is_section(&self, node: &Node, depth: usize) -> bool {
        match &node.value {
            Value::Table(table) => {
                let short = table.tag().is_some() && literal(node).chars().count() <= INLINE;
                self.sources.is_some() || depth == 0 || !short
            }
            Value::Array(items) => {
                !items.is_empty() && items.iter().all(|item| item.as_table().is_some())
            }
            _ => false,
        }
    }

    fn comment(&self, entry: &Entry) -> Option<String> {
        let sources = self.sources?;
        let origin = sources.describe(entry.node.origin);
        let replaced = entry.replaced.iter().rev().map(|(literal, origin)| {
            let place = sources.describe(*origin);
            match sources.get(origin.source).layer {
                SourceLayer::File => format!("file: {literal}, {place}"),
                _ => format!("{literal}, {place}"),
            }
        });
        let replaced: Vec<String> = replaced.collect();
        let comment = match replaced.is_empty() {
            true => origin,
            false => format!("{origin} ({})", replaced.join("; ")),
        };
        Some(printable(&comment))
    }
}

/// Entries in the order of the shape; `kind` first, unknown keys last.
fn ordered<'a>(table: &'a KeyTable, shape: Option<&Shape>) -> Vec<(&'a String, &'a Entry)> {
    let keys = shape.and_then(|shape| shape.table_for(Some(table), None));
    let rank = |name: &str| match keys {
        _ if name == TAG => 0,
        Some(keys) => {
            let position = keys.fields.iter().position(|field| field.name == name);
            position.map_or(usize::MAX, |position| position + 1)
        }
        None => usize::MAX,
    };
    let mut entries: Vec<_> = table.entries.iter().collect();
    entries.sort_by_key(|(name, _)| rank(name));
    entries
}

fn field_shape<'a>(shape: &'a Shape, table: &KeyTable, name: &str) -> Option<&'a Shape> {
    let keys = shape.table_for(Some(table), None)?;
    let field = keys.field(name).map(|field| &field.shape);
    field.or(keys.others.as_deref())
}

/// A key, quoted if it has to be.
fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !name.is_empty() && name.chars().all(bare) {
        true => name.to_string(),
        false => string(name),
    }
}

/// A value in one line of TOML.
pub fn literal(node: &Node) -> String {
    match &node.value {
        Value::Bool(flag) => flag.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => float(*number),
        Value::String(text) => string(text),
        Value::Datetime(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Table(table) if table.entries.is_empty() => "{}".to_string(),
        Value::Table(table) => {
            let fields = ordered(table, None).into_iter();
            let fields = fields.map(|(name, e)| format!("{} = {}", key(name), literal(&e.node)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

/// The shortest text that reads back as the same number, with an exponent where that is shorter.
pub fn float(number: f64) -> String {
    let plain = format!("{number:?}").replace("NaN", "nan");
    let scientific = format!("{number:e}");
    match number.is_finite() && scientific.len() + 1 < plain.len() {
        true => scientific,
        false => plain,
    }
}

fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
