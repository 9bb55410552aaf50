//! Settings as cells of a column.

use serde_json::Value;

use crate::results::table::{Cell, CellKind};

/// The narrowest kind that holds all these settings; those of different kinds are all texts.
pub(super) fn kind_of<'a>(values: impl Iterator<Item = &'a Value>) -> CellKind {
    let kind = |value: &Value| match value {
        Value::Bool(_) => CellKind::Flag,
        Value::Number(number) if number.is_i64() => CellKind::Whole,
        Value::Number(_) => CellKind::Number,
        _ => CellKind::Text,
    };
    let both = |one: CellKind, other: CellKind| match (one, other) {
        (one, other) if one == other => one,
        (CellKind::Whole, CellKind::Number) | (CellKind::Number, CellKind::Whole) => {
            CellKind::Number
        }
        _ => CellKind::Text,
    };
    values.map(kind).reduce(both).unwrap_or(CellKind::Text)
}

/// A setting as a cell of a column of this kind; `text` is the setting as text.
pub(super) fn setting<'a>(kind: CellKind, value: Option<&Value>, text: &'a str) -> Cell<'a> {
    let Some(value) = value else { return Cell::Empty };
    match kind {
        CellKind::Text => text.into(),
        CellKind::Whole => value.as_i64().map_or(Cell::Empty, |whole| Cell::Whole(whole.into())),
        CellKind::Number => value.as_f64().into(),
        CellKind::Flag => value.as_bool().map_or(Cell::Empty, Cell::Flag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_the_narrowest_kind_that_holds_them_all() {
        let kind = |list: Value| kind_of(list.as_array().expect("a list").iter());
        assert_eq!(kind(serde_json::json!([1, 10])), CellKind::Whole);
        assert_eq!(kind(serde_json::json!([1, 0.5])), CellKind::Number);
        assert_eq!(kind(serde_json::json!([true, false])), CellKind::Flag);
        assert_eq!(kind(serde_json::json!([1, "auto"])), CellKind::Text);
        assert_eq!(kind(serde_json::json!([[8, 4]])), CellKind::Text);
        assert_eq!(kind(serde_json::json!([])), CellKind::Text);
    }
}
