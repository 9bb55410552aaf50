//! Times of events: the formats of real logs, and calendar days.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bad_rows::{BadRowKind, Fault};
use super::text::Text;
use crate::data::date::{Date, UtcOffset, days_since_1970};

const MS_PER_DAY: i64 = 86_400_000;

/// The times of the years 1900 to 2200.
const YEARS: Range<i64> =
    days_since_1970(1900, 1, 1) * MS_PER_DAY..days_since_1970(2201, 1, 1) * MS_PER_DAY;

/// The times of days up to number one million.
const DAYS: Range<i64> = -1_000_000 * MS_PER_DAY..1_000_001 * MS_PER_DAY;

/// The formats of texts, which a user may have to choose, with their names.
const DATES: [(TimeFormat, &str); 4] = [
    (TimeFormat::DateTime, "date_time"),
    (TimeFormat::MonthDayYear, "month_day_year"),
    (TimeFormat::DayMonthYear, "day_month_year"),
    (TimeFormat::UnixMilliseconds, "unix_milliseconds"),
];

/// A point in time by the clocks that divide the log into days (UTC unless an offset is given):
/// milliseconds since 1970-01-01 00:00, leap seconds left out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub(crate) struct Stamp(pub(crate) i64);

impl Stamp {
    /// The first moment of a day, 0 for 1970-01-01 or for the day with the number 0.
    pub(crate) fn of_day(day: i64) -> Stamp {
        Stamp(day * MS_PER_DAY)
    }

    /// Number of the calendar day, 0 for 1970-01-01.
    pub(crate) fn day(self) -> i64 {
        self.0.div_euclid(MS_PER_DAY)
    }

    /// The first moment of the next day.
    pub(crate) fn day_end(self) -> Stamp {
        Stamp((self.day() + 1) * MS_PER_DAY)
    }

    /// The date.
    pub(crate) fn date(self) -> Date {
        Date::from_days(self.day())
    }
}

/// The format of a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// Seconds since 1970-01-01 UTC.
    #[default]
    UnixSeconds,
    /// Milliseconds since 1970-01-01 UTC.
    UnixMilliseconds,
    /// `YYYY-MM-DD HH:MM:SS`, where the seconds, their fraction or the whole time may be missing,
    /// and `T` may replace the blank; read as local time, or as UTC if a `Z` follows.
    DateTime,
    /// `M/D/YYYY h:mm:ss AM`, where the seconds, `AM` or `PM`, or the whole time may be missing, as in
    /// MIND and many tables of spreadsheets; read as UTC.
    MonthDayYear,
    /// `D/M/YYYY h:mm:ss AM`, likewise with the day first; `.` and `-` may stand for `/`, as in
    /// `15.11.2019 20:55`; read as UTC.
    DayMonthYear,
    /// `YYMMDDHH` of the years 2000 to 2099, as in the Avazu log.
    Yymmddhh,
    /// The number of a day; only differences matter.
    Day,
}

/// How times are read: their format, and the offset of the clocks that divide the log into days.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct TimeReader {
    /// The format.
    pub(crate) format: TimeFormat,
    /// The offset.
    pub(crate) offset: UtcOffset,
}

impl TimeReader {
    /// Reads a time.
    #[inline]
    pub(crate) fn parse(self, cell: Text) -> Result<Stamp, Fault> {
        let stamp = self.format.parse(cell)?;
        // Most logs are in UTC. Other formats are local times, or no times of day.
        if self.offset.is_utc() || !self.is_utc(cell) {
            return Ok(stamp);
        }
        Ok(Stamp(stamp.0 + self.offset.milliseconds()))
    }

    /// Reads a time whose format the user chooses: the fault names the formats that read the cell.
    #[inline]
    pub(crate) fn parse_chosen(self, cell: Text) -> Result<Stamp, Fault> {
        self.parse(cell).map_err(|fault| self.format.advised(fault, cell))
    }

    fn is_utc(self, cell: Text) -> bool {
        match self.format {
            TimeFormat::UnixSeconds | TimeFormat::UnixMilliseconds => true,
            TimeFormat::DateTime => cell.ends_with(b"Z"),
            TimeFormat::Yymmddhh
            | TimeFormat::MonthDayYear
            | TimeFormat::DayMonthYear
            | TimeFormat::Day => false,
        }
    }

    /// The date of a day, if the days have dates.
    pub(crate) fn date_of(self, stamp: Stamp) -> Option<Date> {
        (self.format != TimeFormat::Day).then(|| stamp.date())
    }
}

