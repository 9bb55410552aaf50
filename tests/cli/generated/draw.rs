//! Values drawn from the shape of scenario files: what the schema allows, mostly small and mostly in
//! range. A key or a part that is new in the schema is drawn without a change here.

use serde_json::Value as Json;
use straggler::scenario::document::Shape;
use straggler::scenario::document::shape::{
    Bounds, Dimension, LengthRange, TableShape, ValueKind, Variant, inherited,
};
use toml::{Table, Value};

use crate::fuzz::Dice;

/// The key that chooses a part.
const KIND: &str = "kind";

/// Draws values and places for them.
pub(super) struct Draw<'a> {
    /// The shape that keys of a stage or of a sweep are drawn from.
    pub(super) root: &'a Shape,
    /// The document that is being changed: parts that it has keep their kind, as a rule.
    pub(super) document: &'a Table,
    pub(super) dice: Dice,
    /// Whether a key of any value gets a list of values, as in a sweep.
    pub(super) lists: bool,
}

/// Texts for keys with these names. Others get one of all of these.
const TEXTS: &[(&[&str], &[&str])] = &[
    (&["days"], &["1..3", "4", "5", "2..3", "1..", "..4", "3", "6", "9", "0", "4..2"]),
    (
        &["from"],
        &[
            "checkpoint.safetensors",
            "stage:a@best",
            "stage:a@last",
            "stage:b@last",
            "stage:a@average",
            "stage:a@5",
            "stage:a@serving",
            "missing.safetensors",
        ],
    ),
    (
        &["files", "reviews", "metadata", "ratings", "movies", "file", "path"],
        &[
            "reviews.json",
            "meta.json",
            "u.data",
            "log.csv",
            "criteo.txt",
            "avazu.csv",
            "log.svm",
            "log.ffm",
            "steps.csv",
            "missing.csv",
        ],
    ),
    (&["name", "label", "class"], &["a", "b", "fast", "slow", "x-1"]),
    (
        &["column", "user", "item", "time", "field", "category", "categorical", "numeric"],
        &["user", "item", "time", "category", "label", "price", "seen"],
    ),
    (&["metric"], &["best_auc", "last_auc", "updates", "mean_staleness", "staleness"]),
    (&[], &["", "é", "a b", "../x", "\u{1b}[31m", "+08:00", ",", "1 h", "rating >= 4"]),
];

