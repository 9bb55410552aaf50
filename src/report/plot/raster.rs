//! Pictures as pixels, anti-aliased by the distance of each pixel's middle from the shape's edge:
//! smooth at any angle and width, with round joins, the same on every machine.

use super::fonts;
use super::picture::{Anchor, Picture, Point, Rect, Shape, Type};
use super::style::Ink;
use std::convert::Infallible;

/// Glyphs are drawn this many times larger and averaged down.
const OVERSAMPLE: i32 = 4;

/// RGB pixels, row by row from the top.
#[derive(Clone, Debug)]
pub(super) struct Raster {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<u8>,
}

/// Pixel columns and rows that a shape may touch.
struct Window {
    columns: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
}

impl Raster {
    /// Paints all shapes of a picture, one pixel per unit.
    pub(super) fn of(picture: &Picture) -> Raster {
        let (width, height) = (Picture::WIDTH as usize, picture.height as usize);
        let mut raster = Raster { width, height, pixels: vec![255; width * height * 3] };
        for shape in &picture.shapes {
            match shape {
                Shape::Line { points, width, ink } => raster.line(points, *width, *ink),
                Shape::Area { rect, ink } => raster.area(rect, *ink),
                Shape::Disc { centre, radius, ink } => raster.disc(*centre, *radius, *ink),
                Shape::Text { at, set, text } => raster.text(*at, set, text),
            }
        }
        raster
    }

    fn window(&self, rect: &Rect) -> Window {
        // Casts of negative numbers saturate at zero.
        let range = |low: f64, high: f64, size: usize| {
            let high = (high.ceil() as usize).min(size);
            (low.floor() as usize).min(high)..high
        };
        Window {
            columns: range(rect.left, rect.right, self.width),
            rows: range(rect.top, rect.bottom, self.height),
        }
    }

    fn blend(&mut self, column: usize, row: usize, coverage: f64, ink: Ink) {
        let share = coverage.clamp(0.0, 1.0) * ink.alpha;
        if share <= 0.0 {
            return;
        }
        let start = (row * self.width + column) * 3;
        let colour = [ink.rgb.0, ink.rgb.1, ink.rgb.2];
        for (channel, target) in self.pixels[start..start + 3].iter_mut().zip(colour) {
            let (old, new) = (f64::from(*channel), f64::from(target));
            *channel = (old + (new - old) * share).round() as u8;
        }
    }

    fn area(&mut self, rect: &Rect, ink: Ink) {
        let window = self.window(rect);
        let overlap = |cell: usize, low: f64, high: f64| {
            (high.min(cell as f64 + 1.0) - low.max(cell as f64)).max(0.0)
        };
        for row in window.rows {
            let share = overlap(row, rect.top, rect.bottom);
            for column in window.columns.clone() {
                let coverage = share * overlap(column, rect.left, rect.right);
                self.blend(column, row, coverage, ink);
            }
        }
    }

    fn disc(&mut self, centre: Point, radius: f64, ink: Ink) {
        let reach = radius + 1.0;
        let window = self.window(&around(centre, centre, reach));
        for row in window.rows {
            for column in window.columns.clone() {
                let (x, y) = middle(column, row);
                let distance = (x - centre.0).hypot(y - centre.1);
                self.blend(column, row, radius + 0.5 - distance, ink);
            }
        }
    }

    /// The whole line is one shape: where its pieces overlap, ink is laid once.
    fn line(&mut self, points: &[Point], width: f64, ink: Ink) {
        let reach = width / 2.0 + 1.0;
        let mut bounds = around(points[0], points[0], reach);
        for pair in points.windows(2) {
            let piece = around(pair[0], pair[1], reach);
            bounds.left = bounds.left.min(piece.left);
            bounds.top = bounds.top.min(piece.top);
            bounds.right = bounds.right.max(piece.right);
            bounds.bottom = bounds.bottom.max(piece.bottom);
        }
        let bounds = self.window(&bounds);
        let across = bounds.columns.len();
        let mut coverage = vec![0f32; across * bounds.rows.len()];
        for pair in points.windows(2) {
            let piece = self.window(&around(pair[0], pair[1], reach));
            for row in piece.rows {
                for column in piece.columns.clone() {
                    let distance = distance_to_piece(middle(column, row), pair[0], pair[1]);
                    let covered = covered_by_stroke(distance, width) as f32;
                    let cell = (row - bounds.rows.start) * across + column - bounds.columns.start;
                    coverage[cell] = coverage[cell].max(covered);
                }
            }
        }
        self.lay(&bounds, &coverage, ink);
    }

