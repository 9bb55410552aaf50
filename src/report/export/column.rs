//! Columns with a kind, and the cells in them.

use serde_json::Value;

/// What the cells of a column are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Text,
    Whole,
    Number,
    Flag,
}

/// A column of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

impl Column {
    pub(super) fn new(name: &str, kind: Kind) -> Column {
        Column { name: name.to_string(), kind }
    }
}

/// One cell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Cell<'a> {
    Missing,
    Text(&'a str),
    Whole(i64),
    Number(f64),
    Flag(bool),
}

impl<'a> Cell<'a> {
    /// A number; NaN and infinity are no values and are missing.
    pub(super) fn number(value: Option<f64>) -> Cell<'a> {
        value.filter(|value| value.is_finite()).map_or(Cell::Missing, Cell::Number)
    }

    /// A count. Ours are all below 2^63.
    pub(super) fn whole(value: u64) -> Cell<'a> {
        i64::try_from(value).map_or(Cell::Missing, Cell::Whole)
    }
}

/// The narrowest kind that holds all these settings; those of different kinds are all texts.
pub(super) fn kind_of<'a>(values: impl Iterator<Item = &'a Value>) -> Kind {
    let kind = |value: &Value| match value {
        Value::Bool(_) => Kind::Flag,
        Value::Number(number) if number.is_i64() => Kind::Whole,
        Value::Number(_) => Kind::Number,
        _ => Kind::Text,
    };
    let both = |one: Kind, other: Kind| match (one, other) {
        (one, other) if one == other => one,
        (Kind::Whole, Kind::Number) | (Kind::Number, Kind::Whole) => Kind::Number,
        _ => Kind::Text,
    };
    values.map(kind).reduce(both).unwrap_or(Kind::Text)
}

/// A setting as a cell of a column of this kind; `text` is the setting as text.
pub(super) fn setting<'a>(kind: Kind, value: Option<&Value>, text: &'a str) -> Cell<'a> {
    let Some(value) = value else { return Cell::Missing };
    match kind {
        Kind::Text => Cell::Text(text),
        Kind::Whole => value.as_i64().map_or(Cell::Missing, Cell::Whole),
        Kind::Number => Cell::number(value.as_f64()),
        Kind::Flag => value.as_bool().map_or(Cell::Missing, Cell::Flag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_the_narrowest_kind_that_holds_them_all() {
        let kind = |list: Value| kind_of(list.as_array().expect("a list").iter());
        assert_eq!(kind(serde_json::json!([1, 10])), Kind::Whole);
        assert_eq!(kind(serde_json::json!([1, 0.5])), Kind::Number);
        assert_eq!(kind(serde_json::json!([true, false])), Kind::Flag);
        assert_eq!(kind(serde_json::json!([1, "auto"])), Kind::Text);
        assert_eq!(kind(serde_json::json!([[8, 4]])), Kind::Text);
        assert_eq!(kind(serde_json::json!([])), Kind::Text);
    }
}
