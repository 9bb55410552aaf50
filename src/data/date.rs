//! Calendar days, and what a log's numbered days are called.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::Day;

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Date {
    /// Days since 1970-01-01.
    days: i64,
}

impl Date {
    /// The day so many days after 1970-01-01.
    pub const fn from_days(days: i64) -> Date {
        Date { days }
    }

    /// The date of a year, a month and a day of the month, if it exists.
    pub fn new(year: i64, month: i64, day: i64) -> Option<Date> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (1..=days).contains(&day).then(|| Date { days: days_since_1970(year, month, day) })
    }

    /// Days since 1970-01-01.
    pub const fn days(self) -> i64 {
        self.days
    }
}

/// Day number of a date of the Gregorian calendar, counting from March so that the leap day comes last.
pub(crate) const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let in_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year * 365 + year / 4 - year / 100 + in_year - 719_468
}

/// As `YYYY-MM-DD`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shifted = self.days + 719_468;
        let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let in_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * in_year + 2) / 153;
        let day = in_year - (153 * month + 2) / 5 + 1;
        let calendar = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + i64::from(calendar < 3);
        write!(f, "{year:04}-{calendar:02}-{day:02}")
    }
}

/// A text that is no date.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoDate;

impl FromStr for Date {
    type Err = NoDate;

    fn from_str(text: &str) -> Result<Date, NoDate> {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else {
            return Err(NoDate);
        };
        let number = |digits: &[u8]| {
            let step = |number: i64, digit: &u8| {
                digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
            };
            digits.iter().try_fold(0, step).ok_or(NoDate)
        };
        let (year, month, day) =
            (number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?);
        Date::new(year, month, day).ok_or(NoDate)
    }
}

/// The most ranges of days that are listed.
const MOST_RANGES: usize = 6;

/// What the numbered days of a log are called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Calendar {
    /// The date of day 1; `None` if the days of the log have no dates.
    pub first: Option<Date>,
}

impl Calendar {
    /// The date of a day.
    pub fn date(self, day: u32) -> Option<Date> {
        Some(Date { days: self.first?.days + i64::from(day) - 1 })
    }

    /// The number of the day with this date; 0 or less if it comes before day 1.
    pub fn number(self, date: Date) -> Option<i64> {
        Some(date.days - self.first?.days + 1)
    }

    /// Days, sorted, as ranges with their dates: `1..12 (2014-10-21 to 2014-11-01), 31 (2014-11-20)`. Of
    /// many ranges only the ends and the number of days: `1..90 (2014-10-21 to 2015-01-18), 61 days with
    /// examples`.
    pub fn name(self, days: &[Day]) -> String {
        let ranges = || days.chunk_by(|a, b| a.number + 1 == b.number);
        if let ([first, .., last], true) = (days, ranges().count() > MOST_RANGES) {
            let ends = self.range(first.number, last.number);
            return format!("{ends}, {} days with examples", days.len());
        }
        let ranges = ranges();
        let named = ranges.map(|run| self.range(run[0].number, run[run.len() - 1].number));
        named.collect::<Vec<String>>().join(", ")
    }

    /// A range of days with its dates.
    pub fn range(self, first: u32, last: u32) -> String {
        let numbers = super::window::show(first, last);
        match (self.date(first), self.date(last)) {
            (Some(from), Some(to)) if first == last => {
                debug_assert_eq!(from, to);
                format!("{numbers} ({from})")
            }
            (Some(from), Some(to)) => format!("{numbers} ({from} to {to})"),
            _ => numbers,
        }
    }
}

/// How far the clocks that divide a log into days are ahead of UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UtcOffset {
    minutes: i32,
}

impl UtcOffset {
    /// The offset in milliseconds.
    pub fn milliseconds(self) -> i64 {
        i64::from(self.minutes) * 60_000
    }

    /// Whether it is UTC itself.
    pub fn is_utc(&self) -> bool {
        self.minutes == 0
    }
}

impl TryFrom<String> for UtcOffset {
    type Error = String;

    fn try_from(text: String) -> Result<UtcOffset, String> {
        let wrong =
            || format!("{text:?} is no offset from UTC: write e.g. \"+08:00\" or \"-05:30\"");
        if text == "UTC" || text == "Z" {
            return Ok(UtcOffset::default());
        }
        let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
            (Some(rest), _) => (1, rest),
            (_, Some(rest)) => (-1, rest),
            _ => return Err(wrong()),
        };
        let (hours, minutes) = rest.split_once(':').ok_or_else(wrong)?;
        let part = |part: &str, below: i32| {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<i32>().ok().filter(|value| digits && *value < below).ok_or_else(wrong)
        };
        Ok(UtcOffset { minutes: sign * (part(hours, 19)? * 60 + part(minutes, 60)?) })
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minutes < 0 { '-' } else { '+' };
        let minutes = self.minutes.abs();
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl From<UtcOffset> for String {
    fn from(offset: UtcOffset) -> String {
        offset.to_string()
    }
}

impl JsonSchema for UtcOffset {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "utc_offset".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": r"^([+-]\d\d:\d\d|UTC|Z)$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offset(text: &str) -> Result<UtcOffset, String> {
        UtcOffset::try_from(text.to_string())
    }

    #[test]
    fn offsets_are_read_as_they_are_written() {
        for text in ["+08:00", "-05:30", "+00:00"] {
            assert_eq!(offset(text).unwrap().to_string(), text);
        }
        assert_eq!(offset("-05:30").unwrap().milliseconds(), -330 * 60_000);
        assert!(offset("UTC").unwrap().is_utc());
        for text in ["", "8", "+8:00", "+08", "+08:60", "+19:00", "Europe/Berlin", "+0a:00"] {
            assert!(offset(text).unwrap_err().contains("write e.g."), "{text}");
        }
    }

    #[test]
    fn days_are_named_with_their_dates() {
        let calendar = Calendar { first: Date::new(2014, 10, 21) };
        let days: Vec<Day> =
            [1, 2, 3, 9].map(|number| Day { number, first: 0, examples: 1 }).into();
        assert_eq!(calendar.name(&days), "1..3 (2014-10-21 to 2014-10-23), 9 (2014-10-29)");
        assert_eq!(Calendar::default().name(&days), "1..3, 9");
        // A log with gaps everywhere is not a page of ranges.
        let gaps: Vec<Day> = (0..3000)
            .map(|day| Day { number: 2 * day + 1, first: u64::from(day), examples: 1 })
            .collect();
        let said = calendar.name(&gaps);
        assert_eq!(said, "1..5999 (2014-10-21 to 2031-03-24), 3000 days with examples");
        assert_eq!(Calendar::default().name(&gaps[..6]), "1, 3, 5, 7, 9, 11");
        assert_eq!(Calendar::default().name(&gaps[..7]), "1..13, 7 days with examples");
        assert_eq!(calendar.number("2014-10-29".parse().unwrap()), Some(9));
        assert_eq!("2014-02-30".parse::<Date>(), Err(NoDate));
        assert_eq!("2014-2-03".parse::<Date>(), Err(NoDate));
    }

    proptest! {
        #[test]
        fn dates_read_as_they_are_written(days in -25_000i64..84_000) {
            let date = Date::from_days(days);
            prop_assert_eq!(date.to_string().parse::<Date>(), Ok(date));
        }
    }
}
