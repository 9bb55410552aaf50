//! Windows of days, as users write them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use super::Day;

/// Days as a user writes them: `"1..12"`, `"31"`, or a list of these as in `["31", "2..30"]` (one
/// new day and a mix of old ones). Ranges include both ends.
///
/// A window is a set: the written order does not matter, and days are kept by number.
/// [`Order`](super::Order) decides the order of their examples. So a day may not be named twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    /// First and last day of each range, by rising day; ranges do not touch.
    ranges: Vec<(u32, u32)>,
}

/// Why a window is invalid.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum WindowError {
    /// Not a day and not a range of days.
    #[error("\"{text}\" is neither a day, as \"31\", nor a range of days, as \"1..12\"")]
    Syntax {
        /// The text.
        text: String,
    },
    /// Days are counted from 1.
    #[error("\"{text}\": days are counted from 1")]
    DayZero {
        /// The text.
        text: String,
    },
    /// A range whose end comes before its beginning.
    #[error("\"{text}\" ends before it begins; write the earlier day first")]
    Backwards {
        /// The text.
        text: String,
    },
    /// No day.
    #[error("names no day; write a day, as \"31\", or a range of days, as \"1..12\"")]
    Empty,
    /// A day that is named twice.
    #[error("names day {day} twice")]
    Twice {
        /// The day.
        day: u32,
    },
    /// A day that the log does not have.
    #[error("the log has no {asked}; its days are {first}..{last}")]
    NoSuchDay {
        /// The requested day or range.
        asked: String,
        /// First day of the log.
        first: u32,
        /// Last day of the log.
        last: u32,
    },
    /// A log without days.
    #[error("the log has no days to choose from")]
    NoDays,
}

impl Window {
    /// The window made of ranges of days, both ends included.
    ///
    /// # Errors
    /// If there is no range, a day is named twice or is 0, or a range ends before it begins.
    pub fn new(mut ranges: Vec<(u32, u32)>) -> Result<Window, WindowError> {
        for &(first, last) in &ranges {
            if first == 0 {
                let text = show(first, last);
                return Err(WindowError::DayZero { text });
            }
            if last < first {
                let text = show(first, last);
                return Err(WindowError::Backwards { text });
            }
        }
        ranges.sort_unstable();
        if let Some(pair) = ranges.windows(2).find(|pair| pair[1].0 <= pair[0].1) {
            return Err(WindowError::Twice { day: pair[1].0 });
        }
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match joined.last_mut() {
                Some(previous) if previous.1 + 1 == first => previous.1 = last,
                _ => joined.push((first, last)),
            }
        }
        if joined.is_empty() {
            return Err(WindowError::Empty);
        }
        Ok(Window { ranges: joined })
    }

    /// The window of a list of texts such as `["1..12", "31"]`.
    ///
    /// # Errors
    /// As [`Window::new`], or if a text is neither a day nor a range.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Window, WindowError> {
        let ranges: Result<Vec<_>, _> = texts.iter().map(|text| range(text.as_ref())).collect();
        Window::new(ranges?)
    }

    /// The ranges of days, both ends included, by rising day.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// Whether a day belongs to the window.
    pub fn contains(&self, day: u32) -> bool {
        let after = self.ranges.partition_point(|&(first, _)| first <= day);
        after > 0 && day <= self.ranges[after - 1].1
    }

    /// The days of a log that belong to the window, by rising number. Days missing inside the log
    /// (a gap) are skipped, unless a range has no other days.
    ///
    /// # Errors
    /// If a range reaches beyond the log, or has no day in it.
    pub fn select(&self, days: &[Day]) -> Result<Vec<Day>, WindowError> {
        let first = days.iter().map(|day| day.number).min();
        let last = days.iter().map(|day| day.number).max();
        let (Some(first), Some(last)) = (first, last) else {
            return Err(WindowError::NoDays);
        };
        let mut selected = Vec::new();
        for &(from, to) in &self.ranges {
            let inside = days.iter().filter(|day| (from..=to).contains(&day.number));
            let before = selected.len();
            selected.extend(inside.copied());
            if from < first || to > last || selected.len() == before {
                return Err(WindowError::NoSuchDay {
                    asked: missing(from, to, first, last),
                    first,
                    last,
                });
            }
        }
        selected.sort_by_key(|day| day.number);
        Ok(selected)
    }
}

/// Reads one day or one range.
fn range(text: &str) -> Result<(u32, u32), WindowError> {
    let syntax = || WindowError::Syntax { text: text.to_string() };
    let number = |part: &str| part.trim().parse::<u32>().map_err(|_| syntax());
    let (first, last) = match text.split_once("..") {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    if first == 0 || last == 0 {
        let text = text.to_string();
        return Err(WindowError::DayZero { text });
    }
    Ok((first, last))
}

/// The text of a range.
pub(crate) fn show(first: u32, last: u32) -> String {
    if first == last { first.to_string() } else { format!("{first}..{last}") }
}

/// The part of a range that is outside the log, or the whole range if it is in a gap.
fn missing(from: u32, to: u32, first: u32, last: u32) -> String {
    let (from, to) = if to > last {
        (from.max(last + 1), to)
    } else if from < first {
        (from, to.min(first - 1))
    } else {
        (from, to)
    };
    let word = if from == to { "day" } else { "days" };
    format!("{word} {}", show(from, to))
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> =
            self.ranges.iter().map(|&(first, last)| show(first, last)).collect();
        f.write_str(&shown.join(", "))
    }
}

