//! Tables that hold exactly one of several keys, such as `every = { times = 20 }`.
//!
//! If `{ updates = 5 }` were laid over `{ times = 20 }`, the two would merge into a table with two
//! keys, which is not meant. So the choice of a higher layer replaces the choice below it. Two
//! choices in one text stay, and the check refuses them.

use std::cmp::Reverse;

use super::node::{Entry, KeyTable, Node, Value};
use super::shape::{Shape, TableShape, ValueKind};
use super::source::Sources;

/// In every table that holds one of several keys, keeps only the keys of the highest layer.
pub(super) fn settle(root: &mut KeyTable, shape: &Shape, sources: &Sources) {
    for table in tables_of(shape) {
        settle_fields(root, table, sources);
    }
}

fn settle_fields(table: &mut KeyTable, shape: &TableShape, sources: &Sources) {
    for field in &shape.fields {
        if let Some(entry) = table.entries.get_mut(&field.name) {
            settle_node(&mut entry.node, &field.shape, sources);
        }
    }
}

fn settle_node(node: &mut Node, shape: &Shape, sources: &Sources) {
    match (&mut node.value, &shape.kind) {
        (Value::Table(table), _) => {
            if is_one_of_several(shape) {
                keep_highest(table, sources);
            }
            settle(table, shape, sources);
        }
        (Value::Array(nodes), ValueKind::List { items, .. }) => {
            nodes.iter_mut().for_each(|node| settle_node(node, items, sources));
        }
        _ => {}
    }
}

/// The tables that may be in a place, for any `kind`.
pub(super) fn tables_of(shape: &Shape) -> Vec<&TableShape> {
    match &shape.kind {
        ValueKind::Table(table) => vec![table],
        ValueKind::Choice(variants) => variants.iter().map(|variant| &variant.table).collect(),
        ValueKind::Union(shapes) => shapes.iter().flat_map(tables_of).collect(),
        _ => Vec::new(),
    }
}

/// Whether it is a table that holds exactly one of several keys.
pub(super) fn is_one_of_several(shape: &Shape) -> bool {
    let ValueKind::Union(shapes) = &shape.kind else { return false };
    let one_key = |shape: &Shape| match &shape.kind {
        ValueKind::Table(table) => table.others.is_none() && table.fields.len() == 1,
        _ => false,
    };
    shapes.len() > 1 && shapes.iter().all(one_key)
}

fn keep_highest(table: &mut KeyTable, sources: &Sources) {
    // If two files have the choice, the one that was read first wins: it extends the other.
    let rank = |entry: &Entry| {
        let source = entry.key_origin.source;
        let layer = sources.get(source).layer;
        (layer, Reverse(source))
    };
    if let Some(highest) = table.entries.values().map(rank).max() {
        table.entries.retain(|_, entry| rank(entry) == highest);
    }
}
