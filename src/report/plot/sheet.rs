//! The sheet for one figure: texts, heading, legend, and the charts of plotters.

use super::fonts::{self, fitted, text_width};
use super::style::{self, BLACK, GREY, LineStyle, MESH, stroke, units};
use crate::report::figure::Figure;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

/// Width of every sheet.
pub(super) const WIDTH: f64 = 1600.0;
/// Height of a whole sheet.
pub(super) const HEIGHT: f64 = 1000.0;
/// Left edge of headings and legends.
pub(super) const LEFT: f64 = 60.0;
/// Right edge of everything.
pub(super) const RIGHT: f64 = 1550.0;
/// Left edge of the data, to the right of the labels of the vertical axis.
pub(super) const INNER: f64 = 150.0;
/// Lower edge of the data, above the labels and the title of the horizontal axis.
pub(super) const BOTTOM: f64 = 900.0;

/// The most lines of text for the sentence.
const MOST_LINES: usize = 2;

/// The result of drawing on a backend.
pub(super) type Drawing<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// A chart over two scales.
pub(super) type PlotContext<'a, DB> = ChartContext<'a, DB, Cartesian2d<Ruler, Ruler>>;

/// A scale of a chart: its range and its labels.
#[derive(Clone, Debug)]
pub(super) struct Ruler {
    /// The value at its beginning.
    pub low: f64,
    /// The value at its end.
    pub high: f64,
    /// Positions and labels.
    pub labels: Vec<(f64, String)>,
}

impl Ruler {
    /// A scale without labels.
    pub(super) fn bare(low: f64, high: f64) -> Ruler {
        Ruler { low, high, labels: Vec::new() }
    }
}

impl Ranged for Ruler {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.low) / (self.high - self.low);
        let length = f64::from(limit.1 - limit.0);
        limit.0 + (share * length).round().clamp(-1e8, 1e8) as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight().allow_light_points() {
            true => Vec::new(),
            false => self.labels.iter().map(|label| label.0).collect(),
        }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Ruler {
    fn format_ext(&self, at: &f64) -> String {
        let label = self.labels.iter().find(|label| label.0 == *at);
        label.map_or_else(String::new, |label| label.1.clone())
    }
}

/// Where the data of a chart lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct PlotArea {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Lower edge.
    pub bottom: f64,
}

/// The whole height of a block.
pub(super) const WHOLE: (f64, f64) = (0.0, 1.0);

/// The sample beside a legend's text.
#[derive(Clone, Copy, Debug)]
pub(super) enum Swatch {
    /// A piece of a line.
    Line(LineStyle),
    /// A filled block, between these shares of its height from the top.
    Block(RGBAColor, (f64, f64)),
    /// A ring.
    Ring(LineStyle),
    /// A dot.
    Dot(RGBAColor),
}

impl Swatch {
    fn width(self) -> f64 {
        match self {
            Swatch::Line(_) => 35.0,
            Swatch::Block(..) => 24.0,
            Swatch::Ring(_) | Swatch::Dot(_) => 16.0,
        }
    }
}

/// A sheet of white paper.
pub(super) struct Sheet<DB: DrawingBackend>(DrawingArea<DB, Shift>);

impl<DB: DrawingBackend> Sheet<DB> {
    /// A sheet on this area.
    pub(super) fn new(area: DrawingArea<DB, Shift>) -> Sheet<DB> {
        Sheet(area)
    }

    /// Ends the drawing.
    pub(super) fn present(&self) -> Drawing<DB> {
        self.0.present()
    }

    /// Writes a text; `at` is the position of its `end` on the baseline.
    pub(super) fn text(
        &self,
        at: (f64, f64),
        (size, bold): (f64, bool),
        colour: RGBColor,
        end: HPos,
        text: &str,
    ) -> Drawing<DB> {
        let top = (units(at.0), units(at.1 - fonts::ASCENT * size));
        self.0.draw(&Text::new(text.to_string(), top, fonts::set(size, bold, colour, end)))
    }

    /// Draws a straight line.
    pub(super) fn line(&self, from: (f64, f64), to: (f64, f64), line: LineStyle) -> Drawing<DB> {
        let ends = [from, to].map(|point| (units(point.0), units(point.1)));
        let style = stroke(line.colour, line.width);
        match line.dashed {
            true => {
                let dash = units(style::DASH);
                self.0.draw(&DashedPathElement::new(ends, dash, dash, style))
            }
            false => self.0.draw(&PathElement::new(ends, style)),
        }
    }

    /// Fills the background, and writes title and sentence; returns the baseline of the next text.
    pub(super) fn heading(
        &self,
        figure: &Figure,
        whose: &str,
    ) -> Result<f64, DrawingAreaErrorKind<DB::ErrorType>> {
        self.0.fill(&WHITE)?;
        let room = RIGHT - LEFT;
        // A long title is written smaller before it is cut.
        let wanted = style::TITLE * room / text_width(&figure.title, style::TITLE, true).max(1.0);
        let size = wanted.clamp(style::SUBTITLE + 2.0, style::TITLE);
        let title = fitted(&figure.title, size, true, room);
        self.text((LEFT, 62.0), (size, true), BLACK, HPos::Left, &title)?;
        let whose = if whose.is_empty() { String::new() } else { format!("{whose}: ") };
        let mut baseline = 102.0;
        for line in broken(&format!("{whose}{}", figure.sentence)) {
            self.text((LEFT, baseline), (style::SUBTITLE, false), GREY, HPos::Left, &line)?;
            baseline += style::SUBTITLE * 1.35;
        }
        Ok(baseline + 14.0)
    }

