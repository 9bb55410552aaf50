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
