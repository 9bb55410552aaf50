//! What surrounds the data: headings, legends, panels with mesh and axes, labels beside line ends.

use super::axes::Axis;
use super::fonts::{fitted, text_width};
use super::picture::{Anchor, Picture, Point, Rect, Type};
use super::style::{self, BLACK, GREY, Ink, MESH};

/// Left edge of headings and legends.
pub const LEFT: f64 = 60.0;
/// Right edge of everything.
pub const RIGHT: f64 = 1550.0;
/// Where panels may begin, below heading and legend.
pub const TOP: f64 = 214.0;
/// Where panels end, above tick labels and axis title.
pub const BOTTOM: f64 = 900.0;

const LEGEND_BASELINE: f64 = 148.0;

/// Sets title and subtitle.
pub fn heading(picture: &mut Picture, title: &str, subtitle: &str) {
    let width = RIGHT - LEFT;
    let title = fitted(title, style::TITLE, true, width);
    picture.text((LEFT, 62.0), Type::new(style::TITLE, BLACK).bold(), title);
    let subtitle = fitted(subtitle, style::SUBTITLE, false, width);
    picture.text((LEFT, 102.0), Type::new(style::SUBTITLE, GREY), subtitle);
}

/// The sample beside a legend's text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Swatch {
    /// A line of the given width.
    Line(Ink, f64),
    /// A dashed line.
    Dashes(Ink),
    /// A filled block.
    Block(Ink),
    /// A dot.
    Disc(Ink),
}

impl Swatch {
    fn width(self) -> f64 {
        match self {
            Swatch::Line(..) | Swatch::Dashes(_) => 35.0,
            Swatch::Block(_) => 24.0,
            Swatch::Disc(_) => 16.0,
        }
    }

    fn draw(self, picture: &mut Picture, left: f64, middle: f64) {
        let right = left + self.width();
        let across = vec![(left, middle), (right, middle)];
        match self {
            Swatch::Line(ink, width) => picture.line(across, width, ink),
            Swatch::Dashes(ink) => picture.dashes(&across, 7.0, style::NORMAL, ink),
            Swatch::Block(ink) => {
                picture.area(Rect::new(left, middle - 9.0, right, middle + 9.0), ink)
            }
            Swatch::Disc(ink) => picture.disc((left + 8.0, middle), 8.0, ink),
        }
    }
}

/// Sets a legend in one row below the subtitle, smaller where it would be too wide.
pub fn legend(picture: &mut Picture, entries: &[(Swatch, String)]) {
    let (inner, outer) = (10.0, 36.0);
    let fixed: f64 = entries.iter().map(|(swatch, _)| swatch.width() + inner + outer).sum();
    let texts = entries.iter().map(|(_, text)| text_width(text, style::LABEL, false));
    let shrink = ((RIGHT - LEFT + outer - fixed) / texts.sum::<f64>()).clamp(0.1, 1.0);
    let size = style::LABEL * shrink;
    let mut left = LEFT;
    for (swatch, text) in entries {
        swatch.draw(picture, left, LEGEND_BASELINE - style::LABEL * 0.34);
        left += swatch.width() + inner;
        picture.text((left, LEGEND_BASELINE), Type::new(size, BLACK), text.as_str());
        left += text_width(text, size, false) + outer;
    }
}

/// A rectangle with a scale along two of its sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// Where the data are.
    pub rect: Rect,
    /// Left to right.
    pub x: Axis,
    /// Bottom to top.
    pub y: Axis,
}

impl Panel {
    /// Where a value lies on the picture.
    pub fn at(&self, x: f64, y: f64) -> Point {
        (self.column(x), self.row(y))
    }

    /// Horizontal position of a value.
    pub fn column(&self, x: f64) -> f64 {
        self.rect.left + self.x.share(x) * self.rect.width()
    }

    /// Vertical position of a value.
    pub fn row(&self, y: f64) -> f64 {
        self.rect.bottom - self.y.share(y) * self.rect.height()
    }

    /// Mesh lines and labels of the vertical axis, and its title above.
    pub fn draw_y(&self, picture: &mut Picture, title: &str) {
        let Rect { left, right, .. } = self.rect;
        for (value, label) in &self.y.ticks {
            let row = self.row(*value);
            picture.line(vec![(left, row), (right, row)], style::THIN, MESH);
            let set = Type::new(style::TICK, GREY).anchored(Anchor::End);
            picture.text((left - 14.0, row + style::TICK * 0.35), set, label.as_str());
        }
        let at = (LEFT, self.rect.top - 24.0);
        picture.text(at, Type::new(style::LABEL, BLACK), title);
    }

    /// The horizontal axis: its line, ticks, labels, and its title below.
    pub fn draw_x(&self, picture: &mut Picture, title: &str) {
        self.draw_base(picture);
        let bottom = self.rect.bottom;
        for (value, label) in &self.x.ticks {
            let column = self.column(*value);
            let tick = vec![(column, bottom), (column, bottom + 7.0)];
            picture.line(tick, style::THIN, GREY);
            let set = Type::new(style::TICK, GREY).anchored(Anchor::Middle);
            picture.text((column, bottom + 30.0), set, label.as_str());
        }
        let set = Type::new(style::LABEL, BLACK).anchored(Anchor::End);
        picture.text((self.rect.right, bottom + 66.0), set, title);
    }

