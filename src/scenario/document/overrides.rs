//! `key=value` arguments: reading them, and laying them over the document.

use serde_json::Value as Json;

use super::node::{Entry, KeyTable, Node, Value, element, element_name, segments};
use super::parse;
use super::problem::Problem;
use super::scalar::shown;
use super::shape::{Shape, ValueKind, chosen, default_inside, inherited};
use super::source::{Origin, SourceId, SourceLayer, Sources};
use super::suggest;
use super::{aliases, errors};
use crate::base::counted;
use crate::base::registry::TAG;

/// One `key=value`, and what to call the place where the user wrote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Override {
    /// `key=value`
    pub text: String,
    /// Such as `command line, argument 3`.
    pub place: String,
    /// [`SourceLayer::SweepPoint`] or [`SourceLayer::CommandLine`]; the latter wins.
    pub layer: SourceLayer,
}

impl Override {
    /// An argument of the command line; `number` counts from 1 behind the program's name.
    pub fn argument(number: usize, text: impl Into<String>) -> Self {
        Override {
            text: text.into(),
            place: format!("command line, argument {number}"),
            layer: SourceLayer::CommandLine,
        }
    }

    /// One setting of a point of a sweep; `place` says which point of which file.
    pub fn sweep_point(place: impl Into<String>, text: impl Into<String>) -> Self {
        Override { text: text.into(), place: place.into(), layer: SourceLayer::SweepPoint }
    }
}

/// The text that the highest of `overrides` gives to `key`, if any does.
pub(super) fn text_of(overrides: &[Override], key: &str) -> Option<String> {
    let of_key =
        |given: &&Override| given.text.split_once('=').is_some_and(|(path, _)| path.trim() == key);
    let given = overrides.iter().filter(of_key).max_by_key(|given| given.layer)?;
    let (_, text) = given.text.split_once('=')?;
    let origin = Origin::DEFAULT;
    let (node, _) = value(text, origin, origin.source, 0).ok()?;
    node.as_str().map(str::to_string)
}

/// An override that has been read.
struct ParsedOverride {
    path: Vec<String>,
    layer: SourceLayer,
    key_origin: Origin,
    node: Node,
}