impl TimeFormat {
    /// Reads a time.
    #[inline]
    pub(crate) fn parse(self, cell: Text) -> Result<Stamp, Fault> {
        if cell.is_empty() {
            return Err(Fault::new(BadRowKind::EmptyField, "the time is empty"));
        }
        let stamp = match self {
            TimeFormat::UnixSeconds => scaled(cell, 1000),
            TimeFormat::UnixMilliseconds => scaled(cell, 1),
            TimeFormat::Day => {
                integer(cell).map(|day| day.checked_mul(MS_PER_DAY).unwrap_or(i64::MAX))
            }
            TimeFormat::DateTime => date_time(&cell),
            TimeFormat::MonthDayYear => dated(&cell, b"/", false),
            TimeFormat::DayMonthYear => dated(&cell, b"/.-", true),
            TimeFormat::Yymmddhh => yymmddhh(&cell),
        };
        let range = if self == TimeFormat::Day { DAYS } else { YEARS };
        match stamp {
            Some(stamp) if range.contains(&stamp) => Ok(Stamp(stamp)),
            Some(_) => Err(self.fault(BadRowKind::TimeOutOfRange, cell)),
            None => Err(self.fault(BadRowKind::BadTime, cell)),
        }
    }

    #[cold]
    fn fault(self, kind: BadRowKind, cell: Text) -> Fault {
        Fault::cell(kind, format_args!("the time must be {}", self.example()), &cell)
    }

    /// The fault, with the formats that can read the cell.
    #[cold]
    fn advised(self, mut fault: Fault, cell: Text) -> Fault {
        let reads = |(format, _): &&(TimeFormat, &str)| {
            // Any number is some count of milliseconds.
            let guess = *format == TimeFormat::UnixMilliseconds && self != TimeFormat::UnixSeconds;
            *format != self && !guess && format.parse(cell).is_ok()
        };
        let named: Vec<String> =
            DATES.iter().filter(reads).map(|(_, name)| format!("time_format = {name:?}")).collect();
        if named.is_empty() {
            return fault;
        }
        let verb = if named.len() == 1 { "reads" } else { "read" };
        let key = if self == TimeFormat::Day { "named by `time`, " } else { "" };
        fault.detail += &format!(" ({key}{} {verb} it", named.join(" and "));
        if self == TimeFormat::MonthDayYear && DATES[2].0.parse(cell).is_ok() {
            fault.detail += "; then dates before it whose day is 12 or less have the day first too";
        }
        fault.detail.push(')');
        fault
    }

    fn example(self) -> &'static str {
        match self {
            TimeFormat::UnixSeconds => "unix seconds in the years 1900 to 2200",
            TimeFormat::UnixMilliseconds => "unix milliseconds in the years 1900 to 2200",
            TimeFormat::DateTime => "like 2010-12-01 08:26:00",
            TimeFormat::MonthDayYear => "like 11/15/2019 8:55:22 AM (month first)",
            TimeFormat::DayMonthYear => "like 15/11/2019 8:55:22 AM (day first)",
            TimeFormat::Yymmddhh => "like 14102100 (YYMMDDHH)",
            TimeFormat::Day => "the whole number of a day, at most a million",
        }
    }
}

#[inline(always)]
fn integer(cell: Text) -> Option<i64> {
    match cell.whole_number() {
        Some(number) => Some(number as i64),
        None => std::str::from_utf8(&cell).ok()?.parse().ok(),
    }
}

#[inline]
fn scaled(cell: Text, scale: i64) -> Option<i64> {
    match integer(cell) {
        Some(value) => Some(value.saturating_mul(scale)),
        None => {
            let value: f64 = std::str::from_utf8(&cell).ok()?.parse().ok()?;
            // The cast saturates, and saturated values are out of range.
            value.is_finite().then(|| (value * scale as f64).floor() as i64)
        }
    }
}

/// `digits` as a number; `None` unless all are digits.
fn digits(digits: &[u8]) -> Option<i64> {
    Text::from(digits).whole_number().map(|number| number as i64)
}

fn yymmddhh(cell: &[u8]) -> Option<i64> {
    if cell.len() != 8 {
        return None;
    }
    let part = |at: usize| digits(&cell[at..at + 2]);
    let day = date(2000 + part(0)?, part(2)?, part(4)?)?;
    let hour = part(6).filter(|hour| *hour < 24)?;
    Some(day * MS_PER_DAY + hour * 3_600_000)
}

