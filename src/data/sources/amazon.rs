//! Amazon product reviews as published by McAuley and others: the editions of 2014, 2018 and 2023,
//! which their keys distinguish.
//!
//! A review is an implicit positive: the user interacted with the item. Text and stars are not used.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{OpenContext, SourceConfig};
use crate::data::error::DataError;
use crate::data::log::Log;
use crate::data::log::din_task::{self, TaskConfig};
use crate::data::log::events::Events;
use crate::data::reading::bad_rows::{BadRowKind, BadRows, Fault, RowTally, excerpt};
use crate::data::reading::file::{self, Input};
use crate::data::reading::json_lines::{fault, for_each_line};
use crate::data::reading::python_literal;
use crate::data::reading::stamp::{Stamp, TimeFormat, TimeReader};
use crate::data::{DataSource, UtcOffset};

/// Which level of a category path is an item's category.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CategoryLevel {
    /// The broadest: the first entry of the first path.
    First,
    /// The narrowest: the last entry of the last path, as in the DIN paper's public code.
    #[default]
    Last,
}

/// Amazon reviews as JSON lines: does the user review the item next?
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Files of reviews such as `reviews_Electronics_5.json.gz` or `Electronics.jsonl.gz`, one JSON
    /// object per line; the editions of 2014, 2018 and 2023 are told by their keys.
    pub reviews: Vec<String>,
    /// File of item metadata such as `meta_Electronics.json.gz`, for the categories; without it
    /// all items share one category.
    pub metadata: Option<String>,
    /// Which level of the category path is used.
    pub category_level: CategoryLevel,
    /// How reviews become examples.
    pub task: TaskConfig,
    /// How far the clocks of the days are ahead of UTC, as `"+08:00"` or `"-05:30"`.
    #[serde(skip_serializing_if = "UtcOffset::is_utc")]
    #[schemars(extend("x-default" = Config::default().utc_offset))]
    pub utc_offset: UtcOffset,
    /// What to do about malformed rows.
    #[serde(flatten)]
    pub bad_rows: BadRows,
}

/// The keys of a review that are used; all others are ignored.
#[derive(Debug, Deserialize)]
struct Review<'a> {
    /// Editions of 2014 and 2018.
    #[serde(borrow, rename = "reviewerID")]
    reviewer: Option<JsonText<'a>>,
    #[serde(borrow, rename = "asin")]
    item: Option<JsonText<'a>>,
    #[serde(rename = "unixReviewTime")]
    seconds: Option<Value>,
    /// Edition of 2023; the parent is the product in all its colours and sizes, and has metadata.
    #[serde(borrow, rename = "user_id")]
    user: Option<JsonText<'a>>,
    #[serde(borrow, rename = "parent_asin")]
    parent: Option<JsonText<'a>>,
    #[serde(rename = "timestamp")]
    milliseconds: Option<Value>,
}

/// Text that is borrowed from the line unless it contains escapes.
#[derive(Debug, Deserialize)]
struct JsonText<'a>(#[serde(borrow)] Cow<'a, str>);

/// The keys of an item's metadata that are used.
#[derive(Debug, Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    asin: Option<JsonText<'a>>,
    /// Edition of 2023.
    #[serde(borrow)]
    parent_asin: Option<JsonText<'a>>,
    /// Edition of 2014: several paths. Edition of 2023: one path, which may be empty.
    #[serde(borrow)]
    categories: Option<Vec<PathOrEntry<'a>>>,
    /// Edition of 2018: one path, which may be empty.
    #[serde(borrow)]
    category: Option<Vec<JsonText<'a>>>,
}

/// A path of categories, or an entry of the only path.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a path of categories, or a category")]
enum PathOrEntry<'a> {
    Path(#[serde(borrow)] Vec<JsonText<'a>>),
    Entry(#[serde(borrow)] JsonText<'a>),
}

impl Metadata<'_> {
    fn category(&self, level: CategoryLevel) -> Option<&str> {
        let paths = self.categories.as_deref().unwrap_or(&[]);
        match level.of(paths) {
            Some(PathOrEntry::Entry(entry)) => Some(entry.0.as_ref()),
            Some(PathOrEntry::Path(path)) => level.of(path).map(|entry| entry.0.as_ref()),
            None => level.of(self.category.as_deref()?).map(|entry| entry.0.as_ref()),
        }
    }
}

impl CategoryLevel {
    fn of<T>(self, path: &[T]) -> Option<&T> {
        match self {
            CategoryLevel::First => path.first(),
            CategoryLevel::Last => path.last(),
        }
    }
}

impl SourceConfig for Config {
    fn draws(&self) -> bool {
        true
    }

    fn files(&self) -> Vec<&str> {
        self.reviews.iter().chain(&self.metadata).map(String::as_str).collect()
    }

    fn is_kept(&self) -> bool {
        true
    }