    fn text(&mut self, at: Point, set: &Type, text: &str) {
        let scale = f64::from(OVERSAMPLE);
        let size = set.size * fonts::LINE_HEIGHT * scale;
        let width = fonts::text_width(text, set.size, set.bold);
        let start = match set.anchor {
            Anchor::Start => at.0,
            Anchor::Middle => at.0 - width / 2.0,
            Anchor::End => at.0 - width,
        };
        // plotters hands out glyph pixels with the baseline half a size below the origin.
        let baseline = (size as f32 / 2.0) as i32;
        let origin = ((start * scale).round() as i32, (at.1 * scale).round() as i32 - baseline);
        let room = Rect::new(start, at.1 - set.size, start + width, at.1 + set.size / 2.0);
        let room =
            self.window(&around((room.left, room.top), (room.right, room.bottom), set.size / 2.0));
        let across = room.columns.len();
        let mut coverage = vec![0f32; across * room.rows.len()];
        let drawn = fonts::font(size, set.bold).draw(text, origin, |x, y, covered| {
            let column = usize::try_from(x.div_euclid(OVERSAMPLE)).ok();
            let row = usize::try_from(y.div_euclid(OVERSAMPLE)).ok();
            let column = column.filter(|c| room.columns.contains(c));
            if let (Some(column), Some(row)) = (column, row.filter(|r| room.rows.contains(r))) {
                let cell = (row - room.rows.start) * across + column - room.columns.start;
                coverage[cell] += covered / (OVERSAMPLE * OVERSAMPLE) as f32;
            }
            Ok::<(), Infallible>(())
        });
        assert!(drawn.is_ok(), "the compiled-in fonts can draw any text");
        self.lay(&room, &coverage, set.ink);
    }

    /// Lays ink on a window by the coverage of each of its pixels.
    fn lay(&mut self, window: &Window, coverage: &[f32], ink: Ink) {
        let across = window.columns.len().max(1);
        for (cell, &covered) in coverage.iter().enumerate() {
            let column = window.columns.start + cell % across;
            let row = window.rows.start + cell / across;
            self.blend(column, row, f64::from(covered), ink);
        }
    }
}

fn middle(column: usize, row: usize) -> Point {
    (column as f64 + 0.5, row as f64 + 0.5)
}

/// The rectangle around two points, `reach` wider on every side.
fn around(a: Point, b: Point, reach: f64) -> Rect {
    Rect::new(
        a.0.min(b.0) - reach,
        a.1.min(b.1) - reach,
        a.0.max(b.0) + reach,
        a.1.max(b.1) + reach,
    )
}

/// Share of a pixel under a stroke of the given width whose middle line is `distance` away.
fn covered_by_stroke(distance: f64, width: f64) -> f64 {
    (width / 2.0 + 0.5 - distance).clamp(0.0, 1.0).min(width)
}

/// Distance of `p` from the straight piece between `a` and `b`.
fn distance_to_piece(p: Point, a: Point, b: Point) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 {
        (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (p.0 - a.0 - along * dx).hypot(p.1 - a.1 - along * dy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::style::BLACK;

    fn darkness(raster: &Raster) -> f64 {
        let sum: f64 = raster.pixels.iter().map(|&c| 255.0 - f64::from(c)).sum();
        sum / (3.0 * (255.0 - 34.0))
    }

    #[test]
    fn shapes_cover_their_area() {
        let mut picture = Picture::new();
        picture.area(Rect::new(10.25, 10.0, 20.0, 30.5), BLACK);
        assert!((darkness(&Raster::of(&picture)) - 9.75 * 20.5).abs() < 0.2);
        let mut picture = Picture::new();
        picture.line(vec![(100.0, 100.0), (400.0, 500.0)], 3.0, BLACK);
        let expected = 500.0 * 3.0 + std::f64::consts::PI * 2.25;
        assert!((darkness(&Raster::of(&picture)) / expected - 1.0).abs() < 0.02);
        let mut picture = Picture::new();
        picture.disc((50.0, 50.0), 10.0, BLACK);
        let expected = std::f64::consts::PI * 100.0;
        assert!((darkness(&Raster::of(&picture)) / expected - 1.0).abs() < 0.02);
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let mut picture = Picture::new();
        picture.line(vec![(-50.0, -50.0), (-10.0, 2000.0), (5000.0, 3000.0)], 3.0, BLACK);
        picture.disc((1700.0, -5.0), 10.0, BLACK);
        picture.area(Rect::new(-10.0, -10.0, -5.0, -5.0), BLACK);
        picture.text((-300.0, 1005.0), Type::new(20.0, BLACK), "outside");
        assert!(darkness(&Raster::of(&picture)) < 1.0);
    }

    #[test]
    fn letters_stand_on_their_baseline() {
        let mut picture = Picture::new();
        picture.text((100.0, 200.0), Type::new(40.0, BLACK), "HI");
        let raster = Raster::of(&picture);
        let inked = |row: usize| {
            let start = row * raster.width * 3;
            raster.pixels[start..start + raster.width * 3].iter().any(|&c| c < 128)
        };
        let rows: Vec<usize> = (0..raster.height).filter(|&row| inked(row)).collect();
        assert!((199..=200).contains(rows.last().unwrap()), "{rows:?}");
        let cap_height = (rows.len() as f64 / 40.0 - 0.729).abs();
        assert!(cap_height < 0.05, "{} rows", rows.len());
    }
}
