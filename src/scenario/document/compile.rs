//! JSON Schema, as schemars writes it, to [`Shape`].

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use schemars::{JsonSchema, schema_for};
use serde_json::{Map, Value as Json};

use super::shape::{
    Bounds, Dimension, KnownKey, LengthRange, Shape, TableShape, ValueKind, Variant, Word,
};
use crate::base::registry::{TAG, added};

impl Shape {
    /// The shape of the documents that `T` is read from. It is compiled only once, since that takes
    /// longer than reading a small document; and again when the program has added a part.
    pub fn of<T: JsonSchema + 'static>() -> Arc<Shape> {
        type Known = BTreeMap<(TypeId, u64), Arc<Shape>>;
        static KNOWN: Mutex<Known> = Mutex::new(Known::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let compiled = || Arc::new(compile(schema_for!(T).as_value()));
        Arc::clone(known.entry((TypeId::of::<T>(), added())).or_insert_with(compiled))
    }
}

/// Compiles a root schema. References are followed. A reference that leads back into itself becomes
/// [`ValueKind::Any`], so that such a part is checked by the typed reading.
pub(super) fn compile(root: &Json) -> Shape {
    let empty = Map::new();
    let definitions = root.get("$defs").and_then(Json::as_object);
    let mut compiler = Compiler { definitions: definitions.unwrap_or(&empty), open: Vec::new() };
    compiler.shape(root)
}

struct Compiler<'a> {
    definitions: &'a Map<String, Json>,
    open: Vec<String>,
}

impl Compiler<'_> {
    fn shape(&mut self, schema: &Json) -> Shape {
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            return self.reference(reference, schema);
        }
        if let Some(parts) = schema.get("allOf").and_then(Json::as_array) {
            return self.all_of(schema, parts);
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(options) = schema.get(key).and_then(Json::as_array) {
                let doc = description(schema);
                let mut shape = self.options(options);
                if !doc.is_empty() {
                    shape.doc = doc;
                }
                return shape;
            }
        }
        Shape { doc: description(schema), kind: self.kind(schema) }
    }

    fn reference(&mut self, reference: &str, schema: &Json) -> Shape {
        let name = reference.rsplit('/').next().unwrap_or_default();
        let target = self.definitions.get(name).and_then(Json::as_object);
        let (Some(target), false) = (target, self.open.iter().any(|open| open == name)) else {
            return Shape { doc: description(schema), kind: ValueKind::Any };
        };
        let mut merged = target.clone();
        for (key, value) in schema.as_object().into_iter().flatten() {
            if key != "$ref" && key != "$defs" {
                merged.insert(key.clone(), value.clone());
            }
        }
        self.open.push(name.to_string());
        let shape = self.shape(&Json::Object(merged));
        self.open.pop();
        shape
    }

    /// Flattened structs: the keys of all parts together.
    fn all_of(&mut self, schema: &Json, parts: &[Json]) -> Shape {
        let mut own = schema.clone();
        own.as_object_mut().map(|map| map.remove("allOf"));
        let mut table = self.table(&own);
        for part in parts {
            if let ValueKind::Table(shape) = self.shape(part).kind {
                table.fields.extend(shape.fields);
            }
        }
        Shape { doc: description(schema), kind: ValueKind::Table(table) }
    }

    fn options(&mut self, options: &[Json]) -> Shape {
        let is_null = |option: &&Json| option.get("type").and_then(Json::as_str) == Some("null");
        let options: Vec<&Json> = options.iter().filter(|option| !is_null(option)).collect();
        if let [only] = options[..] {
            return self.shape(only);
        }
        let kind = if let Some(words) = options.iter().map(|o| words(o)).collect::<Option<Vec<_>>>()
        {
            ValueKind::Words(words.concat())
        } else if options.iter().all(|option| tag(option).is_some()) {
            ValueKind::Choice(options.iter().map(|option| self.variant(option)).collect())
        } else {
            ValueKind::Union(joined_words(options.iter().map(|option| self.shape(option))))
        };
        Shape { doc: String::new(), kind }
    }

    fn variant(&mut self, option: &Json) -> Variant {
        let mut table = match self.shape_of_variant(option).kind {
            ValueKind::Table(table) => table,
            _ => TableShape::default(),
        };
        table.fields.retain(|field| field.name != TAG);
        let aliases = option.get("x-aliases").and_then(Json::as_array).into_iter().flatten();
        let aliases: Vec<String> = aliases.filter_map(Json::as_str).map(str::to_string).collect();
        let mut doc = description(option);
        if !aliases.is_empty() {
            doc.push_str(&format!(" Also written `{}`.", aliases.join("`, `")));
        }
        Variant { name: tag(option).unwrap_or_default(), aliases, doc, table }
    }

    /// A variant's schema may refer to the schema of its struct and add the tag to it.
    fn shape_of_variant(&mut self, option: &Json) -> Shape {
        let shape = self.shape(option);
        match (option.get("$ref"), shape.kind) {
            (Some(reference), ValueKind::Table(mut table)) => {
                let inner = self.shape(&serde_json::json!({ "$ref": reference }));
                if let ValueKind::Table(inner) = inner.kind {
                    table.fields.extend(inner.fields);
                }
                Shape { doc: shape.doc, kind: ValueKind::Table(table) }
            }
            (_, kind) => Shape { doc: shape.doc, kind },
        }
    }

    fn kind(&mut self, schema: &Json) -> ValueKind {
        if let Some(words) = words(schema) {
            return ValueKind::Words(words);
        }
        let format = schema.get("format").and_then(Json::as_str);
        match type_name(schema) {
            Some("boolean") => ValueKind::Bool,
            Some("integer") => ValueKind::Integer(bounds(schema)),
            Some("number") => {
                ValueKind::Number { bounds: bounds(schema), single: format == Some("float") }
            }
            Some("string") => text(schema, format),
            Some("array") => {
                let items = items(schema).map(|items| self.shape(items));
                let any = || Shape { doc: String::new(), kind: ValueKind::Any };
                ValueKind::List {
                    items: Box::new(items.unwrap_or_else(any)),
                    length: length(schema, "minItems", "maxItems"),
                }
            }
            Some("object") => ValueKind::Table(self.table(schema)),
            _ if schema.get("properties").is_some() => ValueKind::Table(self.table(schema)),
            _ => ValueKind::Any,
        }
    }

    fn table(&mut self, schema: &Json) -> TableShape {
        let required = schema.get("required").and_then(Json::as_array);
        let is_required =
            |name: &str| required.is_some_and(|list| list.iter().any(|key| key == name));
        let mut fields = Vec::new();
        let properties = schema.get("properties").and_then(Json::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let shape = self.shape(property);
            fields.push(KnownKey {
                name: name.clone(),
                doc: shape.doc.clone(),
                shape,
                default: property.get("default").cloned(),
                usual: property.get("x-default").cloned(),
                required: is_required(name),
            });
        }
        let others = match schema.get("additionalProperties") {
            Some(Json::Bool(false)) => None,
            Some(extra) => Some(Box::new(self.shape(extra))),
            None if fields.is_empty() => Some(Box::new(self.shape(&Json::Bool(true)))),
            None => None,
        };
        TableShape { fields, others }
    }
}

