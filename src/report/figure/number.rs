//! Numbers as text for readers.

use crate::base::{SimSpan, noun, significant};

/// Significant digits of numbers in tables and sentences.
const DIGITS: usize = 4;

/// A number with four significant digits; a dash for `None`.
pub fn figure(value: impl Into<Option<f64>>) -> String {
    match value.into() {
        Some(value) if value.is_finite() => significant(value, DIGITS),
        Some(value) => value.to_string(),
        None => "–".to_string(),
    }
}

/// A count whose groups of three digits are separated by narrow no-break spaces.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A share as a percentage; a dash for `None`.
pub fn percent(share: impl Into<Option<f64>>) -> String {
    match share.into().filter(|share| share.is_finite()) {
        Some(share) if share != 0.0 && share.abs() < 0.001 => {
            format!("{} %", figure(share * 100.0))
        }
        Some(share) => format!("{:.1} %", share * 100.0),
        None => "–".to_string(),
    }
}

/// Simulated seconds in a suitable unit; a dash for `None`.
pub fn time(seconds: impl Into<Option<f64>>) -> String {
    match seconds.into().filter(|seconds| seconds.is_finite() && *seconds >= 0.0) {
        Some(seconds) => SimSpan::from_seconds(seconds).to_string(),
        None => "–".to_string(),
    }
}

/// A number and its noun as in [`base::counted`](crate::base::counted), with the digits of
/// [`count`].
pub fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{} {}", count(number as u64), noun(number, one, many))
}

/// A figure and its noun in the singular or the plural: `1 update`, `2.500 updates`.
pub fn with_noun(value: f64, one: &str, many: &str) -> String {
    match figure(value).as_str() {
        "1" => format!("1 {one}"),
        text => format!("{text} {many}"),
    }
}

/// The number rounded to six significant digits for a chart, so that files stay small.
pub fn short(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_plain() {
        assert_eq!(figure(0.756_403), "0.7564");
        assert_eq!(figure(37_783.33), "37783");
        assert_eq!(figure(12.0), "12");
        assert_eq!(figure(1e-9), "1.000e-9");
        assert_eq!(figure(0.0), "0");
        assert_eq!(figure(f64::NAN), "NaN");
        assert_eq!(figure(None), "–");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(12), "12");
        assert_eq!(percent(0.0312), "3.1 %");
        assert_eq!(percent(0.000_031), "0.003100 %");
        assert_eq!(percent(f64::NAN), "–");
        assert_eq!(time(-1.0), "–");
        assert_eq!(counted(1, "worker", "workers"), "1 worker");
        assert_eq!(with_noun(1.0, "update", "updates"), "1 update");
        assert_eq!(with_noun(2.5, "update", "updates"), "2.500 updates");
        assert_eq!(short(0.123_456_789), 0.123457);
    }
}
