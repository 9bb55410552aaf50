//! The document as a tree in which every key and value knows where it was written.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::source::Origin;
use crate::base::registry::TAG;

/// A value and the place where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value itself.
    pub value: Value,
    /// Where the value was written; for a table its header, or its braces.
    pub origin: Origin,
    /// Whether this is a word of the command line that was not a TOML value and became a string.
    pub bare: bool,
}

/// What a document is made of: the types of TOML.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Keys and values.
    Table(KeyTable),
    /// A list, or an array of tables.
    Array(Vec<Node>),
    /// Text.
    String(String),
    /// A whole number.
    Integer(i64),
    /// A number with a point, `inf` or `nan`.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// A date or time, as written.
    Datetime(String),
}

/// Keys and values, by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyTable {
    /// What the table holds.
    pub entries: BTreeMap<String, Entry>,
}

/// What belongs to one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the key was written.
    pub key_origin: Origin,
    /// Its value.
    pub node: Node,
    /// Values of lower layers that this one replaced, latest last: literal and place.
    pub replaced: Vec<(String, Origin)>,
}

/// A place of the tree found by its path.
#[derive(Clone, Copy, Debug)]
pub struct FoundNode<'a> {
    /// Where the key was written; elements of arrays have none.
    pub key_origin: Option<Origin>,
    /// The value.
    pub node: &'a Node,
}

impl Node {
    /// A value at a place.
    pub fn new(value: Value, origin: Origin) -> Self {
        Node { value, origin, bare: false }
    }

    /// The tree of a default. `None` for `null` and for what TOML cannot express.
    pub fn from_json(json: &Json) -> Option<Self> {
        let value = match json {
            Json::Null => return None,
            Json::Bool(flag) => Value::Bool(*flag),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Value::Integer(whole),
                None if number.is_f64() => Value::Float(number.as_f64()?),
                None => return None,
            },
            Json::String(text) => Value::String(text.clone()),
            Json::Array(items) => {
                Value::Array(items.iter().map(Node::from_json).collect::<Option<Vec<_>>>()?)
            }
            Json::Object(fields) => {
                let mut table = KeyTable::default();
                for (key, json) in fields {
                    if let Some(node) = Node::from_json(json) {
                        table.entries.insert(key.clone(), Entry::default_value(node));
                    }
                }
                Value::Table(table)
            }
        };
        Some(Node::new(value, Origin::DEFAULT))
    }

    /// The table, if it is one.
    pub fn as_table(&self) -> Option<&KeyTable> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The place called `path`, such as `cluster.class.old.share` or `cluster.class.1.share`.
    pub fn find(&self, path: &str) -> Option<FoundNode<'_>> {
        let mut found = FoundNode { key_origin: None, node: self };
        for segment in segments(path) {
            found = match &found.node.value {
                Value::Table(table) => {
                    let entry = table.entries.get(&segment)?;
                    FoundNode { key_origin: Some(entry.key_origin), node: &entry.node }
                }
                Value::Array(items) => {
                    FoundNode { key_origin: None, node: &items[element(items, &segment)?] }
                }
                _ => return None,
            };
        }
        Some(found)
    }
}

impl KeyTable {
    /// The name chosen by `kind = "..."`, if it is a string.
    pub fn tag(&self) -> Option<&str> {
        self.entries.get(TAG)?.node.as_str()
    }

    /// Entries in the order of writing.
    pub fn in_order(&self) -> Vec<(&String, &Entry)> {
        let mut list: Vec<_> = self.entries.iter().collect();
        list.sort_by_key(|(_, entry)| entry.key_origin);
        list
    }
}

impl Entry {
    /// An entry with a default value.
    pub fn default_value(node: Node) -> Self {
        Entry { key_origin: Origin::DEFAULT, node, replaced: Vec::new() }
    }
}

/// Splits a dotted path; a part in double quotes may contain dots.
pub fn segments(path: &str) -> Vec<String> {
    let mut list = vec![String::new()];
    let mut quoted = false;
    for c in path.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => list.push(String::new()),
            _ => list.last_mut().expect("never empty").push(c),
        }
    }
    if path.is_empty() { Vec::new() } else { list }
}

/// Position of the element that `segment` means: the one with that `name`, else that index.
pub fn element(items: &[Node], segment: &str) -> Option<usize> {
    let named = |item: &Node| element_name(item) == Some(segment);
    let index = || segment.parse().ok().filter(|index| *index < items.len());
    items.iter().position(named).or_else(index)
}

/// The `name` of an element of an array of tables.
pub fn element_name(item: &Node) -> Option<&str> {
    item.as_table()?.entries.get("name")?.node.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_at_dots_outside_quotes() {
        assert_eq!(segments("a.b.c"), ["a", "b", "c"]);
        assert_eq!(segments("a.\"b.c\".d"), ["a", "b.c", "d"]);
        assert_eq!(segments(""), Vec::<String>::new());
    }

    #[test]
    fn defaults_become_a_tree_without_nulls() {
        let json = serde_json::json!({"a": [1, 2.5, "x"], "b": null, "c": {"kind": "k"}});
        let node = Node::from_json(&json).unwrap();
        assert_eq!(node.find("a.1").unwrap().node.value, Value::Float(2.5));
        assert!(node.find("b").is_none());
        let inner = node.find("c").unwrap().node.as_table().unwrap();
        assert_eq!(inner.tag(), Some("k"));
        assert!(node.find("a.3").is_none());
    }

    #[test]
    fn another_kind_replaces_the_section_and_the_same_kind_merges() {
        let tree = |json| match Node::from_json(&json).unwrap().value {
            Value::Table(table) => table,
            _ => unreachable!("an object becomes a table"),
        };
        let base = tree(serde_json::json!({"o": {"kind": "a", "x": 1, "y": 2}}));
        let mut same = base.clone();
        same.overlay(tree(serde_json::json!({"o": {"x": 5}})));
        let expected = serde_json::json!({"o": {"kind": "a", "x": 5, "y": 2}});
        assert_eq!(same, tree(expected));
        let mut other = base;
        let upper = serde_json::json!({"o": {"kind": "b", "x": 5}});
        other.overlay(tree(upper.clone()));
        assert_eq!(other, tree(upper));
    }
}
