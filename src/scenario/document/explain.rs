//! Explains a key: `straggler explain cluster.workers`, derived from the typed structs.

use std::fmt;

use serde_json::Value as Json;

use super::node::{Node, segments};
use super::shape::{KnownKey, Shape, TableShape, ValueKind, Variant, Word, inherited};
use super::suggest;
use super::whereabouts::Whereabouts;
use super::write::literal;
use crate::base::registry::TAG;

/// Everything known about one key, table or kind.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The key in full.
    pub path: String,
    /// The type in words.
    pub type_name: String,
    /// The range or length in words.
    pub range: Option<String>,
    /// The value if the key is not written, as TOML.
    pub default: Option<String>,
    /// How to write a quantity.
    pub example: Option<String>,
    /// The documentation comment.
    pub doc: String,
    /// Names that may be written.
    pub words: Vec<Word>,
    /// Keys inside, if it is a table.
    pub keys: Vec<KeySummary>,
}

/// One line about a key of a table.
#[derive(Clone, Debug)]
pub struct KeySummary {
    /// The key.
    pub name: String,
    /// Its type in words, with the range.
    pub type_name: String,
    /// Its default as TOML; tables have none of their own.
    pub default: Option<String>,
    /// Whether it has to be written.
    pub required: bool,
    /// The documentation comment.
    pub doc: String,
}

/// Looks up a dotted path. Lists are passed through: `cluster.class.share`. A kind is a step of its
/// own, `optimizer.adam.beta1`. It may be left out if no other kind has the key.
///
/// # Errors The nearest paths, if there is nothing at `path`.
pub fn explain(root: &Shape, path: &str) -> Result<Explanation, Vec<String>> {
    let mut here = Here {
        place: ShapePlace::Value(root),
        default: None,
        doc: root.doc.clone(),
        required: false,
    };
    for segment in segments(path) {
        here = here.step(&segment).ok_or_else(|| nearest(root, path))?;
    }
    Ok(here.explanation(path))
}

/// What may be written at a dotted path, which is followed as by [`explain`]; `None` if nothing may,
/// or it is a name of a kind.
pub fn shape_at<'a>(root: &'a Shape, path: &str) -> Option<&'a Shape> {
    let (doc, default) = (String::new(), None);
    let mut here = Here { place: ShapePlace::Value(root), default, doc, required: false };
    for segment in segments(path) {
        here = here.step(&segment)?;
    }
    match here.place {
        ShapePlace::Value(shape) => Some(shape),
        _ => None,
    }
}

fn nearest(root: &Shape, path: &str) -> Vec<String> {
    let whereabouts = Whereabouts::of(root);
    let last = path.rsplit('.').next().unwrap_or(path);
    let same_key = |known: &&str| known.rsplit('.').next() == Some(last);
    let mut names: Vec<String> = suggest::ranked(path, whereabouts.paths())
        .into_iter()
        .chain(whereabouts.paths().filter(same_key))
        .map(str::to_string)
        .collect();
    if names.is_empty() {
        let of_path = |known: &str| known.rsplit('.').next().unwrap_or(known).to_string();
        let keys: Vec<String> = whereabouts.paths().map(of_path).collect();
        let key = suggest::nearest(last, keys.iter().map(String::as_str));
        let same_key = |known: &&str| known.rsplit('.').next() == key;
        names.extend(whereabouts.paths().filter(same_key).map(str::to_string));
    }
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names.truncate(5);
    names
}