    /// The line that the data stand on.
    pub fn draw_base(&self, picture: &mut Picture) {
        let Rect { left, right, .. } = self.rect;
        let line = vec![(left, self.rect.bottom), (right, self.rect.bottom)];
        picture.line(line, style::THIN, GREY);
    }

    /// The line through values, cut off where it leaves the panel.
    pub fn line(&self, picture: &mut Picture, values: &[(f64, f64)], width: f64, ink: Ink) {
        for piece in self.visible(values) {
            picture.line(piece, width, ink);
        }
    }

    /// The pieces of a line that lie within the panel.
    pub fn visible(&self, values: &[(f64, f64)]) -> Vec<Vec<Point>> {
        let points: Vec<Point> = values.iter().map(|v| self.at(v.0, v.1)).collect();
        let mut pieces: Vec<Vec<Point>> = Vec::new();
        for pair in points.windows(2) {
            let Some((from, to)) = clip(pair[0], pair[1], &self.rect) else {
                continue;
            };
            match pieces.last_mut() {
                Some(piece) if piece.last() == Some(&from) => piece.push(to),
                _ => pieces.push(vec![from, to]),
            }
        }
        pieces
    }
}

/// The part of a straight piece within a rectangle (Liang and Barsky 1984).
fn clip(from: Point, to: Point, rect: &Rect) -> Option<(Point, Point)> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut enter, mut leave) = (0.0f64, 1.0f64);
    let sides = [
        (-dx, from.0 - rect.left),
        (dx, rect.right - from.0),
        (-dy, from.1 - rect.top),
        (dy, rect.bottom - from.1),
    ];
    for (speed, room) in sides {
        if speed == 0.0 && room < 0.0 {
            return None;
        } else if speed < 0.0 {
            enter = enter.max(room / speed);
        } else if speed > 0.0 {
            leave = leave.min(room / speed);
        }
    }
    let along = |share: f64| match share {
        0.0 => from,
        1.0 => to,
        _ => (from.0 + share * dx, from.1 + share * dy),
    };
    (enter < leave).then(|| (along(enter), along(leave)))
}

/// Sets one label to the right of each row, moved apart where they would overlap.
pub fn end_labels(picture: &mut Picture, x: f64, labels: &[(f64, Ink, String)], within: &Rect) {
    let rows: Vec<f64> = labels.iter().map(|l| l.0).collect();
    let moved = spread(&rows, style::LABEL * 1.25, within.top, within.bottom);
    for ((row, ink, text), to) in labels.iter().zip(moved) {
        if (row - to).abs() > 2.0 {
            picture.line(vec![(x + 2.0, *row), (x + 16.0, to)], style::THIN, ink.fade(0.6));
        }
        let room = Picture::WIDTH - x - 30.0;
        let text = fitted(text, style::LABEL, false, room);
        let at = (x + 20.0, to + style::LABEL * 0.35);
        picture.text(at, Type::new(style::LABEL, *ink), text);
    }
}

/// Positions at least `gap` apart, in the order of `wanted` and near it, between `low` and `high`
/// if they fit there.
fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut placed = wanted.to_vec();
    let mut free = low;
    for &i in &order {
        placed[i] = placed[i].max(free);
        free = placed[i] + gap;
    }
    let mut free = high;
    for &i in order.iter().rev() {
        placed[i] = placed[i].min(free);
        free = placed[i] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel() -> Panel {
        Panel {
            rect: Rect::new(100.0, 100.0, 200.0, 200.0),
            x: Axis::numbers(0.0, 10.0, 5),
            y: Axis::numbers(0.0, 1.0, 5),
        }
    }

    #[test]
    fn lines_are_cut_at_the_panel() {
        let pieces = panel().visible(&[(0.0, -1.0), (4.0, 1.0), (8.0, 3.0), (9.0, 0.5)]);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0], [(120.0, 200.0), (140.0, 100.0)]);
        assert!(pieces[1].iter().all(|p| p.1 >= 100.0));
        assert!(panel().visible(&[(-5.0, 0.5), (-1.0, 0.5)]).is_empty());
        assert_eq!(panel().visible(&[(0.0, 0.5), (5.0, 0.5), (10.0, 1.0)])[0].len(), 3);
    }

    #[test]
    fn labels_are_moved_apart_in_order() {
        let placed = spread(&[50.0, 52.0, 51.0, 190.0], 20.0, 40.0, 200.0);
        assert_eq!(placed, [50.0, 90.0, 70.0, 190.0]);
        let placed = spread(&[199.0, 200.0], 20.0, 0.0, 200.0);
        assert_eq!(placed, [180.0, 200.0]);
    }
}
