//! Compares a whole document with its [`Shape`] and collects every mistake.

use serde_json::Value as Json;

use super::errors;
use super::node::{Entry, KeyTable, Node, Value, element_name};
use super::problem::{MAX_PROBLEMS, Problem};
use super::scalar;
use super::shape::{
    KnownKey, LengthRange, Shape, TableShape, ValueKind, Variant, chosen, default_inside,
    inherited, quoted,
};
use super::source::{Origin, Sources};
use super::suggest;
use super::whereabouts::Whereabouts;
use crate::base::registry::TAG;

/// A suggestion takes time to find, and after so many mistakes no user reads it.
const MAX_SUGGESTIONS: usize = 200;

/// All differences between `root` and `shape`, up to [`MAX_PROBLEMS`]. If there are none, the
/// document can be read into the typed struct, apart from conditions that the schema does not
/// express.
pub fn check(root: &KeyTable, start: Origin, shape: &Shape, sources: &Sources) -> Vec<Problem> {
    let mut checker = Checker {
        sources,
        whereabouts: Whereabouts::of(shape),
        path: Vec::new(),
        problems: Vec::new(),
    };
    if let ValueKind::Table(keys) = &shape.kind {
        checker.table(root, start, keys, None, None);
    }
    checker.problems
}

/// The kinds of a choice, and the one that is in force.
#[derive(Clone, Copy)]
struct Kinds<'a> {
    variants: &'a [Variant],
    chosen: &'a str,
}

