//! What a document may contain, compiled from the JSON Schema of the typed struct into a form
//! that checking, overriding and explaining share.

use serde_json::Value as Json;

use super::node::KeyTable;
use crate::base::counted;
use crate::base::registry::TAG;

/// The allowed contents of one place.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The documentation comment.
    pub doc: String,
    /// The type.
    pub kind: ValueKind,
}

/// The types of values.
#[derive(Clone, Debug)]
pub enum ValueKind {
    /// Anything at all.
    Any,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer(Bounds),
    /// A number; `single` if it is held in single precision.
    Number {
        /// The allowed range.
        bounds: Bounds,
        /// Whether it is an `f32`.
        single: bool,
    },
    /// Text of a length in characters.
    Text(LengthRange),
    /// Text with a number and a unit.
    Quantity {
        /// What is measured.
        measure: Dimension,
        /// How to write it, such as `4ms`.
        example: String,
    },
    /// One of some names.
    Words(Vec<Word>),
    /// A list, or an array of tables.
    List {
        /// What each element is.
        items: Box<Shape>,
        /// How many there may be.
        length: LengthRange,
    },
    /// Keys and values.
    Table(TableShape),
    /// A table whose keys depend on its `kind`.
    Choice(Vec<Variant>),
    /// Any of several shapes.
    Union(Vec<Shape>),
}

/// What a quantity measures: the `format` of its schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dimension {
    /// [`SimSpan`](crate::base::SimSpan)
    Duration,
    /// [`Bandwidth`](crate::base::Bandwidth)
    Bandwidth,
    /// [`ByteSize`](crate::base::ByteSize)
    Bytes,
}

/// The range of a number.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub struct Bounds {
    /// Smallest, and whether it is itself excluded.
    pub min: Option<(f64, bool)>,
    /// Largest, and whether it is itself excluded.
    pub max: Option<(f64, bool)>,
}

/// The range of a length.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct LengthRange {
    /// Least number of elements.
    pub min: Option<usize>,
    /// Greatest number of elements.
    pub max: Option<usize>,
}

/// A name that may be written, and what it means.
#[derive(Clone, Debug)]
pub struct Word {
    /// The name.
    pub name: String,
    /// Its documentation comment.
    pub doc: String,
    /// For the name of a preset, the settings that it stands for, as TOML.
    pub settings: Option<String>,
}

/// The keys of a table.
#[derive(Clone, Debug, Default)]
pub struct TableShape {
    /// Known keys in the order of declaration.
    pub fields: Vec<KnownKey>,
    /// The shape of other keys, if any key is allowed.
    pub others: Option<Box<Shape>>,
}

/// A known key.
#[derive(Clone, Debug)]
pub struct KnownKey {
    /// The key.
    pub name: String,
    /// What belongs there.
    pub shape: Shape,
    /// The documentation comment of the field, or else of its type.
    pub doc: String,
    /// The value when the key is not written. See [`inherited`] for which default applies.
    pub default: Option<Json>,
    /// The default of a key that files leave out where it has that value: for readers only. A
    /// struct declares it with `#[schemars(extend("x-default" = ...))]`.
    pub usual: Option<Json>,
    /// Whether it has to be written.
    pub required: bool,
}

/// One kind of a choice.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The value of `kind`.
    pub name: String,
    /// Other words that may be written for it.
    pub aliases: Vec<String>,
    /// Its documentation comment.
    pub doc: String,
    /// The other keys of the table, without `kind`.
    pub table: TableShape,
}

impl Shape {
    /// What the table at hand may hold besides `kind`: its own keys, or those of the kind
    /// that it chooses itself or by default.
    pub fn table_for(
        &self,
        table: Option<&KeyTable>,
        default: Option<&Json>,
    ) -> Option<&TableShape> {
        match &self.kind {
            ValueKind::Table(shape) => Some(shape),
            ValueKind::Choice(variants) => {
                let tag = chosen(table, default)?;
                let variant = variants.iter().find(|variant| variant.name == tag);
                variant.map(|variant| &variant.table)
            }
            ValueKind::Union(shapes) => {
                shapes.iter().find_map(|shape| shape.table_for(table, default))
            }
            _ => None,
        }
    }

    /// The names that may be written here, for words and for choices.
    pub fn words(&self) -> Vec<Word> {
        match &self.kind {
            ValueKind::Words(words) => words.clone(),
            ValueKind::Choice(variants) => variants.iter().map(Variant::word).collect(),
            ValueKind::Union(shapes) => shapes.iter().flat_map(Shape::words).collect(),
            _ => Vec::new(),
        }
    }

    /// What may stand here, in a help: `{}` for a table.
    pub fn example(&self) -> String {
        match &self.kind {
            ValueKind::Table(_) => "{}".to_string(),
            ValueKind::Integer(bounds) | ValueKind::Number { bounds, .. } => {
                bounds.max.map_or(1000.0, |(most, _)| most.min(1000.0)).to_string()
            }
            ValueKind::Quantity { example, .. } => format!("\"{example}\""),
            _ => "...".to_string(),
        }
    }

