//! Reads a checked [`Node`] tree into the typed struct, remembering the place of a refusal.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::node::{Entry, KeyTable, Node, Value};
use super::source::Origin;

/// Why the typed struct refused the tree, and the innermost value concerned.
#[derive(Debug)]
pub struct Refusal {
    /// The message of the type.
    pub message: String,
    /// The value.
    pub origin: Option<Origin>,
    /// Keys from the inside outwards.
    pub keys: Vec<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Refusal { message: message.to_string(), origin: None, keys: Vec::new() }
    }
}

impl Refusal {
    fn at(mut self, origin: Origin) -> Self {
        self.origin.get_or_insert(origin);
        self
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let read = match &self.value {
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::String(text) | Value::Datetime(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => {
                let mut access = SeqDeserializer::new(items.iter());
                visitor.visit_seq(&mut access)
            }
            Value::Table(table) => visitor.visit_map(Fields::new(table)),
        };
        read.map_err(|refusal| refusal.at(self.origin))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let read = match &self.value {
            Value::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Table(table) => {
                let fields = table.entries.iter().map(|(key, e)| (key.as_str(), &e.node));
                let access = MapDeserializer::new(fields);
                de::value::MapAccessDeserializer::new(access)
                    .deserialize_enum(name, variants, visitor)
            }
            _ => Err(de::Error::custom("expected a name or a table")),
        };
        read.map_err(|refusal: Refusal| refusal.at(self.origin))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Refusal> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The keys and values of a table, one after the other.
struct Fields<'de> {
    rest: std::collections::btree_map::Iter<'de, String, Entry>,
    current: Option<(&'de String, &'de Entry)>,
}

impl<'de> Fields<'de> {
    fn new(table: &'de KeyTable) -> Self {
        Fields { rest: table.entries.iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refusal> {
        self.current = self.rest.next();
        match self.current {
            Some((key, _)) => seed.deserialize(key.as_str().into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        let (key, entry) = self.current.expect("a key comes before its value");
        seed.deserialize(&entry.node).map_err(|mut refusal| {
            refusal.keys.push(key.clone());
            refusal.at(entry.node.origin)
        })
    }
}
