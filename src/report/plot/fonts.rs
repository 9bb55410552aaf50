//! DejaVu Sans, compiled into the program: letters are the same on every machine, and their widths
//! are known before drawing.

use super::style::FINE;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBColor, TextStyle, register_font};
use std::sync::Once;

/// The font family in SVG files. A viewer without DejaVu takes Verdana, which has the same widths.
const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";
/// Height of a line of DejaVu Sans over its font size. The glyph scaler takes this height as size.
pub(super) const LINE_HEIGHT: f64 = 1.164;

/// DejaVu Sans of the given size, in plotters' sense of size.
pub(super) fn font(size: f64, bold: bool) -> FontDesc<'static> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        let regular = register_font(FAMILY, FontStyle::Normal, dejavu::sans::regular());
        let bold = register_font(FAMILY, FontStyle::Bold, dejavu::sans::bold());
        assert!(regular.is_ok() && bold.is_ok(), "the compiled-in fonts are valid");
    });
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    FontDesc::new(FontFamily::Name(FAMILY), size, style)
}

/// The font size that plotters gets over the font size that its SVG backend writes.
pub(super) const SVG_FONT: f64 = 1.24;
/// Distance from the top of a text to its baseline in plotters' SVG backend, in font sizes.
pub(super) const ASCENT: f64 = 0.76;

/// The style of a text on a sheet; the position of the text is its upper corner at this `end`.
pub(super) fn set(size: f64, bold: bool, colour: RGBColor, end: HPos) -> TextStyle<'static> {
    let style = TextStyle::from(font(size * FINE * SVG_FONT, bold));
    TextStyle { color: colour.to_backend_color(), ..style }.pos(Pos::new(end, VPos::Top))
}

/// The width of a text in font size `size`.
pub fn text_width(text: &str, size: f64, bold: bool) -> f64 {
    // Measured in a large size, because plotters rounds widths to whole units.
    let scale = 8.0;
    let measured = font(size * LINE_HEIGHT * scale, bold).box_size(text);
    measured.map_or(0.0, |(width, _)| f64::from(width) / scale)
}

/// `text`, cut and ended by an ellipsis if it is wider than `width`.
pub fn fitted(text: &str, size: f64, bold: bool, width: f64) -> String {
    if text_width(text, size, bold) <= width {
        return text.to_string();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let cut: String = kept.iter().collect::<String>().trim_end().to_string() + "…";
        if text_width(&cut, size, bold) <= width {
            return cut;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_grow_with_size_weight_and_text() {
        let width = text_width("staleness", 20.0, false);
        assert!(width > 60.0 && width < 140.0, "{width}");
        assert!((text_width("staleness", 40.0, false) / width - 2.0).abs() < 0.02);
        assert!(text_width("staleness", 20.0, true) > width);
    }

    #[test]
    fn a_text_is_cut_to_fit() {
        assert_eq!(fitted("short", 20.0, false, 500.0), "short");
        let cut = fitted("a machine class with a long name", 20.0, false, 120.0);
        assert!(cut.ends_with('…') && text_width(&cut, 20.0, false) <= 120.0, "{cut}");
        assert_eq!(fitted("anything", 20.0, false, 0.0), "");
    }
}
