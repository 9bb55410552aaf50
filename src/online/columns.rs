//! Numbers that each request has of its own: from columns of the log.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::requests::Requests;
use crate::cluster::LawError;
use crate::data::{Batch, DataSource};

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// A law of delays.
    #[error(transparent)]
    Law(#[from] LawError),
    /// A column of the log.
    #[error("`online.{key}`: {error}")]
    Column {
        /// The key that names it, within `online`.
        key: &'static str,
        /// What is wrong with it.
        error: ColumnError,
    },
}

/// Why a column of the log cannot say what it is asked for.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ColumnError {
    /// The log has no such column.
    #[error("the log has no column `{name}` {of}: it has {}", listed(known))]
    Missing {
        /// The name in the scenario.
        name: String,
        /// What kind of column is meant, as the end of a sentence.
        of: &'static str,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The values of a column are not known any more.
    #[error(
        "the ids of column `{name}` are rows of a hash table or of several tables: nobody knows their values; \
         leave out `hash_rows` and `tables`, or write the shares into a column of `data.extra`"
    )]
    Hashed {
        /// The name of the column.
        name: String,
    },
    /// A value that no example has.
    #[error("column `{name}` never has the value `{value}`: it has {}", listed(known))]
    Value {
        /// The name of the column.
        name: String,
        /// The value in the scenario.
        value: String,
        /// The first of those that there are.
        known: Vec<String>,
    },
    /// A number that cannot be.
    #[error(
        "column `{name}` has {} for the {}. example of day {day} ({what}): correct the file, or leave such rows out \
         with `data.keep_when`",
        if found.is_nan() { "no number".to_string() } else { found.to_string() },
        place + 1
    )]
    Number {
        /// The name of the column.
        name: String,
        /// The day of the example.
        day: u32,
        /// Its place in the day, from 0.
        place: u64,
        /// What it has.
        found: f64,
        /// What it may have.
        what: &'static str,
    },
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "none (name them in `data.extra`)".to_string(),
        names => names.join(", "),
    }
}

/// Most values that an error lists.
const LISTED: usize = 8;

/// The numbers of the requests in a column of the log that no model sees; NaN where there is none.
///
/// # Errors
/// If the log has no such column, or a number is outside `range`. `what` says what it may be.
pub(super) fn numbers(
    requests: &Requests,
    source: &dyn DataSource,
    name: &str,
    range: &RangeInclusive<f64>,
    what: &'static str,
) -> Result<Arc<[f64]>, ColumnError> {
    let columns = source.extra();
    let column = columns.iter().position(|column| column == name);
    let column = column.ok_or_else(|| ColumnError::Missing {
        name: name.to_string(),
        of: "that no model sees (`data.extra`)",
        known: columns.to_vec(),
    })?;
    let number = |request: u64| {
        let id = requests.id(request);
        let found = source.extra_number(column, id);
        if found.is_nan() || range.contains(&found) {
            return Ok(found);
        }
        Err(wrong(requests, name, request, found, what))
    };
    (0..requests.len()).map(number).collect()
}

/// The number of a request that cannot be.
pub(super) fn wrong(
    requests: &Requests,
    name: &str,
    request: u64,
    found: f64,
    what: &'static str,
) -> ColumnError {
    let (day, place) = requests.place(request);
    ColumnError::Number { name: name.to_string(), day, place, found, what }
}

/// What each request has by its value in a column of ids: one of the named numbers, or `other`.
///
/// # Errors
/// If the log has no such column, its values are not known, or it never has one that is named.
pub(super) fn by_value(
    requests: &Requests,
    source: &dyn DataSource,
    name: &str,
    of: &BTreeMap<String, f64>,
    other: f64,
) -> Result<Arc<[f64]>, ColumnError> {
    let schema = source.schema();
    let field = schema.fields.iter().position(|field| field.name == name);
    let field = field.ok_or_else(|| ColumnError::Missing {
        name: name.to_string(),
        of: "of ids",
        known: schema.fields.iter().map(|field| field.name.clone()).collect(),
    })?;
    let space = schema.fields[field].space;
    let rows = schema.spaces[space].rows as usize;
    let ids = source.ids(space);
    if ids.is_none() && (source.is_hashed(space) || source.coding().is_some()) {
        return Err(ColumnError::Hashed { name: name.to_string() });
    }
    // Where a source fixes the rows of its ids, the row is the value.
    let text = |row: usize| match ids {
        Some(ids) => String::from_utf8_lossy(ids.text(row)).into_owned(),
        None => row.to_string(),
    };
    let mut shares = vec![other; rows];
    let mut left: BTreeMap<&str, f64> = of.iter().map(|(value, n)| (value.as_str(), *n)).collect();
    for (row, share) in shares.iter_mut().enumerate() {
        if left.is_empty() {
            break;
        }
        if let Some(named) = left.remove(text(row).as_str()) {
            *share = named;
        }
    }
    if let Some(value) = left.keys().next() {
        let known = (0..rows.min(LISTED)).map(text).collect();
        return Err(ColumnError::Value { name: name.into(), value: (*value).into(), known });
    }
    let mut all = Vec::with_capacity(requests.len() as usize);
    let mut batch = Batch::default();
    let mut ids = Vec::new();
    for first in (0..requests.len()).step_by(STRETCH as usize) {
        ids.clear();
        ids.extend((first..requests.len().min(first + STRETCH)).map(|k| requests.id(k)));
        source.read(&ids, &mut batch);
        let column = batch.fields.iter().skip(field).step_by(schema.fields.len());
        all.extend(column.map(|row| shares[*row as usize]));
    }
    Ok(all.into())
}

