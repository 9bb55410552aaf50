//! JSON lines as rows of cells: every column is the path of a key, as in `user.id`.
//!
//! Only the wanted keys are read. A key that an object lacks, and `null`, are empty cells.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::bad_rows::Fault;
use super::file::Input;
use super::filled::next_row;
use super::json_lines::{fault, text};
use super::lines::{Lines, without_break};
use super::list;
use super::records::{Row, RowError, RowStream};
use super::split::Span;
use super::tidy::Tidy;
use super::wanted::Wanted;
use crate::data::error::DataError;

/// Objects that are looked through for a key that the first one lacks.
const LOOKED_THROUGH: usize = 1000;

/// A wanted key, or one on the way to it.
#[derive(Debug, Default)]
struct Key {
    /// Index of the column, if the value is wanted.
    column: Option<usize>,
    /// Whether a list is wanted here.
    list: bool,
    inner: Vec<(String, Key)>,
}

impl Key {
    /// Adds the path of a column, also as a single key with dots in it.
    fn add(&mut self, path: &str, column: usize, list: bool) {
        self.inner(path).settle(column, list);
        let mut key = self;
        for name in path.split('.') {
            key = key.inner(name);
        }
        key.settle(column, list);
    }

    fn inner(&mut self, name: &str) -> &mut Key {
        let at = self.inner.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.inner.push((name.to_string(), Key::default()));
            self.inner.len() - 1
        });
        &mut self.inner[at].1
    }

    fn settle(&mut self, column: usize, list: bool) {
        self.column = Some(column);
        self.list |= list;
    }
}

/// Rows of JSON lines.
pub(crate) struct JsonRows<'a> {
    lines: Lines<'a>,
    tidy: Tidy,
    columns: Vec<String>,
    root: Key,
    cells: Cells,
}

/// The cells of the current object.
#[derive(Debug, Default)]
struct Cells {
    text: Vec<u8>,
    spans: Vec<Span>,
    found: Vec<bool>,
}

impl<'a> JsonRows<'a> {
    /// The objects of `input` with the keys in `wanted`. The columns are those that the first objects
    /// have.
    ///
    /// # Errors
    /// If the beginning cannot be read.
    pub(crate) fn new(
        mut input: Input<'a>,
        tidy: Tidy,
        wanted: &Wanted,
    ) -> Result<JsonRows<'a>, DataError> {
        let columns = first_keys(input.beginning()?, wanted);
        let lines = Lines::new(input.reader);
        let mut root = Key::default();
        for (index, column) in columns.iter().enumerate() {
            if wanted.columns.contains(&column.as_str()) {
                root.add(column, index, wanted.lists.contains(&column.as_str()));
            }
        }
        Ok(JsonRows { lines, tidy, columns, root, cells: Cells::default() })
    }

    fn object(&mut self) -> Result<(), Fault> {
        let line = text(without_break(&self.lines.block()[self.lines.record()]))?;
        let cells = &mut self.cells;
        cells.text.clear();
        cells.spans.clear();
        cells.spans.resize(self.columns.len(), Span::default());
        cells.found.clear();
        cells.found.resize(self.columns.len(), false);
        let mut parser = serde_json::Deserializer::from_str(line);
        Value { key: &self.root, name: "", cells: &mut *cells, top: true }
            .deserialize(&mut parser)
            .and_then(|()| parser.end())
            .map_err(|error| fault(&error))?;
        for span in &mut cells.spans {
            if !list::is_list(&cells.text[span.start as usize..span.end as usize]) {
                *span = self.tidy.cell(&cells.text, *span);
            }
        }
        Ok(())
    }
}

/// The paths of the keys of the first object, and of those after it as long as wanted ones are
/// missing; the wanted ones if no object can be read. `text` is the beginning of the stream.
fn first_keys(text: &[u8], wanted: &Wanted) -> Vec<String> {
    let mut paths = Vec::new();
    for line in text.split(|byte| *byte == b'\n').take(LOOKED_THROUGH) {
        let Ok(value) = serde_json::from_slice::<serde_json::Value>(line) else { continue };
        add_paths("", &value, &mut paths);
        if wanted.columns.iter().all(|column| paths.iter().any(|path| path == column)) {
            break;
        }
    }
    match paths.is_empty() {
        true => wanted.columns.iter().map(|column| column.to_string()).collect(),
        false => paths,
    }
}

fn add_paths(before: &str, value: &serde_json::Value, paths: &mut Vec<String>) {
    let serde_json::Value::Object(object) = value else {
        if !before.is_empty() && !paths.iter().any(|path| path == before) {
            paths.push(before.to_string());
        }
        return;
    };
    for (key, value) in object {
        let dot = if before.is_empty() { "" } else { "." };
        add_paths(&format!("{before}{dot}{key}"), value, paths);
    }
}

