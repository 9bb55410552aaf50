//! Strict, friendly reading of TOML documents into typed structs.
//!
//! The typed struct (serde + schemars) is the only source. From its JSON Schema comes a [`Shape`];
//! from the shape come the checks, the overrides, `explain` and the reference page. [`load`] takes
//! these steps:
//!
//! 1. [`layers`]: the file and those it extends become one [`node`] tree that knows the place of
//!    every key and value;
//! 2. [`preset`]: if the document names a preset, the settings of the preset are laid under it;
//! 3. [`overrides`]: `key=value` arguments are laid over it, each as a text of its own; in tables
//!    that hold exactly one of several keys, the key of the highest layer stays;
//! 4. [`check`]: every difference between tree and shape, all at once;
//! 5. [`defaults`]: defaults are filled in, so the tree holds every value;
//! 6. [`typed`]: the tree is read into the struct.
//!
//! Later checks across fields find places by path with [`Loaded::origin`] and report with
//! [`Loaded::report`]. [`Problems`] can be printed with their lines and carets.
//!
//! ```
//! use straggler::scenario::document::{self, Code, DocumentInput, Override, Problem};
//!
//! #[derive(Debug, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! #[serde(default, deny_unknown_fields)]
//! struct Trip {
//!     /// First day.
//!     from: u32,
//!     /// Last day.
//!     to: u32,
//! }
//! static BACKWARDS: Code = Code { id: "E0901", title: "the trip ends before it begins", text: "" };
//!
//! let input = DocumentInput::Text { name: "trip.toml", text: "from = 3\nto = 5" };
//! let overrides = [Override::argument(3, "to=2")];
//! let mut trip = document::load::<Trip>(input, &overrides)?;
//! if trip.value.to < trip.value.from {
//!     let problem = Problem::error(&BACKWARDS, "to", "the trip ends before it begins")
//!         .label(trip.origin("to"), "ends on day 2")
//!         .label(trip.origin("from"), "begins on day 3");
//!     trip.report(problem);
//! }
//! assert!(trip.finish().unwrap_err().to_string().contains("command line, argument 3"));
//! # Ok::<(), document::Problems>(())
//! ```

mod aliases;
mod alternatives;
pub mod check;
mod compile;
pub mod defaults;
pub mod errors;
pub mod explain;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod fuzz;
pub mod layers;
pub mod node;
pub mod overrides;
pub mod parse;
pub mod preset;
pub mod problem;
pub mod reference;
pub mod render;
#[cfg(test)]
mod round_trip;
mod scalar;
pub mod shape;
pub mod source;
pub mod suggest;
#[cfg(test)]
mod tests;
pub mod typed;
pub mod whereabouts;
pub mod write;

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use errors::{Code, find_code};
pub use explain::{Explanation, explain, shape_at};
pub use layers::DocumentInput;
pub use overrides::{Override, is_plain_list};
pub use problem::{Label, Problem, Problems, Severity};
pub use reference::{ReferencePage, reference_markdown, reference_pages};
pub use render::ProblemStyle;
pub use shape::Shape;
pub use source::{Origin, SourceLayer, Sources};

use node::{Node, Value};
use source::SourceId;

/// A document that was read without errors.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// The typed struct.
    pub value: T,
    /// Every value, defaults included, with its place.
    pub tree: Node,
    /// What the document may contain.
    pub shape: Arc<Shape>,
    /// Warnings, and what later checks [`report`](Loaded::report).
    pub problems: Problems,
}

/// Reads a document, checks it against `T` and fills in the defaults of `T`.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text, warnings included.
pub fn load<T: DeserializeOwned + JsonSchema + 'static>(
    input: DocumentInput<'_>,
    overrides: &[Override],
) -> Result<Loaded<T>, Problems> {
    let shape = Shape::of::<T>();
    let mut sources = Sources::default();
    let files = layers::read(input, &mut sources);
    let mut root = files.table;
    let mut list = files.problems;
    aliases::settle_table(&mut root, &shape);
    list.extend(preset::lay_under(&mut root, &shape, overrides, &mut sources));
    list.extend(overrides::apply(&mut root, &shape, overrides, &mut sources));
    alternatives::settle(&mut root, &shape, &sources);
    let start = Origin::new(files.main, 0..0);
    let found = check::check(&root, start, &shape, &sources);
    let found: Vec<Problem> =
        found.into_iter().filter(|problem| is_trustworthy(problem, &list, files.main)).collect();
    list.extend(found);
    let mut problems = Problems { sources, list };
    problems.sort();
    if problems.has_errors() {
        return Err(problems);
    }
    defaults::fill(&mut root, &shape);
    let tree = Node::new(Value::Table(root), start);
    match T::deserialize(&tree) {
        Ok(value) => Ok(Loaded { value, tree, shape, problems }),
        Err(refusal) => {
            problems.list.push(refused(refusal));
            Err(problems)
        }
    }
}

/// The file at `path` as one text: as it is, or together with the files that it extends.
///
/// # Errors
/// If a file cannot be read.
pub fn flattened<T: JsonSchema + 'static>(path: &Path) -> Result<String, Problems> {
    let mut sources = Sources::default();
    let files = layers::read(DocumentInput::File(path), &mut sources);
    if files.problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Problems { sources, list: files.problems });
    }
    Ok(match sources.files() {
        1 => sources.get(files.main).text.clone(),
        _ => write::to_toml(&files.table, &Shape::of::<T>()),
    })
}

