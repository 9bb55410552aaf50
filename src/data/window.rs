//! Windows of days, as users write them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use super::{Calendar, Date, Day};

/// Days as a user writes them: `"1..12"`, `"31"`, or a list of these as in `["31", "2..30"]` (one
/// new day and a mix of old ones). Ranges include both ends.
///
/// A window is a set: the written order does not matter, and days are kept by number.
/// [`Order`](super::Order) decides the order of their examples. So a day may not be named twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    /// First and last day of each range, by rising day; ranges do not touch.
    ranges: Vec<(u32, u32)>,
    /// Ranges of dates, likewise; which days they are depends on the log.
    dates: Vec<(Date, Date)>,
}

/// Why a window is invalid.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum WindowError {
    /// Not a day and not a range of days.
    #[error(
        "\"{text}\" is neither a day, as \"31\", nor a range of days, as \"1..12\", nor a date, as \
         \"2014-10-21\", nor a range of dates, as \"2014-10-21..2014-10-29\""
    )]
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
        day: String,
    },
    /// A day that the log does not have.
    #[error("the log has no {asked}; its days are {days}")]
    NoSuchDay {
        /// The requested day or range.
        asked: String,
        /// First and last day of the log.
        days: String,
    },
    /// A date that the log does not have.
    #[error("the log has no {asked}; its dates are {first} to {last}")]
    NoSuchDate {
        /// The requested date.
        asked: Date,
        /// Date of the first day of the log.
        first: Date,
        /// Date of its last day.
        last: Date,
    },
    /// A date, and a log whose days have none.
    #[error(
        "{asked} is a date, and the days of this log have numbers only: its source has no time, or a format \
         without dates"
    )]
    NoDates {
        /// The requested date.
        asked: Date,
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
    pub fn new(ranges: Vec<(u32, u32)>) -> Result<Window, WindowError> {
        Window::of(ranges, Vec::new())
    }

    /// The window made of ranges of days and of dates, both ends included.
    ///
    /// # Errors
    /// As [`Window::new`]. A day that is named by its number and by its date shows when the log is
    /// known.
    pub fn of(ranges: Vec<(u32, u32)>, dates: Vec<(Date, Date)>) -> Result<Window, WindowError> {
        for &(first, last) in &ranges {
            let text = || show(first, last);
            if first == 0 {
                return Err(WindowError::DayZero { text: text() });
            }
            if last < first {
                return Err(WindowError::Backwards { text: text() });
            }
        }
        if let Some(&(first, last)) = dates.iter().find(|(first, last)| last < first) {
            return Err(WindowError::Backwards { text: show_dates(first, last) });
        }
        let next = |day: &u32| day.checked_add(1);
        let ranges = joined(ranges, next, |day| WindowError::Twice { day: day.to_string() })?;
        let next = |date: &Date| Some(Date::from_days(date.days() + 1));
        let dates = joined(dates, next, |date| WindowError::Twice { day: date.to_string() })?;
        if ranges.is_empty() && dates.is_empty() {
            return Err(WindowError::Empty);
        }
        Ok(Window { ranges, dates })
    }

    /// The window of a list of texts such as `["1..12", "31", "2014-10-21"]`.
    ///
    /// # Errors
    /// As [`Window::of`], or if a text is neither a day nor a date nor a range.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Window, WindowError> {
        let (mut ranges, mut dates) = (Vec::new(), Vec::new());
        for text in texts {
            match range(text.as_ref())? {
                Range::Days(first, last) => ranges.push((first, last)),
                Range::Dates(first, last) => dates.push((first, last)),
            }
        }
        Window::of(ranges, dates)
    }

    /// The window with numbers in place of dates, for a log with these days.
    ///
    /// # Errors
    /// If the days of the log have no dates, or not these, or a day is named twice.
    pub fn numbered(&self, calendar: Calendar, days: &[Day]) -> Result<Window, WindowError> {
        let mut ranges = self.ranges.clone();
        for &(from, to) in &self.dates {
            let number = |date| calendar.number(date).ok_or(WindowError::NoDates { asked: date });
            let last = days.iter().map(|day| day.number).max().ok_or(WindowError::NoDays)?;
            let place = |date| {
                let number = number(date)?;
                match u32::try_from(number) {
                    Ok(number) if (1..=last).contains(&number) => Ok(number),
                    _ => {
                        let ends = (calendar.date(1), calendar.date(last));
                        let (Some(first), Some(last)) = ends else {
                            return Err(WindowError::NoDates { asked: date });
                        };
                        Err(WindowError::NoSuchDate { asked: date, first, last })
                    }
                }
            };
            ranges.push((place(from)?, place(to)?));
        }
        Window::new(ranges)
    }

    /// The ranges of days, both ends included, by rising day; without those of dates.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// Every range as it is written.
    fn texts(&self) -> Vec<String> {
        let days = self.ranges.iter().map(|&(first, last)| show(first, last));
        days.chain(self.dates.iter().map(|&(first, last)| show_dates(first, last))).collect()
    }

    /// Whether a day belongs to the window, whose dates are [numbered](Self::numbered).
    pub fn contains(&self, day: u32) -> bool {
        let after = self.ranges.partition_point(|&(first, _)| first <= day);
        after > 0 && day <= self.ranges[after - 1].1
    }

    /// The days of a log that belong to the window, by rising number. Days missing inside the log
    /// (a gap) are skipped, unless a range has no other days.
    ///
    /// # Errors
    /// If a range reaches beyond the log, or has no day in it, or a date is not one of the log.
    pub fn select(&self, days: &[Day], calendar: Calendar) -> Result<Vec<Day>, WindowError> {
        let first = days.iter().map(|day| day.number).min();
        let last = days.iter().map(|day| day.number).max();
        let (Some(first), Some(last)) = (first, last) else {
            return Err(WindowError::NoDays);
        };
        let mut selected = Vec::new();
        for &(from, to) in &self.numbered(calendar, days)?.ranges {
            let inside = days.iter().filter(|day| (from..=to).contains(&day.number));
            let before = selected.len();
            selected.extend(inside.copied());
            if from < first || to > last || selected.len() == before {
                return Err(WindowError::NoSuchDay {
                    asked: missing((from, to), (first, last), calendar),
                    days: calendar.range(first, last),
                });
            }
        }
        selected.sort_by_key(|day| day.number);
        Ok(selected)
    }
}