/// A date with the year last, the month or the day first, and perhaps a time of day.
fn dated(cell: &[u8], between: &[u8], day_first: bool) -> Option<i64> {
    let mut parts = cell.split(|byte| *byte == b' ');
    let whole = parts.next()?;
    let mark = *whole.iter().find(|byte| !byte.is_ascii_digit())?;
    if !between.contains(&mark) {
        return None;
    }
    let mut of_date = whole.split(|byte| *byte == mark);
    let mut number = || digits(of_date.next()?);
    let (first, second, year) = (number()?, number()?, number()?);
    let (month, of_month) = if day_first { (second, first) } else { (first, second) };
    let day = date(year, month, of_month).filter(|_| of_date.next().is_none())? * MS_PER_DAY;
    let Some(time) = parts.next() else { return Some(day) };
    let half = match parts.next() {
        None => None,
        Some(b"AM" | b"am") => Some(0),
        Some(b"PM" | b"pm") => Some(12),
        Some(_) => return None,
    };
    let mut of_time = time.split(|byte| *byte == b':');
    let (hour, minute) = (digits(of_time.next()?)?, digits(of_time.next()?)?);
    let second = of_time.next().map_or(Some(0), digits)?;
    let hour = match half {
        None => hour,
        Some(half) => (1..=12).contains(&hour).then_some(hour % 12 + half)?,
    };
    let sound = hour < 24 && minute < 60 && second < 60;
    let over = of_time.next().is_some() || parts.next().is_some();
    (sound && !over).then_some(day + ((hour * 60 + minute) * 60 + second) * 1000)
}

fn date_time(cell: &[u8]) -> Option<i64> {
    let (date_part, time) = cell.split_at_checked(10).unwrap_or((cell, b""));
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date_part else {
        return None;
    };
    let day = date(digits(&[y1, y2, y3, y4])?, digits(&[m1, m2])?, digits(&[d1, d2])?)?;
    if time.is_empty() {
        return Some(day * MS_PER_DAY);
    }
    let time = time.strip_prefix(b" ").or_else(|| time.strip_prefix(b"T"))?;
    let time = time.strip_suffix(b"Z").unwrap_or(time);
    let mut parts = time.splitn(3, |byte| *byte == b':');
    let two = |part: &[u8], below: i64| digits(part).filter(|v| part.len() == 2 && *v < below);
    let hour = two(parts.next()?, 24)?;
    let minute = two(parts.next()?, 60)?;
    let (second, fraction) = match parts.next() {
        None => (0, 0),
        Some(text) => {
            let (whole, fraction) = text.split_at_checked(2)?;
            (two(whole, 60)?, milliseconds(fraction)?)
        }
    };
    Some(day * MS_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1000 + fraction)
}

/// `.123456` as whole milliseconds.
fn milliseconds(fraction: &[u8]) -> Option<i64> {
    if fraction.is_empty() {
        return Some(0);
    }
    let text = fraction.strip_prefix(b".")?;
    digits(&text[..text.len().min(9)]).filter(|_| text.iter().all(u8::is_ascii_digit))?;
    let digit = |at: usize| text.get(at).map_or(0, |byte| i64::from(byte - b'0'));
    Some(digit(0) * 100 + digit(1) * 10 + digit(2))
}

