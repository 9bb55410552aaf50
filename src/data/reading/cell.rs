//! Reading numbers, labels and conditions from the bytes of a cell.

use super::bad_rows::{BadRowKind, Fault, excerpt};
use super::text::Text;
use super::tidy::MISSING_TEXTS;
use crate::data::error::DataError;

/// The cell as a finite number.
#[inline(always)]
pub(crate) fn number(cell: Text, what: &str) -> Result<f64, Fault> {
    if cell.is_empty() {
        return Err(empty(what));
    }
    match decimal(cell) {
        Some(value) => Ok(value),
        None => unusual_number(cell, what),
    }
}

#[cold]
fn unusual_number(cell: Text, what: &str) -> Result<f64, Fault> {
    let parsed = std::str::from_utf8(&cell).ok().and_then(|text| text.parse::<f64>().ok());
    let mut fault = match parsed {
        None => Fault::cell(BadRowKind::BadNumber, format_args!("{what} must be a number"), &cell),
        Some(value) if !(value as f32).is_finite() => {
            Fault::cell(BadRowKind::NonFinite, format_args!("{what} must be finite"), &cell)
        }
        Some(value) => return Ok(value),
    };
    if let Some(text) = MISSING_TEXTS.iter().find(|text| text.as_bytes() == cell.bytes()) {
        fault.detail += &format!(" (if it means an empty cell: missing_texts = [{text:?}])");
    } else if cell.trim_ascii().len() < cell.len() {
        fault.detail += " (trim = true leaves out blanks at the ends of cells)";
    }
    Err(fault)
}

/// A number of digits, optionally with a sign and a point, of at most 15 bytes: most cells of real
/// logs are such. Its digits and the power of ten are exact in a double, so their quotient is
/// rounded as in the standard library (Clinger 1990).
#[inline(always)]
fn decimal(cell: Text) -> Option<f64> {
    match cell.short_decimal() {
        Some((digits, 0)) => Some(digits as f64),
        Some((digits, places)) => Some(digits as f64 / POWERS[places]),
        None => longer_decimal(cell.bytes()),
    }
}

fn longer_decimal(cell: &[u8]) -> Option<f64> {
    let (negative, digits) = match cell {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    let (mut value, mut point) = (0u64, None);
    for (at, byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            value = value * 10 + u64::from(digit);
        } else if *byte == b'.' && point.is_none() && digits.len() > 1 {
            point = Some(at);
        } else {
            return None;
        }
    }
    let value = match point {
        Some(at) => value as f64 / POWERS[digits.len() - 1 - at],
        None => value as f64,
    };
    Some(if negative { -value } else { value })
}

const POWERS: [f64; 15] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

/// The cell; a fault if it is empty.
#[inline(always)]
pub(crate) fn filled<'a>(cell: Text<'a>, what: &str) -> Result<Text<'a>, Fault> {
    match *cell {
        [] => Err(empty(what)),
        _ => Ok(cell),
    }
}

#[cold]
fn empty(what: &str) -> Fault {
    Fault::new(BadRowKind::EmptyField, format!("{what} is empty"))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Operator {
    AtLeast,
    AtMost,
    NotEqual,
    Equal,
    Above,
    Below,
}

/// Longer operators come first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 7] = [
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("!=", Operator::NotEqual),
    ("==", Operator::Equal),
    ("=", Operator::Equal),
    (">", Operator::Above),
    ("<", Operator::Below),
];

/// A comparison of a cell with a constant: as numbers if the constant is a number (and not in
/// single quotes), otherwise as text, byte by byte.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Condition {
    operator: Operator,
    text: String,
    number: Option<f64>,
}

impl Condition {
    /// Reads `">= 4"` or `"!= ''"`; errors name `key`.
    pub(crate) fn parse(key: &'static str, text: &str) -> Result<Condition, DataError> {
        let found = OPERATORS.iter().find_map(|(sign, operator)| {
            text.trim().strip_prefix(sign).map(|rest| (*operator, rest.trim()))
        });
        let (operator, right) = found.ok_or_else(|| DataError::Setting {
            key,
            problem: format!(
                "{text:?} is no condition: write an operator and a value, e.g. \">= 4\""
            ),
        })?;
        let quoted = right.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
        let number = match quoted {
            Some(_) => None,
            None => right.parse().ok().filter(|number: &f64| number.is_finite()),
        };
        Ok(Condition { operator, text: quoted.unwrap_or(right).to_string(), number })
    }

    /// The condition on cells without blanks at their ends.
    pub(crate) fn trimmed(mut self) -> Condition {
        self.text = self.text.trim_matches([' ', '\t']).to_string();
        self
    }

    /// The column in `"Quantity > 0"`.
    pub(crate) fn column(text: &str) -> &str {
        text[..column_end(text)].trim()
    }

    /// Reads `"Quantity > 0"` into a column name and a condition.
    pub(crate) fn parse_with_column(
        key: &'static str,
        text: &str,
    ) -> Result<(String, Condition), DataError> {
        let column = Condition::column(text);
        if column.is_empty() {
            let problem = format!("{text:?} names no column: write e.g. \"Quantity > 0\"");
            return Err(DataError::Setting { key, problem });
        }
        Ok((column.to_string(), Condition::parse(key, &text[column_end(text)..])?))
    }

