//! Pictures as pixels, anti-aliased by the distance of each pixel's middle from the shape's edge:
//! smooth at any angle and width, with round joins, the same on every machine.

use super::fonts;
use super::picture::{Anchor, Picture, Point, Rect, Shape, Type};
use super::style::Ink;
use std::convert::Infallible;
use std::ops::Range;

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
    columns: Range<usize>,
    rows: Range<usize>,
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
        for (channel, target) in self.pixels[start..start + 3].iter_mut().zip(channels(ink)) {
            let (old, new) = (f64::from(*channel), f64::from(target));
            *channel = (old + (new - old) * share + 0.5) as u8;
        }
    }

    fn area(&mut self, rect: &Rect, ink: Ink) {
        let window = self.window(rect);
        let overlap = |cell: usize, low: f64, high: f64| {
            (high.min(cell as f64 + 1.0) - low.max(cell as f64)).max(0.0)
        };
        let Window { columns, rows } = window;
        let opaque = ink.alpha >= 1.0;
        // Columns that it covers from edge to edge.
        let last = (rect.right.floor() as usize).clamp(columns.start, columns.end);
        let first = (rect.left.ceil() as usize).clamp(columns.start, last);
        for row in rows {
            let share = overlap(row, rect.top, rect.bottom);
            let filled = if opaque && share >= 1.0 { first..last } else { last..last };
            for column in (columns.start..filled.start).chain(filled.end..columns.end) {
                let coverage = share * overlap(column, rect.left, rect.right);
                self.blend(column, row, coverage, ink);
            }
            self.fill(filled, row, ink);
        }
    }

    /// Covers some columns of a row.
    fn fill(&mut self, columns: Range<usize>, row: usize, ink: Ink) {
        let start = row * self.width;
        let cells = &mut self.pixels[(start + columns.start) * 3..(start + columns.end) * 3];
        cells.as_chunks_mut().0.fill(channels(ink));
    }

    fn disc(&mut self, centre: Point, radius: f64, ink: Ink) {
        let reach = radius + 1.0;
        let window = self.window(&around(centre, centre, reach));
        for row in window.rows {
            for column in window.columns.clone() {
                let (x, y) = middle(column, row);
                let distance = length(x - centre.0, y - centre.1);
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
        let mut coverage = Coverage::of(self.window(&bounds));
        for pair in points.windows(2) {
            let piece = self.window(&around(pair[0], pair[1], reach));
            for row in piece.rows {
                let near = columns_near(pair[0], pair[1], middle(0, row).1, reach);
                let columns = (near.start as usize).max(piece.columns.start)
                    ..(near.end.ceil() as usize).min(piece.columns.end);
                let first = columns.start;
                for (column, share) in (first..).zip(coverage.cells(row, columns)) {
                    let distance = distance_to_piece(middle(column, row), pair[0], pair[1]);
                    *share = share.max(covered_by_stroke(distance, width) as f32);
                }
            }
        }
        self.lay(&coverage, ink);
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
        let (columns, rows) = (room.columns.clone(), room.rows.clone());
        let mut coverage = Coverage::of(room);
        let drawn = fonts::font(size, set.bold).draw(text, origin, |x, y, covered| {
            let column = usize::try_from(x.div_euclid(OVERSAMPLE)).ok();
            let row = usize::try_from(y.div_euclid(OVERSAMPLE)).ok();
            let column = column.filter(|c| columns.contains(c));
            if let (Some(column), Some(row)) = (column, row.filter(|r| rows.contains(r))) {
                let share = &mut coverage.cells(row, column..column + 1)[0];
                *share += covered / (OVERSAMPLE * OVERSAMPLE) as f32;
            }
            Ok::<(), Infallible>(())
        });
        assert!(drawn.is_ok(), "the compiled-in fonts can draw any text");
        self.lay(&coverage, set.ink);
    }

    /// Lays ink by the coverage of each pixel.
    fn lay(&mut self, coverage: &Coverage, ink: Ink) {
        for (row, touched) in coverage.window.rows.clone().zip(&coverage.touched) {
            let start = coverage.start_of(row);
            for column in touched.clone() {
                let share = coverage.shares[start + column - coverage.window.columns.start];
                self.blend(column, row, f64::from(share), ink);
            }
        }
    }
}

/// Which share of each pixel of a window a shape covers.
struct Coverage {
    window: Window,
    /// Row by row.
    shares: Vec<f32>,
    /// In each row the columns from the first to the last that the shape may cover.
    touched: Vec<Range<usize>>,
}

impl Coverage {
    /// Nothing is covered yet.
    fn of(window: Window) -> Coverage {
        let (across, down) = (window.columns.len(), window.rows.len());
        Coverage { window, shares: vec![0.0; across * down], touched: vec![0..0; down] }
    }

    /// The shares of some columns of a row, which from now on count as touched.
    fn cells(&mut self, row: usize, columns: Range<usize>) -> &mut [f32] {
        if columns.is_empty() {
            return &mut [];
        }
        let touched = &mut self.touched[row - self.window.rows.start];
        *touched = if touched.start == touched.end {
            columns.clone()
        } else {
            touched.start.min(columns.start)..touched.end.max(columns.end)
        };
        let first = self.start_of(row) + columns.start - self.window.columns.start;
        &mut self.shares[first..first + columns.len()]
    }

    /// Where a row begins among the shares.
    fn start_of(&self, row: usize) -> usize {
        (row - self.window.rows.start) * self.window.columns.len()
    }
}

/// Where at the height `y` the straight line through `a` and `b` is no farther than `reach`.
fn columns_near(a: Point, b: Point, y: f64, reach: f64) -> Range<f64> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    // A line as good as level is near everywhere, and the division would overflow.
    if dy.abs() < 1e-9 {
        return f64::NEG_INFINITY..f64::INFINITY;
    }
    let (crossing, half) = (a.0 + (y - a.1) * dx / dy, reach * length(dx, dy) / dy.abs());
    crossing - half..crossing + half
}

