//! The timeline: rows of spans of time.

use super::fonts::{fitted, text_width};
use super::sheet::{BOTTOM, Drawing, LEFT, PlotArea, RIGHT, Ruler, Sheet, Swatch};
use super::style::{self, BLACK};
use crate::report::figure::chart::{Look, Spans};
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

/// The lowest position at which the rows begin.
const TOP: f64 = 230.0;
/// The largest height of a row.
const TALLEST: f64 = 70.0;
/// Empty space above and below the spans of a row, as a share of its height.
const PAD: f64 = 0.12;
/// The most room for names.
const NAMES: f64 = 270.0;

/// The height of the sheet.
pub(super) fn height(spans: &Spans) -> f64 {
    (bottom(spans) + 100.0).ceil()
}

fn bottom(spans: &Spans) -> f64 {
    BOTTOM.min(TOP + TALLEST * spans.rows.len() as f64)
}

/// Draws the rows below `top`.
pub(super) fn draw<DB: DrawingBackend>(sheet: &Sheet<DB>, top: f64, spans: &Spans) -> Drawing<DB> {
    let swatch = |look: &Look| {
        (Swatch::Block(style::ink(look.ink).mix(1.0), look.band), look.name.to_string())
    };
    let entries: Vec<(Swatch, String)> = spans.legend.iter().map(swatch).collect();
    let top = (sheet.legend(top, &entries)? - 8.0).min(TOP);
    let count = spans.rows.len() as f64;
    let size = (600.0 / count).clamp(12.0, style::TICK);
    let widest = spans.rows.iter().map(|row| text_width(&row.name, size, false));
    let room = widest.fold(60.0, f64::max).min(NAMES) + 14.0;
    let rect = PlotArea { left: LEFT + room, top, right: RIGHT, bottom: bottom(spans) };
    let (from, until) = spans.window;
    let x = Ruler { low: from, high: until, labels: spans.time.labels(from, until, 8) };
    // From top to bottom.
    let y = Ruler::bare(count, 0.0);
    let mut chart = sheet.chart(&rect, (&x, &y), style::TICK, room)?;
    for (place, row) in spans.rows.iter().enumerate() {
        let within = |share: f64| place as f64 + PAD + (1.0 - 2.0 * PAD) * share;
        let blocks = row.spans.iter().filter_map(|span| {
            let ((from, until), look) = (span.within(spans.window)?, span.look);
            let (above, below) = (within(look.band.0), within(look.band.1));
            // A thin gap separates neighbours.
            let edge = (spans.window.1 - spans.window.0) * 3e-4;
            let until = if until - from > 4.0 * edge { until - edge } else { until };
            Some(Rectangle::new([(from, above), (until, below)], style::ink(look.ink).filled()))
        });
        chart.draw_series(blocks)?;
        let middle = rect.top + (place as f64 + 0.5) / count * (rect.bottom - rect.top);
        let name = fitted(&row.name, size, false, room - 14.0);
        let at = (rect.left - 14.0, middle + size * 0.35);
        sheet.text(at, (size, false), BLACK, HPos::Right, &name)?;
    }
    let at = (RIGHT, rect.bottom + 66.0);
    sheet.text(at, (style::LABEL, false), BLACK, HPos::Right, &spans.time.title)
}