    /// Whether `cell` fulfils the condition.
    ///
    /// # Errors
    /// If the condition compares the order of numbers and the cell is not a number.
    pub(crate) fn holds(&self, cell: Text, what: &str) -> Result<bool, Fault> {
        let equality = matches!(self.operator, Operator::Equal | Operator::NotEqual);
        let order = match self.number {
            Some(right) if equality => match number(cell, what) {
                Ok(left) => left.total_cmp(&right),
                Err(_) => return Ok(self.operator == Operator::NotEqual),
            },
            Some(right) => number(cell, what)?.total_cmp(&right),
            None => cell.bytes().cmp(self.text.as_bytes()),
        };
        Ok(match self.operator {
            Operator::AtLeast => order.is_ge(),
            Operator::AtMost => order.is_le(),
            Operator::NotEqual => order.is_ne(),
            Operator::Equal => order.is_eq(),
            Operator::Above => order.is_gt(),
            Operator::Below => order.is_lt(),
        })
    }
}

/// Where the operator begins in `"Quantity > 0"`.
fn column_end(text: &str) -> usize {
    text.find(['>', '<', '=', '!']).unwrap_or(text.len())
}

/// The rule for a positive label.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum LabelRule {
    /// The cell is 0 or 1.
    ZeroOrOne,
    /// The cell fulfils a condition.
    Condition(Condition),
    /// The cell is one of these texts.
    OneOf(Vec<String>),
}

impl LabelRule {
    /// Whether the label is positive.
    #[inline(always)]
    pub(crate) fn positive(&self, cell: Text) -> Result<bool, Fault> {
        match self {
            LabelRule::ZeroOrOne => match cell.bytes() {
                b"0" | b"0.0" => Ok(false),
                b"1" | b"1.0" => Ok(true),
                _ => {
                    let how = match number(cell, "") {
                        Ok(_) => "positive_when = \">= 4\", say, for other numbers",
                        Err(_) => "positive_when = [\"yes\"], say, for texts",
                    };
                    let found = excerpt(&cell);
                    let detail = format!("the label must be 0 or 1, found {found} ({how})");
                    Err(Fault::new(BadRowKind::BadLabel, detail))
                }
            },
            LabelRule::Condition(condition) => condition
                .holds(cell, "the label")
                .map_err(|fault| Fault::new(BadRowKind::BadLabel, fault.detail)),
            LabelRule::OneOf(values) => {
                Ok(values.iter().any(|value| value.as_bytes() == cell.bytes()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn decimals_are_those_of_the_standard_library(text in "-?[0-9]{0,8}[.]?[0-9]{0,8}") {
            if let Some(value) = decimal(text.as_str().into()) {
                let parsed: f64 = text.parse().unwrap();
                prop_assert_eq!(value.to_bits(), parsed.to_bits());
            }
        }
    }

    #[test]
    fn numbers_must_be_finite_also_as_f32() {
        assert_eq!(number(b"-3.5".into(), "x"), Ok(-3.5));
        assert_eq!(number(b"999999999".into(), "x"), Ok(999_999_999.0));
        assert_eq!(number(b"0012345678".into(), "x"), Ok(12_345_678.0));
        for (cell, kind) in [
            ("", BadRowKind::EmptyField),
            ("3,5", BadRowKind::BadNumber),
            (" 3", BadRowKind::BadNumber),
            ("NaN", BadRowKind::NonFinite),
            ("-inf", BadRowKind::NonFinite),
            ("1e39", BadRowKind::NonFinite),
            ("1e999", BadRowKind::NonFinite),
        ] {
            assert_eq!(number(cell.into(), "x").unwrap_err().kind, kind, "{cell}");
        }
    }

    #[test]
    fn conditions_compare_numbers_or_text() {
        let holds = |condition: &str, cell: &str| {
            Condition::parse("k", condition).unwrap().holds(cell.into(), "x")
        };
        assert_eq!(holds(">= 4", "4.0"), Ok(true));
        assert_eq!(holds(">= 4", "10"), Ok(true));
        assert_eq!(holds("< '4'", "10"), Ok(true));
        assert_eq!(holds("!= ''", ""), Ok(false));
        assert_eq!(holds("= 1", "buy"), Ok(false));
        assert_eq!(holds(">= 2010-12-01", "2010-12-01 08:26:00"), Ok(true));
        assert_eq!(holds("> 4", "many").unwrap_err().kind, BadRowKind::BadNumber);
        assert!(Condition::parse("k", "4").is_err());
    }

    #[test]
    fn a_condition_names_its_column() {
        let (column, condition) = Condition::parse_with_column("k", "Customer ID != ''").unwrap();
        assert_eq!(column, "Customer ID");
        assert_eq!(condition.holds(b"17850".into(), "x"), Ok(true));
        assert!(Condition::parse_with_column("k", "> 3").is_err());
    }
}
