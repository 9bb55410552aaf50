//! Parts that a program adds to a family while it starts. After that a scenario file names them,
//! and the whole program treats them, like the parts of this crate.
//!
//! Scenarios are read by types without any context, so the added parts lie in one place per family
//! for the whole process. Nothing inside a simulation looks there: a scenario that was read holds
//! its parts.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};
use thiserror::Error;

use super::{Part, TAG};

/// How many parts were added to all families.
static ADDED: AtomicU64 = AtomicU64::new(0);

/// How many parts were added so far. What was made from the schema of a choice is out of date when
/// this has grown.
pub fn added() -> u64 {
    ADDED.load(Ordering::Acquire)
}

/// Why a part cannot be added.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RegisterError {
    /// Another part of the family has the name.
    #[error("there is a part `{name}` in this family already: give yours another name")]
    Taken {
        /// The name.
        name: &'static str,
    },
    /// The name cannot be written as the other names are.
    #[error(
        "`{name}` cannot be the name of a part: use small letters, digits and `_`, and begin with \
         a letter"
    )]
    BadName {
        /// The name.
        name: &'static str,
    },
    /// The settings are not a struct with named fields, or have a field called `kind`.
    #[error(
        "the settings of `{name}` cannot be read from a scenario file: they have to be a struct \
         with named fields, none of them called `kind`"
    )]
    BadSettings {
        /// The name of the part.
        name: &'static str,
    },
}

/// Reads settings into the configuration of a part, and gives them back complete.
type ReadSettings<F> = Box<dyn Fn(Json) -> Result<(Arc<F>, Json), serde_json::Error> + Send + Sync>;

/// A part that was added.
pub struct OwnPart<F: ?Sized> {
    /// Its name and what it is.
    part: Part,
    /// Its settings, `kind` among them. Made when it is asked for: settings may hold a choice of a
    /// family that gets further parts.
    schema: fn(Part) -> Option<Schema>,
    read: ReadSettings<F>,
}

impl<F: ?Sized> OwnPart<F> {
    /// A part with settings `C`; `shared` makes them a member of the family.
    ///
    /// # Errors
    /// If the name or the type of the settings does not fit.
    pub fn new<C>(part: Part, shared: fn(C) -> Arc<F>) -> Result<OwnPart<F>, RegisterError>
    where
        C: Serialize + DeserializeOwned + JsonSchema + 'static,
        F: 'static,
    {
        let name = part.name;
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
        if !name.starts_with(|first: char| first.is_ascii_lowercase())
            || !name.chars().all(|letter| plain(letter) || letter == '_')
        {
            return Err(RegisterError::BadName { name });
        }
        schema_of::<C>(part).ok_or(RegisterError::BadSettings { name })?;
        let read = move |json| {
            let settings: C = serde_json::from_value(json)?;
            let mut complete = serde_json::to_value(&settings)?;
            leave_out_nulls(&mut complete);
            Ok((shared(settings), complete))
        };
        Ok(OwnPart { part, schema: schema_of::<C>, read: Box::new(read) })
    }
}

impl<F: ?Sized> fmt::Debug for OwnPart<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.part.fmt(f)
    }
}

/// The schema of a kind: the settings, and `kind` with its only value.
fn schema_of<C: JsonSchema>(part: Part) -> Option<Schema> {
    let inline = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = inline.into_generator().into_root_schema_for::<C>();
    let map = schema.as_object_mut().filter(|map| map.get("type") == Some(&"object".into()))?;
    for outer in ["$schema", "title"] {
        map.remove(outer);
    }
    map.insert("description".into(), part.summary.trim().into());
    let properties = map.entry("properties").or_insert_with(|| Json::Object(Map::new()));
    let kind = serde_json::json!({ "type": "string", "const": part.name });
    if properties.as_object_mut()?.insert(TAG.into(), kind).is_some() {
        return None;
    }
    let required = map.entry("required").or_insert_with(|| Json::Array(Vec::new()));
    required.as_array_mut()?.push(TAG.into());
    Some(schema)
}