impl FromStr for Window {
    type Err = WindowError;

    /// Reads one day or range, or several with commas between them.
    fn from_str(text: &str) -> Result<Window, WindowError> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        Window::parse(&parts)
    }
}

impl Serialize for Window {
    /// One range as text, several as a list of texts.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.ranges[..] {
            [(first, last)] => serializer.serialize_str(&show(first, last)),
            _ => serializer.collect_seq(self.ranges.iter().map(|&(a, b)| show(a, b))),
        }
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Window, D::Error> {
        deserializer.deserialize_any(WindowVisitor)
    }
}

struct WindowVisitor;

impl<'de> Visitor<'de> for WindowVisitor {
    type Value = Window;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a day, a range of days as \"1..12\", or a list of these")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Window, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, day: i64) -> Result<Window, E> {
        day.to_string().parse().map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, day: u64) -> Result<Window, E> {
        day.to_string().parse().map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Window, A::Error> {
        let mut texts = Vec::new();
        while let Some(item) = list.next_element::<WindowElement>()? {
            texts.push(match item {
                WindowElement::Text(text) => text,
                WindowElement::Day(day) => day.to_string(),
            });
        }
        Window::parse(&texts).map_err(A::Error::custom)
    }
}

/// An element of a list of days.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a day or a range of days as \"1..12\"")]
enum WindowElement {
    Day(u32),
    Text(String),
}

impl JsonSchema for Window {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "window".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let day = json_schema!({ "type": "integer", "minimum": 1 });
        let text =
            json_schema!({ "type": "string", "format": "days", "examples": ["1..12", "31"] });
        json_schema!({
            "anyOf": [text, day, { "type": "array", "items": { "anyOf": [text, day] } }]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Deserialize, Serialize, PartialEq, Debug)]
    struct File {
        days: Window,
    }

    fn read(value: &str) -> Result<Window, String> {
        toml::from_str::<File>(&format!("days = {value}"))
            .map(|file| file.days)
            .map_err(|error| error.message().to_string())
    }

    fn log(numbers: impl IntoIterator<Item = u32>) -> Vec<Day> {
        let day = |number| Day { number, first: u64::from(number) * 10, examples: 10 };
        numbers.into_iter().map(day).collect()
    }

    fn numbers(days: &[Day]) -> Vec<u32> {
        days.iter().map(|day| day.number).collect()
    }

    #[test]
    fn days_are_read_as_users_write_them() {
        assert_eq!(read("\"1..12\"").unwrap().ranges(), [(1, 12)]);
        assert_eq!(read("[\"31\", \"2..30\"]").unwrap().ranges(), [(2, 31)]);
        assert_eq!(read("[31, \"1 .. 3\"]").unwrap().ranges(), [(1, 3), (31, 31)]);
        assert_eq!(read("7").unwrap().ranges(), [(7, 7)]);
        assert_eq!("1..3, 9".parse::<Window>().unwrap().to_string(), "1..3, 9");
    }

    #[test]
    fn errors_name_the_text_and_the_remedy() {
        let error = |value| read(value).unwrap_err();
        assert!(error("\"1-12\"").contains("\"1-12\" is neither a day"));
        assert!(error("[\"1..12\", \"x\"]").contains("\"x\" is neither"));
        assert!(error("\"5..2\"").contains("ends before it begins"));
        assert!(error("\"0..2\"").contains("\"0..2\": days are counted from 1"));
        assert!(error("[\"1..12\", \"4\"]").contains("names day 4 twice"));
        assert!(error("[]").contains("names no day"));
        assert!(error("-3").contains("\"-3\" is neither"));
        assert!(error("\"1..99999999999\"").contains("neither"));
        assert!(error("1.5").contains("a day, a range"));
    }

    #[test]
    fn windows_select_days_and_name_the_valid_range() {
        let log = log([1, 2, 3, 5, 6, 7]);
        let select = |text: &str| text.parse::<Window>().unwrap().select(&log);
        assert_eq!(numbers(&select("6, 1..3").unwrap()), [1, 2, 3, 6]);
        assert_eq!(numbers(&select("3..5").unwrap()), [3, 5]);
        let error = |text| select(text).unwrap_err().to_string();
        assert_eq!(error("5..9"), "the log has no days 8..9; its days are 1..7");
        assert!(error("4").starts_with("the log has no day 4;"));
        assert!(error("12").starts_with("the log has no day 12;"));
        assert_eq!("1".parse::<Window>().unwrap().select(&[]), Err(WindowError::NoDays));
    }

    #[test]
    fn a_log_that_begins_later_names_its_first_day() {
        let error = "1..6".parse::<Window>().unwrap().select(&log(4..=9)).unwrap_err();
        assert_eq!(error.to_string(), "the log has no days 1..3; its days are 4..9");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(
            cuts in prop::collection::btree_set(1u32..200, 2..12),
        ) {
            let cuts: Vec<u32> = cuts.into_iter().collect();
            let ranges = cuts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
            let file = File { days: Window::new(ranges).unwrap() };
            let text = toml::to_string(&file).unwrap();
            prop_assert_eq!(toml::from_str::<File>(&text).unwrap(), file);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[0-9., a-]{0,14}") {
            if let Ok(window) = text.parse::<Window>() {
                prop_assert!(window.ranges().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
                let (first, last) = window.ranges()[0];
                prop_assert!(window.contains(first) && window.contains(last));
            }
        }
    }
}
