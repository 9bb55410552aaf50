//! Writes any figure as SVG and as PNG. The same figure gives the same bytes.

use super::raster::Raster;
use super::sheet::{Drawing, HEIGHT, Sheet, WIDTH};
use super::style::FINE;
use super::{panels, shares, spans};
use crate::report::figure::Figure;
use crate::report::figure::chart::Chart;
use plotters::prelude::{DrawingBackend, IntoDrawingArea, SVGBackend};

/// The figure as an SVG document; the name in `whose` stands before its sentence.
pub fn svg(figure: &Figure, whose: &str) -> Result<String, String> {
    let height = height(figure);
    let size = ((WIDTH * FINE) as u32, (height * FINE) as u32);
    let mut document = String::new();
    draw(SVGBackend::with_string(&mut document, size), figure, whose)?;
    // The coordinates stay fine, the document has the size of the picture, and lines have round
    // ends and joins as in the PNG.
    let fine = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    let shown = format!(
        "width=\"{WIDTH}\" height=\"{height}\" stroke-linejoin=\"round\" stroke-linecap=\"round\""
    );
    Ok(document.replacen(&fine, &shown, 1))
}

/// The figure as a PNG file.
pub fn png(figure: &Figure, whose: &str) -> Result<Vec<u8>, String> {
    let (width, height) = (WIDTH as usize, height(figure) as usize);
    let mut pixels = vec![0; width * height * 3];
    draw(Raster::new(width, height, &mut pixels), figure, whose)?;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let writer = encoder.write_header();
    let written = writer.and_then(|mut writer| {
        writer.write_image_data(&pixels)?;
        writer.finish()
    });
    written.map_err(|e| e.to_string())?;
    Ok(file)
}

/// The height of the sheet: spans of few workers need less than a whole sheet.
fn height(figure: &Figure) -> f64 {
    match &figure.chart {
        Chart::Spans(spans) => spans::height(spans),
        Chart::Plots(..) | Chart::Shares(_) => HEIGHT,
    }
}

fn draw<DB: DrawingBackend>(backend: DB, figure: &Figure, whose: &str) -> Result<(), String> {
    let sheet = Sheet::new(backend.into_drawing_area());
    on_sheet(&sheet, figure, whose).map_err(|e| e.to_string())
}

fn on_sheet<DB: DrawingBackend>(sheet: &Sheet<DB>, figure: &Figure, whose: &str) -> Drawing<DB> {
    let top = sheet.heading(figure, whose)?;
    match &figure.chart {
        Chart::Plots(plots, layout) => panels::draw(sheet, top, plots, layout)?,
        Chart::Shares(shares) => shares::draw(sheet, top, shares)?,
        Chart::Spans(spans) => spans::draw(sheet, top, spans)?,
    }
    sheet.present()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::axis::{Axis, AxisUnit};
    use crate::report::figure::chart::{Panels, Plot, Series};
    use crate::report::figure::grid::Grid;

    #[test]
    fn an_svg_has_the_shapes_and_no_surprises() {
        let axis = || Axis::new("a < b & c", AxisUnit::Number);
        let (x, y) = (vec![0.0, 1.0], vec![Some(0.0), Some(1.0)]);
        let series = Series { name: "line".to_string(), x, y, ..Series::default() };
        let figure = Figure {
            id: "line".to_string(),
            title: "A line".to_string(),
            sentence: "It rises.".to_string(),
            chart: Chart::Plots(
                vec![Plot::new("line", axis(), axis(), vec![series])],
                Panels::stacked(1),
            ),
            grid: Grid::default(),
            file: String::new(),
        };
        let document = svg(&figure, "it").unwrap();
        assert!(
            document.starts_with("<svg width=\"1600\" height=\"1000\" stroke-linejoin=\"round\"")
        );
        assert!(document.contains("viewBox=\"0 0 6400 4000\""));
        assert!(document.contains("<polyline") && document.contains("it: It rises."));
        assert!(document.contains("a &lt; b &amp; c"));
        assert_eq!(document, svg(&figure, "it").unwrap());

        // The PNG holds exactly the pixels that were drawn.
        let mut pixels = vec![0; 1600 * 1000 * 3];
        draw(Raster::new(1600, 1000, &mut pixels), &figure, "it").unwrap();
        let file = png(&figure, "it").unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut read = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut read).unwrap();
        assert!(read == pixels);
    }
}
