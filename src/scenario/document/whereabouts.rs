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

    /// The whole path of a key of exactly this name, in words; up to three paths. `below` are the keys
    /// written inside it: where they exist there, the path leads to them.
    pub fn exactly(&self, key: &str, below: &[&str]) -> Option<String> {
        let places = self.places.get(key)?;
        let more = if places.len() > 3 { " and elsewhere" } else { "" };
        let deeper = |place: &String| {
            let mut place = place.clone();
            for key in below {
                let inner = place.split('`').nth(1).map(|path| format!("`{path}.{key}`"));
                let found = inner.and_then(|inner| {
                    self.places.get(*key)?.iter().find(|other| other.starts_with(&inner))
                });
                let Some(found) = found else { break };
                place.clone_from(found);
            }
            place
        };
        let few: Vec<String> = places.iter().take(3).map(deeper).collect();
        Some(format!("{}{more}", few.join(" or ")))
    }

    /// Where the key with the most similar name belongs.
    pub fn nearest(&self, key: &str) -> Option<String> {
        let name = suggest::nearest(key, self.places.keys().map(String::as_str))?;
        self.exactly(name, &[])
    }

    /// Every path, for the nearest names of `explain`.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let all = self.places.values().flatten();
        all.map(|place| place.split('`').nth(1).unwrap_or(place))
    }
}