/// The schema of the elements of a list. Tuples of different types are left to the typed reading.
fn items(schema: &Json) -> Option<&Json> {
    let tuple = schema.get("prefixItems").and_then(Json::as_array);
    let Some([first, rest @ ..]) = tuple.map(Vec::as_slice) else {
        return schema.get("items").filter(|items| items.is_object());
    };
    rest.iter().all(|item| item == first).then_some(first)
}

fn text(schema: &Json, format: Option<&str>) -> ValueKind {
    let measure = match format {
        Some("duration") => Dimension::Duration,
        Some("bandwidth") => Dimension::Bandwidth,
        Some("bytes") => Dimension::Bytes,
        _ => return ValueKind::Text(length(schema, "minLength", "maxLength")),
    };
    let example = schema.pointer("/examples/0").and_then(Json::as_str);
    ValueKind::Quantity { measure, example: example.unwrap_or_default().to_string() }
}

/// The documentation, with line breaks inside paragraphs removed.
fn description(schema: &Json) -> String {
    let text = schema.get("description").and_then(Json::as_str);
    let paragraphs = text.unwrap_or_default().split("\n\n");
    let joined: Vec<String> = paragraphs.map(|text| text.replace('\n', " ")).collect();
    joined.join("\n\n")
}

/// The type, ignoring `null`.
fn type_name(schema: &Json) -> Option<&str> {
    match schema.get("type")? {
        Json::String(name) => Some(name),
        Json::Array(names) => {
            let mut names = names.iter().filter_map(Json::as_str);
            names.find(|name| *name != "null")
        }
        _ => None,
    }
}

