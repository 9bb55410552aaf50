//! What a table looks like beside what its mapping says: columns that say nothing.

use super::config::{Config, Missing, PositiveWhen};
use crate::data::Remark;
use crate::data::reading::bad_rows::excerpt;
use crate::data::reading::text::Text;

/// Most different labels that are kept for messages.
const LABELS: usize = 6;
/// Rows whose labels are looked at for them.
const ROWS: usize = 100_000;

/// The texts of labels.
#[derive(Clone, Debug, Default)]
pub(crate) struct LabelTexts {
    texts: Vec<Vec<u8>>,
    rows: usize,
}

impl LabelTexts {
    /// Notes the label of a row, for the first rows.
    #[inline]
    pub(crate) fn note(&mut self, cell: Text) {
        if self.rows == ROWS || self.texts.len() == LABELS {
            return;
        }
        self.rows += 1;
        if self.texts.iter().all(|text| text[..] != *cell) {
            self.texts.push(cell.to_vec());
        }
    }

    /// The texts, quoted.
    fn quoted(&self) -> String {
        let texts: Vec<String> = self.texts.iter().map(|text| excerpt(text)).collect();
        let more = if self.texts.len() == LABELS { ", ..." } else { "" };
        format!("{}{more}", texts.join(", "))
    }

    /// The longest of the texts that a rule names but for blanks, quotes, or capitals.
    fn meant_by(&self, rule: &str) -> Option<String> {
        let rule = rule.to_lowercase();
        let texts = self.texts.iter().map(|text| String::from_utf8_lossy(text).into_owned());
        let plain = |text: &String| text.trim_matches(['"', '\'', ' ', '\t']).to_lowercase();
        let named = texts.filter(|text| {
            let text = plain(text);
            !text.is_empty() && rule.contains(&text)
        });
        named.max_by_key(|text| plain(text).len())
    }
}

/// The remark about labels that are all the same.
pub(super) fn labels(config: &Config, labels: &[u8], texts: &LabelTexts) -> Option<Remark> {
    let positive = labels.iter().filter(|label| **label == 1).count();
    let how_many = match positive {
        0 => "none",
        all if all == labels.len() => "all",
        _ => return None,
    };
    let (column, rows) = (&config.label, labels.len());
    if config.impressions.is_some() {
        let message = format!("{how_many} of the {rows} candidates of impressions are positive");
        let help = "a model learns nothing from one label: look at how clicks are marked";
        return Some(Remark::new("data.impressions", message, help));
    }
    let Some(rule) = &config.positive_when else {
        let value = if positive == 0 { 0 } else { 1 };
        let message = format!("every label (`{column}`) of the {rows} rows is {value}");
        let help = "a model learns nothing from one label: is it the right column, and are these all files?";
        return Some(Remark::new("data.label", message, help));
    };
    let (rule, suggestion) = match rule {
        PositiveWhen::Condition(text) => (text.clone(), "= '{}'"),
        PositiveWhen::OneOf(values) => (values.join(", "), "{}"),
    };
    let message = format!(
        "{how_many} of the {rows} rows fulfil `positive_when`, {rule:?}: `{column}` is {}",
        texts.quoted()
    );
    let help = match texts.meant_by(&rule).filter(|_| positive == 0) {
        Some(text) => format!("did you mean {:?}?", suggestion.replace("{}", &text)),
        None => "write a value that some rows have and others have not".to_string(),
    };
    Some(Remark::new("data.positive_when", message, help))
}

/// What the numbers of a column look like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NumberLook {
    first: Option<f32>,
    varies: bool,
    is_missing: bool,
}

impl NumberLook {
    /// Notes the number of a row, NaN if it is missing.
    #[inline]
    pub(crate) fn note(&mut self, value: f32) {
        if value.is_nan() {
            self.is_missing = true;
        } else {
            let first = *self.first.get_or_insert(value);
            self.varies |= first != value;
        }
    }
}

/// Remarks about columns whose cells are all the same: `numbers` are the looks of the numeric ones,
/// `rows` the numbers of ids.
pub(super) fn columns(
    config: &Config,
    examples: usize,
    numbers: &[NumberLook],
    rows: &[u32],
) -> Vec<Remark> {
    let mut numeric = Vec::new();
    for (name, look) in config.numeric.iter().zip(numbers) {
        let what = match look.first {
            None => "has no number in any row: its cells are empty".to_string(),
            Some(first) if !look.varies => match config.log1p {
                true => "is the same number in every row".to_string(),
                false => format!("is {first} in every row"),
            },
            Some(_) => continue,
        };
        let is_flagged = config.missing == Missing::Flag && look.is_missing;
        let rest = if is_flagged { " that has one" } else { "" };
        numeric.push((name.as_str(), format!("{what}{rest}")));
    }
    let constant = config.categorical.iter().zip(rows).filter(|(_, rows)| **rows == 1);
    let constant = constant.filter(|_| examples > 1);
    let what = "has the same id in every row";
    let categorical = constant.map(|(name, _)| (name.as_str(), what.to_string())).collect();
    let mut found = told("numeric", numeric);
    found.extend(told("categorical", categorical));
    found
}