/// The day's number if the date exists.
fn date(year: i64, month: i64, day: i64) -> Option<i64> {
    Date::new(year, month, day).map(Date::days)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(format: TimeFormat, text: &str) -> Result<i64, BadRowKind> {
        format.parse(text.into()).map(|stamp| stamp.0).map_err(|fault| fault.kind)
    }

    #[test]
    fn the_formats_of_real_logs_are_read() {
        assert_eq!(stamp(TimeFormat::UnixSeconds, "964982703"), Ok(964_982_703_000));
        assert_eq!(stamp(TimeFormat::UnixSeconds, "-1.5"), Ok(-1500));
        assert_eq!(stamp(TimeFormat::UnixMilliseconds, "1400457600000"), Ok(1_400_457_600_000));
        assert_eq!(stamp(TimeFormat::DateTime, "2009-12-01 07:45:00"), Ok(1_259_653_500_000));
        assert_eq!(stamp(TimeFormat::DateTime, "2009-12-01T07:45:00.25Z"), Ok(1_259_653_500_250));
        assert_eq!(stamp(TimeFormat::DateTime, "2012-02-29"), Ok(1_330_473_600_000));
        for text in ["11/15/2019 8:55:22 AM", "11/15/2019 08:55:22"] {
            assert_eq!(stamp(TimeFormat::MonthDayYear, text), Ok(1_573_808_122_000));
        }
        assert_eq!(stamp(TimeFormat::MonthDayYear, "1/2/1970 12:00 AM"), Ok(MS_PER_DAY));
        assert_eq!(
            stamp(TimeFormat::MonthDayYear, "1/2/1970 12:01 PM"),
            Ok(MS_PER_DAY + 43_260_000)
        );
        assert_eq!(stamp(TimeFormat::MonthDayYear, "1/2/1970"), Ok(MS_PER_DAY));
        for text in ["15/11/2019 8:55:22 AM", "15.11.2019 08:55:22", "15-11-2019 8:55:22"] {
            assert_eq!(stamp(TimeFormat::DayMonthYear, text), Ok(1_573_808_122_000), "{text}");
        }
        assert_eq!(stamp(TimeFormat::Yymmddhh, "14102101"), Ok(1_413_853_200_000));
        assert_eq!(stamp(TimeFormat::Day, "3"), Ok(3 * MS_PER_DAY));
    }

    #[test]
    fn the_fault_of_a_date_names_the_formats_that_read_it() {
        let said = |format, text: &str| {
            let reader = TimeReader { format, ..TimeReader::default() };
            reader.parse_chosen(text.into()).unwrap_err().detail
        };
        let unix = said(TimeFormat::UnixSeconds, "2024-03-01 00:00:00");
        assert!(unix.ends_with("(time_format = \"date_time\" reads it)"), "{unix}");
        let day = said(TimeFormat::Day, "2024-03-01");
        assert!(day.ends_with("(named by `time`, time_format = \"date_time\" reads it)"), "{day}");
        let both = said(TimeFormat::UnixSeconds, "3/4/2024");
        let names = "time_format = \"month_day_year\" and time_format = \"day_month_year\" read it";
        assert!(both.contains(names), "{both}");
        let later = said(TimeFormat::MonthDayYear, "13/03/2024");
        assert!(later.contains("time_format = \"day_month_year\" reads it; then dates"), "{later}");
        let milliseconds = said(TimeFormat::UnixSeconds, "1400457600000");
        assert!(milliseconds.contains("time_format = \"unix_milliseconds\" reads it"));
        assert!(said(TimeFormat::UnixSeconds, "yesterday").ends_with("found \"yesterday\""));
    }

    #[test]
    fn an_offset_moves_what_is_in_utc_and_nothing_else() {
        let offset = UtcOffset::try_from("+08:00".to_string()).unwrap();
        let day = |format, text: &str| {
            TimeReader { format, offset }.parse(text.into()).unwrap().date().to_string()
        };
        // 2020-01-01 20:00 UTC is the next day in Beijing.
        assert_eq!(day(TimeFormat::UnixSeconds, "1577908800"), "2020-01-02");
        assert_eq!(day(TimeFormat::UnixMilliseconds, "1577908800000"), "2020-01-02");
        assert_eq!(day(TimeFormat::DateTime, "2020-01-01T20:00:00Z"), "2020-01-02");
        assert_eq!(day(TimeFormat::DateTime, "2020-01-01 20:00:00"), "2020-01-01");
        assert_eq!(day(TimeFormat::Yymmddhh, "20010120"), "2020-01-01");
        let number = TimeReader { format: TimeFormat::Day, offset };
        assert_eq!(number.date_of(number.parse("3".into()).unwrap()), None);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (format, text) in [
            (TimeFormat::UnixSeconds, "yesterday"),
            (TimeFormat::DateTime, "2011-02-29"),
            (TimeFormat::DateTime, "2011-13-01 00:00:00"),
            (TimeFormat::DateTime, "12/1/2010 8:26"),
            (TimeFormat::DateTime, "2011-01-01 24:00:00"),
            (TimeFormat::Yymmddhh, "14102124"),
            (TimeFormat::Yymmddhh, "2014102100"),
            (TimeFormat::MonthDayYear, "15/11/2019"),
            (TimeFormat::MonthDayYear, "1/2/1970 0:00 AM"),
            (TimeFormat::MonthDayYear, "1/2/1970 13:00 PM"),
            (TimeFormat::MonthDayYear, "1/2/1970 1:00:00:00"),
            (TimeFormat::MonthDayYear, "1.2.1970"),
            (TimeFormat::DayMonthYear, "11/15/2019"),
            (TimeFormat::DayMonthYear, "1/2-1970"),
            (TimeFormat::DayMonthYear, "2019-11-15"),
            (TimeFormat::Day, "1.5"),
        ] {
            assert_eq!(stamp(format, text), Err(BadRowKind::BadTime), "{text}");
        }
        for (format, text) in [
            (TimeFormat::UnixSeconds, "1400457600000"),
            (TimeFormat::UnixSeconds, "1e300"),
            (TimeFormat::Day, "99999999999999999"),
            (TimeFormat::Day, "-9223372036854775808"),
            (TimeFormat::DateTime, "0001-01-01"),
        ] {
            assert_eq!(stamp(format, text), Err(BadRowKind::TimeOutOfRange), "{text}");
        }
        assert_eq!(stamp(TimeFormat::UnixSeconds, ""), Err(BadRowKind::EmptyField));
    }
}
