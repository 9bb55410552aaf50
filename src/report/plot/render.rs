//! Writes a picture as SVG and as PNG with plotters' backends. Same picture, same bytes.

use super::fonts;
use super::picture::{Anchor, Picture, Point, Shape, Type};
use super::raster::Raster;
use super::style::Ink;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// plotters draws on whole units: a sheet this many times larger leaves a quarter of a unit.
const FINE: f64 = 4.0;
/// plotters' font sizes over those that its SVG backend writes.
const SVG_FONT: f64 = 1.24;
/// How far below the top of a text plotters' SVG backend puts the baseline, in font sizes.
const SVG_ASCENT: f64 = 0.76;

/// A drawing area in plain device units.
type Sheet<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The picture as an SVG document.
pub fn svg(picture: &Picture) -> Result<String, String> {
    let size = ((Picture::WIDTH * FINE) as u32, (picture.height * FINE) as u32);
    let mut document = String::new();
    {
        let sheet = SVGBackend::with_string(&mut document, size).into_drawing_area();
        for shape in &picture.shapes {
            draw(&sheet, shape)?;
        }
        sheet.present().map_err(|e| e.to_string())?;
    }
    // The coordinates stay fine, the page is shown at the picture's own size, and lines end and
    // turn round as in the PNG.
    let fine = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    let shown = format!(
        "width=\"{}\" height=\"{}\" stroke-linejoin=\"round\" stroke-linecap=\"round\"",
        Picture::WIDTH,
        picture.height
    );
    Ok(document.replacen(&fine, &shown, 1))
}

/// Writes the picture as a PNG file.
pub fn write_png(picture: &Picture, path: &Path) -> Result<(), String> {
    let raster = Raster::of(picture);
    let size = (raster.width as u32, raster.height as u32);
    let mut file = BitMapBackend::new(path, size);
    file.blit_bitmap((0, 0), size, &raster.pixels).map_err(|e| e.to_string())?;
    file.present().map_err(|e| e.to_string())
}

/// Device units; what lies far off the sheet stays where differences cannot overflow.
fn units(length: f64) -> i32 {
    (length * FINE).round().clamp(-1e8, 1e8) as i32
}

fn place(point: Point) -> (i32, i32) {
    (units(point.0), units(point.1))
}

fn colour(ink: Ink) -> RGBAColor {
    RGBAColor(ink.rgb.0, ink.rgb.1, ink.rgb.2, ink.alpha)
}

fn draw(sheet: &Sheet<'_>, shape: &Shape) -> Result<(), String> {
    let done = match shape {
        Shape::Line { points, width, ink } => {
            let points: Vec<(i32, i32)> = points.iter().copied().map(place).collect();
            sheet.draw(&PathElement::new(points, colour(*ink).stroke_width(units(*width) as u32)))
        }
        Shape::Area { rect, ink } => {
            let corners = [place((rect.left, rect.top)), place((rect.right, rect.bottom))];
            sheet.draw(&Rectangle::new(corners, colour(*ink).filled()))
        }
        Shape::Disc { centre, radius, ink } => {
            sheet.draw(&Circle::new(place(*centre), units(*radius), colour(*ink).filled()))
        }
        Shape::Text { at, set, text } => return draw_text(sheet, *at, set, text),
    };
    done.map_err(|e| e.to_string())
}

fn draw_text(sheet: &Sheet<'_>, at: Point, set: &Type, text: &str) -> Result<(), String> {
    let side = match set.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let ink = colour(set.ink);
    let style = TextStyle::from(fonts::font(set.size * FINE * SVG_FONT, set.bold))
        .color(&ink)
        .pos(Pos::new(side, VPos::Top));
    let top = (at.0, at.1 - SVG_ASCENT * set.size);
    let element = Text::new(text, place(top), style);
    sheet.draw(&element).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::style::{BLACK, BLUE};

    #[test]
    fn an_svg_has_the_shapes_and_no_surprises() {
        let mut picture = Picture::new();
        picture.line(vec![(0.0, 0.0), (10.5, 20.0)], 2.0, BLUE);
        picture.text((5.0, 5.0), Type::new(20.0, BLACK), "a < b & c");
        let document = svg(&picture).unwrap();
        assert!(
            document.starts_with("<svg width=\"1600\" height=\"1000\" stroke-linejoin=\"round\"")
        );
        assert!(document.contains("viewBox=\"0 0 6400 4000\""));
        assert!(document.contains("0,0 42,80"));
        assert!(document.contains("a &lt; b &amp; c"));
        assert_eq!(document, svg(&picture).unwrap());
    }
}