/// One day or one range.
enum Range {
    Days(u32, u32),
    Dates(Date, Date),
}

/// Sorts ranges and joins those that touch.
fn joined<T: Copy + Ord>(
    mut ranges: Vec<(T, T)>,
    next: impl Fn(&T) -> Option<T>,
    twice: impl Fn(T) -> WindowError,
) -> Result<Vec<(T, T)>, WindowError> {
    ranges.sort_unstable();
    if let Some(pair) = ranges.windows(2).find(|pair| pair[1].0 <= pair[0].1) {
        return Err(twice(pair[1].0));
    }
    let mut joined: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(previous) if next(&previous.1) == Some(first) => previous.1 = last,
            _ => joined.push((first, last)),
        }
    }
    Ok(joined)
}

/// Reads one day or one range.
fn range(text: &str) -> Result<Range, WindowError> {
    let syntax = || WindowError::Syntax { text: text.to_string() };
    let backwards = || WindowError::Backwards { text: text.to_string() };
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    if let (Ok(from), Ok(to)) = (from.trim().parse::<Date>(), to.trim().parse::<Date>()) {
        return if from <= to { Ok(Range::Dates(from, to)) } else { Err(backwards()) };
    }
    let number = |part: &str| part.trim().parse::<u32>().map_err(|_| syntax());
    let (first, last) = (number(from)?, number(to)?);
    if first == 0 || last == 0 {
        let text = text.to_string();
        return Err(WindowError::DayZero { text });
    }
    if first <= last { Ok(Range::Days(first, last)) } else { Err(backwards()) }
}