/// Number of examples that are read at once.
const STRETCH: u64 = 1024;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::base::Streams;
    use crate::data::{OpenContext, SourceChoice};
    use crate::online::{Online, Stream};

    /// Six requests, in the file's order backwards: with a type, a share and seconds each.
    fn log(settings: &str) -> Arc<dyn DataSource> {
        let folder = tempfile::tempdir().unwrap();
        let rows = "label,t,type,share,late\n1,600,buy,0.5,7\n0,500,click,0.25,\n1,400,click,1,\n\
                    1,300,buy,0.125,0.5\n0,200,share,0.75,2\n1,100,click,0.5,90\n";
        std::fs::write(folder.path().join("log.csv"), rows).unwrap();
        let choice: SourceChoice = toml::from_str(&format!(
            "kind = \"table\"\nfiles = [\"log.csv\"]\ntime = \"t\"\ncategorical = [\"type\"]\n\
             extra = [\"late\", \"share\"]\n{settings}"
        ))
        .unwrap();
        choice.open_log(&OpenContext::new(folder.path(), Streams::new(1))).unwrap()
    }

    fn stream(text: &str, log: &Arc<dyn DataSource>) -> Result<Stream, StreamError> {
        let online: Online = toml::from_str(text).unwrap();
        let requests = Arc::new(Requests::new(log.days().to_vec()));
        let streams = Streams::new(7);
        let checked = online.check_columns(&requests, log.as_ref());
        let stream = Stream::new(&online, requests, Arc::clone(log), Path::new("."), streams);
        assert_eq!(checked.is_ok(), stream.is_ok());
        stream
    }

    #[test]
    fn shares_follow_the_type_or_are_each_examples_own() {
        let log = log("");
        let rates = |keep: &str| -> Vec<f64> {
            let stream = stream(&format!("negatives.keep = {keep}"), &log).unwrap();
            (0..6).map(|request| stream.negatives().rate(request)).collect()
        };
        let by_type = "{ column = \"type\", of = { click = 0.1, buy = 0.6 } }";
        assert_eq!(rates(by_type), [0.1, 1.0, 0.6, 0.1, 0.1, 0.6]);
        let with_others = "{ column = \"type\", of = { buy = 0.6 }, other = 0.3 }";
        assert_eq!(rates(with_others), [0.3, 0.3, 0.6, 0.3, 0.3, 0.6]);
        assert_eq!(rates("{ column = \"share\" }"), [0.5, 0.75, 0.125, 1.0, 0.25, 0.5]);
        assert_eq!(rates("0.4"), [0.4; 6]);
        // Each is corrected by its own share.
        for (correct, sign) in [("training", [-1.0, 0.0]), ("serving", [0.0, 1.0])] {
            let text = format!("negatives = {{ keep = {by_type}, correct = \"{correct}\" }}");
            let stream = stream(&text, &log).unwrap();
            for (request, rate) in [(0, 0.1f64), (1, 1.0), (2, 0.6)] {
                let negatives = stream.negatives();
                let found = [negatives.in_training(request), negatives.at_serving(request)];
                let expected = sign.map(|sign| sign * rate.ln());
                assert!(
                    found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15),
                    "{found:?}"
                );
            }
        }
    }

    #[test]
    fn an_action_comes_after_the_seconds_of_its_own_example() {
        let log = log("");
        let text = "arrivals = { kind = \"even\", rate = 1e-2 }\njoin.window = \"80s\"\n\
                    actions.delay.column = \"late\"";
        let mut stream = stream(text, &log).unwrap();
        stream.advance(crate::base::SimTime(u64::MAX / 2), |_| {});
        let mut examples = Vec::new();
        stream.take(6, crate::base::SimTime(u64::MAX / 2), &mut examples);
        let mut seen: Vec<(u64, bool, f64)> = examples
            .iter()
            .map(|e| (e.request, e.is_positive, e.emitted.since(e.at).seconds()))
            .collect();
        seen.sort_by_key(|example| example.0);
        // The first is too late for its window, and the fourth has no action although it is positive.
        let all = [(0, false, 80.0), (1, false, 80.0), (2, true, 0.5), (3, false, 80.0)];
        assert_eq!(seen, [&all[..], &[(4, false, 80.0), (5, true, 7.0)]].concat());
        assert_eq!((stream.counts().never, stream.counts().positives), (1, 4));
        stream.check();
    }

    #[test]
    fn columns_that_cannot_say_it_are_refused_with_what_there_is() {
        let log = log("");
        let said =
            |text: &str, log: &Arc<dyn DataSource>| stream(text, log).unwrap_err().to_string();
        for (text, expected) in [
            ("negatives.keep = { column = \"shares\" }", "it has late, share"),
            ("negatives.keep = { column = \"typ\", of = { buy = 0.5 } }", "it has type"),
            (
                "negatives.keep = { column = \"type\", of = { by = 0.5 } }",
                "never has the value `by`: it has click, share, buy",
            ),
            ("negatives.keep = { column = \"late\" }", "has 90 for the 1. example of day 1"),
            ("actions.delay.column = \"later\"", "`online.actions.delay.column`: the log has no"),
        ] {
            let said = said(text, &log);
            assert!(said.contains(expected), "{text}: {said}");
        }
        let hashed = self::log("hash_rows = 100");
        let by_type = "negatives.keep = { column = \"type\", of = { buy = 0.5 } }";
        assert!(said(by_type, &hashed).contains("rows of a hash table"));
        let mut choice = self::log("keep_when = [\"share > 0.6\"]");
        assert!(stream("negatives.keep = { column = \"share\" }", &choice).is_ok());
        choice = self::log("keep_when = [\"late != 90\"]");
        let said = said("negatives.keep = { column = \"late\" }", &choice);
        assert!(said.contains("has 2 for the 1. example"), "{said}");
    }
}
