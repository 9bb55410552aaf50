//! DejaVu Sans, compiled in: the same letters on every machine, and widths known before drawing.

use super::style::FINE;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBColor, TextStyle, register_font};
use std::sync::Once;

/// The family that SVG files ask for. A viewer without DejaVu takes Verdana, which is as wide.
const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";
/// Height of a line of DejaVu Sans over its font size: what the glyph scaler calls size.
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

/// plotters' font sizes over those that its SVG backend writes.
pub(super) const SVG_FONT: f64 = 1.24;
/// How far below the top of a text plotters' SVG backend puts the baseline, in font sizes.
pub(super) const ASCENT: f64 = 0.76;

/// How a text is set on a sheet, its position being this end of it, at its top.
pub(super) fn set(size: f64, bold: bool, colour: RGBColor, end: HPos) -> TextStyle<'static> {
    let style = TextStyle::from(font(size * FINE * SVG_FONT, bold));
    TextStyle { color: colour.to_backend_color(), ..style }.pos(Pos::new(end, VPos::Top))
}

/// How wide a text is when set in `size`.
pub fn text_width(text: &str, size: f64, bold: bool) -> f64 {
    // Measured large, because plotters rounds widths to whole units.
    let scale = 8.0;
    let measured = font(size * LINE_HEIGHT * scale, bold).box_size(text);
    measured.map_or(0.0, |(width, _)| f64::from(width) / scale)
}

/// `text`, cut with an ellipsis where it would be wider than `width`.
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
