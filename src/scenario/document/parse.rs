//! TOML text to [`Node`] tree, within limits of size.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::errors;
use super::node::{Entry, KeyTable, Node, Value};
use super::problem::{MAX_PROBLEMS, Problem};
use super::source::{Origin, SourceId};

/// Largest file, in bytes.
pub const MAX_FILE: usize = 1 << 20;
/// Longest key or text, in bytes.
pub const MAX_TEXT: usize = 4096;
/// Deepest nesting of tables and lists.
pub const MAX_DEPTH: usize = 64;

/// Reads a whole file. The tree holds all that could be read; without a problem it is complete.
pub fn document(text: &str, source: SourceId) -> (KeyTable, Vec<Problem>) {
    let start = Origin::new(source, 0..0);
    if text.len() > MAX_FILE {
        let message = format!("the text has {} bytes; at most {MAX_FILE}", text.len());
        let problem = Problem::error(&errors::TOO_LARGE, "", message).label(start, "");
        return (KeyTable::default(), vec![problem]);
    }
    let (tree, syntax) = DeTable::parse_recoverable(text);
    let mut reader = TomlReader::new(text, source, 0);
    for error in syntax.iter().take(MAX_PROBLEMS) {
        reader.syntax(error);
    }
    let table = reader.table(tree.get_ref(), 0);
    (table, reader.problems)
}

/// Reads a text that the program wrote itself: it has no limit of size and no places to point at.
pub fn generated(text: &str) -> KeyTable {
    let (tree, _) = DeTable::parse_recoverable(text);
    TomlReader::new(text, Origin::DEFAULT.source, 0).table(tree.get_ref(), 0)
}

/// Reads the value of an override, which begins at byte `offset` of its source. `None` if it is
/// not a TOML value.
pub fn value(text: &str, source: SourceId, offset: usize) -> Option<(Node, Vec<Problem>)> {
    let parsed = DeValue::parse(text).ok()?;
    let mut reader = TomlReader::new(text, source, offset);
    let node = reader.node(&parsed, 0);
    Some((node, reader.problems))
}

struct TomlReader<'a> {
    text: &'a str,
    source: SourceId,
    offset: usize,
    problems: Vec<Problem>,
}

impl<'a> TomlReader<'a> {
    fn new(text: &'a str, source: SourceId, offset: usize) -> Self {
        TomlReader { text, source, offset, problems: Vec::new() }
    }

    /// The place of `span`, kept inside the text and on the borders of characters.
    fn origin(&self, span: Range<usize>) -> Origin {
        let start = self.text.floor_char_boundary(span.start.min(self.text.len()));
        let end = self.text.ceil_char_boundary(span.end.clamp(start, self.text.len()));
        Origin::new(self.source, self.offset + start..self.offset + end)
    }

    fn syntax(&mut self, error: &toml::de::Error) {
        let end = self.text.len();
        let origin = self.origin(error.span().unwrap_or(end..end));
        let problem = Problem::error(&errors::SYNTAX, "", error.message().to_string());
        self.problems.push(problem.label(origin, ""));
    }

    fn too_large(&mut self, message: String, origin: Origin) {
        let problem = Problem::error(&errors::TOO_LARGE, "", message);
        self.problems.push(problem.label(origin, ""));
    }

    fn table(&mut self, tree: &DeTable<'_>, depth: usize) -> KeyTable {
        let mut table = KeyTable::default();
        for (key, value) in tree {
            let key_origin = self.origin(key.span());
            let name = key.get_ref().to_string();
            if name.len() > MAX_TEXT {
                self.too_large(format!("a key longer than {MAX_TEXT} bytes"), key_origin);
                continue;
            }
            let node = self.node(value, depth + 1);
            let entry = Entry { key_origin, node, replaced: Vec::new() };
            table.entries.insert(name, entry);
        }
        table
    }

    fn node(&mut self, value: &Spanned<DeValue<'_>>, depth: usize) -> Node {
        let origin = self.origin(value.span());
        if depth > MAX_DEPTH {
            self.too_large(format!("nested more than {MAX_DEPTH} deep"), origin);
            return Node::new(Value::Bool(false), origin);
        }
        let value = match value.get_ref() {
            DeValue::Table(tree) => Value::Table(self.table(tree, depth)),
            DeValue::Array(items) => {
                let read = |item| self.node(item, depth + 1);
                Value::Array(items.iter().map(read).collect())
            }
            DeValue::String(text) => {
                if text.len() > MAX_TEXT {
                    self.too_large(format!("a text longer than {MAX_TEXT} bytes"), origin);
                }
                Value::String(text.to_string())
            }
            DeValue::Integer(digits) => {
                match i64::from_str_radix(digits.as_str(), digits.radix()) {
                    Ok(number) => Value::Integer(number),
                    Err(_) => {
                        let message = "whole numbers have at most 63 bits";
                        let problem = Problem::error(&errors::OUT_OF_RANGE, "", message);
                        self.problems.push(problem.label(origin, ""));
                        Value::Integer(0)
                    }
                }
            }
            DeValue::Float(digits) => Value::Float(digits.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(time) => Value::Datetime(time.to_string()),
        };
        Node::new(value, origin)
    }
}