/// The text of a range of dates.
fn show_dates(first: Date, last: Date) -> String {
    if first == last { first.to_string() } else { format!("{first}..{last}") }
}

/// The text of a range.
pub(crate) fn show(first: u32, last: u32) -> String {
    if first == last { first.to_string() } else { format!("{first}..{last}") }
}

/// The part of a range that is outside the log, or the whole range if it is in a gap.
fn missing((from, to): (u32, u32), (first, last): (u32, u32), calendar: Calendar) -> String {
    let (from, to) = if to > last {
        (from.max(last + 1), to)
    } else if from < first {
        (from, to.min(first - 1))
    } else {
        (from, to)
    };
    let word = if from == to { "day" } else { "days" };
    format!("{word} {}", calendar.range(from, to))
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().join(", "))
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
        match &self.texts()[..] {
            [one] => serializer.serialize_str(one),
            several => serializer.collect_seq(several),
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
        f.write_str("a day, a range of days as \"1..12\", dates likewise, or a list of these")
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
#[serde(untagged, expecting = "a day, a date, or a range of them as \"1..12\"")]
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
        let text = json_schema!({ "type": "string", "format": "days", "examples": ["1..12", "31", "2014-10-21..2014-10-29"] });
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
        let calendar = Calendar::default();
        let select = |text: &str| text.parse::<Window>().unwrap().select(&log, calendar);
        assert_eq!(numbers(&select("6, 1..3").unwrap()), [1, 2, 3, 6]);
        assert_eq!(numbers(&select("3..5").unwrap()), [3, 5]);
        let error = |text| select(text).unwrap_err().to_string();
        assert_eq!(error("5..9"), "the log has no days 8..9; its days are 1..7");
        assert!(error("4").starts_with("the log has no day 4;"));
        assert!(error("12").starts_with("the log has no day 12;"));
        assert_eq!("1".parse::<Window>().unwrap().select(&[], calendar), Err(WindowError::NoDays));
    }

    #[test]
    fn windows_of_dates_are_days_of_a_log_with_dates() {
        let window = read("[\"2014-10-30\", \"2014-10-22 .. 2014-10-24\"]").unwrap();
        assert_eq!(window.to_string(), "2014-10-22..2014-10-24, 2014-10-30");
        let calendar = Calendar { first: Date::new(2014, 10, 21) };
        let days = log(1..=10);
        assert_eq!(numbers(&window.select(&days, calendar).unwrap()), [2, 3, 4, 10]);
        let error = |text: &str, calendar| {
            text.parse::<Window>().unwrap().select(&days, calendar).unwrap_err().to_string()
        };
        assert_eq!(
            error("2014-10-31", calendar),
            "the log has no 2014-10-31; its dates are 2014-10-21 to 2014-10-30"
        );
        assert!(error("2014-10-20", calendar).starts_with("the log has no 2014-10-20;"));
        assert!(error("2014-10-22", Calendar::default()).contains("have numbers only"));
        assert_eq!(error("2, 2014-10-22", calendar), "names day 2 twice");
        assert_eq!(
            error("11", calendar),
            "the log has no day 11 (2014-10-31); its days are 1..10 (2014-10-21 to 2014-10-30)"
        );
        assert!(read("\"2014-10-24..2014-10-22\"").unwrap_err().contains("ends before"));
        assert!(read("\"2014-10-24..9\"").unwrap_err().contains("neither a day"));
        assert!(read("\"2014-02-30\"").unwrap_err().contains("nor a date"));
    }

    #[test]
    fn a_log_that_begins_later_names_its_first_day() {
        let error = "1..6".parse::<Window>().unwrap().select(&log(4..=9), Calendar::default());
        let error = error.unwrap_err();
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