/// A place in the shape.
#[derive(Clone, Copy)]
enum ShapePlace<'a> {
    Value(&'a Shape),
    Kinds(&'a [Variant]),
    Variant(&'a Variant),
}

struct Here<'a> {
    place: ShapePlace<'a>,
    default: Option<&'a Json>,
    doc: String,
    required: bool,
}

impl<'a> Here<'a> {
    fn step(&self, segment: &str) -> Option<Here<'a>> {
        match self.place {
            ShapePlace::Value(shape) => self.in_shape(shape, segment),
            ShapePlace::Variant(variant) => self.in_table(&variant.table, segment, self.default),
            ShapePlace::Kinds(_) => None,
        }
    }

    fn in_shape(&self, shape: &'a Shape, segment: &str) -> Option<Here<'a>> {
        match &shape.kind {
            ValueKind::Table(table) => self.in_table(table, segment, self.default),
            ValueKind::List { items, .. } => {
                let inner = Here { default: None, ..self.at(ShapePlace::Value(items)) };
                inner.in_shape(items, segment)
            }
            ValueKind::Choice(variants) => self.in_choice(variants, segment),
            ValueKind::Union(shapes) => {
                let here = shapes.iter().find_map(|s| self.in_shape(s, segment))?;
                // Another alternative may stand there instead.
                Some(Here { required: false, ..here })
            }
            _ => None,
        }
    }

    fn in_choice(&self, variants: &'a [Variant], segment: &str) -> Option<Here<'a>> {
        let chosen = self.default.and_then(|json| json.get(TAG)).and_then(Json::as_str);
        if segment == TAG {
            let default = self.default.and_then(|json| json.get(TAG));
            return Some(Here {
                place: ShapePlace::Kinds(variants),
                default,
                doc: self.doc.clone(),
                required: default.is_none(),
            });
        }
        if let Some(variant) = variants.iter().find(|variant| variant.name == segment) {
            let default = self.default.filter(|_| chosen == Some(segment));
            return Some(Here {
                place: ShapePlace::Variant(variant),
                default,
                doc: variant.doc.clone(),
                required: false,
            });
        }
        let has_key = |variant: &&Variant| variant.table.field(segment).is_some();
        let usual = variants.iter().find(|v| Some(v.name.as_str()) == chosen);
        let variant = usual.filter(has_key).or_else(|| variants.iter().find(has_key))?;
        let default = self.default.filter(|_| chosen == Some(variant.name.as_str()));
        self.in_table(&variant.table, segment, default)
    }

    fn in_table(
        &self,
        table: &'a TableShape,
        segment: &str,
        outer: Option<&'a Json>,
    ) -> Option<Here<'a>> {
        let field = table.field(segment)?;
        let default = inherited(outer, field).or(field.usual.as_ref());
        Some(Here {
            place: ShapePlace::Value(&field.shape),
            default,
            doc: field.doc.clone(),
            required: field.required && default.is_none(),
        })
    }

    fn at(&self, place: ShapePlace<'a>) -> Here<'a> {
        Here { place, default: self.default, doc: self.doc.clone(), required: self.required }
    }

    fn explanation(&self, path: &str) -> Explanation {
        let mut explanation = Explanation {
            path: path.to_string(),
            type_name: String::new(),
            range: None,
            default: None,
            example: None,
            doc: self.doc.clone(),
            words: Vec::new(),
            keys: Vec::new(),
        };
        match self.place {
            ShapePlace::Value(shape) => {
                explanation.type_name = shape.describe();
                explanation.range = range(shape);
                explanation.default = default_literal(shape, self.default);
                explanation.words = shape.words();
                explanation.keys = keys_of(shape, self.default);
                if let ValueKind::Quantity { example, .. } = &shape.kind {
                    explanation.example = Some(format!("\"{example}\""));
                }
            }
            ShapePlace::Kinds(variants) => {
                explanation.type_name = "a name".to_string();
                explanation.default = self.default.map(Json::to_string);
                explanation.words = variants.iter().map(Variant::word).collect();
            }
            ShapePlace::Variant(variant) => {
                explanation.type_name = format!("chosen by {TAG} = \"{}\"", variant.name);
                explanation.keys = summaries(&variant.table, self.default);
            }
        }
        if self.required {
            explanation.type_name.push_str(", required");
        }
        explanation
    }
}

/// The range of numbers or lengths in words.
pub fn range(shape: &Shape) -> Option<String> {
    match &shape.kind {
        ValueKind::Integer(bounds) | ValueKind::Number { bounds, .. } => bounds.describe(),
        ValueKind::Text(length) => length.describe("character", "characters"),
        ValueKind::List { length, .. } => length.describe("element", "elements"),
        _ => None,
    }
}

/// A default as TOML; a table's default is told by its keys.
pub fn default_literal(shape: &Shape, default: Option<&Json>) -> Option<String> {
    match (&shape.kind, default?) {
        (ValueKind::Table(_) | ValueKind::Choice(_), _) => None,
        (ValueKind::Number { single: true, .. }, Json::Number(number)) => {
            let short: f64 = (number.as_f64()? as f32).to_string().parse().ok()?;
            Some(super::write::float(short))
        }
        (_, json) => Node::from_json(json).map(|node| literal(&node)),
    }
}

fn keys_of(shape: &Shape, default: Option<&Json>) -> Vec<KeySummary> {
    match &shape.kind {
        ValueKind::Table(table) => summaries(table, default),
        ValueKind::List { items, .. } => keys_of(items, None),
        _ => Vec::new(),
    }
}

/// One line for every key of a table.
pub fn summaries(table: &TableShape, outer: Option<&Json>) -> Vec<KeySummary> {
    let summary = |field: &KnownKey| {
        let default = inherited(outer, field);
        let mut type_name = field.shape.describe();
        if let Some(range) = range(&field.shape) {
            type_name.push_str(&format!(", {range}"));
        }
        KeySummary {
            name: field.name.clone(),
            type_name,
            default: default_literal(&field.shape, default.or(field.usual.as_ref())),
            required: field.required && default.is_none(),
            doc: field.doc.clone(),
        }
    };
    table.fields.iter().map(summary).collect()
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.path)?;
        if !self.doc.is_empty() {
            writeln!(f, "  {}", self.doc.replace('\n', "\n  "))?;
        }
        writeln!(f)?;
        let mut fact = |name: &str, value: &Option<String>| match value {
            Some(value) => writeln!(f, "  {name:8} {value}"),
            None => Ok(()),
        };
        fact("type", &Some(self.type_name.clone()))?;
        fact("range", &self.range)?;
        fact("default", &self.default)?;
        fact("example", &self.example)?;
        let width = |names: &mut dyn Iterator<Item = &String>| {
            names.map(|name| name.chars().count()).max().unwrap_or(0)
        };
        if !self.words.is_empty() {
            writeln!(f, "\n  one of")?;
            let width = width(&mut self.words.iter().map(|word| &word.name));
            for word in &self.words {
                writeln!(f, "    {:width$}  {}", word.name, first_line(&word.doc))?;
            }
        }
        if !self.keys.is_empty() {
            writeln!(f, "\n  keys")?;
            let width = width(&mut self.keys.iter().map(|key| &key.name));
            for key in &self.keys {
                writeln!(f, "    {:width$}  {}", key.name, first_line(&key.doc))?;
            }
        }
        Ok(())
    }
}