/// An optional setting without a value is written as no setting.
fn leave_out_nulls(json: &mut Json) {
    match json {
        Json::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(leave_out_nulls);
        }
        Json::Array(items) => items.iter_mut().for_each(leave_out_nulls),
        _ => {}
    }
}

/// The parts that were added to one family.
#[derive(Debug)]
pub struct OwnParts<F: ?Sized + 'static> {
    parts: RwLock<Vec<&'static OwnPart<F>>>,
}

impl<F: ?Sized> OwnParts<F> {
    /// None yet.
    #[expect(clippy::new_without_default, reason = "a static needs a constant function")]
    pub const fn new() -> OwnParts<F> {
        OwnParts { parts: RwLock::new(Vec::new()) }
    }

    fn list(&self) -> Vec<&'static OwnPart<F>> {
        self.parts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a part to a family that has the parts `known` of this crate. It stays until the process
    /// ends.
    ///
    /// # Errors
    /// If the name is taken.
    pub fn add(&self, known: &[Part], own: OwnPart<F>) -> Result<(), RegisterError> {
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        let name = own.part.name;
        if known.iter().chain(parts.iter().map(|own| &own.part)).any(|part| part.is_called(name)) {
            return Err(RegisterError::Taken { name });
        }
        parts.push(Box::leak(Box::new(own)));
        ADDED.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.parts.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// What they are called, in the order in which they were added.
    pub fn parts(&self) -> Vec<Part> {
        self.list().iter().map(|own| own.part).collect()
    }

    /// Puts them among the kinds of the schema of a choice.
    pub fn extend(&self, schema: &mut Schema) {
        let kinds = schema.get_mut("oneOf").and_then(Json::as_array_mut);
        if let Some(kinds) = kinds {
            let schema = |own: &OwnPart<F>| (own.schema)(own.part).map(Schema::to_value);
            kinds.extend(self.list().into_iter().filter_map(schema));
        }
    }

    /// The part that `settings` name as their `kind`, with these settings; `None` if none of these
    /// has the name.
    ///
    /// # Errors
    /// If the settings do not fit the part.
    pub fn read(&self, settings: &Json) -> Result<Option<OwnChoice<F>>, serde_json::Error> {
        let kind = settings.get(TAG).and_then(Json::as_str);
        let Some(own) = self.list().into_iter().find(|own| Some(own.part.name) == kind) else {
            return Ok(None);
        };
        let mut settings = settings.clone();
        let map = settings.as_object_mut().ok_or_else(|| {
            serde_json::Error::custom(format!("the settings of `{}` are no table", own.part.name))
        })?;
        map.remove(TAG);
        let (config, mut settings) = (own.read)(settings)?;
        if let Some(map) = settings.as_object_mut() {
            map.insert(TAG.into(), own.part.name.into());
        }
        Ok(Some(OwnChoice { part: own.part, config, settings }))
    }
}

/// A part that was added, chosen with its settings.
pub struct OwnChoice<F: ?Sized> {
    part: Part,
    config: Arc<F>,
    /// All settings, `kind` among them.
    settings: Json,
}

impl<F: ?Sized> OwnChoice<F> {
    /// Its name and what it is.
    pub fn part(&self) -> Part {
        self.part
    }

    /// Its configuration, as the trait of its family.
    pub fn config(&self) -> &F {
        &self.config
    }
}

impl<F: ?Sized> Clone for OwnChoice<F> {
    fn clone(&self) -> Self {
        let OwnChoice { part, config, settings } = self;
        OwnChoice { part: *part, config: Arc::clone(config), settings: settings.clone() }
    }
}

impl<F: ?Sized> PartialEq for OwnChoice<F> {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings
    }
}

impl<F: ?Sized> fmt::Debug for OwnChoice<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

impl<F: ?Sized> Serialize for OwnChoice<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.settings.serialize(serializer)
    }
}
