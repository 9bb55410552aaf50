//! Sweeps on the command line: `cluster.workers=1,10,30`.

use toml::de::DeValue;

use super::points::{DesignAxis, Literal, Setting};
use super::values;
use crate::scenario::document::node::{Node, Value};
use crate::scenario::document::{Origin, write};

impl Argument {
    /// The key of the scenario.
    pub fn key(&self) -> &str {
        match self {
            Argument::Axis(axis) => &axis.key,
            Argument::Setting(setting) => &setting.key,
        }
    }
}

/// What an argument `key=...` of a sweep means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Argument {
    /// Several values: an axis of the grid.
    Axis(DesignAxis),
    /// One value, for every point.
    Setting(Setting),
}

/// Reads one argument. Commas outside of brackets, braces and quotes separate values; `lin:`,
/// `log:` and `range:` expand to several. `place` says where it was written.
///
/// # Errors In words, if a range cannot be expanded or a value is empty.
pub fn read(text: &str, place: &str) -> Result<Argument, String> {
    let Some((key, value)) = text.split_once('=') else {
        return Err(format!("`{text}` needs `=` between key and value, such as table.key=3"));
    };
    let trimmed = value.trim();
    let range = trimmed
        .strip_prefix("range:")
        .or_else(|| Some(trimmed).filter(|t| t.starts_with("lin:") || t.starts_with("log:")));
    let values = match range {
        Some(range) => values::range(range)?,
        None => parts(trimmed).into_iter().map(String::from).collect(),
    };
    let key = key.trim().to_string();
    let literal = |text: String| Literal { text: toml_literal(text), place: place.to_string() };
    if range.is_none() && values.len() < 2 {
        let value = literal(trimmed.to_string());
        return Ok(Argument::Setting(Setting { key, value }));
    }
    if values.iter().any(String::is_empty) {
        return Err(format!("`{text}` has an empty value between commas"));
    }
    let values = values.into_iter().map(literal).collect();
    Ok(Argument::Axis(DesignAxis { key, values }))
}

/// Text that is not a TOML value becomes a string, as in overrides: units and names need no quotes.
fn toml_literal(text: String) -> String {
    match DeValue::parse(&text) {
        Ok(value) if !value.get_ref().is_datetime() => text,
        _ => write::literal(&Node::new(Value::String(text), Origin::DEFAULT)),
    }
}

/// Parts of a text between commas that stand outside of brackets, braces and quotes.
pub fn parts(text: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start) = (0usize, None, 0);
    let mut found = Vec::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if let Some(open) = quote {
            match c {
                _ if escaped => escaped = false,
                '\\' if open == '"' => escaped = true,
                _ if c == open => quote = None,
                _ => {}
            }
            continue;
        }
        match c {
            '"' | '\'' => quote = Some(c),
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(text[start..].trim());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Option<Vec<String>> {
        match read(text, "here").unwrap() {
            Argument::Axis(axis) => Some(axis.values.into_iter().map(|v| v.text).collect()),
            Argument::Setting(_) => None,
        }
    }

    #[test]
    fn commas_part_values_outside_of_brackets_and_quotes() {
        let of = |list: &[&str]| Some(list.iter().map(|s| s.to_string()).collect::<Vec<_>>());
        assert_eq!(values("a.b=1, 10,30"), of(&["1", "10", "30"]));
        assert_eq!(values("a=[1,2],[3]"), of(&["[1,2]", "[3]"]));
        assert_eq!(
            values("a={kind=\"x\", y=1},{kind=\"z\"}"),
            of(&["{kind=\"x\", y=1}", "{kind=\"z\"}"])
        );
        assert_eq!(values("a='x,y','z'"), of(&["'x,y'", "'z'"]));
        assert_eq!(values("a=\"q\\\",r\",s"), of(&["\"q\\\",r\"", "\"s\""]));
        assert_eq!(values("a=2ms,synchronous"), of(&["\"2ms\"", "\"synchronous\""]));
        assert_eq!(values("a=range:1..3"), of(&["1", "2", "3"]));
        assert_eq!(values("a=log:1..100 x3"), of(&["1", "10", "100"]));
    }

    #[test]
    fn one_value_is_for_every_point() {
        for text in ["a=1", "a=[1,2]", "a=", "train.days=1..10", "a='1,2'"] {
            assert_eq!(values(text), None, "{text}");
        }
        assert!(read("nonsense", "here").unwrap_err().contains("needs `=`"));
        assert!(read("a=1,,2", "here").is_err());
        assert!(read("a=log:0..1 x3", "here").is_err());
    }
}
