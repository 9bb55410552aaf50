//! Pictures as pixels. Anti-aliasing uses the distance of each pixel's centre from the edge of the
//! shape. So lines are smooth at any angle and width, with round joins, and the same on every
//! machine.

use super::fonts;
use super::style::FINE;
use plotters::style::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontStyle,
};
use std::convert::Infallible;
use std::ops::Range;

/// Units of the sheet per pixel. Glyphs are drawn this many times larger and then averaged.
const OVERSAMPLE: i32 = FINE as i32;
/// Height of small letters of DejaVu Sans over the font size.
const X_HEIGHT: f64 = 0.547;

type PixelPoint = (f64, f64);
type RasterResult = Result<(), DrawingErrorKind<Infallible>>;

/// RGB pixels, row by row from the top: the backend of plotters for PNG files.
#[derive(Debug)]
pub(super) struct Raster<'a> {
    width: usize,
    height: usize,
    pixels: &'a mut [u8],
}

/// A rectangle between two corners.
#[derive(Clone, Copy, Debug)]
struct PixelRect {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

/// The pixel columns and rows that a shape may touch.
struct PixelBounds {
    columns: Range<usize>,
    rows: Range<usize>,
}

/// The position of a point of the sheet, in pixels.
fn place(point: BackendCoord) -> PixelPoint {
    (f64::from(point.0) / FINE, f64::from(point.1) / FINE)
}

impl DrawingBackend for Raster<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.width as u32 * FINE as u32, self.height as u32 * FINE as u32)
    }

    fn ensure_prepared(&mut self) -> RasterResult {
        Ok(())
    }

    fn present(&mut self) -> RasterResult {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> RasterResult {
        let ((left, top), side) = (place(point), 1.0 / FINE);
        self.area(&PixelRect { left, top, right: left + side, bottom: top + side }, color);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        a: BackendCoord,
        b: BackendCoord,
        style: &S,
    ) -> RasterResult {
        self.draw_path([a, b], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> RasterResult {
        let points: Vec<PixelPoint> = path.into_iter().map(place).collect();
        if points.len() > 1 {
            self.line(&points, f64::from(style.stroke_width()) / FINE, style.color());
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        one: BackendCoord,
        other: BackendCoord,
        style: &S,
        fill: bool,
    ) -> RasterResult {
        if !fill {
            let corners = [one, (other.0, one.1), other, (one.0, other.1), one];
            return self.draw_path(corners, style);
        }
        let ((a, b), (c, d)) = (place(one), place(other));
        let rect = PixelRect { left: a.min(c), top: b.min(d), right: a.max(c), bottom: b.max(d) };
        self.area(&rect, style.color());
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> RasterResult {
        let stroke = if fill { None } else { Some(f64::from(style.stroke_width()) / FINE) };
        self.disc(place(centre), f64::from(radius) / FINE, stroke, style.color());
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(
        &mut self,
        text: &str,
        set: &S,
        at: BackendCoord,
    ) -> RasterResult {
        let bold = matches!(set.style(), FontStyle::Bold);
        let size = set.size() / FINE / fonts::SVG_FONT;
        let (left, top) = place(at);
        let width = fonts::text_width(text, size, bold);
        let start = match set.anchor().h_pos {
            HPos::Left => left,
            HPos::Center => left - width / 2.0,
            HPos::Right => left - width,
        };
        let baseline = match set.anchor().v_pos {
            VPos::Top => top + fonts::ASCENT * size,
            VPos::Center => top + X_HEIGHT * size / 2.0,
            VPos::Bottom => top - X_HEIGHT * size / 2.0,
        };
        self.text((start, baseline), (size, bold), width, set.color(), text);
        Ok(())
    }
}

impl<'a> Raster<'a> {
    /// White paper on these pixels.
    pub(super) fn new(width: usize, height: usize, pixels: &'a mut [u8]) -> Raster<'a> {
        pixels.fill(255);
        Raster { width, height, pixels }
    }

    fn bounds_of(&self, rect: &PixelRect) -> PixelBounds {
        // Casts of negative numbers saturate at zero.
        let range = |low: f64, high: f64, size: usize| {
            let high = (high.ceil() as usize).min(size);
            (low.floor() as usize).min(high)..high
        };
        PixelBounds {
            columns: range(rect.left, rect.right, self.width),
            rows: range(rect.top, rect.bottom, self.height),
        }
    }

    fn blend(&mut self, column: usize, row: usize, coverage: f64, ink: BackendColor) {
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

    fn area(&mut self, rect: &PixelRect, ink: BackendColor) {
        let bounds = self.bounds_of(rect);
        let overlap = |cell: usize, low: f64, high: f64| {
            (high.min(cell as f64 + 1.0) - low.max(cell as f64)).max(0.0)
        };
        let PixelBounds { columns, rows } = bounds;
        let opaque = ink.alpha >= 1.0;
        // The columns that the rectangle covers completely.
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

    /// Fills some columns of a row.
    fn fill(&mut self, columns: Range<usize>, row: usize, ink: BackendColor) {
        let start = row * self.width;
        let cells = &mut self.pixels[(start + columns.start) * 3..(start + columns.end) * 3];
        cells.as_chunks_mut().0.fill(channels(ink));
    }

    /// A filled circle, or a ring with a stroke of this width.
    fn disc(&mut self, centre: PixelPoint, radius: f64, stroke: Option<f64>, ink: BackendColor) {
        let bounds = self.bounds_of(&around(centre, centre, radius + stroke.unwrap_or(0.0) + 1.0));
        for row in bounds.rows {
            for column in bounds.columns.clone() {
                let (x, y) = middle(column, row);
                let distance = length(x - centre.0, y - centre.1) - radius;
                let coverage = match stroke {
                    None => 0.5 - distance,
                    Some(width) => covered_by_stroke(distance.abs(), width),
                };
                self.blend(column, row, coverage, ink);
            }
        }
    }

    /// Draws a line as one shape: ink is laid only once where its pieces overlap.
    fn line(&mut self, points: &[PixelPoint], width: f64, ink: BackendColor) {
        let reach = width / 2.0 + 1.0;
        let mut bounds = around(points[0], points[0], reach);
        for pair in points.windows(2) {
            let piece = around(pair[0], pair[1], reach);
            bounds.left = bounds.left.min(piece.left);
            bounds.top = bounds.top.min(piece.top);
            bounds.right = bounds.right.max(piece.right);
            bounds.bottom = bounds.bottom.max(piece.bottom);
        }
        let mut coverage = Coverage::of(self.bounds_of(&bounds));
        for pair in points.windows(2) {
            let piece = self.bounds_of(&around(pair[0], pair[1], reach));
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

    /// A text that begins at `at` on its baseline.
    fn text(
        &mut self,
        at: PixelPoint,
        (size, bold): (f64, bool),
        width: f64,
        ink: BackendColor,
        text: &str,
    ) {
        let scale = f64::from(OVERSAMPLE);
        let glyphs = size * fonts::LINE_HEIGHT * scale;
        // plotters gives glyph pixels with the baseline half a font size below the origin.
        let baseline = (glyphs as f32 / 2.0) as i32;
        let origin = ((at.0 * scale).round() as i32, (at.1 * scale).round() as i32 - baseline);
        let (first, last) = ((at.0, at.1 - size), (at.0 + width, at.1 + size / 2.0));
        let room = self.bounds_of(&around(first, last, size / 2.0));
        let (columns, rows) = (room.columns.clone(), room.rows.clone());
        let mut coverage = Coverage::of(room);
        let drawn = fonts::font(glyphs, bold).draw(text, origin, |x, y, covered| {
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
        self.lay(&coverage, ink);
    }

    /// Lays ink by the coverage of each pixel.
    fn lay(&mut self, coverage: &Coverage, ink: BackendColor) {
        for (row, touched) in coverage.bounds.rows.clone().zip(&coverage.touched) {
            let start = coverage.start_of(row);
            for column in touched.clone() {
                let share = coverage.shares[start + column - coverage.bounds.columns.start];
                self.blend(column, row, f64::from(share), ink);
            }
        }
    }
}

/// The pixels within bounds, with the share of each that a shape covers.
struct Coverage {
    bounds: PixelBounds,
    /// Row by row.
    shares: Vec<f32>,
    /// For each row, the columns from the first to the last that the shape may cover.
    touched: Vec<Range<usize>>,
}

impl Coverage {
    /// Bounds within which nothing is covered yet.
    fn of(bounds: PixelBounds) -> Coverage {
        let (across, down) = (bounds.columns.len(), bounds.rows.len());
        Coverage { bounds, shares: vec![0.0; across * down], touched: vec![0..0; down] }
    }

    /// The shares of some columns of a row, which from now on count as touched.
    fn cells(&mut self, row: usize, columns: Range<usize>) -> &mut [f32] {
        if columns.is_empty() {
            return &mut [];
        }
        let touched = &mut self.touched[row - self.bounds.rows.start];
        *touched = if touched.start == touched.end {
            columns.clone()
        } else {
            touched.start.min(columns.start)..touched.end.max(columns.end)
        };
        let first = self.start_of(row) + columns.start - self.bounds.columns.start;
        &mut self.shares[first..first + columns.len()]
    }

    /// Where a row begins among the shares.
    fn start_of(&self, row: usize) -> usize {
        (row - self.bounds.rows.start) * self.bounds.columns.len()
    }
}

/// The columns at height `y` that are at most `reach` away from the straight line through `a` and
/// `b`.
fn columns_near(a: PixelPoint, b: PixelPoint, y: f64, reach: f64) -> Range<f64> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    // For a line that is almost horizontal the division would overflow, and any column may be near.
    if dy.abs() < 1e-9 {
        return f64::NEG_INFINITY..f64::INFINITY;
    }
    let (crossing, half) = (a.0 + (y - a.1) * dx / dy, reach * length(dx, dy) / dy.abs());
    crossing - half..crossing + half
}

/// Only operations whose results are the same everywhere; `hypot` of a platform's library is not.
fn length(dx: f64, dy: f64) -> f64 {
    (dx * dx + dy * dy).sqrt()
}

fn channels(ink: BackendColor) -> [u8; 3] {
    [ink.rgb.0, ink.rgb.1, ink.rgb.2]
}

fn middle(column: usize, row: usize) -> PixelPoint {
    (column as f64 + 0.5, row as f64 + 0.5)
}

/// The rectangle around two points, `reach` wider on every side.
fn around(a: PixelPoint, b: PixelPoint, reach: f64) -> PixelRect {
    PixelRect {
        left: a.0.min(b.0) - reach,
        top: a.1.min(b.1) - reach,
        right: a.0.max(b.0) + reach,
        bottom: a.1.max(b.1) + reach,
    }
}

/// Share of a pixel that a stroke of the given width covers if its middle line is `distance` away.
fn covered_by_stroke(distance: f64, width: f64) -> f64 {
    (width / 2.0 + 0.5 - distance).clamp(0.0, 1.0).min(width)
}

/// Distance of `p` from the straight piece between `a` and `b`.
fn distance_to_piece(p: PixelPoint, a: PixelPoint, b: PixelPoint) -> f64 {
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

    const BLACK: BackendColor = BackendColor { alpha: 1.0, rgb: (34, 34, 34) };

    /// The pixels that are painted on white paper.
    fn painted(paint: impl FnOnce(&mut Raster<'_>)) -> Vec<u8> {
        let mut pixels = vec![0; 1600 * 1000 * 3];
        paint(&mut Raster::new(1600, 1000, &mut pixels));
        pixels
    }

    fn rect(left: f64, top: f64, right: f64, bottom: f64) -> PixelRect {
        PixelRect { left, top, right, bottom }
    }

    fn darkness(pixels: &[u8]) -> f64 {
        let sum: f64 = pixels.iter().map(|&c| 255.0 - f64::from(c)).sum();
        sum / (3.0 * (255.0 - 34.0))
    }

    #[test]
    fn shapes_cover_their_area() {
        let pixels = painted(|raster| raster.area(&rect(10.25, 10.0, 20.0, 30.5), BLACK));
        assert!((darkness(&pixels) - 9.75 * 20.5).abs() < 0.2);
        let pixels = painted(|raster| raster.line(&[(100.0, 100.0), (400.0, 500.0)], 3.0, BLACK));
        let expected = 500.0 * 3.0 + std::f64::consts::PI * 2.25;
        assert!((darkness(&pixels) / expected - 1.0).abs() < 0.02);
        let pixels = painted(|raster| raster.disc((50.0, 50.0), 10.0, None, BLACK));
        let expected = std::f64::consts::PI * 100.0;
        assert!((darkness(&pixels) / expected - 1.0).abs() < 0.02);
    }

    /// In all directions, also almost horizontal and almost vertical.
    #[test]
    fn a_line_is_as_wide_and_long_at_any_angle() {
        let almost =
            [(400.0, 1e-300), (400.0, 1e-8), (400.0, 0.01), (1e-300, 400.0), (0.01, 400.0)];
        let round = (0..24).map(|i| libm::sincos(f64::from(i) * std::f64::consts::PI / 12.0));
        for (dx, dy) in almost.into_iter().chain(round.map(|(y, x)| (400.0 * x, 400.0 * y))) {
            let pixels = painted(|raster| {
                raster.line(&[(500.3, 450.2), (500.3 + dx, 450.2 + dy)], 5.0, BLACK)
            });
            let expected = 400.0 * 5.0 + std::f64::consts::PI * 6.25;
            let found = darkness(&pixels);
            assert!((found / expected - 1.0).abs() < 0.02, "{dx} {dy}: {found}");
        }
    }

    /// Edges within pixels, areas within one pixel, and empty areas; opaque and half transparent.
    #[test]
    fn an_area_covers_what_its_edges_say() {
        for alpha in [1.0, 0.5] {
            for (left, right) in
                [(10.0, 20.0), (10.25, 10.75), (9.5, 11.25), (12.0, 12.0), (12.6, 12.4)]
            {
                let ink = BackendColor { alpha, ..BLACK };
                let pixels = painted(|raster| raster.area(&rect(left, 10.0, right, 30.0), ink));
                let found = darkness(&pixels);
                // A pixel's colour is a whole number.
                let expected = (right - left).max(0.0) * 20.0 * alpha;
                assert!((found - expected).abs() < 0.5, "{left} {right}");
            }
        }
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let pixels = painted(|raster| {
            raster.line(&[(-50.0, -50.0), (-10.0, 2000.0), (5000.0, 3000.0)], 3.0, BLACK);
            raster.disc((1700.0, -5.0), 10.0, None, BLACK);
            raster.area(&rect(-10.0, -10.0, -5.0, -5.0), BLACK);
            raster.text((-300.0, 1005.0), (20.0, false), 80.0, BLACK, "outside");
        });
        assert!(darkness(&pixels) < 1.0);
    }

    #[test]
    fn letters_stand_on_their_baseline() {
        let pixels =
            painted(|raster| raster.text((100.0, 200.0), (40.0, false), 50.0, BLACK, "HI"));
        let inked = |row: &usize| pixels[row * 4800..][..4800].iter().any(|&c| c < 128);
        let rows: Vec<usize> = (0..1000).filter(inked).collect();
        assert!((199..=200).contains(rows.last().unwrap()), "{rows:?}");
        let cap_height = (rows.len() as f64 / 40.0 - 0.729).abs();
        assert!(cap_height < 0.05, "{} rows", rows.len());
    }
}
