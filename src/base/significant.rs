//! Numbers as text with a number of significant digits.

/// A finite number with `digits` significant digits, without a fraction if it is whole. Very large
/// and very small numbers have a power of ten, so no text has many digits.
pub fn significant(value: f64, digits: usize) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_string();
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.*e}", digits.saturating_sub(1));
    }
    if value.fract() == 0.0 {
        return format!("{value}");
    }
    let before = size.log10().floor() as i32 + 1;
    let decimals = (digits as i32 - before).clamp(0, 8) as usize;
    format!("{value:.decimals$}")
}

/// A finite number with so many decimals. Large numbers have three significant digits and a power of
/// ten, so no text has many digits.
pub fn fixed(value: f64, decimals: usize) -> String {
    match value.abs() < 1e7 {
        true => format!("{value:.decimals$}"),
        false => significant(value, 3),
    }
}

/// A finite number with at most three significant digits, without zeros at its end.
pub fn brief(value: f64) -> String {
    let text = significant(value, 3);
    match text.contains('.') && !text.contains('e') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_has_many_digits() {
        assert_eq!(significant(0.5, 4), "0.5000");
        assert_eq!([fixed(0.5, 4), fixed(-5.123e29, 4)], ["0.5000", "-5.12e29"]);
        assert_eq!(significant(1.912_329_890_835_36e17, 3), "1.91e17");
        assert_eq!(
            [0.3, 12.5, 0.001, 30_660.4, 0.0].map(brief),
            ["0.3", "12.5", "0.001", "30660", "0"]
        );
    }
}
