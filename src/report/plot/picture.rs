//! A picture as a list of shapes, independent of how it is written. Plots make one; `render` and
//! `raster` turn it into SVG and PNG, so both show the same.

use super::style::{Ink, WHITE};

/// A position: right and down from the upper left corner.
pub type Point = (f64, f64);

/// A rectangle between two corners.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Lower edge.
    pub bottom: f64,
}

impl Rect {
    /// The rectangle between the given edges.
    pub fn new(left: f64, top: f64, right: f64, bottom: f64) -> Rect {
        Rect { left, top, right, bottom }
    }

    /// Distance between left and right edge.
    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    /// Distance between upper and lower edge.
    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }
}

/// Which end of a text its position names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The text begins there.
    Start,
    /// The text is centred there.
    Middle,
    /// The text ends there.
    End,
}

/// How a text is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Type {
    /// Font size.
    pub size: f64,
    /// Bold or regular.
    pub bold: bool,
    /// Colour.
    pub ink: Ink,
    /// Which end is at the position.
    pub anchor: Anchor,
}

impl Type {
    /// Regular weight, beginning at the position.
    pub fn new(size: f64, ink: Ink) -> Type {
        Type { size, bold: false, ink, anchor: Anchor::Start }
    }

    /// The same in bold.
    pub fn bold(self) -> Type {
        Type { bold: true, ..self }
    }

    /// The same with another end at the position.
    pub fn anchored(self, anchor: Anchor) -> Type {
        Type { anchor, ..self }
    }
}

/// One mark.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A connected line with round joins.
    Line {
        /// Its corners.
        points: Vec<Point>,
        /// Its width.
        width: f64,
        /// Its colour.
        ink: Ink,
    },
    /// A filled rectangle.
    Area {
        /// Its extent.
        rect: Rect,
        /// Its colour.
        ink: Ink,
    },
    /// A filled circle.
    Disc {
        /// Its middle.
        centre: Point,
        /// Its radius.
        radius: f64,
        /// Its colour.
        ink: Ink,
    },
    /// A line of text.
    Text {
        /// Where the end named by the anchor stands on the baseline.
        at: Point,
        /// How it is set.
        set: Type,
        /// What it says.
        text: String,
    },
}

/// Shapes on white paper, painted in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Height of the sheet.
    pub height: f64,
    /// All of them, the paper first.
    pub shapes: Vec<Shape>,
}

impl Picture {
    /// Width of every sheet.
    pub const WIDTH: f64 = 1600.0;
    /// Height of a whole sheet.
    pub const HEIGHT: f64 = 1000.0;

    /// An empty whole sheet.
    pub fn new() -> Picture {
        Picture::of_height(Picture::HEIGHT)
    }

    /// An empty sheet that is not as high, for what needs less room.
    pub fn of_height(height: f64) -> Picture {
        let rect = Rect::new(0.0, 0.0, Picture::WIDTH, height);
        Picture { height, shapes: vec![Shape::Area { rect, ink: WHITE }] }
    }

    /// Draws a connected line. Fewer than two points draw nothing.
    pub fn line(&mut self, points: Vec<Point>, width: f64, ink: Ink) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line { points, width, ink });
        }
    }

    /// Draws a line broken into dashes and gaps of the given length.
    pub fn dashes(&mut self, points: &[Point], dash: f64, width: f64, ink: Ink) {
        for piece in dashed(points, dash) {
            self.line(piece, width, ink);
        }
    }

    /// Fills a rectangle.
    pub fn area(&mut self, rect: Rect, ink: Ink) {
        self.shapes.push(Shape::Area { rect, ink });
    }

    /// Fills a circle.
    pub fn disc(&mut self, centre: Point, radius: f64, ink: Ink) {
        self.shapes.push(Shape::Disc { centre, radius, ink });
    }

    /// Sets a text.
    pub fn text(&mut self, at: Point, set: Type, text: impl Into<String>) {
        let text = text.into();
        self.shapes.push(Shape::Text { at, set, text });
    }
}

impl Default for Picture {
    fn default() -> Picture {
        Picture::new()
    }
}

/// The drawn stretches of a dashed line; the pattern runs on through corners.
fn dashed(points: &[Point], dash: f64) -> Vec<Vec<Point>> {
    let mut pieces = Vec::new();
    let (mut on, mut left) = (true, dash);
    let mut piece: Vec<Point> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            if length <= left {
                left -= length;
                break;
            }
            let share = left / length;
            from = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            piece.push(from);
            if on {
                pieces.push(std::mem::take(&mut piece));
            }
            piece = vec![from];
            on = !on;
            left = dash;
        }
        piece.push(to);
    }
    if on {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_turn_corners_and_cover_half() {
        let pieces = dashed(&[(0.0, 0.0), (25.0, 0.0), (25.0, 15.0)], 10.0);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0], [(0.0, 0.0), (10.0, 0.0)]);
        assert_eq!(pieces[1], [(20.0, 0.0), (25.0, 0.0), (25.0, 5.0)]);
    }
}