/// A remark per column, or a single one if there are many.
fn told(kind: &str, columns: Vec<(&str, String)>) -> Vec<Remark> {
    let key = format!("data.{kind}");
    if columns.len() <= COLUMNS {
        let message = |(name, what): &(&str, String)| format!("the {kind} column `{name}` {what}");
        return columns.iter().map(|column| Remark::new(&key, message(column), NOTHING)).collect();
    }
    let names: Vec<&str> = columns.iter().take(COLUMNS).map(|(name, _)| *name).collect();
    let (count, names) = (columns.len(), names.join(", "));
    let message = format!("{count} {kind} columns are the same in every row: {names}, ...");
    vec![Remark::new(key, message, NOTHING)]
}

/// So many columns get a remark each.
const COLUMNS: usize = 4;

/// The help for a column that is the same in every row.
const NOTHING: &str = "a column that never varies tells a model nothing: is it the right one?";

#[cfg(test)]
mod tests {
    use super::super::open;
    use super::*;
    use crate::base::Streams;
    use crate::data::{DataError, OpenContext};

    fn remarks(text: &str, settings: &str) -> Result<Vec<String>, DataError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("log.csv"), text).unwrap();
        let config: Config = toml::from_str(&format!("files = [\"log.csv\"]\n{settings}")).unwrap();
        let context = OpenContext::new(folder.path(), Streams::new(1));
        let log = open(&config, &context)?;
        Ok(log.remarks.iter().map(|remark| format!("{}: {remark}", remark.key)).collect())
    }

    const LOG: &str = "label,x,a\nno,1,u\nYes,2,v\nno,2,u\n";

    #[test]
    fn a_rule_that_never_or_always_holds_names_values_that_occur() {
        let of = |rule: &str| {
            remarks(LOG, &format!("categorical = [\"a\"]\npositive_when = {rule}")).unwrap()
        };
        assert_eq!(of("\"= Yes\""), [""; 0]);
        let never = of("\"= yes\"");
        assert_eq!(
            never,
            [
                "data.positive_when: none of the 3 rows fulfil `positive_when`, \"= yes\": `label` is \"no\", \"Yes\"; \
              did you mean \"= 'Yes'\"?"
            ]
        );
        assert!(of("[\"maybe\"]")[0].contains("none of the 3 rows"));
        assert!(of("\"!= maybe\"")[0].starts_with("data.positive_when: all of the 3 rows fulfil"));
        let plain = remarks("label,a\n0,u\n0,v\n", "categorical = [\"a\"]").unwrap();
        assert!(
            plain[0].starts_with("data.label: every label (`label`) of the 2 rows is 0;"),
            "{plain:?}"
        );
    }

    #[test]
    fn columns_that_never_vary_are_told() {
        let log = "label,x,y,z,a,b\n0,7,1,,u,k\n1,7,2,,v,k\n";
        let found = remarks(
            log,
            "numeric = [\"x\", \"y\", \"z\"]\ncategorical = [\"a\", \"b\"]\nmissing = \"zero\"",
        );
        let found = found.unwrap();
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("data.numeric: the numeric column `x` is 7 in every row;"));
        assert!(found[1].contains("`z` has no number in any row"));
        assert!(found[2].contains("the categorical column `b` has the same id in every row"));
    }

    #[test]
    fn filters_that_leave_nothing_or_everything_are_told() {
        let of = |keep: &str| {
            remarks(
                LOG,
                &format!(
                    "categorical = [\"a\"]\npositive_when = \"= Yes\"\nkeep_when = [\"{keep}\"]"
                ),
            )
        };
        assert!(
            of("x > 0").unwrap()[0]
                .contains("`data.keep_when` leaves no row out: all 3 fulfil \"x > 0\"")
        );
        let error = of("x > 9").unwrap_err().to_string();
        assert!(
            error.ends_with("no examples: keep_when leaves out all 3 rows; \"x > 9\" leaves out the first, which has \"1\""),
            "{error}"
        );
    }
}