impl Draw<'_> {
    /// Whether an event of this rarity occurs.
    pub(super) fn one_in(&mut self, rarity: usize) -> bool {
        self.dice.roll(rarity) == 0
    }

    pub(super) fn pick<'b, T>(&mut self, of: &'b [T]) -> &'b T {
        &of[self.dice.roll(of.len())]
    }

    /// A place in a document of `shape`, and a value for it.
    pub(super) fn change(&mut self, shape: &Shape) -> (Vec<String>, Value) {
        let mut path = Vec::new();
        let document = Value::Table(self.document.clone());
        let value = self.place(Some(&document), shape, None, &mut path);
        (path, value)
    }

    fn place(
        &mut self,
        now: Option<&Value>,
        shape: &Shape,
        default: Option<&Json>,
        path: &mut Vec<String>,
    ) -> Value {
        match &shape.kind {
            ValueKind::Table(table) if path.is_empty() || !self.one_in(5) => {
                self.inside(now, table, default, path).unwrap_or_else(|| {
                    let key = path.last().cloned().unwrap_or_default();
                    self.value(&key, shape, default, 0)
                })
            }
            ValueKind::Choice(variants) if !self.one_in(3) => {
                let kind = now.and_then(|now| now.get(KIND)?.as_str());
                let kind = kind.or_else(|| default?.get(KIND)?.as_str());
                let chosen = variants.iter().find(|variant| Some(variant.name.as_str()) == kind);
                let table = chosen.map(|variant| &variant.table);
                let inner = table.and_then(|table| self.inside(now, table, default, path));
                inner.unwrap_or_else(|| self.value("", shape, default, 0))
            }
            ValueKind::List { items, .. } if self.one_in(2) => {
                let mut list = now.and_then(Value::as_array).cloned().unwrap_or_default();
                let key = path.last().cloned().unwrap_or_default();
                let new = self.value(&key, items, None, 1);
                match list.len() {
                    many if many > 0 && self.one_in(3) => list[many - 1] = new,
                    _ => list.push(new),
                }
                Value::Array(list)
            }
            ValueKind::Union(shapes) => {
                let shape = self.pick(shapes).clone();
                self.place(now, &shape, default, path)
            }
            _ => {
                let key = path.last().cloned().unwrap_or_default();
                self.value(&key, shape, default, 0)
            }
        }
    }

    fn inside(
        &mut self,
        now: Option<&Value>,
        table: &TableShape,
        default: Option<&Json>,
        path: &mut Vec<String>,
    ) -> Option<Value> {
        if table.fields.is_empty() {
            return None;
        }
        let field = self.pick(&table.fields);
        path.push(field.name.clone());
        let now = now.and_then(|now| now.get(&field.name)).cloned();
        Some(self.place(now.as_ref(), &field.shape, inherited(default, field), path))
    }

    /// A value of `shape` for `key`.
    fn value(&mut self, key: &str, shape: &Shape, default: Option<&Json>, depth: usize) -> Value {
        if self.one_in(40) {
            return self.pick(&wrong()).clone();
        }
        match &shape.kind {
            ValueKind::Any => self.pick(&wrong()).clone(),
            ValueKind::Bool => Value::Boolean(self.one_in(2)),
            ValueKind::Integer(bounds) => Value::Integer(self.integer(*bounds, default)),
            ValueKind::Number { bounds, .. } => Value::Float(self.number(*bounds, default)),
            ValueKind::Text(_) => Value::String(self.text(key, default)),
            ValueKind::Quantity { measure, example } => {
                Value::String(self.quantity(*measure, example))
            }
            ValueKind::Words(words) => match words.is_empty() {
                true => Value::String(String::new()),
                false => Value::String(self.pick(words).name.clone()),
            },
            ValueKind::List { items, length } => {
                let many = self.many(*length, depth);
                Value::Array((0..many).map(|_| self.value(key, items, None, depth + 1)).collect())
            }
            ValueKind::Table(table) => Value::Table(self.table(table, default, depth)),
            ValueKind::Choice(variants) => {
                let Variant { name, table, .. } = self.pick(variants);
                let mut drawn = self.table(table, None, depth);
                drawn.insert(KIND.to_string(), Value::String(name.clone()));
                Value::Table(drawn)
            }
            ValueKind::Union(shapes) => {
                let shape = self.pick(shapes).clone();
                self.value(key, &shape, default, depth)
            }
        }
    }

    fn table(&mut self, table: &TableShape, default: Option<&Json>, depth: usize) -> Table {
        let mut drawn = Table::new();
        for field in &table.fields {
            if field.required || self.one_in(4 + 2 * depth) {
                let default = inherited(default, field);
                let value = self.value(&field.name, &field.shape, default, depth + 1);
                drawn.insert(field.name.clone(), value);
            }
        }
        if table.others.is_some() && depth < 8 {
            for _ in 0..1 + self.dice.roll(2) {
                self.any_key(&mut drawn);
            }
        }
        drawn
    }

    /// A key of the scenario with a value, or with a list of values.
    fn any_key(&mut self, drawn: &mut Table) {
        let root = self.root;
        let (path, value) = self.change(root);
        if !self.lists {
            return set(drawn, &path, value);
        }
        let mut values = vec![value];
        for _ in 0..self.dice.roll(3) {
            // Most often a further value is of the same place.
            let further = (0..20).map(|_| self.change(root)).find(|(other, _)| *other == path);
            values.extend(further.map(|(_, value)| value));
        }
        drawn.insert(path.join("."), Value::Array(values));
    }

    fn many(&mut self, length: LengthRange, depth: usize) -> usize {
        if self.one_in(30) {
            return length.max.map_or(0, |max| (max + 1).min(12));
        }
        let least = length.min.unwrap_or(0);
        (least + self.dice.roll(3 - depth.min(1))).min(length.max.unwrap_or(usize::MAX))
    }

    fn integer(&mut self, bounds: Bounds, default: Option<&Json>) -> i64 {
        let min = bounds.min.map_or(0, |(min, _)| min as i64);
        let max = bounds.max.map_or(i64::MAX, |(max, _)| max as i64);
        let default = default.and_then(Json::as_i64).unwrap_or(min.max(1));
        let small = self.dice.roll(8) as i64;
        match self.dice.roll(20) {
            0 => min,
            1 if self.one_in(3) => max,
            2 if self.one_in(2) => *self.pick(&[min.saturating_sub(1), max.saturating_add(1), -1]),
            3..5 => (default / 2).clamp(min, max),
            5 => default.saturating_mul(2).clamp(min, max),
            6 => (self.dice.roll(200) as i64).clamp(min, max),
            _ => min.saturating_add(small).min(max),
        }
    }

    fn number(&mut self, bounds: Bounds, default: Option<&Json>) -> f64 {
        let (min, max) = (bounds.min.map(|(min, _)| min), bounds.max.map(|(max, _)| max));
        let inside = |number: f64| number.clamp(min.unwrap_or(-1e30), max.unwrap_or(1e30));
        let default = default.and_then(Json::as_f64).unwrap_or(0.5);
        match self.dice.roll(20) {
            0 => min.unwrap_or(0.0),
            1 => max.unwrap_or(1e6),
            2 if self.one_in(2) => {
                let outside = [min.unwrap_or(0.0) - 0.5, max.unwrap_or(1e30) * 2.0];
                *self.pick(&[f64::NAN, f64::INFINITY, -0.0, 1e-300, outside[0], outside[1]])
            }
            3..8 => inside(default),
            8..10 => inside(default * 2.0),
            10..12 => inside(default / 2.0),
            _ => inside(*self.pick(&[0.0, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0, 1.5, 2.0, 10.0])),
        }
    }

    fn text(&mut self, key: &str, default: Option<&Json>) -> String {
        match default.and_then(Json::as_str) {
            Some(default) if !default.is_empty() && self.one_in(2) => return default.to_string(),
            _ => {}
        }
        let known = TEXTS.iter().find(|(keys, _)| keys.contains(&key));
        let (_, texts) = match known {
            Some(known) if !self.one_in(10) => known,
            _ => self.pick(TEXTS),
        };
        self.pick(texts).to_string()
    }

    fn quantity(&mut self, measure: Dimension, example: &str) -> String {
        let texts: &[&str] = match measure {
            Dimension::Duration => {
                &["0s", "1ns", "1us", "1ms", "3ms", "20ms", "100ms", "1s", "1min", "1h", "20d"]
            }
            Dimension::Bandwidth => &["1Gbit/s", "100Mbit/s", "1Mbit/s", "10Gbit/s", "1bit/s"],
            Dimension::Bytes => &["1GiB", "256MiB", "64MiB", "1MiB", "1KiB", "0B"],
        };
        match self.one_in(6) {
            true => example.to_string(),
            false => self.pick(texts).to_string(),
        }
    }
}

/// Values of every type, most of which belong nowhere.
fn wrong() -> [Value; 8] {
    [
        Value::Integer(-1),
        Value::Integer(3),
        Value::Float(0.5),
        Value::Float(f64::NAN),
        Value::String("text".into()),
        Value::Boolean(true),
        Value::Array(Vec::new()),
        Value::Table(Table::new()),
    ]
}

/// Sets the value at `path`; what is no table on the way becomes one.
pub(super) fn set(table: &mut Table, path: &[String], value: Value) {
    let Some((key, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.insert(key.clone(), value);
        return;
    }
    let inner = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
    if !inner.is_table() {
        *inner = Value::Table(Table::new());
    }
    if let Value::Table(inner) = inner {
        set(inner, rest, value);
    }
}