    /// Draws a legend in rows, the first on this baseline; returns the baseline after the last.
    pub(super) fn legend(
        &self,
        mut baseline: f64,
        entries: &[(Swatch, String)],
    ) -> Result<f64, DrawingAreaErrorKind<DB::ErrorType>> {
        let (inner, outer) = (10.0, 36.0);
        let mut left = LEFT;
        for (swatch, text) in entries {
            let room = RIGHT - LEFT - swatch.width() - inner;
            let text = fitted(text, style::LABEL, false, room);
            let width = swatch.width() + inner + text_width(&text, style::LABEL, false);
            if left > LEFT && left + width > RIGHT {
                (left, baseline) = (LEFT, baseline + style::LABEL * 1.5);
            }
            self.swatch(*swatch, left, baseline - style::LABEL * 0.34)?;
            let at = (left + swatch.width() + inner, baseline);
            self.text(at, (style::LABEL, false), BLACK, HPos::Left, &text)?;
            left += width + outer;
        }
        Ok(if entries.is_empty() { baseline } else { baseline + style::LABEL * 1.5 })
    }

    fn swatch(&self, swatch: Swatch, left: f64, middle: f64) -> Drawing<DB> {
        let right = left + swatch.width();
        match swatch {
            Swatch::Line(line) => {
                let width = line.width.max(2.0);
                self.line((left, middle), (right, middle), LineStyle { width, ..line })
            }
            Swatch::Block(colour, (from, to)) => {
                let row = |share: f64| middle - 9.0 + 18.0 * share;
                let corners = [(left, row(from)), (right, row(to))];
                let corners = corners.map(|point| (units(point.0), units(point.1)));
                self.0.draw(&Rectangle::new(corners, colour.filled()))
            }
            Swatch::Ring(line) => {
                let centre = (units(left + 8.0), units(middle));
                self.0.draw(&Circle::new(centre, units(7.0), stroke(line.colour, line.width)))
            }
            Swatch::Dot(colour) => {
                let centre = (units(left + 8.0), units(middle));
                self.0.draw(&Circle::new(centre, units(5.0), colour.filled()))
            }
        }
    }

    /// A chart whose data lie in `rect`: mesh and labels of the vertical scale, which may be up to
    /// `room` wide, and the horizontal scale with its ticks.
    pub(super) fn chart<'a>(
        &self,
        rect: &PlotArea,
        (x, y): (&Ruler, &Ruler),
        size: f64,
        room: f64,
    ) -> Result<PlotContext<'a, DB>, DrawingAreaErrorKind<DB::ErrorType>> {
        let below = 40.0;
        let corner = (units(rect.left - room), units(rect.top));
        let extent = (rect.right - rect.left + room, rect.bottom - rect.top + below);
        let area = self.0.clone().shrink(corner, (units(extent.0), units(extent.1)));
        let mut chart = ChartBuilder::on(&area)
            .y_label_area_size(units(room))
            .x_label_area_size(units(below))
            .build_cartesian_2d(x.clone(), y.clone())?;
        // Drawn in two passes, because the vertical scale has labels but no line.
        let set = fonts::set(size, false, GREY, HPos::Left);
        let [across, down] = if size < style::TICK { [3.0, 5.0] } else { [7.0, 7.0] };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .disable_x_axis()
            .bold_line_style(stroke(MESH, style::THIN))
            .light_line_style(TRANSPARENT)
            .axis_style(TRANSPARENT)
            .set_tick_mark_size(LabelAreaPosition::Left, units(across))
            .label_style(set.clone())
            .draw()?;
        chart
            .configure_mesh()
            .disable_mesh()
            .disable_y_axis()
            .axis_style(stroke(GREY, style::THIN))
            .set_tick_mark_size(LabelAreaPosition::Bottom, units(down))
            .label_style(set)
            .draw()?;
        Ok(chart)
    }
}

/// The lines of a sentence; the last line is cut if the sentence is too long.
fn broken(sentence: &str) -> Vec<String> {
    let width = RIGHT - LEFT;
    let mut lines = vec![String::new()];
    for word in sentence.split(' ') {
        let last = lines.len() - 1;
        let longer = if lines[last].is_empty() {
            word.to_string()
        } else {
            format!("{} {word}", lines[last])
        };
        match lines.len() < MOST_LINES && text_width(&longer, style::SUBTITLE, false) > width {
            true => lines.push(word.to_string()),
            false => lines[last] = longer,
        }
    }
    lines.iter().map(|line| fitted(line, style::SUBTITLE, false, width)).collect()
}