    /// The type in words, as after "must be": `a whole number`.
    pub fn describe(&self) -> String {
        match &self.kind {
            ValueKind::Any => "a value".to_string(),
            ValueKind::Bool => "true or false".to_string(),
            ValueKind::Integer(_) => "a whole number".to_string(),
            ValueKind::Number { .. } => "a number".to_string(),
            ValueKind::Text(_) => "text in quotes".to_string(),
            ValueKind::Quantity { measure, .. } => measure.describe().to_string(),
            ValueKind::Words(words) => format!("one of {}", quoted(words)),
            ValueKind::List { items, .. } => match items.kind {
                ValueKind::Table(_) | ValueKind::Choice(_) => "a list of tables".to_string(),
                _ => "a list".to_string(),
            },
            ValueKind::Table(_) => "a table".to_string(),
            ValueKind::Choice(_) => format!("a table with a `{TAG}`"),
            ValueKind::Union(shapes) => {
                let mut names: Vec<String> = shapes.iter().map(Shape::describe).collect();
                names.dedup();
                names.join(" or ")
            }
        }
    }
}

impl Dimension {
    /// The type in words.
    pub fn describe(self) -> &'static str {
        match self {
            Dimension::Duration => "a duration with a unit",
            Dimension::Bandwidth => "a bandwidth with a unit",
            Dimension::Bytes => "a size with a unit",
        }
    }
}

impl Variant {
    /// The kind as a name with its meaning.
    pub fn word(&self) -> Word {
        Word { name: self.name.clone(), doc: self.doc.clone(), settings: None }
    }
}

impl TableShape {
    /// The key called `name`.
    pub fn field(&self, name: &str) -> Option<&KnownKey> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Bounds {
    /// Whether `number` is inside.
    pub fn contain(&self, number: f64) -> bool {
        let above = |(min, open): (f64, bool)| number > min || (number == min && !open);
        let below = |(max, open): (f64, bool)| number < max || (number == max && !open);
        self.min.is_none_or(above) && self.max.is_none_or(below)
    }

    /// The range in words, as after "must be": `at least 1`. Bounds that only repeat the width of
    /// the machine's numbers are left out.
    pub fn describe(&self) -> Option<String> {
        let told = Bounds {
            min: self.min.filter(|(min, _)| *min > f64::from(i32::MIN)),
            max: self.max.filter(|(max, _)| *max < f64::from(i32::MAX)),
        };
        told.describe_all()
    }

    /// The range in words with every bound.
    pub fn describe_all(&self) -> Option<String> {
        let min = self.min.map(|(min, open)| {
            let word = if open { "greater than" } else { "at least" };
            format!("{word} {min}")
        });
        let max = self.max.map(|(max, open)| {
            let word = if open { "less than" } else { "at most" };
            format!("{word} {max}")
        });
        match (min, max) {
            (Some(min), Some(max)) => Some(format!("{min} and {max}")),
            (min, max) => min.or(max),
        }
    }
}

impl LengthRange {
    /// The range in words, as after "must have": `at least 1 element`.
    pub fn describe(&self, one: &str, many: &str) -> Option<String> {
        let counted = |n: usize| counted(n, one, many);
        match (self.min, self.max) {
            (Some(min), Some(max)) if min == max => Some(format!("exactly {}", counted(min))),
            (Some(min), Some(max)) => Some(format!("{min} to {}", counted(max))),
            (Some(min), None) => Some(format!("at least {}", counted(min))),
            (None, Some(max)) => Some(format!("at most {}", counted(max))),
            (None, None) => None,
        }
    }
}

/// The `kind` of a table: its own if it has one, else the default.
pub fn chosen<'a>(table: Option<&'a KeyTable>, default: Option<&'a Json>) -> Option<&'a str> {
    match table.and_then(|table| table.entries.get(TAG)) {
        Some(entry) => entry.node.as_str(),
        None => default?.get(TAG)?.as_str(),
    }
}

/// The default of `field` in a table whose own default is `outer`.
///
/// The outermost default that speaks about a key decides, so every path has one default whether
/// or not the tables around it are written.
pub fn inherited<'a>(outer: Option<&'a Json>, field: &'a KnownKey) -> Option<&'a Json> {
    let default = match outer {
        Some(outer) => outer.get(&field.name),
        None => field.default.as_ref(),
    };
    default.filter(|json| !json.is_null())
}

/// The default that holds inside a table: none if the table chooses another kind than the default.
pub fn default_inside<'a>(table: Option<&KeyTable>, default: Option<&'a Json>) -> Option<&'a Json> {
    let tag = table.and_then(|table| table.entries.get(TAG));
    default.filter(|json| match (tag, json.get(TAG)) {
        (Some(entry), Some(default)) => entry.node.as_str() == default.as_str(),
        (Some(_), None) | (None, _) => json.is_object(),
    })
}

/// Names in double quotes, separated by commas.
pub fn quoted(words: &[Word]) -> String {
    let names: Vec<String> = words.iter().map(|word| format!("\"{}\"", word.name)).collect();
    names.join(", ")
}
