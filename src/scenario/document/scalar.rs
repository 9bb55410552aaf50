//! Checks of single values: type, unit, name, range, length.

use std::str::FromStr;

use crate::base::{Bandwidth, ByteSize, SimSpan};

use super::errors::{self, Code};
use super::node::{Node, Value};
use super::problem::Problem;
use super::shape::{Bounds, Dimension, LengthRange, Shape, ValueKind, Word, quoted};
use super::source::{SourceLayer, Sources};
use super::suggest;
use crate::base::counted;

/// The mistakes of a value that is not a table.
pub(super) fn check(node: &Node, shape: &Shape, path: &str, sources: &Sources) -> Option<Problem> {
    let problem = match (&shape.kind, &node.value) {
        (ValueKind::Bool, Value::Bool(_)) | (ValueKind::Any, _) => None,
        (ValueKind::Integer(bounds), Value::Integer(number)) => {
            check_range(node, *number as f64, bounds, path)
        }
        (ValueKind::Number { bounds, .. }, Value::Integer(number)) => {
            check_range(node, *number as f64, bounds, path)
        }
        (ValueKind::Number { bounds, single }, Value::Float(number)) => {
            let fits = !*single || (*number as f32).is_finite();
            let number = if fits { *number } else { f64::INFINITY };
            check_range(node, number, bounds, path)
        }
        (ValueKind::Text(length), Value::String(text)) => {
            check_length(node, text.chars().count(), *length, path)
        }
        (ValueKind::Words(words), Value::String(text)) => {
            let known = words.iter().any(|word| word.name == *text);
            let names = words.iter().map(|word| word.name.as_str());
            let meant = || (&words[..], suggest::nearest(text, names));
            (!known).then(|| unknown_name(node, text, meant(), path, sources))
        }
        (ValueKind::Quantity { measure, example }, _) => quantity(node, *measure, example, path),
        _ => Some(wrong_type(node, shape, path)),
    };
    problem.map(|problem| list_of_values(node, path, sources).unwrap_or(problem))
}