/// Reads one value into the cells.
struct Value<'k, 'c> {
    key: &'k Key,
    /// The key's name, for messages.
    name: &'k str,
    cells: &'c mut Cells,
    top: bool,
}

impl Value<'_, '_> {
    fn put<E: serde::de::Error>(self, text: &[u8]) -> Result<(), E> {
        let Some(column) = self.key.column else {
            let what = if self.top { "the line".to_string() } else { format!("{:?}", self.name) };
            return Err(E::custom(format!("{what} must be a JSON object")));
        };
        if text.contains(&0) {
            return Err(E::custom(format!("{:?} has a zero byte", self.name)));
        }
        self.begin(column)?;
        let start = self.cells.text.len();
        self.cells.text.extend_from_slice(text);
        self.cells.spans[column] = Span::new(start, self.cells.text.len());
        Ok(())
    }

    fn begin<E: serde::de::Error>(&self, column: usize) -> Result<(), E> {
        match self.cells.found[column] {
            true => Err(E::custom(format!("the key {:?} is there twice", self.name))),
            false => Ok(()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.top, self.key.list) {
            (true, _) => f.write_str("a JSON object"),
            (_, true) => write!(f, "a list of texts or numbers for {:?}", self.name),
            (_, false) => write!(f, "a text or a number for {:?}", self.name),
        }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.put(text.as_bytes())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.put(number.to_string().as_bytes())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.put(number.to_string().as_bytes())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        self.put(decimal(number).map_err(E::custom)?.as_bytes())
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.put(if value { b"1" } else { b"0" })
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (Some(column), true) = (self.key.column, self.key.list) else {
            let message = match self.top {
                true => "a JSON list: write one object per line, as `jq -c '.[]'` does".to_string(),
                false => {
                    format!("{:?} is a list, and only histories and impressions may be", self.name)
                }
            };
            return Err(A::Error::custom(message));
        };
        self.begin(column)?;
        let start = self.cells.text.len();
        while let Some(element) = list.next_element::<serde_json::Value>()? {
            let text = match element {
                serde_json::Value::String(text) => text,
                serde_json::Value::Number(number) => match number.as_f64() {
                    Some(float) if number.is_f64() => decimal(float).map_err(A::Error::custom)?,
                    _ => number.to_string(),
                },
                _ => {
                    return Err(A::Error::custom(format!(
                        "{:?} has an element that is neither a text nor a number",
                        self.name
                    )));
                }
            };
            if !list::push(&mut self.cells.text, text.as_bytes()) {
                return Err(A::Error::custom(format!("{:?} has a zero byte", self.name)));
            }
        }
        self.cells.spans[column] = Span::new(start, self.cells.text.len());
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.key.inner.is_empty() && !self.top {
            return Err(A::Error::custom(format!(
                "{:?} is an object: name a key in it, as {:?}",
                self.name,
                format!("{}.id", self.name)
            )));
        }
        while let Some(found) = map.next_key_seed(Name(&self.key.inner))? {
            let Some((known, key)) = found else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            map.next_value_seed(Value { key, name: known, cells: &mut *self.cells, top: false })?;
            if let Some(column) = key.column {
                self.cells.found[column] = true;
            }
        }
        Ok(())
    }
}

/// Finds a key by its name.
struct Name<'k>(&'k [(String, Key)]);

impl<'de, 'k> DeserializeSeed<'de> for Name<'k> {
    type Value = Option<&'k (String, Key)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, 'k> Visitor<'de> for Name<'k> {
    type Value = Option<&'k (String, Key)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|(known, _)| known == name))
    }
}

/// A number with a point or an exponent, as one writes it by hand: `1.5231e+12` is 1523100000000.
fn decimal(number: f64) -> Result<String, &'static str> {
    // Above this, neighbouring whole numbers are the same float, and two ids would become one.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    match number.fract() == 0.0 && number.abs() > LARGEST {
        true => {
            Err("a number has more than 64 bits, or an exponent, and lost digits: write it as text")
        }
        false => Ok(number.to_string()),
    }
}

impl RowStream for JsonRows<'_> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn read(&mut self) -> Result<Option<Row<'_>>, RowError> {
        if !next_row(&mut self.lines, |line| !line.is_empty())? {
            return Ok(None);
        }
        let sound = self.object();
        let line = self.lines.number();
        match sound {
            Ok(()) => Ok(Some(Row { line, block: &self.cells.text, cells: &self.cells.spans })),
            Err(fault) => Err(RowError::Bad(fault.at(line))),
        }
    }
}
