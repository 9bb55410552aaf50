//! In which tables of a [`Shape`] a key occurs, to say where a misplaced key belongs.

use std::collections::BTreeMap;

use super::shape::{Shape, TableShape, ValueKind};
use super::suggest;
use crate::base::registry::TAG;

/// Every key of a document with the paths at which it occurs.
#[derive(Clone, Debug, Default)]
pub struct Whereabouts {
    places: BTreeMap<String, Vec<String>>,
}

impl Whereabouts {
    /// Collects the keys of `shape`.
    pub fn of(shape: &Shape) -> Self {
        let mut whereabouts = Whereabouts::default();
        whereabouts.visit(shape, "", "");
        whereabouts
    }

    fn visit(&mut self, shape: &Shape, path: &str, note: &str) {
        match &shape.kind {
            ValueKind::Table(table) => self.table(table, path, note),
            ValueKind::Choice(variants) => {
                for variant in variants {
                    let note = format!(" with {TAG} = \"{}\"", variant.name);
                    self.table(&variant.table, path, &note);
                }
            }
            ValueKind::List { items, .. } => self.visit(items, path, note),
            ValueKind::Union(shapes) => shapes.iter().for_each(|s| self.visit(s, path, note)),
            _ => {}
        }
    }

    fn table(&mut self, table: &TableShape, path: &str, note: &str) {
        for field in &table.fields {
            let inner = match path {
                "" => field.name.clone(),
                _ => format!("{path}.{}", field.name),
            };
            let places = self.places.entry(field.name.clone()).or_default();
            places.push(format!("`{inner}`{note}"));
            self.visit(&field.shape, &inner, note);
        }
    }

    /// Where a key of exactly this name belongs, in words; up to three places.
    pub fn exactly(&self, key: &str) -> Option<String> {
        let places = self.places.get(key)?;
        let more = if places.len() > 3 { " and elsewhere" } else { "" };
        let few: Vec<&str> = places.iter().take(3).map(String::as_str).collect();
        Some(format!("{}{more}", few.join(" or ")))
    }

    /// Where the key with the most similar name belongs.
    pub fn nearest(&self, key: &str) -> Option<String> {
        let name = suggest::nearest(key, self.places.keys().map(String::as_str))?;
        self.exactly(name)
    }

    /// Every path, for the nearest names of `explain`.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let all = self.places.values().flatten();
        all.map(|place| place.split('`').nth(1).unwrap_or(place))
    }
}