/// The names of a `const` or `enum` of strings.
fn words(schema: &Json) -> Option<Vec<Word>> {
    let word = |name: &Json| {
        let name = name.as_str()?.to_string();
        let settings = schema.get("x-settings").and_then(Json::as_str).map(str::to_string);
        Some(Word { name, doc: description(schema), settings })
    };
    if let Some(name) = schema.get("const") {
        return Some(vec![word(name)?]);
    }
    let names = schema.get("enum")?.as_array()?;
    let names = names.iter().filter(|name| !name.is_null());
    let mut words = names.map(word).collect::<Option<Vec<_>>>()?;
    if words.len() > 1 {
        words.iter_mut().for_each(|word| word.doc.clear());
    }
    Some(words)
}

/// The name that `kind` has in this option of an internally tagged enum.
fn tag(option: &Json) -> Option<String> {
    let name = option.get("properties")?.get(TAG)?.get("const")?;
    name.as_str().map(str::to_string)
}

fn bounds(schema: &Json) -> Bounds {
    let bound = |closed: &str, open: &str| {
        let open = schema.get(open).and_then(Json::as_f64).map(|b| (b, true));
        open.or_else(|| schema.get(closed).and_then(Json::as_f64).map(|b| (b, false)))
    };
    // The schema states limits only for narrower integers; for 32 bits they follow from the format.
    let (low, high) = match schema.get("format").and_then(Json::as_str) {
        Some("int32") => (Some(i32::MIN.into()), Some(i32::MAX.into())),
        Some("uint32") => (Some(0.0), Some(u32::MAX.into())),
        _ => (None, None),
    };
    let closed = |bound: f64| (bound, false);
    Bounds {
        min: bound("minimum", "exclusiveMinimum").or(low.map(closed)),
        max: bound("maximum", "exclusiveMaximum").or(high.map(closed)),
    }
}

fn length(schema: &Json, min: &str, max: &str) -> LengthRange {
    let bound = |key: &str| schema.get(key).and_then(Json::as_u64).map(|n| n as usize);
    LengthRange { min: bound(min), max: bound(max) }
}

/// The alternatives with all their single words as one list of words, in the place of the first.
fn joined_words(shapes: impl Iterator<Item = Shape>) -> Vec<Shape> {
    let mut joined: Vec<Shape> = Vec::new();
    for shape in shapes {
        let earlier = joined.iter_mut().find_map(|earlier| match &mut earlier.kind {
            ValueKind::Words(words) => Some(words),
            _ => None,
        });
        match (shape, earlier) {
            (Shape { kind: ValueKind::Words(more), .. }, Some(words)) => words.extend(more),
            (shape, _) => joined.push(shape),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::super::{DocumentInput, load, to_toml};

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Switch {
        #[default]
        Off,
        On,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(untagged)]
    #[schemars(rename = "Level")]
    enum TestLevel {
        Switch(Switch),
        Number(#[schemars(range(min = 0.0))] f64),
        Each(Vec<f64>),
    }

    /// Unusual shapes, together in one document.
    #[derive(Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Odd {
        #[serde(skip_serializing_if = "Option::is_none")]
        level: Option<TestLevel>,
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        rates: BTreeMap<String, f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        inner: Option<Box<Odd>>,
        pair: (u8, u8),
    }

    fn read(text: &str) -> Result<Odd, String> {
        let input = DocumentInput::Text { name: "odd.toml", text };
        let loaded = load::<Odd>(input, &[]);
        loaded.map(|loaded| loaded.value).map_err(|p| p.to_string())
    }

    #[test]
    fn unions_maps_pairs_and_recursion_are_read_and_written() {
        for text in [
            "level = 'on'",
            "level = 2.5",
            "level = [1, 2]",
            "rates = { a = 1, \"b c\" = 2 }",
            "inner.inner.level = 3\npair = [255, 0]",
        ] {
            let odd = read(text).unwrap();
            assert_eq!(read(&to_toml(&odd).unwrap()), Ok(odd), "{text}");
        }
    }

    #[test]
    fn the_mistakes_of_the_nearest_alternative_are_told() {
        for (text, words) in [
            ("level = 'onn'", "did you mean \"on\"?"),
            ("level = -1", "must be at least 0"),
            ("level = true", "must be one of \"off\", \"on\" or a number or a list"),
            ("level = ['a']", "`level.0` must be a number"),
            ("rates.a = 'x'", "`rates.a` must be a number"),
            ("pair = [256, 0]", "`pair.0` must be at least 0 and at most 255"),
            ("pair = [1]", "has 1 element; it must have exactly 2 elements"),
            ("inner.lvel = 3", "`inner`"),
        ] {
            let got = read(text).unwrap_err();
            assert!(got.contains(words), "{text}\n{got}");
        }
    }
}