/// A value of another type than its key needs.
pub(super) fn wrong_type(node: &Node, shape: &Shape, path: &str) -> Problem {
    let message = format!("`{path}` must be {}, not {}", shape.describe(), describe(&node.value));
    let problem = Problem::error(&errors::WRONG_TYPE, path, message).label(node.origin, "");
    match type_help(node, shape, path) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

fn type_help(node: &Node, shape: &Shape, path: &str) -> Option<String> {
    let key = path.rsplit('.').next().unwrap_or(path);
    let value = super::write::literal(node);
    if value.len() > 60 {
        return None;
    }
    match (&shape.kind, &node.value) {
        (ValueKind::Table(table), _) if !matches!(node.value, Value::Table(_)) => {
            let keys = table.fields.iter().take(4).map(|field| format!("{path}.{}", field.name));
            let keys: Vec<String> = keys.collect();
            (!keys.is_empty()).then(|| format!("set one of its keys, such as {}", keys.join(", ")))
        }
        (ValueKind::Text(_), Value::Integer(_) | Value::Float(_) | Value::Bool(_)) => {
            Some(format!("put it in quotes: \"{value}\""))
        }
        (ValueKind::Text(_), Value::Datetime(text)) => {
            Some(format!("put it in quotes: \"{text}\""))
        }
        (ValueKind::Integer(_), Value::Float(number)) if number.fract() == 0.0 => {
            Some(format!("write {number} without the point"))
        }
        (ValueKind::Integer(_) | ValueKind::Number { .. }, Value::String(text))
            if text.parse::<f64>().is_ok() =>
        {
            Some(format!("leave out the quotes: {text}"))
        }
        (ValueKind::Bool, Value::String(text)) => match text.as_str() {
            "on" | "yes" => Some("write true".to_string()),
            "off" | "no" => Some("write false".to_string()),
            _ => None,
        },
        (ValueKind::List { items, .. }, Value::Table(_)) if is_table(items) => {
            Some(format!("write the header with two brackets: [[{path}]]"))
        }
        (ValueKind::List { .. }, Value::Array(_) | Value::Table(_)) => None,
        (ValueKind::List { .. }, _) => Some(format!("put it in brackets: [{value}]")),
        (ValueKind::Choice(variants), Value::String(text)) => {
            let words: Vec<Word> = variants.iter().map(|variant| variant.word()).collect();
            let names = words.iter().map(|word| word.name.as_str());
            match suggest::nearest(text, names) {
                Some(name) => Some(format!("write {key} = {{ kind = \"{name}\" }}")),
                None => {
                    Some(format!("write {key} = {{ kind = ... }} with one of {}", quoted(&words)))
                }
            }
        }
        _ => None,
    }
}

fn is_table(shape: &Shape) -> bool {
    matches!(shape.kind, ValueKind::Table(_) | ValueKind::Choice(_))
}

/// A name that is not among the ones allowed, and the one that was probably meant.
pub(super) fn unknown_name(
    node: &Node,
    text: &str,
    (words, meant): (&[Word], Option<&str>),
    path: &str,
    sources: &Sources,
) -> Problem {
    if let Some(problem) = list_of_values(node, path, sources) {
        return problem;
    }
    let message = format!("unknown {path} `{}`", shown(text));
    let problem = Problem::error(&errors::UNKNOWN_NAME, path, message).label(node.origin, "");
    match meant {
        Some(name) => problem.help(format!("did you mean \"{name}\"? (one of {})", quoted(words))),
        None => problem.help(format!("use one of {}", quoted(words))),
    }
}

/// A list or text of the wrong length.
pub(super) fn check_length(
    node: &Node,
    count: usize,
    length: LengthRange,
    path: &str,
) -> Option<Problem> {
    let short = length.min.is_some_and(|min| count < min);
    let long = length.max.is_some_and(|max| count > max);
    if !short && !long {
        return None;
    }
    let (one, many) = match node.value {
        Value::String(_) => ("character", "characters"),
        _ => ("element", "elements"),
    };
    let range = length.describe(one, many).unwrap_or_default();
    let message = format!("`{path}` has {}; it must have {range}", counted(count, one, many));
    Some(Problem::error(&errors::BAD_LENGTH, path, message).label(node.origin, ""))
}

/// Numbers in a value of any kind have to be finite as well.
pub(super) fn check_finite(node: &Node, path: &str, found: &mut Vec<Problem>) {
    match &node.value {
        Value::Float(number) => {
            found.extend(check_range(node, *number, &Bounds::default(), path));
        }
        Value::Array(items) => items.iter().for_each(|item| check_finite(item, path, found)),
        Value::Table(table) => {
            for (key, entry) in table.in_order() {
                check_finite(&entry.node, &format!("{path}.{key}"), found);
            }
        }
        _ => {}
    }
}

fn check_range(node: &Node, number: f64, bounds: &Bounds, path: &str) -> Option<Problem> {
    let error = |message: String| {
        let problem = Problem::error(&errors::OUT_OF_RANGE, path, message);
        Some(problem.label(node.origin, ""))
    };
    if !number.is_finite() {
        return error(format!("`{path}` must be a finite number"));
    }
    if bounds.contain(number) {
        return None;
    }
    let range = bounds.describe_all().unwrap_or_default();
    error(format!("`{path}` must be {range}"))
}

fn quantity(node: &Node, measure: Dimension, example: &str, path: &str) -> Option<Problem> {
    let code: &'static Code = &errors::BAD_QUANTITY;
    let unit = example.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let needs_unit = |number: &str| {
        let example = match number.starts_with('-') {
            true => example.to_string(),
            false => format!("{number}{unit}"),
        };
        Problem::error(code, path, format!("`{path}` needs a unit"))
            .label(node.origin, "")
            .help(format!("quote it with a unit, e.g. \"{example}\""))
    };
    match &node.value {
        Value::Integer(number) => Some(needs_unit(&number.to_string())),
        Value::Float(number) if number.is_finite() => Some(needs_unit(&number.to_string())),
        Value::String(text) if text.parse::<f64>().is_ok_and(f64::is_finite) => {
            Some(needs_unit(text.trim_start_matches('+')))
        }
        Value::String(text) => {
            let reason = match measure {
                Dimension::Duration => SimSpan::from_str(text).err(),
                Dimension::Bandwidth => Bandwidth::from_str(text).err(),
                Dimension::Bytes => ByteSize::from_str(text).err(),
            }?;
            let message = format!("`{path}` is not {}: `{}`", measure.describe(), shown(text));
            Some(Problem::error(code, path, message).label(node.origin, "").help(reason))
        }
        other => {
            let message =
                format!("`{path}` must be {}, not {}", measure.describe(), describe(other));
            let problem = Problem::error(&errors::WRONG_TYPE, path, message);
            Some(problem.label(node.origin, "").help(format!("for example \"{example}\"")))
        }
    }
}

/// The mistake of giving the values of a sweep to a command that takes one: `workers=10,30`.
fn list_of_values(node: &Node, path: &str, sources: &Sources) -> Option<Problem> {
    let text = node.as_str()?;
    let from_argument = sources.get(node.origin.source).layer == SourceLayer::CommandLine;
    if !(node.bare && from_argument && text.contains(',')) {
        return None;
    }
    let message = "this is a list of values, and one is expected";
    let problem = Problem::error(&errors::LIST_OF_VALUES, path, message);
    Some(problem.label(node.origin, "").help("`straggler run` runs it with each of them"))
}

/// The type of a value in words.
pub(super) fn describe(value: &Value) -> &'static str {
    match value {
        Value::Table(_) => "a table",
        Value::Array(_) => "a list",
        Value::String(_) => "text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a decimal number",
        Value::Bool(_) => "true or false",
        Value::Datetime(_) => "a date",
    }
}

/// The user's text, shortened for a message.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}
