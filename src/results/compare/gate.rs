//! Conditions under which a comparison fails, for scripts: `best.auc.delta < -0.001`.

use std::fmt;
use std::str::FromStr;

use super::{Comparison, ComparisonRow, Verdict};
use crate::metrics::measure::Measure;

/// A condition on the rows of a figure.
#[derive(Clone, PartialEq, Debug)]
pub struct Gate {
    /// The figure.
    pub measure: Measure,
    field: RowField,
    relation: Relation,
    bound: Bound,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum RowField {
    A,
    B,
    Delta,
    Relative,
    Low,
    High,
    P,
    Verdict,
}

impl RowField {
    const NAMES: &[(&str, RowField)] = &[
        ("a", RowField::A),
        ("b", RowField::B),
        ("delta", RowField::Delta),
        ("relative", RowField::Relative),
        ("low", RowField::Low),
        ("high", RowField::High),
        ("p", RowField::P),
        ("verdict", RowField::Verdict),
    ];
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Relation {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
}

impl Relation {
    /// Longer ones come first, since shorter ones are their beginnings.
    const NAMES: &[(&str, Relation)] = &[
        ("<=", Relation::LessEqual),
        (">=", Relation::GreaterEqual),
        ("==", Relation::Equal),
        ("<", Relation::Less),
        (">", Relation::Greater),
    ];
}

#[derive(Clone, PartialEq, Debug)]
enum Bound {
    Number(f64),
    Verdict(String),
}

const VERDICTS: &[&str] = &["higher", "lower", "same", "undecided", "better", "worse"];

/// A text that is not a condition.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{text:?} is no condition: {reason}; write METRIC.FIELD, a relation and a value, as in \
     best.auc.delta < -0.001 or best.auc.verdict == lower"
)]
pub struct GateError {
    text: String,
    reason: String,
}

/// The result of a condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The other side's name.
    pub side: String,
    /// The reason, or why the condition could not be checked.
    pub found: String,
}

impl FromStr for Gate {
    type Err = GateError;

    fn from_str(text: &str) -> Result<Gate, GateError> {
        let wrong = |reason: String| GateError { text: text.to_string(), reason };
        // The measure may contain a relation itself, in brackets.
        let begin = text.rfind(')').map_or(0, |end| end + 1);
        let sign = text[begin..].find(['<', '>', '=']);
        let sign = begin + sign.ok_or_else(|| wrong("it has no relation".into()))?;
        let relation = Relation::NAMES.iter().find(|(name, _)| text[sign..].starts_with(name));
        let (name, relation) = relation.ok_or_else(|| wrong("its relation is unknown".into()))?;
        let (left, right) = (text[..sign].trim(), text[sign + name.len()..].trim());
        let fields =
            || RowField::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let unknown = || wrong(format!("a metric is followed by one of {}", fields()));
        let (measure, field) = left.rsplit_once('.').ok_or_else(unknown)?;
        let (_, field) =
            RowField::NAMES.iter().find(|(name, _)| *name == field).ok_or_else(unknown)?;
        let measure = measure.parse().map_err(|error| wrong(format!("{error}")))?;
        let bound = match field {
            RowField::Verdict if VERDICTS.contains(&right) && *relation == Relation::Equal => {
                Bound::Verdict(right.to_string())
            }
            RowField::Verdict => {
                return Err(wrong(format!("a verdict == one of {}", VERDICTS.join(", "))));
            }
            _ => match right.parse::<f64>() {
                Ok(number) if number.is_finite() => Bound::Number(number),
                _ => return Err(wrong(format!("{right:?} is no number"))),
            },
        };
        Ok(Gate { measure, field: *field, relation: *relation, bound })
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = RowField::NAMES.iter().find(|(_, field)| *field == self.field);
        let relation = Relation::NAMES.iter().find(|(_, relation)| *relation == self.relation);
        let (field, relation) = (field.map_or("", |f| f.0), relation.map_or("", |r| r.0));
        write!(out, "{}.{field} {relation} ", self.measure)?;
        match &self.bound {
            Bound::Number(number) => write!(out, "{number}"),
            Bound::Verdict(verdict) => out.write_str(verdict),
        }
    }
}

impl Gate {
    /// The rows for which the condition is met, or cannot be checked: then the gate fails too.
    pub fn findings(&self, comparison: &Comparison) -> Vec<Finding> {
        let rows = comparison.rows.iter().filter(|row| row.measure == self.measure);
        let finding = |row: &ComparisonRow| {
            let found = self.found(row)?;
            Some(Finding { side: comparison.others[row.other].name.clone(), found })
        };
        rows.filter_map(finding).collect()
    }

    fn found(&self, row: &ComparisonRow) -> Option<String> {
        match &self.bound {
            Bound::Verdict(wanted) => {
                let is = match (wanted.as_str(), row.verdict) {
                    ("higher", Verdict::Higher) | ("lower", Verdict::Lower) => true,
                    ("same", Verdict::Same) | ("undecided", Verdict::Undecided { .. }) => true,
                    ("better", _) => row.is_better() == Some(true),
                    ("worse", _) => row.is_better() == Some(false),
                    (_, Verdict::TooFew | Verdict::Missing) => {
                        return Some("there is no verdict".to_string());
                    }
                    _ => false,
                };
                is.then(|| format!("the verdict is {wanted}"))
            }
            Bound::Number(bound) => match number(row, self.field) {
                None => Some("it is not defined".to_string()),
                Some(number) if self.holds(number, *bound) => Some(format!("it is {number}")),
                Some(_) => None,
            },
        }
    }

    fn holds(&self, number: f64, bound: f64) -> bool {
        match self.relation {
            Relation::Less => number < bound,
            Relation::LessEqual => number <= bound,
            Relation::Greater => number > bound,
            Relation::GreaterEqual => number >= bound,
            Relation::Equal => number == bound,
        }
    }
}

fn number(row: &ComparisonRow, field: RowField) -> Option<f64> {
    // Values that some trials lack cannot be compared.
    if row.missing != [0, 0] {
        return None;
    }
    match field {
        RowField::A => row.a,
        RowField::B => row.b,
        RowField::Delta => row.delta,
        RowField::Relative => row.delta.zip(row.a).map(|(delta, a)| delta / a.abs()),
        RowField::Low => row.interval.map(|interval| interval.low),
        RowField::High => row.interval.map(|interval| interval.high),
        RowField::P => row.adjusted_p,
        RowField::Verdict => None,
    }
    .filter(|number| number.is_finite())
}