/// Whether a finding still counts when some text could not be read. After the first syntax error of
/// a text, the tree is not reliable. Nor does it show what is missing.
fn is_trustworthy(problem: &Problem, reading: &[Problem], main: SourceId) -> bool {
    let broken = |p: &&Problem| {
        p.code == &errors::SYNTAX || p.code == &errors::UNREADABLE || p.code == &errors::TOO_LARGE
    };
    let mut broken = reading.iter().filter(broken).peekable();
    if broken.peek().is_none() {
        return true;
    }
    if problem.code == &errors::MISSING_KEY {
        return false;
    }
    let place = problem.labels.first().map(|label| label.origin);
    broken.all(|error| match (error.labels.first(), place) {
        (Some(error), Some(place)) => {
            place.source != error.origin.source || place.end <= error.origin.start
        }
        (None, Some(place)) => place.source != main,
        (_, None) => false,
    })
}

/// A value that the typed struct refused although the schema allows it.
fn refused(refusal: typed::Refusal) -> Problem {
    let keys: Vec<&str> = refusal.keys.iter().rev().map(String::as_str).collect();
    let path = keys.join(".");
    let message = match path.as_str() {
        "" => refusal.message,
        _ => format!("`{path}`: {}", refusal.message),
    };
    let problem = Problem::error(&errors::REFUSED, path, message);
    match refusal.origin {
        Some(origin) => problem.label(origin, ""),
        None => problem,
    }
}

impl<T> Loaded<T> {
    /// The place of the value at `path`, where elements of lists are addressed by name or index.
    /// [`Origin::DEFAULT`] if the value is a default.
    pub fn origin(&self, path: &str) -> Origin {
        let found = self.tree.find(path);
        found.map_or(Origin::DEFAULT, |found| found.node.origin)
    }

    /// The place of the key at `path`; of the header for an element of an array of tables.
    pub fn key_origin(&self, path: &str) -> Origin {
        let found = self.tree.find(path);
        found.map_or(Origin::DEFAULT, |found| found.key_origin.unwrap_or(found.node.origin))
    }

    /// The place of the value at `path`; if it is a default, of the key of the innermost table around
    /// it that a user wrote.
    pub fn nearest_origin(&self, path: &str) -> Origin {
        let mut around = path;
        let mut origin = self.origin(path);
        while origin.is_default() {
            let Some((table, _)) = around.rsplit_once('.') else { break };
            around = table;
            origin = self.key_origin(table);
        }
        origin
    }

    /// Whether a user wrote the value at `path`. The settings of a preset do not count: they may be
    /// without effect.
    pub fn is_written(&self, path: &str) -> bool {
        self.problems.sources.get(self.origin(path).source).layer > SourceLayer::Preset
    }

    /// Whether the value at `path` comes from the command line or a point of a sweep.
    pub fn is_override(&self, path: &str) -> bool {
        self.problems.sources.get(self.origin(path).source).layer > SourceLayer::File
    }

    /// Adds a problem found by a later check.
    pub fn report(&mut self, problem: Problem) {
        self.problems.list.push(problem);
    }

    /// The nearest place that a user can go to: that of [`nearest_origin`](Self::nearest_origin), or
    /// the beginning of the document if nothing around `path` is written.
    pub fn nearest_place(&self, path: &str) -> Origin {
        let nearest = self.nearest_origin(path);
        if nearest.is_default() { self.tree.origin } else { nearest }
    }

    /// Ends later checks. A problem without a place gets the nearest one.
    ///
    /// # Errors
    /// All problems, if any of those reported is an error.
    pub fn finish(mut self) -> Result<Self, Problems> {
        let mut list = std::mem::take(&mut self.problems.list);
        for problem in list.iter_mut().filter(|problem| problem.labels.is_empty()) {
            problem
                .labels
                .push(Label { origin: self.nearest_place(&problem.path), text: String::new() });
        }
        self.problems.list = list;
        self.problems.sort();
        match self.problems.has_errors() {
            true => Err(self.problems),
            false => Ok(self),
        }
    }

    /// The whole document as TOML, every value with its origin as a comment.
    pub fn show(&self) -> String {
        match &self.tree.value {
            Value::Table(root) => write::with_origins(root, &self.shape, &self.problems.sources),
            _ => String::new(),
        }
    }
}

/// Writes a typed struct as TOML that reads back as an identical value. Keys stand in the order
/// of declaration.
///
/// # Errors
/// If `T` holds what TOML cannot express, such as a whole number above 2^63.
pub fn to_toml<T: Serialize + JsonSchema + 'static>(value: &T) -> Result<String, toml::ser::Error> {
    to_toml_without(value, &[])
}

/// The same without some keys of the root, which then have their defaults.
///
/// # Errors
/// As [`to_toml`].
pub fn to_toml_without<T: Serialize + JsonSchema + 'static>(
    value: &T,
    keys: &[&str],
) -> Result<String, toml::ser::Error> {
    // Goes through a table, so that the writer of TOML is compiled only for tables and not for
    // every struct of a scenario.
    let mut table = toml::Table::try_from(value)?;
    table.retain(|key, _| !keys.contains(&key));
    let text = toml::to_string(&table)?;
    let (mut root, shape) = (parse::generated(&text), Shape::of::<T>());
    defaults::shorten(&mut root, &shape);
    Ok(write::to_toml(&root, &shape))
}