/// Exact operations only, which `hypot` of a platform's library is not.
fn length(dx: f64, dy: f64) -> f64 {
    (dx * dx + dy * dy).sqrt()
}

fn channels(ink: Ink) -> [u8; 3] {
    [ink.rgb.0, ink.rgb.1, ink.rgb.2]
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
    let square = dx * dx + dy * dy;
    let along = if square > 0.0 {
        (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / square).clamp(0.0, 1.0)
    } else {
        0.0
    };
    length(p.0 - a.0 - along * dx, p.1 - a.1 - along * dy)
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

    /// In all directions, also as good as level and as good as upright.
    #[test]
    fn a_line_is_as_wide_and_long_at_any_angle() {
        let almost =
            [(400.0, 1e-300), (400.0, 1e-8), (400.0, 0.01), (1e-300, 400.0), (0.01, 400.0)];
        let round = (0..24).map(|i| libm::sincos(f64::from(i) * std::f64::consts::PI / 12.0));
        for (dx, dy) in almost.into_iter().chain(round.map(|(y, x)| (400.0 * x, 400.0 * y))) {
            let mut picture = Picture::new();
            picture.line(vec![(500.3, 450.2), (500.3 + dx, 450.2 + dy)], 5.0, BLACK);
            let expected = 400.0 * 5.0 + std::f64::consts::PI * 6.25;
            let found = darkness(&Raster::of(&picture));
            assert!((found / expected - 1.0).abs() < 0.02, "{dx} {dy}: {found}");
        }
    }

    /// Edges between pixels, ends within one pixel, and areas without any: opaque and not.
    #[test]
    fn an_area_covers_what_its_edges_say() {
        for alpha in [1.0, 0.5] {
            for (left, right) in
                [(10.0, 20.0), (10.25, 10.75), (9.5, 11.25), (12.0, 12.0), (12.6, 12.4)]
            {
                let mut picture = Picture::new();
                let ink = Ink { alpha, ..BLACK };
                picture.area(Rect::new(left, 10.0, right, 30.0), ink);
                let found = darkness(&Raster::of(&picture));
                // A pixel's colour is a whole number.
                let expected = (right - left).max(0.0) * 20.0 * alpha;
                assert!((found - expected).abs() < 0.5, "{left} {right}");
            }
        }
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