    fn open(&self, context: &OpenContext<'_>) -> Result<Arc<dyn DataSource>, DataError> {
        Ok(Arc::new(open(self, context)?))
    }
}

/// Loads the files named in `config`.
///
/// # Errors
/// If a file cannot be read, a row is malformed, or no user has two reviews.
pub fn open(config: &Config, context: &OpenContext) -> Result<Log, DataError> {
    let reviews = config.reviews.iter().map(|path| file::open(context.place(), path));
    let metadata = config.metadata.as_ref().map(|path| file::open(context.place(), path));
    load(config, reviews, metadata.transpose()?, context)
}

/// Loads reviews and metadata from streams.
pub(crate) fn load<'a>(
    config: &Config,
    reviews: impl Iterator<Item = Result<Input<'a>, DataError>>,
    metadata: Option<Input>,
    context: &OpenContext,
) -> Result<Log, DataError> {
    config.task.check()?;
    let mut tally = RowTally::new(config.bad_rows)?;
    let mut events = Events::new();
    let mut first_path = None;
    for input in reviews {
        let input = with_json(input?)?;
        first_path.get_or_insert_with(|| input.name.clone());
        for_each_line(input, &mut tally, |line| {
            let (user, item, stamp) = review(line, config.utc_offset)?;
            events.push((&*user).into(), (&*item).into(), stamp);
            Ok(())
        })?;
    }
    let path = first_path.ok_or_else(|| DataError::Setting {
        key: "reviews",
        problem: "name at least one file of reviews".to_string(),
    })?;
    let mut facts = tally.facts();
    if let Some(input) = metadata {
        let mut tally = RowTally::new(config.bad_rows)?;
        for_each_line(input, &mut tally, |line| {
            with_metadata(line, |item, metadata| {
                if let Some(category) = metadata.category(config.category_level) {
                    events.set_category(item.into(), category.into());
                }
            })
        })?;
        facts.extend(tally.facts_of("metadata"));
    }
    let log = din_task::build(events, &config.task, context.streams, &path, facts)?;
    Ok(log.with_instants(context.instants))
}

/// Refuses a file whose first line cannot be JSON, such as a CSV file of ratings.
fn with_json(mut input: Input) -> Result<Input, DataError> {
    let first = input.first_line()?;
    match first.is_empty() || first.contains(&b'{') || first.contains(&b'}') {
        true => Ok(input),
        false => Err(DataError::Format {
            path: input.name,
            format: "text without JSON",
            way: "Amazon's reviews have one JSON object per line; CSV files of ratings are read with \
                  data.kind = \"interactions\"",
        }),
    }
}

fn review(line: &str, offset: UtcOffset) -> Result<(Cow<'_, str>, Cow<'_, str>, Stamp), Fault> {
    let review: Review = serde_json::from_str(line).map_err(|error| fault(&error))?;
    if review.reviewer.is_none() && review.user.is_none() {
        let detail = "no key \"reviewerID\" (editions of 2014 and 2018) and no \"user_id\" (edition of \
                      2023); other JSON lines are read with data.kind = \"interactions\"";
        return Err(Fault::new(BadRowKind::MissingField, detail));
    }
    if review.reviewer.is_some() {
        let user = present(review.reviewer, "reviewerID")?;
        let item = present(review.item, "asin")?;
        return Ok((
            user,
            item,
            time(review.seconds, "unixReviewTime", TimeFormat::UnixSeconds, offset)?,
        ));
    }
    let user = present(review.user, "user_id")?;
    let (item, key) = match review.parent {
        Some(parent) => (Some(parent), "parent_asin"),
        None => (review.item, "asin"),
    };
    let item = present(item, key)?;
    Ok((user, item, time(review.milliseconds, "timestamp", TimeFormat::UnixMilliseconds, offset)?))
}

fn time(
    value: Option<Value>,
    key: &str,
    format: TimeFormat,
    offset: UtcOffset,
) -> Result<Stamp, Fault> {
    let missing = || Fault::new(BadRowKind::MissingField, format!("no key {key:?}"));
    match value.ok_or_else(missing)? {
        Value::Number(number) => TimeReader { format, offset }.parse(number.to_string()[..].into()),
        other => {
            let found = excerpt(other.to_string().as_bytes());
            let detail = format!("{key:?} must be a number, found {found}");
            Err(Fault::new(BadRowKind::WrongType, detail))
        }
    }
}

fn present<'a>(text: Option<JsonText<'a>>, key: &str) -> Result<Cow<'a, str>, Fault> {
    let text =
        text.ok_or_else(|| Fault::new(BadRowKind::MissingField, format!("no key {key:?}")))?.0;
    if text.is_empty() {
        return Err(Fault::new(BadRowKind::EmptyField, format!("{key:?} is empty")));
    }
    Ok(text)
}

