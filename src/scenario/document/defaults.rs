//! Puts the defaults into a document that has been checked, so that every value is in the tree.

use serde_json::Value as Json;

use super::alternatives::is_one_of_several;
use super::node::{Entry, KeyTable, Node, Value};
use super::shape::{KnownKey, Shape, ValueKind, default_inside, inherited};
use crate::base::registry::TAG;

/// Adds every key that has a default and is not written.
pub fn fill(root: &mut KeyTable, shape: &Shape) {
    fill_table(root, shape, None);
}

fn fill_table(table: &mut KeyTable, shape: &Shape, default: Option<&Json>) {
    let default = default_inside(Some(table), default);
    if let (ValueKind::Choice(_), Some(tag)) = (&shape.kind, default.and_then(|json| json.get(TAG)))
    {
        insert(table, TAG, tag);
    }
    let Some(keys) = shape.table_for(Some(table), default) else {
        return;
    };
    for field in &keys.fields {
        let default = inherited(default, field);
        match table.entries.get_mut(&field.name) {
            Some(entry) => fill_node(&mut entry.node, &field.shape, default),
            None => {
                if let Some(json) = default {
                    insert_field(table, field, json);
                }
            }
        }
    }
}

fn insert_field(table: &mut KeyTable, field: &KnownKey, json: &Json) {
    insert(table, &field.name, json);
    if let Some(entry) = table.entries.get_mut(&field.name) {
        fill_node(&mut entry.node, &field.shape, Some(json));
    }
}

fn insert(table: &mut KeyTable, key: &str, json: &Json) {
    if table.entries.contains_key(key) {
        return;
    }
    if let Some(node) = Node::from_json(json) {
        table.entries.insert(key.to_string(), Entry::default_value(node));
    }
}

fn fill_node(node: &mut Node, shape: &Shape, default: Option<&Json>) {
    match &mut node.value {
        // The one key that is written takes the place of the default one.
        Value::Table(table) if is_one_of_several(shape) && !table.entries.is_empty() => {}
        Value::Table(table) => fill_table(table, shape, default),
        Value::Array(nodes) => {
            if let Some(items) = items_of(shape) {
                nodes.iter_mut().for_each(|node| fill_node(node, items, None));
            }
        }
        // A number that the user wrote keeps its digits.
        Value::Float(_) if !node.origin.is_default() => {}
        _ => shorten_node(node, shape),
    }
}

/// Numbers in single precision come out of a typed struct as doubles, 0.1 as 0.10000000149011612.
/// This gives them their short form again.
pub fn shorten(table: &mut KeyTable, shape: &Shape) {
    let Some(keys) = shape.table_for(Some(table), None) else {
        return;
    };
    for field in &keys.fields {
        if let Some(entry) = table.entries.get_mut(&field.name) {
            shorten_node(&mut entry.node, &field.shape);
        }
    }
}

fn shorten_node(node: &mut Node, shape: &Shape) {
    match &mut node.value {
        Value::Table(table) => shorten(table, shape),
        Value::Array(nodes) => {
            if let Some(items) = items_of(shape) {
                nodes.iter_mut().for_each(|node| shorten_node(node, items));
            }
        }
        Value::Float(number) if is_single(shape) => {
            let short = (*number as f32).to_string();
            *number = short.parse().unwrap_or(*number);
        }
        _ => {}
    }
}

/// What the elements are, if a list may be written here.
fn items_of(shape: &Shape) -> Option<&Shape> {
    match &shape.kind {
        ValueKind::List { items, .. } => Some(items),
        ValueKind::Union(shapes) => shapes.iter().find_map(items_of),
        _ => None,
    }
}

fn is_single(shape: &Shape) -> bool {
    matches!(shape.kind, ValueKind::Number { single: true, .. })
}
