//! The values of a swept key: lists and ranges.

use crate::scenario::document::write;

/// Most values of one axis.
pub const MOST: usize = 10_000;

/// Expands a range written as text: `1..10`, `0..100 step 20`, `lin:0..1 x5` or
/// `log:1e-4..1e-2 x5`. Gives literals of TOML. If both ends are whole numbers, values are rounded
/// to whole numbers and repeats dropped.
///
/// # Errors In words, if the text has none of these forms.
pub fn range(text: &str) -> Result<Vec<String>, String> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("lin:") {
        return spread(rest, |a, b, share| a + (b - a) * share);
    }
    if let Some(rest) = text.strip_prefix("log:") {
        let (ends, _) = ends_and_count(rest)?;
        if ends.iter().any(|end| !end.value.is_finite() || end.value <= 0.0) {
            return Err("the ends of a log range are above zero".into());
        }
        return spread(rest, |a, b, share| {
            libm::exp(libm::log(a) * (1.0 - share) + libm::log(b) * share)
        });
    }
    steps(text)
}

/// `1..10` and `0..100 step 20`.
fn steps(text: &str) -> Result<Vec<String>, String> {
    let unreadable = || {
        format!(
            "\"{text}\" is no range: write \"1..10\", \"0..100 step 20\", \"lin:0..1 x5\" or \"log:1e-4..1e-2 x5\""
        )
    };
    let (ends, step) = match text.split_once(" step ") {
        Some((ends, step)) => (ends, step.trim().parse::<i64>().map_err(|_| unreadable())?),
        None => (text, 1),
    };
    let (first, last) = ends.split_once("..").ok_or_else(unreadable)?;
    let whole = |text: &str| text.trim().parse::<i64>().map_err(|_| unreadable());
    let (first, last) = (whole(first)?, whole(last)?);
    if step < 1 || last < first {
        return Err(format!(
            "\"{text}\" is empty: the first end is the smaller, and a step is positive"
        ));
    }
    // Neither the difference nor the count can overflow in 128 bits.
    if (i128::from(last) - i128::from(first)) / i128::from(step) >= MOST as i128 {
        return Err(format!("\"{text}\" has more than {MOST} values"));
    }
    Ok((first..=last).step_by(step as usize).map(|n| n.to_string()).collect())
}

/// One end of a range.
struct End {
    value: f64,
    whole: bool,
}

fn ends_and_count(text: &str) -> Result<([End; 2], usize), String> {
    let unreadable = || format!("\"{text}\" is no range with a count, such as \"1e-4..1e-2 x5\"");
    let (ends, count) = text.split_once(" x").ok_or_else(unreadable)?;
    let count: usize = count.trim().parse().map_err(|_| unreadable())?;
    if !(2..=MOST).contains(&count) {
        return Err(format!("\"{text}\": between 2 and {MOST} values"));
    }
    let (first, last) = ends.split_once("..").ok_or_else(unreadable)?;
    let end = |text: &str| {
        let text = text.trim();
        let value = text.parse::<f64>().map_err(|_| unreadable())?;
        Ok::<End, String>(End { value, whole: text.parse::<i64>().is_ok() })
    };
    Ok(([end(first)?, end(last)?], count))
}

/// Values spread over a range by `at(first, last, share)`.
fn spread(text: &str, at: impl Fn(f64, f64, f64) -> f64) -> Result<Vec<String>, String> {
    let ([first, last], count) = ends_and_count(text)?;
    let (a, b) = (first.value, last.value);
    if !(a.is_finite() && b.is_finite() && (b - a).is_finite()) {
        return Err(format!("\"{text}\": both ends are finite"));
    }
    let whole = first.whole && last.whole;
    let mut values: Vec<String> = Vec::with_capacity(count);
    for i in 0..count {
        let value = match i {
            0 => a,
            _ if i + 1 == count => b,
            _ => at(a, b, i as f64 / (count - 1) as f64),
        };
        let literal = match i {
            _ if whole => format!("{}", value.round() as i64),
            // The ends keep their exact values; values between them are rounded.
            0 => write::float(value),
            _ if i + 1 == count => write::float(value),
            _ => tidy(value),
        };
        if values.last() != Some(&literal) {
            values.push(literal);
        }
    }
    Ok(values)
}

/// Four significant digits: 0.00031622776601683794 would be hard to read in a table.
fn tidy(value: f64) -> String {
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    write::float(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_of_range() {
        assert_eq!(range("1..4").unwrap(), ["1", "2", "3", "4"]);
        assert_eq!(range("0..100 step 40").unwrap(), ["0", "40", "80"]);
        assert_eq!(range("lin:0..1 x5").unwrap(), ["0", "1"], "whole ends give whole values");
        assert_eq!(range("lin:0.0..1 x5").unwrap(), ["0.0", "0.25", "0.5", "0.75", "1.0"]);
        assert_eq!(range("log:1e-4..1e-2 x3").unwrap(), ["1e-4", "0.001", "0.01"]);
        assert_eq!(range("log:1..3000 x4").unwrap(), ["1", "14", "208", "3000"]);
        assert_eq!(range("log:1..4 x9").unwrap(), ["1", "2", "3", "4"]);
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        for bad in [
            "",
            "1",
            "4..1",
            "1..4 step 0",
            "lin:0..1",
            "log:0..1 x3",
            "log:-1..1 x3",
            "lin:0..1 x1",
            "0..9223372036854775807",
            "lin:nan..1 x3",
            "lin:-1e308..1e308 x3",
            "a..b",
        ] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn ends_belong_to_a_range_and_values_rise(a in 1i64..1000, more in 1i64..1000, count in 2usize..50) {
            let b = a + more;
            for kind in ["lin", "log"] {
                let values = range(&format!("{kind}:{a}..{b} x{count}")).unwrap();
                let numbers: Vec<i64> = values.iter().map(|v| v.parse().unwrap()).collect();
                prop_assert_eq!((numbers[0], *numbers.last().unwrap()), (a, b));
                prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
            }
        }

        #[test]
        fn any_text_is_answered(text in ".{0,40}") {
            drop(range(&text));
        }
    }
}
