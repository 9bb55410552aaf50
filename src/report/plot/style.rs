//! The style of all pictures: one palette, one set of sizes. Lengths are in units of the picture,
//! which is 1600 wide and 1000 high.

use crate::report::figure::chart::{Ink, Series, Style};
use crate::report::figure::palette::SERIES;
use plotters::style::{Color, RGBAColor, RGBColor, ShapeStyle};

/// plotters draws at whole units. The sheet is this many times larger than the picture, so that
/// positions are exact to a quarter of a unit.
pub(super) const FINE: f64 = 4.0;

/// Text and axes.
pub(super) const BLACK: RGBColor = RGBColor(34, 34, 34);
/// Secondary text.
pub(super) const GREY: RGBColor = RGBColor(95, 99, 104);
/// Lines in the background.
pub(super) const PALE: RGBColor = RGBColor(205, 208, 212);
/// The mesh.
pub(super) const MESH: RGBColor = RGBColor(232, 234, 237);

/// The number of colours.
pub(super) const COLOURS: usize = SERIES.len();

/// Font size of the title.
pub(super) const TITLE: f64 = 34.0;
/// Font size of the sentence below it.
pub(super) const SUBTITLE: f64 = 22.0;
/// Opacity of a band.
pub(super) const BAND: f64 = 0.3;
/// Font size of axis titles, legends and labels within the data.
pub(super) const LABEL: f64 = 20.0;
/// Font size of tick labels.
pub(super) const TICK: f64 = 19.0;
/// Font size for many labels in little space.
pub(super) const SMALL: f64 = 15.0;

/// Width of data lines.
pub(super) const NORMAL: f64 = 2.5;
/// Width of a line that others lie on.
pub(super) const WIDE: f64 = 9.0;
/// Width of bars that show intervals.
pub(super) const BAR: f64 = 4.0;
/// Width of background lines and of the mesh.
pub(super) const THIN: f64 = 1.25;
/// Length of a dash and of the gap after it.
pub(super) const DASH: f64 = 9.0;

/// A length in the units of plotters.
pub(super) fn units(length: f64) -> i32 {
    (length * FINE).round().clamp(-1e8, 1e8) as i32
}

/// The style of a line of this width.
pub(super) fn stroke(colour: impl Color, width: f64) -> ShapeStyle {
    colour.stroke_width(units(width) as u32)
}

/// The colour of a series by its number.
pub(super) fn colour(number: usize) -> RGBColor {
    let (red, green, blue) = SERIES[number % SERIES.len()];
    RGBColor(red, green, blue)
}

/// The colour of a part of a drawing.
pub(super) fn ink(ink: Ink) -> RGBColor {
    match ink {
        Ink::Series(number) => colour(number),
        Ink::Quiet => PALE,
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineStyle {
    /// Its colour.
    pub colour: RGBAColor,
    /// Its width.
    pub width: f64,
    /// Whether it is broken into dashes.
    pub dashed: bool,
}

/// How the series at a place among others is drawn. If there are more series than colours, colours
/// are used again with dashes.
pub(super) fn line(series: &Series, place: usize) -> LineStyle {
    let number = series.colour.unwrap_or(place);
    match series.style {
        Style::Ground => LineStyle { colour: PALE.mix(1.0), width: WIDE, dashed: false },
        Style::Quiet => LineStyle { colour: PALE.mix(1.0), width: THIN, dashed: false },
        Style::Limit => LineStyle { colour: GREY.mix(1.0), width: THIN, dashed: true },
        Style::Mark => LineStyle { colour: BLACK.mix(1.0), width: NORMAL, dashed: false },
        _ => {
            let dashed = series.style == Style::Dashes || number >= SERIES.len();
            LineStyle { colour: colour(number).mix(1.0), width: NORMAL, dashed }
        }
    }
}