/// Reads a line of metadata: JSON, otherwise a Python literal (the edition of 2014).
fn with_metadata(line: &str, take: impl FnOnce(&str, &Metadata)) -> Result<(), Fault> {
    let converted;
    let metadata: Metadata = match serde_json::from_str(line) {
        Ok(metadata) => metadata,
        Err(error)
            if error.is_data()
                || !line.trim_start().starts_with(['{', '['])
                || !line.contains('\'') =>
        {
            return Err(fault(&error));
        }
        Err(_) => {
            let bad = || Fault::new(BadRowKind::BadLiteral, "neither JSON nor a Python literal");
            converted = python_literal::to_json(line).ok_or_else(bad)?;
            serde_json::from_str(&converted).map_err(|error| match error.is_data() {
                true => fault(&error),
                false => bad(),
            })?
        }
    };
    let item = match metadata.parent_asin.as_ref().or(metadata.asin.as_ref()) {
        Some(asin) => asin.0.as_ref(),
        None => return Err(Fault::new(BadRowKind::MissingField, "no key \"asin\"")),
    };
    take(item, &metadata);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn category(line: &str, level: CategoryLevel) -> Result<Option<String>, BadRowKind> {
        let mut found = None;
        with_metadata(line, |_, metadata| found = metadata.category(level).map(str::to_string))
            .map_err(|fault| fault.kind)?;
        Ok(found)
    }

    #[test]
    fn all_editions_of_metadata_are_read() {
        let newest = r#"{"parent_asin": "1", "categories": ["Books", "Games"]}"#;
        assert_eq!(category(newest, CategoryLevel::First), Ok(Some("Books".into())));
        assert_eq!(category(newest, CategoryLevel::Last), Ok(Some("Games".into())));
        let none = r#"{"parent_asin": "1", "categories": []}"#;
        assert_eq!(category(none, CategoryLevel::Last), Ok(None));
        let old = "{'asin': '1', 'categories': [['Books', \"Children's\"], ['Toys', 'Games']]}";
        assert_eq!(category(old, CategoryLevel::First), Ok(Some("Books".into())));
        assert_eq!(category(old, CategoryLevel::Last), Ok(Some("Games".into())));
        let new = r#"{"asin": "1", "category": ["Gift Cards", "Gift Cards &amp; More"]}"#;
        assert_eq!(category(new, CategoryLevel::First), Ok(Some("Gift Cards".into())));
        assert_eq!(category(new, CategoryLevel::Last), Ok(Some("Gift Cards &amp; More".into())));
        assert_eq!(category(r#"{"asin": "1", "category": []}"#, CategoryLevel::Last), Ok(None));
        assert_eq!(category(r#"{"asin": "1"}"#, CategoryLevel::Last), Ok(None));
    }

    #[test]
    fn metadata_that_is_neither_is_refused() {
        for (line, kind) in [
            ("{'asin': '1", BadRowKind::BadLiteral),
            ("{'asin': '1'", BadRowKind::BadLiteral),
            ("asin", BadRowKind::BadJson),
            ("{'categories': []}", BadRowKind::MissingField),
            ("{'asin': 1}", BadRowKind::WrongType),
        ] {
            assert_eq!(category(line, CategoryLevel::Last), Err(kind), "{line}");
        }
    }

    #[test]
    fn reviews_of_2023_have_milliseconds_and_a_parent() {
        let line = r#"{"rating": 1.0, "asin": "B0AAA", "parent_asin": "B0PPA", "user_id": "U2", "timestamp": 1.5231e+12}"#;
        let (user, item, stamp) = review(line, UtcOffset::default()).unwrap();
        assert_eq!(
            (user.as_ref(), item.as_ref(), stamp),
            ("U2", "B0PPA", Stamp(1_523_100_000_000))
        );
        let other =
            review(r#"{"user": "a", "business": "b", "date": "2018-04-07"}"#, UtcOffset::default())
                .unwrap_err();
        assert_eq!(other.kind, BadRowKind::MissingField);
        assert!(other.detail.contains("2023") && other.detail.contains("interactions"));
    }

    #[test]
    fn a_table_of_ratings_is_sent_to_interactions() {
        let text = &b"user_id,parent_asin,rating,timestamp\n"[..];
        let input = Input::decode("ratings.csv", Box::new(text)).unwrap();
        let error = with_json(input).unwrap_err().to_string();
        assert!(error.contains("ratings.csv") && error.contains("interactions"), "{error}");
    }

    #[test]
    fn optional_keys_of_both_editions_are_passed_over() {
        let line = r#"{"overall": 5.0, "vote": "1,234", "verified": true, "style": {"Size:": " 7 oz"}, "image": ["x"], "helpful": [0, 1], "reviewerID": "A\u0041", "asin": "B0", "unixReviewTime": 1472688000}"#;
        let (user, item, stamp) = review(line, UtcOffset::default()).unwrap();
        assert_eq!((user.as_ref(), item.as_ref(), stamp), ("AA", "B0", Stamp(1_472_688_000_000)));
    }
}
