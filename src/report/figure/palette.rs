//! The colours of series in light pages and in pictures.

/// The colours in order, red, green and blue: those of Okabe and Ito, which people with any colour
/// vision can distinguish, dark enough for thin lines on white, without yellow and with a dark grey
/// last. `report.css` has the same colours, and brighter ones for dark pages.
pub const SERIES: [(u8, u8, u8); 7] = [
    (0x00, 0x72, 0xb2),
    (0xd5, 0x5e, 0x00),
    (0x00, 0x86, 0x5f),
    (0xb0, 0x50, 0x8a),
    (0xa8, 0x73, 0x00),
    (0x2b, 0x83, 0xb8),
    (0x3a, 0x3f, 0x45),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_the_colours_of_pictures() {
        let style = include_str!("../html/assets/report.css");
        for (number, (red, green, blue)) in SERIES.into_iter().enumerate() {
            let line = format!("--series-{number}: #{red:02x}{green:02x}{blue:02x};");
            assert!(style.contains(&line), "{line}");
            assert!(style.contains(&format!("svg .ink-{number} {{")), "{number}");
        }
    }
}