/// Lays `overrides` over `root` and returns the problems found. Unknown keys are put in as well:
/// the check of the whole document finds them.
pub fn apply(
    root: &mut KeyTable,
    shape: &Shape,
    overrides: &[Override],
    sources: &mut Sources,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut settings: Vec<ParsedOverride> = Vec::new();
    for given in overrides {
        let source = sources.add(given.place.clone(), given.text.clone(), given.layer);
        match read(given, source) {
            Ok((setting, found)) => {
                problems.extend(found);
                let twin = |other: &&ParsedOverride| {
                    other.path == setting.path && other.layer == setting.layer
                };
                if let Some(first) = settings.iter().find(twin) {
                    problems.push(twice(first, &setting));
                } else {
                    settings.push(setting);
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    // Whole sections come before their keys, and `kind` before its neighbours.
    settings.sort_by_key(|setting| {
        let is_kind = setting.path.last().is_some_and(|key| key == TAG);
        (setting.layer, setting.path.len(), !is_kind)
    });
    for setting in &settings {
        let mut placing = Placing { setting, all: &settings, sources, problems: &mut problems };
        placing.table(root, shape, None, 0);
    }
    problems
}

fn twice(first: &ParsedOverride, second: &ParsedOverride) -> Problem {
    let path = second.path.join(".");
    Problem::error(&errors::TWICE, &path, format!("`{path}` is set twice"))
        .label(second.key_origin, "")
        .label(first.key_origin, "first set here")
        .help("remove one of the two")
}

fn read(given: &Override, source: SourceId) -> Result<(ParsedOverride, Vec<Problem>), Problem> {
    let whole = Origin::new(source, 0..given.text.len());
    let bad = |message: &str| {
        Problem::error(&errors::BAD_OVERRIDE, "", message)
            .label(whole, "")
            .help("write key=value, such as table.key=3")
    };
    if given.text.len() > parse::MAX_FILE {
        return Err(bad("this argument is too long"));
    }
    let Some((key, text)) = given.text.split_once('=') else {
        return Err(bad("an override needs `=` between key and value"));
    };
    let path = segments(key.trim());
    if path.is_empty() || path.iter().any(String::is_empty) {
        return Err(bad("the key of this override is not a dotted path"));
    }
    if path.len() > parse::MAX_DEPTH || key.len() > parse::MAX_TEXT {
        return Err(bad("the key of this override is too long"));
    }
    let key_origin = Origin::new(source, 0..key.trim_end().len());
    let offset = key.len() + 1;
    let place = Origin::new(source, offset..given.text.len());
    let (node, problems) = value(text, place, source, offset)?;
    let setting = ParsedOverride { path, layer: given.layer, key_origin, node };
    Ok((setting, problems))
}

/// The value: read as TOML if possible, else the text itself.
fn value(
    text: &str,
    place: Origin,
    source: SourceId,
    offset: usize,
) -> Result<(Node, Vec<Problem>), Problem> {
    match parse::value(text, source, offset) {
        Some((node, problems)) if !matches!(node.value, Value::Datetime(_)) => Ok((node, problems)),
        _ if text.len() > parse::MAX_TEXT => {
            let message = format!("a text longer than {} bytes", parse::MAX_TEXT);
            Err(Problem::error(&errors::TOO_LARGE, "", message).label(place, ""))
        }
        _ => {
            let mut node = Node::new(Value::String(text.trim().to_string()), place);
            node.bare = true;
            Ok((node, Vec::new()))
        }
    }
}

/// Whether it is a list of plain values, which an argument may write without quotes and brackets.
pub fn is_plain_list(shape: &Shape) -> bool {
    let ValueKind::List { items, .. } = &shape.kind else { return false };
    matches!(
        items.kind,
        ValueKind::Integer(_)
            | ValueKind::Number { .. }
            | ValueKind::Text(_)
            | ValueKind::Quantity { .. }
            | ValueKind::Words(_)
    )
}

/// Walks down to the place of one setting.
struct Placing<'a> {
    setting: &'a ParsedOverride,
    all: &'a [ParsedOverride],
    sources: &'a Sources,
    problems: &'a mut Vec<Problem>,
}

impl Placing<'_> {
    fn table(&mut self, table: &mut KeyTable, shape: &Shape, default: Option<&Json>, depth: usize) {
        let default = default_inside(Some(table), default);
        let keys = shape.table_for(Some(table), default);
        let is_known = keys.is_some_and(|keys| keys.field(&self.setting.path[depth]).is_some());
        let (key, depth) = self.key(table, is_known, depth);
        let key = &key;
        let is_last = depth + 1 == self.setting.path.len();
        if is_last {
            if key == TAG {
                self.start_afresh(table, default);
            }
            let keys = shape.table_for(Some(table), default);
            let field = keys.and_then(|keys| keys.field(key));
            let mut node = self.listed(field.map(|field| &field.shape));
            match field {
                Some(field) => aliases::settle(&mut node, &field.shape),
                None if key == TAG => aliases::settle_kind(&mut node, shape),
                None => {}
            }
            let key_origin = self.setting.key_origin;
            let new = Entry { key_origin, node, replaced: Vec::new() };
            match table.entries.get_mut(key) {
                Some(entry) => entry.overlay(new),
                None => {
                    table.entries.insert(key.clone(), new);
                }
            }
            return;
        }
        let keys = shape.table_for(Some(table), default);
        let field = keys.and_then(|keys| keys.field(key));
        let any = Shape { doc: String::new(), kind: ValueKind::Any };
        let inner_shape = field.map_or(&any, |field| &field.shape);
        let inner_default = field.and_then(|field| inherited(default, field));
        let entry = table.entries.entry(key.clone()).or_insert_with(|| {
            let list = matches!(inner_shape.kind, ValueKind::List { .. });
            let written = inner_default.filter(|_| list).and_then(Node::from_json);
            let empty = || {
                let nothing = match list {
                    true => Value::Array(Vec::new()),
                    false => Value::Table(KeyTable::default()),
                };
                Node::new(nothing, self.setting.key_origin)
            };
            Entry {
                key_origin: self.setting.key_origin,
                node: written.unwrap_or_else(empty),
                replaced: Vec::new(),
            }
        });
        // A section of a preset that the user changes counts as written by the user.
        if self.sources.get(entry.key_origin.source).layer == SourceLayer::Preset {
            entry.key_origin = self.setting.key_origin;
            entry.node.origin = self.setting.key_origin;
        }
        self.inside(&mut entry.node, inner_shape, inner_default, depth + 1);
    }

    /// The next key, and at which part of the path it ends: where keys are free, as in what a stage
    /// sets, a file may have written several parts as one key with dots.
    fn key(&self, table: &KeyTable, is_known: bool, depth: usize) -> (String, usize) {
        let path = &self.setting.path;
        let joined = |end: usize| (path[depth..=end].join("."), end);
        let is_there = |(key, _): &(String, usize)| table.entries.contains_key(key);
        let written =
            (depth..path.len()).rev().map(joined).find(|found| !is_known && is_there(found));
        written.unwrap_or_else(|| joined(depth))
    }

    /// The value; for a list of plain values, an argument may leave out quotes and brackets:
    /// `lab.factors=workers,slots`.
    fn listed(&self, shape: Option<&Shape>) -> Node {
        let node = &self.setting.node;
        let text = match &node.value {
            Value::String(text) if node.bare => text.as_str(),
            _ => return node.clone(),
        };
        if !shape.is_some_and(is_plain_list) || self.setting.layer != SourceLayer::CommandLine {
            return node.clone();
        }
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let origin = node.origin;
        let element = |text: &str| match value(text.trim(), origin, origin.source, origin.start) {
            Ok((element, _)) => Node { origin, ..element },
            Err(_) => Node::new(Value::String(text.trim().to_string()), origin),
        };
        Node::new(Value::Array(inner.split(',').map(element).collect()), origin)
    }

    /// Steps into the value of `path[..depth]`.
    fn inside(&mut self, node: &mut Node, shape: &Shape, default: Option<&Json>, depth: usize) {
        let path = self.setting.path[..depth].join(".");
        match &mut node.value {
            Value::Table(table) => self.table(table, shape, default, depth),
            Value::Array(items) => {
                let segment = &self.setting.path[depth];
                // One behind the last adds an element: `remedy.0.kind=power`.
                if *segment == items.len().to_string() && element(items, segment).is_none() {
                    let table = Value::Table(KeyTable::default());
                    items.push(Node::new(table, self.setting.key_origin));
                }
                let Some(index) = element(items, segment) else {
                    let problem = self.no_element(items, segment, &path);
                    self.problems.push(problem);
                    return;
                };
                let any = Shape { doc: String::new(), kind: ValueKind::Any };
                let items_shape = match &shape.kind {
                    ValueKind::List { items, .. } => items,
                    _ => &any,
                };
                if depth + 1 == self.setting.path.len() {
                    items[index] = self.setting.node.clone();
                } else {
                    self.inside(&mut items[index], items_shape, None, depth + 1);
                }
            }
            _ => {
                let message = format!("`{path}` is a single value and has no keys");
                let problem = Problem::error(&errors::BAD_OVERRIDE, path, message);
                self.problems.push(problem.label(self.setting.key_origin, ""));
            }
        }
    }

    fn no_element(&self, items: &[Node], segment: &str, path: &str) -> Problem {
        let names: Vec<&str> = items.iter().filter_map(element_name).collect();
        let message = format!("`{path}` has no element `{}`", shown(segment));
        let problem =
            Problem::error(&errors::NO_ELEMENT, path, message).label(self.setting.key_origin, "");
        match suggest::nearest(segment, names.iter().copied()) {
            Some(name) => problem.help(format!("did you mean `{path}.{name}`?")),
            None if names.is_empty() => problem.help(format!(
                "it has {}, counted from 0",
                counted(items.len(), "element", "elements")
            )),
            None => problem.help(format!("its elements are {}", names.join(", "))),
        }
    }

    /// Drops the settings of lower layers for another kind.
    fn start_afresh(&mut self, table: &mut KeyTable, default: Option<&Json>) {
        let former = chosen(Some(table), default).map(str::to_string);
        if former.is_none() || former.as_deref() == self.setting.node.as_str() {
            return;
        }
        let preset_origin = table.entries.get(TAG).map_or(Origin::DEFAULT, |kind| kind.key_origin);
        let layer = |origin: Origin| self.sources.get(origin.source).layer;
        // Settings of a sweep or an argument were meant for this kind, so they stay.
        let is_lower = |entry: &Entry| layer(entry.node.origin) <= SourceLayer::File;
        let dropped: Vec<(String, SourceLayer)> = table
            .entries
            .iter()
            .filter(|(key, entry)| *key != TAG && is_lower(entry))
            .map(|(key, entry)| (key.clone(), layer(entry.node.origin)))
            .collect();
        table.entries.retain(|key, _| dropped.iter().all(|(dropped, _)| dropped != key));
        let path = self.setting.path.join(".");
        let section = &self.setting.path[..self.setting.path.len() - 1];
        // What is given anew is not lost.
        let given = |key: &str| {
            let below = |path: &[String]| path.strip_prefix(section)?.first().cloned();
            self.all.iter().any(|other| below(&other.path).as_deref() == Some(key))
        };
        let of = |wanted: SourceLayer| {
            let those = dropped.iter().filter(|(key, layer)| *layer == wanted && !given(key));
            those.map(|(key, _)| key.as_str()).collect::<Vec<_>>()
        };
        if let (Some(old), Some(new), false) =
            (former, self.setting.node.as_str(), of(SourceLayer::Preset).is_empty())
        {
            let places = [self.setting.key_origin, preset_origin];
            let section = path.strip_suffix(&format!(".{TAG}")).unwrap_or(&path);
            let told = preset_replaced(section, (&old, new), &of(SourceLayer::Preset), places);
            self.problems.push(told);
        }
        let dropped = of(SourceLayer::File);
        if dropped.is_empty() {
            return;
        }
        let message = format!("another `{path}` drops {}", dropped.join(", "));
        let problem = Problem::warning(&errors::SECTION_REPLACED, path, message)
            .label(self.setting.key_origin, "")
            .help("the file sets them for the former kind; give them as overrides to keep them");
        self.problems.push(problem);
    }
}

/// The warning that another kind of section drops these settings of a preset; `places` are those
/// of the new section and of the preset's.
pub(super) fn preset_replaced(
    path: &str,
    (old, new): (&str, &str),
    dropped: &[&str],
    places: [Origin; 2],
) -> Problem {
    let message = format!(
        "`{path}` of kind \"{new}\" replaces the preset's of kind \"{old}\", with its {}",
        dropped.join(", ")
    );
    Problem::warning(&errors::SECTION_REPLACED, path, message)
        .label(places[0], "")
        .label(places[1], "what the preset says")
        .help(format!("leave `{TAG}` out to amend the preset's section"))
}
