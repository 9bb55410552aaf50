//! Shares of a whole as vertical bars, with the names of their groups below.

use super::fonts::{fitted, text_width};
use super::sheet::{Drawing, INNER, LEFT, PlotArea, RIGHT, Ruler, Sheet, Swatch};
use super::style::{self, BLACK, GREY, LineStyle};
use crate::report::figure::axis::{Axis, AxisUnit};
use crate::report::figure::chart::{Look, Shares};
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

/// The most room for a bar.
const WIDEST: f64 = 220.0;
/// Empty space on each side of a bar, as a share of the bar's room.
const PAD: f64 = 0.12;
const BOTTOM: f64 = 880.0;

/// Draws the bars below `top`.
pub(super) fn draw<DB: DrawingBackend>(
    sheet: &Sheet<DB>,
    top: f64,
    shares: &Shares,
) -> Drawing<DB> {
    let swatch = |look: &Look| {
        (Swatch::Block(style::ink(look.ink).mix(1.0), look.band), look.name.to_string())
    };
    let entries: Vec<(Swatch, String)> = shares.parts.iter().map(swatch).collect();
    let top = sheet.legend(top, &entries)?;
    sheet.text((LEFT, top), (style::LABEL, false), BLACK, HPos::Left, shares.whole)?;
    let top = top + 20.0;
    let count = shares.members.len() as f64;
    let right = RIGHT.min(INNER + WIDEST * count);
    let rect = PlotArea { left: INNER, top, right, bottom: BOTTOM };
    let y = Axis::new("", AxisUnit::Percent);
    let y = Ruler { low: 0.0, high: 1.0, labels: y.labels(0.0, 1.0, 5) };
    let mut chart = sheet.chart(&rect, (&Ruler::bare(0.0, count), &y), style::TICK, 90.0)?;
    for (place, bar) in shares.members.iter().enumerate() {
        let (left, right) = (place as f64 + PAD, place as f64 + 1.0 - PAD);
        let mut from = 0.0;
        let parts = bar.shares.iter().zip(&shares.parts).map(|(share, look)| {
            let low = from;
            from += share;
            let [left, right] = [look.band.0, look.band.1].map(|edge| left + edge * (right - left));
            Rectangle::new([(left, low), (right, from)], style::ink(look.ink).filled())
        });
        chart.draw_series(parts)?;
    }
    names(sheet, shares, &rect)
}

/// Writes the name of each bar below it, and below each group a bracket and its name.
fn names<DB: DrawingBackend>(sheet: &Sheet<DB>, shares: &Shares, rect: &PlotArea) -> Drawing<DB> {
    let width = (rect.right - rect.left) / shares.members.len() as f64;
    let column = |place: f64| rect.left + place * width;
    for (place, bar) in shares.members.iter().enumerate() {
        let name = fitted(&bar.name, style::SMALL, false, width - 2.0);
        let at = (column(place as f64 + 0.5), rect.bottom + 24.0);
        sheet.text(at, (style::SMALL, false), GREY, HPos::Center, &name)?;
    }
    let mut first = 0.0;
    for group in shares.members.chunk_by(|a, b| a.group == b.group) {
        let end = first + group.len() as f64;
        let (left, right) = (column(first + PAD), column(end - PAD));
        let line = LineStyle { colour: GREY.mix(1.0), width: style::NORMAL, dashed: false };
        sheet.line((left, rect.bottom + 38.0), (right, rect.bottom + 38.0), line)?;
        let name = &group[0].group;
        let is_wide = text_width(name, style::LABEL, false) > right - left;
        let size = if is_wide { style::SMALL } else { style::LABEL };
        let name = fitted(name, size, false, width * group.len() as f64 - 4.0);
        let at = ((left + right) / 2.0, rect.bottom + 64.0);
        sheet.text(at, (size, false), BLACK, HPos::Center, &name)?;
        first = end;
    }
    let at = (rect.left - 14.0, rect.bottom + 24.0);
    sheet.text(at, (style::SMALL, false), GREY, HPos::Right, shares.member)
}