fn first_line(doc: &str) -> &str {
    doc.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Doc;
    use super::*;

    fn text(path: &str) -> String {
        explain(&Shape::of::<Doc>(), path).unwrap().to_string()
    }

    #[test]
    fn a_key_tells_type_range_and_default() {
        let expected = "\
cluster.workers
  Number of workers.

  type     a whole number
  range    at least 1 and at most 100000
  default  30
";
        assert_eq!(text("cluster.workers"), expected);
        assert!(text("cluster.network.latency").contains("example  \"4ms\""));
        assert!(text("cluster.network.latency").contains("default  \"300us\""));
        assert!(text("stage.days").contains("required"));
    }

    #[test]
    fn kinds_are_steps_and_defaults_come_from_the_outside() {
        assert!(text("optimizer.lazy_adam.beta1").contains("default  0.9\n"));
        assert!(text("optimizer.beta2").contains("default  0.999\n"));
        assert!(text("optimizer.sgd.lr").contains("default  0.1\n"));
        assert!(text("optimizer.lr").contains("default  5e-4\n"));
        assert!(text("cluster.compute.jitter.sigma").contains("default  0.15\n"));
        assert!(text("cluster.class.jitter.sigma").contains("default  0.3\n"));
        let kinds = text("optimizer.kind");
        assert!(kinds.contains("default  \"lazy_adam\""), "{kinds}");
        assert!(kinds.contains("    sgd        Plain gradient descent."), "{kinds}");
        assert!(text("cluster").contains("    workers  Number of workers."));
    }

    #[test]
    fn an_unknown_path_is_answered_with_the_nearest() {
        let shape = Shape::of::<Doc>();
        let nearest = |path| explain(&shape, path).unwrap_err();
        assert_eq!(nearest("cluster.worker")[0], "cluster.workers");
        assert_eq!(nearest("workers")[0], "cluster.workers");
        assert_eq!(nearest("latncy")[0], "cluster.network.latency");
        assert!(explain(&shape, "").is_ok());
    }
}