struct Checker<'a> {
    sources: &'a Sources,
    whereabouts: Whereabouts,
    path: Vec<String>,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn path(&self) -> String {
        self.path.join(".")
    }

    fn path_to(&self, key: &str) -> String {
        let mut path = self.path.clone();
        path.push(key.to_string());
        path.join(".")
    }

    fn node(&mut self, node: &Node, holder: Origin, shape: &Shape, default: Option<&Json>) {
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        match (&shape.kind, &node.value) {
            (ValueKind::Any, _) => {
                scalar::check_finite(node, &self.path(), &mut self.problems);
            }
            (ValueKind::Table(keys), Value::Table(table)) => {
                self.table(table, holder, keys, default, None);
            }
            (ValueKind::Choice(variants), Value::Table(table)) => {
                self.choice(table, holder, variants, default);
            }
            (ValueKind::List { items, length }, Value::Array(nodes)) => {
                self.list(node, nodes, items, *length);
            }
            (ValueKind::Union(shapes), _) => self.union(node, holder, shapes, default),
            _ => {
                let found = scalar::check(node, shape, &self.path(), self.sources);
                self.problems.extend(found);
            }
        }
    }

    fn list(&mut self, node: &Node, nodes: &[Node], items: &Shape, length: LengthRange) {
        if let Some(problem) = scalar::check_length(node, nodes.len(), length, &self.path()) {
            self.problems.push(problem);
        }
        for (index, item) in nodes.iter().enumerate() {
            if self.problems.len() >= MAX_PROBLEMS {
                return;
            }
            let name = element_name(item).map_or_else(|| index.to_string(), str::to_string);
            self.path.push(name);
            self.node(item, item.origin, items, None);
            self.path.pop();
        }
    }

    /// Accepts what any alternative accepts. If none does, reports the mistakes of the nearest one:
    /// rather one that knows the keys that are there.
    fn union(&mut self, node: &Node, holder: Origin, shapes: &[Shape], default: Option<&Json>) {
        if self.not_one_key(node, holder, shapes) {
            return;
        }
        let mut attempts = Vec::new();
        for shape in shapes {
            let before = self.problems.len();
            self.node(node, holder, shape, default);
            attempts.push((has_keys(node, shape), self.problems.split_off(before)));
        }
        let path = self.path();
        // The name of a table that needs braces.
        let named = shapes.iter().find_map(|shape| match (&shape.kind, node.as_str()) {
            (ValueKind::Table(keys), Some(text)) => keys.field(text),
            _ => None,
        });
        if let Some(field) = named.filter(|_| attempts.iter().all(|(_, found)| !found.is_empty())) {
            let (last, name) = (path.rsplit('.').next().unwrap_or(&path), &field.name);
            let message = format!("`{path}` needs settings for `{name}`");
            let problem = Problem::error(&errors::WRONG_TYPE, &path, message)
                .label(node.origin, "")
                .help(format!("write {last} = {{ {name} = {} }}", field.shape.example()));
            self.problems.push(problem);
            return;
        }
        let other_type = |problems: &Vec<Problem>| {
            let whole = |p: &Problem| p.path == path && p.code == &errors::WRONG_TYPE;
            problems.iter().any(whole)
        };
        let best = attempts.into_iter().min_by_key(|(has_keys, problems)| {
            let rank = match problems.is_empty() {
                true => 0,
                false if other_type(problems) => 3,
                false => 2 - u8::from(*has_keys),
            };
            (rank, problems.len())
        });
        let best = best.map(|(_, problems)| problems).unwrap_or_default();
        if other_type(&best) {
            let union = Shape { doc: String::new(), kind: ValueKind::Union(shapes.to_vec()) };
            self.problems.push(scalar::wrong_type(node, &union, &path));
        } else {
            self.problems.extend(best);
        }
    }

    /// Where a table must have exactly one of several keys, reports a table that has not.
    fn not_one_key(&mut self, node: &Node, holder: Origin, shapes: &[Shape]) -> bool {
        let Value::Table(table) = &node.value else { return false };
        let tables = shapes.iter().filter_map(|shape| match &shape.kind {
            ValueKind::Table(keys) => Some(keys),
            _ => None,
        });
        let tables: Vec<&TableShape> = tables.collect();
        if tables.is_empty() || !tables.iter().all(|keys| is_one_key(keys)) {
            return false;
        }
        let known: Vec<&str> = tables.iter().map(|keys| keys.fields[0].name.as_str()).collect();
        let (path, all) = (self.path(), known.join("`, `"));
        let problem = match table.in_order()[..] {
            [] => Problem::error(&errors::MISSING_KEY, &path, format!("`{path}` is empty"))
                .label(holder, "")
                .help(format!("it takes one of the keys `{all}`")),
            [(key, entry)] if !known.contains(&key.as_str()) => {
                let path = self.path_to(key);
                let help = match suggest::nearest(key, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("it takes one of the keys `{all}`"),
                };
                let message = format!("unknown key `{}`", scalar::shown(&path));
                Problem::error(&errors::UNKNOWN_KEY, path, message)
                    .label(entry.key_origin, "")
                    .help(help)
            }
            [_] => return false,
            [(_, first), (_, second), ..] => {
                let message = format!("`{path}` has several keys, and takes only one");
                Problem::error(&errors::WRONG_TYPE, &path, message)
                    .label(first.key_origin, "")
                    .label(second.key_origin, "and this")
                    .help(format!("leave all but one of the keys `{all}` out"))
            }
        };
        self.problems.push(problem);
        true
    }

    fn table(
        &mut self,
        table: &KeyTable,
        holder: Origin,
        keys: &TableShape,
        default: Option<&Json>,
        kinds: Option<Kinds<'_>>,
    ) {
        for (key, entry) in table.in_order() {
            if self.problems.len() >= MAX_PROBLEMS {
                return;
            }
            if key == TAG && kinds.is_some() {
                continue;
            }
            match (keys.field(key), &keys.others) {
                (Some(field), _) => {
                    self.path.push(key.clone());
                    let inner = inherited(default, field);
                    self.node(&entry.node, entry.key_origin, &field.shape, inner);
                    self.path.pop();
                }
                (None, Some(others)) => {
                    self.path.push(key.clone());
                    self.node(&entry.node, entry.key_origin, others, None);
                    self.path.pop();
                }
                (None, None) => self.unknown_key(key, entry, table, keys, kinds),
            }
        }
        for field in &keys.fields {
            let absent = !table.entries.contains_key(&field.name);
            if absent && field.required && inherited(default, field).is_none() {
                self.missing_key(field, holder);
            }
        }
    }

    fn choice(
        &mut self,
        table: &KeyTable,
        holder: Origin,
        variants: &[Variant],
        default: Option<&Json>,
    ) {
        if self.misspelt_tag(table, variants) {
            return;
        }
        let default = default_inside(Some(table), default);
        let words: Vec<_> = variants.iter().map(Variant::word).collect();
        let Some(name) = chosen(Some(table), default) else {
            let problem = match table.entries.get(TAG) {
                Some(entry) => {
                    let shape = Shape { doc: String::new(), kind: ValueKind::Words(words) };
                    scalar::wrong_type(&entry.node, &shape, &self.path_to(TAG))
                }
                None => {
                    let path = self.path_to(TAG);
                    let message = format!("missing key `{path}`");
                    Problem::error(&errors::MISSING_KEY, path, message)
                        .label(holder, "")
                        .help(format!("choose one of {}", quoted(&words)))
                }
            };
            self.problems.push(problem);
            return;
        };
        let mut known = variants.iter().find(|variant| variant.name == name);
        if let (None, Some(entry)) = (known, table.entries.get(TAG)) {
            let path = self.path_to(TAG);
            // A misspelt alias means its name.
            let names = variants.iter().flat_map(|v| v.aliases.iter().chain([&v.name]));
            let near = suggest::nearest(name, names.map(String::as_str));
            known = near.and_then(|near| {
                variants.iter().find(|v| v.name == near || v.aliases.iter().any(|a| a == near))
            });
            let meant = (&words[..], known.map(|variant| variant.name.as_str()));
            let problem = scalar::unknown_name(&entry.node, name, meant, &path, self.sources);
            self.problems.push(problem);
        }
        if let Some(variant) = known {
            let kinds = Kinds { variants, chosen: &variant.name };
            self.table(table, holder, &variant.table, default, Some(kinds));
        }
    }

    /// Reports a key that was meant to be `kind`. Without `kind` nothing else can be checked.
    fn misspelt_tag(&mut self, table: &KeyTable, variants: &[Variant]) -> bool {
        let known = |key: &str| variants.iter().any(|v| v.table.field(key).is_some());
        let meant = |key: &&String| !known(key) && suggest::nearest(key, [TAG]).is_some();
        let Some(key) = table.entries.keys().find(meant) else {
            return false;
        };
        if table.entries.contains_key(TAG) {
            return false;
        }
        let path = self.path_to(key);
        let message = format!("unknown key `{}`", scalar::shown(&path));
        let problem = Problem::error(&errors::UNKNOWN_KEY, path, message)
            .label(table.entries[key].key_origin, "")
            .help(format!("did you mean `{TAG}`?"));
        self.problems.push(problem);
        true
    }

    fn missing_key(&mut self, field: &KnownKey, holder: Origin) {
        let path = self.path_to(&field.name);
        let message = format!("missing key `{path}`");
        let mut problem = Problem::error(&errors::MISSING_KEY, path, message).label(holder, "");
        let doc = field.doc.lines().next().unwrap_or_default();
        problem = problem.help(format!("it is {}: {doc}", field.shape.describe()));
        self.problems.push(problem);
    }

    fn unknown_key(
        &mut self,
        key: &str,
        entry: &Entry,
        table: &KeyTable,
        keys: &TableShape,
        kinds: Option<Kinds<'_>>,
    ) {
        let path = self.path_to(key);
        let has_key = |variant: &&Variant| variant.table.field(key).is_some();
        let owners = kinds.map_or(&[][..], |kinds| kinds.variants).iter();
        let owners: Vec<_> = owners.filter(has_key).map(Variant::word).collect();
        if let (Some(kinds), false) = (kinds, owners.is_empty()) {
            let message = format!("`{path}` does not exist with {TAG} = \"{}\"", kinds.chosen);
            let problem = Problem::error(&errors::WRONG_KIND, path, message)
                .label(entry.key_origin, "")
                .help(format!("`{key}` belongs to {}", quoted(&owners)));
            self.problems.push(problem);
            return;
        }
        let mut problem = Problem::error(
            &errors::UNKNOWN_KEY,
            path.clone(),
            format!("unknown key `{}`", scalar::shown(&path)),
        )
        .label(entry.key_origin, "");
        if self.problems.len() < MAX_SUGGESTIONS
            && let Some(help) = self.meant(key, table, keys, kinds.is_some())
        {
            problem = problem.help(help);
        }
        self.problems.push(problem);
    }

    /// What an unknown key may have been meant to be: a neighbour, or a key of another table.
    fn meant(
        &self,
        key: &str,
        table: &KeyTable,
        keys: &TableShape,
        tagged: bool,
    ) -> Option<String> {
        let tag = tagged.then_some(TAG);
        let names = || keys.fields.iter().map(|field| field.name.as_str()).chain(tag);
        let unused = names().filter(|name| !table.entries.contains_key(*name));
        let sibling = suggest::nearest(key, unused).or_else(|| suggest::nearest(key, names()));
        let below = table.entries.get(key).map_or(Vec::new(), |entry| only_keys(&entry.node));
        let elsewhere = self.whereabouts.exactly(key, &below);
        if let Some(name) = sibling {
            let also =
                elsewhere.map_or(String::new(), |place| format!(" (elsewhere there is {place})"));
            return Some(format!("did you mean `{name}`?{also}"));
        }
        if let Some(place) = elsewhere {
            return Some(format!("write {place}"));
        }
        // The keys of other kinds mean nothing here, however alike they look.
        if let Some(place) = self.whereabouts.nearest(key).filter(|_| !tagged) {
            return Some(format!("did you mean {place}?"));
        }
        let known: Vec<&str> = names().take(12).collect();
        match (known.as_slice(), table.tag()) {
            ([], _) => None,
            ([_], Some(kind)) if tagged => Some(format!("{TAG} = \"{kind}\" has no settings")),
            _ => Some(format!("known keys here: {}", known.join(", "))),
        }
    }
}

/// The keys that lead down from a table that has one key, as `latency` from `network.latency = 1`.
fn only_keys(node: &Node) -> Vec<&str> {
    let mut keys = Vec::new();
    let mut at = node;
    while let Value::Table(table) = &at.value
        && let [(key, entry)] = &table.in_order()[..]
    {
        keys.push(key.as_str());
        at = &entry.node;
    }
    keys
}

/// Whether it is a table of one key, which must be written.
fn is_one_key(keys: &TableShape) -> bool {
    matches!(&keys.fields[..], [only] if only.required) && keys.others.is_none()
}

/// Whether the shape is a table that has every key of this one.
fn has_keys(node: &Node, shape: &Shape) -> bool {
    match (&node.value, &shape.kind) {
        (Value::Table(table), ValueKind::Table(keys)) => {
            table.entries.keys().all(|key| keys.field(key).is_some())
        }
        _ => false,
    }
}
