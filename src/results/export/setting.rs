//! Settings as cells of a column.

use serde_json::Value;

use crate::results::table::{Cell, Kind};

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
    let Some(value) = value else { return Cell::Empty };
    match kind {
        Kind::Text => text.into(),
        Kind::Whole => value.as_i64().map_or(Cell::Empty, |whole| Cell::Whole(whole.into())),
        Kind::Number => value.as_f64().into(),
        Kind::Flag => value.as_bool().map_or(Cell::Empty, Cell::Flag),
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
